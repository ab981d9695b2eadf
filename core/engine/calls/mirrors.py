# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the mirrors of an instance."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.values import MirrorsView


class ListMirrors(Call[MirrorsView], frozen=True):
    method = "mirrors.list"
    answer = MirrorsView
    instance: str
