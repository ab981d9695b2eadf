# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What deleting, freeing space and the trash say. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from core.caches.browsing import EntryKind
from core.foundation.text import format_age, format_bytes, plural, short_hash, visible
from core.services.upkeep_values import (
    Dependent,
    PlannedBlob,
    PlannedEntry,
    Reason,
    RemovalOutcome,
    RestoreOutcome,
    TrashBatch,
    TrashView,
    UpkeepPlan,
)
from core.services.values import Step
from gui import messages

COLUMNS = ("Goes", "Why", "Date", "Frees")
TABLE = "What will be deleted"
NOTHING_CAN_GO = "Nothing can be deleted here"
PLANNING = "Working out what would go…"
STAYS = "stays, but needs what goes"
UNTAGGED_BLOB = "Data nothing needs"
ALLOW = "Allow deleting here"
ALLOW_TEXT = "Once allowed it stays so. Every deletion still shows first what goes."
EXPORT = "Export list…"
EXPORT_TITLE = "Save the list as a plan for 'mirrordeck buildcache prune --plan'"
TO_TRASH = "Move to trash"
PERMANENTLY = "Delete permanently"
DELETE = "Delete"
TYPE_NUMBER = "Number of packages"
WHY_NOT_ALLOWED = "Deleting is not allowed for this build cache yet"
WHY_NOTHING = "There is nothing to delete"
WHY_DELETING = "It is being deleted"
OUTDATED = "The build cache has changed meanwhile"
OUTDATED_WHY = "Nothing was deleted. This is what would go now."
INTERRUPTED = "Stopped. What is deleted is gone; whatever is still listed is complete."

FREE_TITLE = "Free space in {place}"
RULE = "What may go"
PRESETS = (
    "Enough for a goal, oldest first",
    "All but what is installed here",
    "All but some environments",
    "All that is older than some days",
    "What spack buildcache prune deletes",
)
GOAL = "Free at least"
GOAL_EXAMPLE = "50 GB"
GOAL_WRONG = "Type a size, like 50 GB"
GOAL_HINT = "Superseded and broken entries go first, then the oldest."
KEEP_INSTALLED = "what is installed here"
KEEP_TITLE = "Keep"
ENVIRONMENTS = "Environments"
NO_ENVIRONMENTS = "no environment"
NEWER = "Newer than"
DAYS = "days"
DAYS_WRONG = "Type a number of days, or nothing"
DAYS_ANY = "any age"
KEEP_LIST = "Keep list"
KEEP_LIST_CHOOSE = "Choose a file with hashes to keep"
KEEP_LIST_HINT = "A file with one hash a line; without one, only data that no entry needs goes."
KEEP_HINT = "What is kept keeps all it depends on. Nothing younger than a day goes."
WHY_NO_RULE = "Say first what is to be kept, or everything would go"

TRASH_TITLE = "Trash of {place}"
TRASH_TABLE = "What was deleted and can be had back"
TRASH_COLUMNS = ("Deleted", "What", "Size")
TRASH_EMPTY = "The trash is empty."
TRASH_READING = "Looking into the trash…"
RESTORE = "Restore"
WHY_NO_BATCH = "Choose a deletion in the list first"
EMPTY_TITLE = "Empty the trash?"
EMPTY_TEXT = "It cannot be had back then."


def delete_title(place: str) -> str:
    return f"Delete entries of {visible(place)}"


def not_allowed(place: str) -> str:
    return f"Deleting is off for {visible(place)}"


def entry_name(entry: PlannedEntry) -> tuple[str, tuple[str, ...]]:
    """A name and what tells it apart; siblings of images by their tag."""
    if entry.kind is EntryKind.PACKAGE and entry.hash:
        return visible(entry.name), (visible(entry.version), short_hash(entry.hash))
    return visible(entry.key), ()


def why(entry: PlannedEntry) -> str:
    detail = visible(entry.detail)
    return {
        Reason.ASKED_FOR: "chosen",
        Reason.SAME_DIGEST: f"the same image as {detail}",
        Reason.BELONGS_TO: f"belongs to {detail}",
        Reason.BROKEN: f"broken: {detail}" if detail else "broken",
        Reason.SUPERSEDED: f"superseded by {detail}" if detail else "superseded",
        Reason.NOT_KEPT: "no rule keeps it",
        Reason.NOT_LISTED: "not in the keep list",
    }[entry.reason]


def frees(entry: PlannedEntry) -> str:
    return format_bytes(entry.frees_bytes) if entry.frees_bytes else "shared"


def age(modified: float, now: float) -> str:
    return format_age(now - modified) if modified else messages.NONE


def spoken(row: PlannedEntry | PlannedBlob | Dependent) -> str:
    """A line for screen readers."""
    if isinstance(row, PlannedEntry):
        return f"{visible(row.label)}, {why(row)}, frees {format_bytes(row.frees_bytes)}"
    if isinstance(row, PlannedBlob):
        return f"{UNTAGGED_BLOB} {row.digest[:19]}, frees {format_bytes(row.size)}"
    return f"{visible(row.name)} {visible(row.version)} {STAYS}: {visible(row.needs)}"


