# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sentences of the History page and of reports for others."""

from __future__ import annotations

from datetime import datetime

from core.foundation.text import short_hash, visible
from core.services.history_values import Action, HistoryEntry

TABLE = "What was changed"
COLUMNS = ("When", "What", "Subject", "Where", "Who", "Details")
PLACEHOLDER = "Filter by package, mirror, person…"
FILTER = "Filter the history"
KIND = "Kind of change"
EVERYTHING = "Everything"
READING = "Reading what was recorded…"
EMPTY = "Nothing was recorded yet."
EMPTY_DETAIL = "What is pushed, copied, deleted, signed and edited from this account will stand here."
NOTHING_FOUND = "Nothing matches."
NOTHING_FOUND_DETAIL = "Clear the filter to see everything."
NOTHING_TO_EXPORT = "Nothing is shown"
EXPORT_TITLE = "Export the history"
EXPORT_NAME = "mirrordeck-history.csv"
EXPORT_FILTERS = ["Table (*.csv)", "JSON (*.json)"]

REPORT = "Report for others"
REPORT_SENTENCE = "This is all that a report holds. Look at it: nothing leaves this machine by itself."
REPORT_FILES = "Files of the report"
REPORT_TEXT = "Text of the file"
REPORT_SAVE = "Save…"
REPORT_SAVE_TITLE = "Save the report"
REPORT_NAME = "mirrordeck-report.zip"
REPORT_READING = "Putting it together…"

_WORDS = {
    Action.PUSHED: "Pushed",
    Action.COPIED: "Copied",
    Action.DELETED: "Deleted",
    Action.RESTORED: "Restored",
    Action.EMPTIED_TRASH: "Emptied trash",
    Action.DESTROYED: "Deleted contents",
    Action.SIGNED: "Signed",
    Action.PUBLISHED_KEY: "Published key",
    Action.MADE_KEY: "Created key",
    Action.TRUSTED_KEY: "Trusted key",
    Action.DELETED_KEY: "Deleted key",
    Action.ALLOWED_KEYS: "Allowed keys",
    Action.INDEXED: "Updated index",
    Action.REPAIRED: "Repaired",
    Action.DELETED_OLD_LAYOUT: "Deleted old format",
    Action.EDITED: "Edited",
    Action.UNDONE: "Undone",
}
KINDS = (EVERYTHING, *_WORDS.values())


def kind_at(place: int) -> Action | None:
    """The action that the n-th of `KINDS` stands for."""
    return tuple(_WORDS)[place - 1] if place > 0 else None


def what(entry: HistoryEntry) -> str:
    return _WORDS[entry.action]


def subject(entry: HistoryEntry) -> str:
    text = visible(entry.subject)
    return f"{text}/{short_hash(entry.hash)}" if len(entry.hash) == 32 else text


def when(entry: HistoryEntry) -> str:
    try:
        return datetime.fromtimestamp(entry.at).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "?"


def spoken(entry: HistoryEntry) -> str:
    return ", ".join(filter(None, (what(entry), subject(entry), visible(entry.where), when(entry), visible(entry.who))))


def sentence(shown: int, most: int) -> str:
    return f"The newest {_counted(shown)}" if shown >= most else _counted(shown)


def exported(count: int, path: str) -> str:
    return f"{_counted(count)} written to {visible(path)}"


def report_saved(path: str) -> str:
    return f"Saved: {visible(path)}"


def _counted(count: int) -> str:
    return f"{count:,} entry" if count == 1 else f"{count:,} entries"
