# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The history for people: filtered, and as files for other programs."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from core.foundation.text import visible
from core.services.history_values import HistoryEntry, HistoryForm, HistoryRequest
from core.transfers.history import read_history

COLUMNS = ("time", "who", "action", "where", "url", "subject", "hash", "detail")
# Programs for tables take text that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def find_history(request: HistoryRequest) -> list[HistoryEntry]:
    """The newest first. Raises PermissionDenied or StorageFailed."""
    text = request.text.casefold()
    found = deque((one for one in read_history() if _wanted(one, request, text)), maxlen=max(request.most, 0))
    return list(reversed(found))


def export_history(entries: Iterable[HistoryEntry], form: HistoryForm) -> bytes:
    """`entries` as a file: UTF-8 text."""
    if form is HistoryForm.JSON:
        return msgspec.json.format(msgspec.json.encode({"schema": 1, "history": list(entries)}), indent=1) + b"\n"
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(text) for text in columns(one)] for one in entries)
    return file.getvalue().encode()


def columns(one: HistoryEntry) -> Sequence[str]:
    """The texts of an entry in the order of `COLUMNS`, foreign ones escaped."""
    texts = (one.who, one.action, one.where, one.url, one.subject, one.hash, one.detail)
    return (datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), *map(visible, texts))


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _wanted(one: HistoryEntry, request: HistoryRequest, text: str) -> bool:
    if one.at < request.since or (request.action is not None and one.action is not request.action):
        return False
    return not text or any(
        text in field.casefold()
        for field in (one.who, one.action, one.where, one.url, one.subject, one.hash, one.detail)
    )
