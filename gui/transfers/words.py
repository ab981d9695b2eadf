# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences about transfers: of rows, of pushes, of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from core.foundation.errors import ErrorInfo
from core.foundation.text import THIN_SPACE, format_bytes, format_duration, format_rate, plural, short_hash, visible
from core.transfers.model import ItemState, MirrorHold, PushStatus, RowKind, Totals, TransferRow
from core.transfers.plan import PlanItem
from gui import messages
from gui.widgets.bar_delegate import percent
from gui.widgets.cell import one_line, place

COLUMNS = ("Package", "To", "State", "Progress", "Rate", "Left", "Try")
TABLE = "Transfers, newest push first"
FILTER_LABEL = "Show"
FILTER_NAME = "Show transfers by state"
FILTERS = ("All", "Moving and waiting", "Failed", "Ended", "Paused")
EMPTY = "Nothing to transfer."
EMPTY_DETAIL = "Choose packages and press Push."
GO_TO_PACKAGES = "Go to packages"
NOTHING_LIKE_THAT = "No transfer is in this state."
SHOW_ALL = "Show all"
PAUSE_ALL, RESUME, STOP_ALL = "Pause all", "Resume", "Stop all"
PAUSE = "Pause"
RETRY, RETRY_FAILED = "Retry", "Retry failed"
COPY_REPORT = messages.COPY_REPORT
COPY_IMAGE_NAME = "Copy image name"
OVERALL_BAR = "Progress of all transfers"
FAILURE_PANEL = "Why the selected transfer failed"
RATE, TIME_LEFT, ALREADY_THERE, FAILED = "Rate", "Time left", "Already there", "Failed"
COUNTING = "Counting…"
PAUSED = "Paused"
OPENED, CLOSED = "open", "closed"
WAITING_TO_RETRY = "Waiting to retry"
PAUSING = "Pausing: what moves now is finished first"
FINISHED = "Finished"
STOPPED = "Stopped"
INDEX = "Index"
IMAGE = "Image"
AFTER_PACKAGES = "After packages"
RETRY_LATER = "Push what is missing: the next push of this package completes the image."
WAITS_FOR_OTHERS = "Waits for the packages it depends on"
SHOW_TRANSFERS = "Show Transfers"

WHY_NOTHING_FAILED = "Nothing has failed"
WHY_NOTHING_RUNS = "Nothing is running or waiting"
WHY_NOTHING_ENDED = "No push has ended"
WHY_NO_ROW = "Choose a transfer first"
WHY_ENDED = "This transfer has ended"
WHY_NOT_RETRYABLE = "Only what failed, was stopped or lacks such a package can be tried again"
WHY_NOT_PAUSABLE = "Only a package that has not ended can be paused"
WHY_NOT_WAITING = "Only packages that wait have an order"
WHY_NO_ERROR = "This transfer has not failed"
WHY_NO_DIGEST = "There is no digest before a package is in the cache"
WHY_NO_PACKAGE = "This row is not about a package"
WHY_NO_IMAGE = "Only a push with a tag writes an image with a name"

# How an archive came to be there, where that is worth saying.
KEPT = "archive as it came from a cache"
_BLOBS = {"present": "already there", "mounted": "mounted from another repository"}
_MOST_NAMES = 2
_INSTANT_S = 0.1
_EXACT_BELOW_S = 9.5
STATE_WORDS = {
    ItemState.WAITING: "Waiting",
    ItemState.PACKING: "Packing",
    ItemState.COPYING: "Copying",
    ItemState.UPLOADING: "Uploading",
    ItemState.UPLOADED: "Uploaded",
    ItemState.FINALISING: "Finalising",
    ItemState.INDEXING: "Updating the index",
    ItemState.DONE: "Done",
    ItemState.PRESENT: "Already there",
    ItemState.FAILED: "Failed",
    ItemState.CANCELLED: "Stopped",
}