def summary(found: UpkeepPlan) -> str:
    """`34 packages and 3 other tags go, 212 blobs with them. Frees 50.2 GB.` in the words that fit the cache."""
    plan = found.plan
    if plan.empty:
        young = f" {plural(plan.kept_young, 'package')} stay only because they are young." if plan.kept_young else ""
        return f"{WHY_NOTHING}.{young}"
    others = len(plan.entries) - plan.packages
    orphans = sum(blob.orphan for blob in plan.blobs)
    parts = [
        plural(plan.packages, "package") if plan.packages else "",
        ("1 other entry" if others == 1 else f"{others:,} other entries") if others else "",
        plural(orphans, "file") + " nothing needs" if orphans else "",
    ]
    return f"{' and '.join(part for part in parts if part)} will go. {consequence(found)}"


def consequence(found: UpkeepPlan) -> str:
    """What it does to the space, honestly."""
    size, capabilities = format_bytes(found.plan.frees_bytes), found.capabilities
    if capabilities.trash:
        return f"The trash frees nothing until it is emptied; deleting permanently frees {size} now."
    if capabilities.frees_at_once:
        return f"Deleting frees {size} now and cannot be undone."
    return f"Frees {size} after the registry's own clean-up. Cannot be undone."


def remarks(found: UpkeepPlan) -> str:
    """What should give pause, a line for each."""
    plan = found.plan
    lines = []
    if plan.dependents:
        count = len(plan.dependents)
        names = ", ".join(f"{one.name}@{one.version}" for one in plan.dependents[:4])
        more = f" and {count - 4:,} more" if count > 4 else ""
        verb = "depends" if count == 1 else "depend"
        lines.append(f"{plural(count, 'package')} that {'stays' if count == 1 else 'stay'} {verb} on it: {names}{more}")
    if not plan.complete:
        lines.append(f"The goal cannot be reached: no more than {format_bytes(plan.frees_bytes)} may go.")
    if plan.kept_young and not plan.empty:
        stays = "stays because it is" if plan.kept_young == 1 else "stay because they are"
        lines.append(f"{plural(plan.kept_young, 'package')} {stays} young.")
    lines += [warning.sentence() for warning in plan.warnings]
    return "\n".join(visible(line) for line in lines)


def type_number(count: int) -> str:
    return f"Type {count} to allow it."


def why_no_number(count: int) -> str:
    return f"Type the number of packages, {count}, first"


def deleted(outcome: RemovalOutcome, *, registry: bool) -> tuple[str, str]:
    """Title and text for the page afterwards."""
    one = outcome.entries == 1
    count = "1 entry" if one else f"{outcome.entries:,} entries"
    kept = [error.sentence() for error in outcome.kept]
    more = f"{len(kept):,} stayed because something needed it in the last moment: {kept[0]}." if kept else ""
    if outcome.trash:
        title = f"{count} moved to the trash"
        text = f"{format_bytes(outcome.removed_bytes)} can be had back; space is free once the trash is emptied."
    elif outcome.freed_bytes or not registry:
        title, text = f"{count} deleted", f"{format_bytes(outcome.freed_bytes)} freed."
    else:
        size = format_bytes(outcome.removed_bytes)
        title, text = f"{count} deleted", f"{size} will be free after the registry's own clean-up."
    return title, messages.sentences(text, more)


# ---- freeing ----


def environments(names: Sequence[str]) -> str:
    return ", ".join(map(visible, names)) if names else NO_ENVIRONMENTS


# ---- trash ----


def batch_text(batch: TrashBatch) -> str:
    labels = ", ".join(map(visible, batch.labels[:3]))
    more = f" and {len(batch.labels) - 3:,} more" if len(batch.labels) > 3 else ""
    return f"{labels}{more}" if labels else plural(batch.files, "file")


def trash_sentence(view: TrashView) -> str:
    return f"{plural(len(view.batches), 'deletion')}, {format_bytes(view.stored_bytes)} in all."


def empty_button(view: TrashView | None) -> str:
    return f"Empty trash, free {format_bytes(view.stored_bytes)}" if view and view.batches else "Empty trash"


def restored(outcome: RestoreOutcome) -> tuple[str, str]:
    title = "1 file was restored" if outcome.restored == 1 else f"{outcome.restored:,} files were restored"
    if not outcome.skipped:
        return title, "Spack finds its packages again."
    count = len(outcome.skipped)
    again = "1 entry was" if count == 1 else f"{count:,} entries were"
    return title, f"{again} written again meanwhile and stayed in the trash."


def emptied(freed: int) -> str:
    return f"{format_bytes(freed)} freed"


def looked_at(step: Step) -> str:
    """While a plan is being made."""
    return f"Looked at {step.done:,} of {step.total:,} entries"


def gone(step: Step) -> str:
    """While it is being carried out."""
    return f"{step.done:,} of {step.total:,} entries and files are gone"
