# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the history, and about reports for others."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.history_values import HistoryEntry, HistoryForm, HistoryRequest
from core.services.support_values import SupportFile


class ListHistory(Call[int], frozen=True):
    """What was recorded, the newest first, as rows; the answer is how many those are."""

    method = "history.list"
    answer = int
    row = HistoryEntry
    request: HistoryRequest


class ExportHistory(Call[int], frozen=True):
    """The same entries into a file; how many they are."""

    method = "history.export"
    answer = int
    request: HistoryRequest
    path: str
    form: HistoryForm


class CollectReport(Call[tuple[SupportFile, ...]], frozen=True):
    """What a report for others would hold. `instance` may be empty."""

    method = "report.collect"
    answer = tuple[SupportFile, ...]
    instance: str = ""


class SaveReport(Call[None], frozen=True):
    """Exactly what was looked at, into a zip archive."""

    method = "report.save"
    answer = None
    files: tuple[SupportFile, ...]
    path: str