def state_word(row: TransferRow, *, paused: bool, hold: MirrorHold | None = None) -> str:
    """`paused` is the queue or the mirror; `hold` that of the mirror."""
    if row.state is ItemState.WAITING:
        if paused or row.paused:
            return PAUSED
        if hold is not None:
            return PAUSED if hold.left_s is None else WAITING_TO_RETRY
        if row.kind is not RowKind.PACKAGE:
            return AFTER_PACKAGES
    return STATE_WORDS[row.state]


def package_name(row: TransferRow) -> str:
    match row.kind:
        case RowKind.TAG:
            return f"{IMAGE} {visible(row.name)}"
        case RowKind.INDEX:
            return INDEX
    return visible(row.name)


def package_details(row: TransferRow) -> tuple[str, ...]:
    """What stands dim behind the name."""
    if row.kind is not RowKind.PACKAGE:
        return ()
    return visible(row.version), short_hash(row.hash)


def progress_sentence(
    row: TransferRow, label: Callable[[str], str] = short_hash, hold: MirrorHold | None = None
) -> str:
    """What the Progress column says where there is no bar. `label` names a package by its hash."""
    match row.state:
        case ItemState.WAITING if hold is not None and not row.paused:
            return short_reason(hold.error)
        case ItemState.WAITING:
            return f"{format_bytes(row.total_bytes)} on disk" if row.total_bytes else ""
        case ItemState.UPLOADED:
            return WAITS_FOR_OTHERS
        case ItemState.FAILED:
            return short_reason(row.error) if row.error else ""
        case ItemState.DONE if row.missing:
            return incomplete(row, label)
        case ItemState.DONE if row.image:
            return f"Tagged {visible(row.image)}"
        case ItemState.DONE if row.index is not None:
            return index_sentence(row.index.added, row.index.dropped, row.index.entries)
        case ItemState.DONE if row.entry is not None:
            return _done(row, row.entry.stored_bytes)
        case ItemState.PRESENT if row.entry is not None:
            return format_bytes(row.entry.stored_bytes)
    return ""


def _done(row: TransferRow, stored_bytes: int) -> str:
    """`38 MB in 2 s`, `38 MB, already there`."""
    if row.blob in _BLOBS:
        return f"{format_bytes(stored_bytes)}, {_BLOBS[row.blob]}"
    took = f" in {format_duration(row.seconds)}" if row.seconds >= _INSTANT_S else ""
    special = KEPT if row.kept else one_line(row.note)
    return format_bytes(stored_bytes) + took + (f", {special}" if special else "")


def incomplete(row: TransferRow, label: Callable[[str], str]) -> str:
    """`Usable as a cache, not runnable until zlib@1.3.1 is pushed`."""
    verb = "is" if len(row.missing) == 1 else "are"
    return f"Usable as a cache, not runnable until {_missing_names(row, label)} {verb} pushed"


def _missing_names(row: TransferRow, label: Callable[[str], str]) -> str:
    """`zlib@1.3.1`, `zlib@1.3.1 and hdf5@1.14`, `zlib@1.3.1, hdf5@1.14 and 7 others`."""
    names = [visible(label(dag_hash)) for dag_hash in row.missing[:_MOST_NAMES]]
    others = len(row.missing) - len(names)
    return joined([*names, *([f"{others:,} {'other' if others == 1 else 'others'}"] if others else [])])


def incomplete_error(row: TransferRow, label: Callable[[str], str], *, can_retry: bool) -> ErrorInfo:
    """The same in full, for the panel below the table."""
    verb = "is" if len(row.missing) == 1 else "are"
    remedy = "Retry pushes what is missing, then completes the image." if can_retry else RETRY_LATER
    return ErrorInfo(
        "incomplete",
        f"{visible(row.name)}@{visible(row.version)} is usable as a cache, not runnable",
        f"Its image lacks the layers of {_missing_names(row, label)}, which {verb} not on {place(row.mirror)}.",
        (remedy,),
    )


def short_reason(error: ErrorInfo) -> str:
    """Why, for a narrow cell: without the path that such reasons begin with, which would leave no room for the rest."""
    why = one_line(error.why or error.title)
    path, _, reason = why.partition(": ")
    return reason if path.startswith("/") and reason else why


