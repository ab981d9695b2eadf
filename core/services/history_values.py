# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions and answers about the history, as plain data."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from core.transfers.history import Action, HistoryEntry

__all__ = ["Action", "HistoryEntry", "HistoryForm", "HistoryRequest"]


class HistoryForm(StrEnum):
    CSV = "csv"
    JSON = "json"


class HistoryRequest(msgspec.Struct, frozen=True):
    """Which entries are wanted: those with `text` in any field, of `action`, not older than `since` (unix seconds);
    the newest `most` of them."""

    text: str = ""
    action: Action | None = None
    since: float = 0.0
    most: int = 10_000
