# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installing packages of a cache with the instance's own Spack."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.install_values import InstallOutlook, InstallRequest, SpackEnd, SpackLine


class LookAtInstall(Call[InstallOutlook], frozen=True):
    """What an installation would do, and whether the packages fit where they would go; nothing is changed."""

    method = "installs.look"
    answer = InstallOutlook
    instance: str
    request: InstallRequest


class InstallPackages(Call[SpackEnd], frozen=True):
    """`spack install --cache-only` by the instance's own Spack; rows are the lines it prints. Cancel it to stop it.

    A line's `package` is `NAME-VERSION-HASH`.
    """

    method = "installs.run"
    answer = SpackEnd
    row = SpackLine
    instance: str
    request: InstallRequest