def index_sentence(added: int, dropped: int, entries: int) -> str:
    if not added and not dropped:
        return f"Nothing new, {entries:,} in all"
    noun = "new entry" if added == 1 else "new entries"
    gone = f", {dropped:,} dropped" if dropped else ""
    return f"{added:,} {noun}{gone}, {entries:,} in all"


def rate(row_or_totals: TransferRow | Totals) -> str:
    return messages.NONE if row_or_totals.rate_bps is None else format_rate(row_or_totals.rate_bps)


def time_left(row_or_totals: TransferRow | Totals) -> str:
    return messages.NONE if row_or_totals.left_s is None else _estimate(row_or_totals.left_s)


def _estimate(seconds: float) -> str:
    """In whole seconds: nobody needs the tenths of an estimate."""
    return format_duration(seconds) if seconds >= _EXACT_BELOW_S else f"{max(1, round(seconds))}{THIN_SPACE}s"


def spoken(row: TransferRow, share: float | None, *, paused: bool, hold: MirrorHold | None = None) -> str:
    """`openmpi 5.0.6 to site-oci, uploading, 62 per cent`."""
    what = f"{visible(row.name)} {visible(row.version)}" if row.kind is RowKind.PACKAGE else package_name(row)
    parts = [f"{what} to {place(row.mirror)}", state_word(row, paused=paused, hold=hold).lower()]
    if share is not None:
        parts.append(f"{int(share * 100)} per cent")
    elif row.error is not None:
        parts.append(one_line(row.error.sentence()))
    elif hold is not None and row.state is ItemState.WAITING:
        parts.append(short_reason(hold.error))
    elif row.missing:
        parts.append("usable as a cache, not runnable")
    return ", ".join(parts)


# ---- pushes ----


