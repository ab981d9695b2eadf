# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about Spack instances."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.values import InstanceInfo, InstanceSurvey


class OpenInstance(Call[InstanceInfo], frozen=True):
    """Find and remember an instance; everything None means the one Spack's own rules find."""

    method = "instance.open"
    answer = InstanceInfo
    directory: str | None = None
    environment: str | None = None
    environment_directory: str | None = None
    no_environment: bool = False


class ListInstances(Call[tuple[InstanceInfo, ...]], frozen=True):
    """Instances opened in this engine and remembered from earlier ones."""

    method = "instance.list"
    answer = tuple[InstanceInfo, ...]


class ForgetInstance(Call[None], frozen=True):
    """Close an instance and remember it no longer; nothing of it is deleted."""

    method = "instance.forget"
    answer = None
    instance: str


class SurveyInstance(Call[InstanceSurvey], frozen=True):
    method = "instance.survey"
    answer = InstanceSurvey
    instance: str


class FindCheckouts(Call[tuple[str, ...]], frozen=True):
    """Checkouts of Spack in the usual places."""

    method = "instance.find"
    answer = tuple[str, ...]
