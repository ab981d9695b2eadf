# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What was changed by whom, when and where: `<state>/history.jsonl`, one JSON object a line, only ever appended to.

It is for people. Nothing depends on it, and what was done stays done where it cannot be written.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import time
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec

from core.foundation.decoding import json_decoder
from core.foundation.errors import from_os_error
from core.foundation.places import state_dir
from core.foundation.redaction import redacted
from core.transfers.model import RowKind
from core.transfers.rows import Row

_FILE = "history.jsonl"
_LONGEST_LINE_BYTES = 64 << 10
_log = logging.getLogger(__name__)


class Action(StrEnum):
    PUSHED = "pushed"
    COPIED = "copied"
    DELETED = "deleted"
    RESTORED = "restored"
    EMPTIED_TRASH = "emptied trash"
    DESTROYED = "destroyed"
    SIGNED = "signed"
    PUBLISHED_KEY = "published key"
    MADE_KEY = "made key"
    TRUSTED_KEY = "trusted key"
    DELETED_KEY = "deleted key"
    ALLOWED_KEYS = "allowed keys"
    INDEXED = "updated index"
    REPAIRED = "repaired"
    DELETED_OLD_LAYOUT = "deleted old layout"
    EDITED = "edited"
    UNDONE = "undone"


class HistoryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was changed. `at` in unix seconds; `who` is `user@host`; `where` a mirror or a file of
    configuration, `url` its address; `subject` is what it was done to, `hash` its DAG hash or fingerprint."""

    at: float
    who: str
    action: Action
    where: str
    url: str = ""
    subject: str = ""
    hash: str = ""
    detail: str = ""


def noted(
    action: Action, where: str, *, url: str = "", subject: str = "", dag_hash: str = "", detail: str = ""
) -> HistoryEntry:
    """Something that this process has just done. Logins in addresses are left out."""
    at, where, url, detail = round(time.time(), 3), redacted(where), redacted(url), redacted(detail)
    return HistoryEntry(at, _who(), action, where, url, subject, dag_hash, detail)


def record(entries: Iterable[HistoryEntry]) -> None:
    """Append `entries`; they are on the disk then. Any thread and any number of processes.

    A file that cannot be written is told in the log: what is recorded has happened already.
    """
    encoder = msgspec.json.Encoder()
    data = b"".join(encoder.encode(one) + b"\n" for one in entries)
    if not data:
        return
    path = history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        _log.warning("the history was not written: %s", from_os_error(error, "Cannot write", path))


def record_transfer(row: Row) -> None:
    """A package that has arrived; nothing for the other rows of a transfer."""
    if row.kind is not RowKind.PACKAGE or row.item is None:
        return
    plan, subject = row.push.job.plan, f"{row.item.name}@{row.item.version}"
    how = [f"from {plan.source}"] if plan.source else []
    how += [f"signed by {plan.key}"] if plan.key else []
    how += ["replaced what was there"] if plan.options.force else []
    action = Action.COPIED if plan.source else Action.PUSHED
    detail = ", ".join(how)
    record([noted(action, plan.mirror, url=plan.mirror_url, subject=subject, dag_hash=row.item.hash, detail=detail)])


def read_history() -> Iterator[HistoryEntry]:
    """Everything recorded, the oldest first. Lines that are none, such as a torn last one, are left out.

    Raises PermissionDenied or StorageFailed.
    """
    decoder = json_decoder(HistoryEntry)
    try:
        with history_file().open("rb") as file:
            while line := file.readline(_LONGEST_LINE_BYTES):
                try:
                    yield decoder.decode(line)
                except (msgspec.MsgspecError, RecursionError, ValueError):
                    continue
    except FileNotFoundError:
        return
    except OSError as error:
        raise from_os_error(error, "Cannot read the history", history_file()) from error


def history_file() -> Path:
    return state_dir() / _FILE


@cache
def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