def joined(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def page_sentence(totals: Totals, mirrors: Sequence[str]) -> str:
    """`40 packages to scratch. 28 were there, 6 done, 1 failed.`"""
    facts = push_counts(totals)
    return f"{packages_of(totals)} to {joined([place(mirror) for mirror in mirrors])}." + (
        f" {facts}." if facts else ""
    )


def push_summary(
    push: PushStatus,
    packages: Totals,
    rows: Sequence[TransferRow],
    image: TransferRow | None,
    index: TransferRow | None,
) -> str:
    """`11 pushed, 28 already there, 1 failed, 2 skipped. 1 not runnable yet. 1.1 GB in 4 min. Index updated.`"""
    lacking = sum(bool(row.missing) for row in rows)
    moved = "copied" if push.source else "pushed"
    facts = [
        f"{number:,} {word}"
        for number, word in (
            (packages.done, moved + (f" ({lacking:,} not runnable yet)" if lacking else "")),
            (packages.present, "already there"),
            (packages.failed, "failed"),
            (packages.cancelled, "stopped"),
            (push.skipped, "skipped"),
        )
        if number
    ]
    sentences = [", ".join(facts) or ("Nothing to copy" if push.source else "Nothing to push")]
    if packages.done:
        sent = (row.entry for row in rows if row.state is ItemState.DONE and row.blob not in _BLOBS)
        size = sum(entry.stored_bytes for entry in sent if entry)
        sentences.append(f"{format_bytes(size)} in {format_duration(push.seconds)}")
    if image is not None:
        sentences.append(
            {
                ItemState.DONE: progress_sentence(image),
                ItemState.FAILED: f"The image {visible(image.name)} was not written",
            }.get(image.state, "")
        )
    if index is not None:
        sentences.append(
            {ItemState.DONE: "Index updated", ItemState.FAILED: "The index was not updated"}.get(index.state, "")
        )
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


def push_title(push: PushStatus) -> str:
    """`Push to site-oci`, `Copy of team to site-oci`."""
    what = f"Copy of {place(push.source)}" if push.source else "Push"
    return f"{what} to {place(push.mirror)}"


def packages_of(packages: Totals) -> str:
    return plural(_count(packages), "package")


def heading(push: PushStatus) -> str:
    return f"To {place(push.mirror)}"


def push_state(push: PushStatus) -> str:
    """`2 failed`, `Finished`, `Stopped`, `3 to go`."""
    totals = push.totals
    if totals.failed:
        return failed_count(totals.failed)
    if push.ended:
        return STOPPED if totals.cancelled else FINISHED
    return f"{totals.moving + totals.waiting:,} to go"


def push_counts(packages: Totals) -> str:
    """`11 done, 28 were there, 1 failed`."""
    return ", ".join(_ended_counts(packages))


def spoken_push(push: PushStatus, packages: Totals, *, is_open: bool) -> str:
    state = OPENED if is_open else CLOSED
    return f"{heading(push)}, {packages_of(packages)}, {push_state(push)}, {state}"


def _count(packages: Totals) -> int:
    states = (packages.waiting, packages.moving, packages.done, packages.present, packages.failed, packages.cancelled)
    return sum(states)


def _ended_counts(packages: Totals) -> list[str]:
    return [
        f"{number:,} {word}"
        for number, word in (
            (packages.present, "was there" if packages.present == 1 else "were there"),
            (packages.done, "done"),
            (packages.failed, "failed"),
            (packages.cancelled, "stopped"),
        )
        if number
    ]


def report(
    push: PushStatus,
    summary: str,
    rows: Sequence[TransferRow],
    skipped: Sequence[PlanItem],
    label: Callable[[str], str],
) -> str:
    """The outcome of a push as text for a mail or a ticket."""
    started = datetime.fromtimestamp(push.started_at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    lines = [f"{push_title(push)}, {started}", summary, ""]
    for row in rows:
        name = package_name(row)
        if row.kind is RowKind.PACKAGE:
            name += f"@{visible(row.version)}/{short_hash(row.hash)}"
        lines.append(f"{state_word(row, paused=False):<14}  {name}  {progress_sentence(row, label)}".rstrip())
    lines += [
        f"{'Skipped':<14}  {visible(item.name)}@{item.version}/{short_hash(item.hash)}  {one_line(item.reason)}"
        for item in skipped
    ]
    return "\n".join(lines)


# ---- everything ----


def overall_bytes(totals: Totals) -> str:
    return f"{format_bytes(totals.done_bytes)} of {format_bytes(totals.total_bytes)}"


def phases(rows: Sequence[TransferRow], waiting: int) -> str:
    """`2 packing, 1 finalising, 9 waiting`."""
    parts = []
    for state in (ItemState.PACKING, ItemState.COPYING, ItemState.UPLOADING, ItemState.FINALISING):
        count = sum(row.state is state for row in rows)
        if count:
            parts.append(f"{count} {STATE_WORDS[state].lower()}")
    if any(row.state is ItemState.INDEXING for row in rows):
        parts.append(STATE_WORDS[ItemState.INDEXING].lower())
    if waiting:
        parts.append(f"{waiting:,} waiting")
    return ", ".join(parts)


def failed_count(count: int) -> str:
    return f"{count:,} failed"


def running(packages: Totals) -> str:
    """`Pushing 3 of 41`: the number of the package that is being pushed."""
    ended = packages.done + packages.failed + packages.cancelled
    count = ended + packages.moving + packages.waiting
    return f"Pushing {min(ended + 1, count):,} of {count:,}"


def running_row(row: TransferRow, share: float | None) -> str:
    """`openmpi 62 %`, `openmpi finalising`, `updating the index`."""
    if row.kind is RowKind.INDEX:
        return STATE_WORDS[ItemState.INDEXING].lower()
    name = package_name(row)
    return f"{name} {percent(share)}" if share is not None else f"{name} {STATE_WORDS[row.state].lower()}"


def left(totals: Totals) -> str:
    return "" if totals.left_s is None else f"{_estimate(totals.left_s)} left"


def overall_rate(totals: Totals) -> str:
    return "" if totals.rate_bps is None else format_rate(totals.rate_bps)


def waiting_count(count: int) -> str:
    return f"{count:,} waiting"
