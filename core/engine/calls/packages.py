# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about installed packages."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.values import PackageRow, PackagesView, SelectionSummary


class ListPackages(Call[PackagesView], frozen=True):
    method = "packages.list"
    answer = PackagesView
    row = PackageRow
    instance: str


class SummarizeSelection(Call[SelectionSummary], frozen=True):
    method = "packages.summary"
    answer = SelectionSummary
    instance: str
    hashes: tuple[str, ...]
