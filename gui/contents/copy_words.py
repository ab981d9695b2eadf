# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What copying, bundles and downloads say. No Qt."""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.foundation.text import format_age, format_bytes, plural, short_hash, visible
from core.services.download_values import Downloaded, FileRow, FilesView, UnpackedView
from core.services.upkeep_values import BundleSummary, CopySigning, OldLayoutView
from core.services.values import ContentsRow
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan
from gui import messages
from gui.push import words as push_words

WHAT = "Packages"
TO = "to"
TO_NAME = "Build cache to copy to: a mirror, a folder or an address"
EVERYTHING = "everything it holds"
DEPENDENCIES = "With all they depend on"
INDEX = "Index"
SIGNING = "Signing"
SIGNINGS = ((CopySigning.KEEP, "as they are"), (CopySigning.SIGN, "sign what arrives unsigned"))
COPY = "Copy"
PLANNING = "Comparing what is where…"
STOPPED = "Stopped before there was a plan."
WHY_PLANNING = "The plan is still being made"
WHY_NO_TARGET = "Choose where to copy to first"
WHY_ALL_THERE = "Everything is there already"
WHY_NOTHING = "Nothing of this can be copied"

EXPORT = "Export"
BUNDLE = "Bundle"
BUNDLE_HINT = "One file if the name ends in .tar, else an empty folder. Spack can use the folder as it stands."
BUNDLE_EXAMPLE = "/media/disk/packages.tar"
CHOOSE_FOLDER = "Choose a folder"
CHOOSE_BUNDLE = "Choose a bundle: a .tar file, or bundle.json in its folder"
ADD = "Add"
BOOTSTRAP = "What Spack itself needs to start"
SOURCES = "Sources of the packages"
EXTRAS_HINT = "Fetched with this instance's own Spack while the bundle is made."
WHY_NO_PATH = "Say first where the bundle is to be"
IMPORT = "Import"
IMPORT_TITLE = "Import a bundle"
WHY_NO_BUNDLE = "Choose a bundle first"
CHECKING = "Comparing every file of the bundle with its checksum…"
NEEDS = "What is needed besides"

MIGRATE = "Migrate"
MIGRATE_TEXT = (
    "Packages in the format of Spack before 1.0 are stored again in the present one, in the same place. "
    "The old format stays until you delete it, so older versions of Spack go on working."
)
SIGNATURES = "Signatures"
DROP_SIGNATURES = "Drop them instead of signing anew"
SIGNATURES_HINT = "They are checked, and made anew with your key; what is not signed or not trusted is left out."
OLD_TITLE = "Delete the old format"
WHY_ONLY_OLD = "Some packages are only there: migrate them first"

DOWNLOAD = "Download"
UNPACK = "Unpack"
SAVE = "Save"
FOLDER = "Folder"
WHY_NO_FOLDER = "Choose a folder first"
OPEN_FOLDER = "Open folder"
DOWNLOAD_TEXT = "Archive and spec, verified, under the digests of their contents, as 'spack buildcache download' does."
UNPACK_TEXT = "The files of the package, to be looked at. Nothing is relocated, so it is not for use."
SAVE_TEXT = "The spec as a file that 'spack install' and other commands take in place of a spec."
DOWNLOAD_STOPPED = "Stopped. What is complete stays."

FILES = "Files"
LIST_FILES = "List files"
FILES_TABLE = "Files of the package"
FILES_COLUMNS = ("File", "Size", "Leads to")
FILES_FILTER = "part of a path …"
LISTING = "Reading the archive…"
FILES_STOPPED = "Stopped before all of the archive was read."
NO_FILES = "This is not a package."
NO_MATCH = "No file has that in its path."

_DONE = {COPY: "copied", EXPORT: "exported", IMPORT: "imported", MIGRATE: "migrated"}
DECISIONS = {
    Decision.PUSH: "Will be {done}",
    Decision.COMPLETE: "Will be completed",
    Decision.NOT_INSTALLED: "Cannot be {done}",
}


def copy_title(place: str) -> str:
    return f"Copy from {visible(place)}"


def export_title(place: str) -> str:
    return f"Export a bundle from {visible(place)}"


def migrate_title(mirror: str) -> str:
    return f"Migrate {visible(mirror)}"


def old_goes(view: OldLayoutView) -> str:
    if not view.files:
        return f"{visible(view.mirror)} holds nothing in the old format."
    what = f"{plural(view.packages, 'package')} in {plural(view.files, 'file')}"
    return (
        f"{what} of the old format will go. That frees {format_bytes(view.freed_bytes)} now and cannot be undone. "
        "Spack before 1.0 finds nothing in this mirror afterwards."
    )


def only_old(view: OldLayoutView) -> str:
    if not view.only_there:
        return ""
    names = ", ".join(map(visible, view.only_there[:5])) + (" …" if len(view.only_there) > 5 else "")
    return f"{plural(len(view.only_there), 'package')} only there: {names}"


def old_deleted(view: OldLayoutView) -> tuple[str, str]:
    return "The old format is deleted", f"{format_bytes(view.freed_bytes)} freed."


def selected(rows: int) -> str:
    return f"the {plural(rows, 'package')} selected" if rows > 1 else "the package selected"


def environment(name: str) -> str:
    return f"the environment {visible(name)}"


def group_name(verb: str, decision: Decision) -> str:
    name = DECISIONS.get(decision) or push_words.DECISIONS[decision]
    return name.format(done=_DONE[verb])


def group_detail(decision: Decision, items: tuple[PlanItem, ...], options: PushOptions) -> str:
    if decision is Decision.PUSH and items:
        size = sum(item.size_bytes for item in items)
        return format_bytes(size) if size else ""
    return push_words.group_detail(decision, items, options)


def heading(verb: str, plan: PushPlan) -> str:
    """`12 of 40 packages to copy.`, with what the target has to offer."""
    copying = sum(1 for _ in plan.of(Decision.PUSH, Decision.COMPLETE))
    free = f" {format_bytes(plan.free_bytes)} free there." if plan.free_bytes is not None else ""
    return f"{copying:,} of {plural(plan.selected, 'package')} to {verb.lower()}.{free}"


def button(verb: str, plan: PushPlan | None) -> str:
    copying = sum(1 for _ in plan.of(Decision.PUSH, Decision.COMPLETE)) if plan is not None else 0
    return f"{verb} {plural(copying, 'package')}" if copying else verb


def why_not(plan: PushPlan) -> str:
    """Why nothing would happen, "" if something does."""
    if plan.blockers:
        return plan.blockers[0].title
    if any(plan.of(Decision.PUSH, Decision.COMPLETE)):
        return ""
    return WHY_ALL_THERE if any(plan.of(Decision.PRESENT)) else WHY_NOTHING


# ---- bundles ----


def bundle_facts(summary: BundleSummary) -> str:
    facts = [plural(summary.packages, "package"), format_bytes(summary.stored_bytes)]
    if summary.signed:
        facts.append("all signed" if summary.signed == summary.packages else f"{summary.signed:,} signed")
    made = f"made {format_age(time.time() - summary.created_at)} from {visible(summary.source)}"
    extras = f" It also holds {', '.join(map(visible, summary.extras))}." if summary.extras else ""
    return f"{', '.join(facts)}, {made}.{extras}"


def bundle_needs(summary: BundleSummary) -> str:
    """What a fresh site has to have besides, a paragraph for each."""
    blocks = []
    for need in summary.needs:
        items = ", ".join(map(visible, need.items[:8])) + (" …" if len(need.items) > 8 else "")
        blocks.append("\n".join(part for part in (visible(need.text), items, *map(visible, need.commands)) if part))
    return "\n\n".join(blocks)


# ---- downloads ----


def several(verb: str, rows: Sequence[ContentsRow]) -> str:
    """A title: one package by its name, several by their number."""
    if len(rows) == 1:
        row = rows[0]
        return visible(f"{verb} {row.name}@{row.version}/{short_hash(row.hash)}")
    return f"{verb} {plural(len(rows), 'package')}"


def step(number: int, total: int, row: ContentsRow) -> str:
    name = visible(f"{row.name}@{row.version}")
    return f"{name}…" if total == 1 else f"{number:,} of {total:,}: {name}…"


def bytes_done(done: int, size: int | None) -> str:
    """Behind a step: what is there of `size` bytes."""
    if not done:
        return ""
    return f" {format_bytes(done)} of {format_bytes(size)}" if size else f" {format_bytes(done)}"


def downloaded(done: Downloaded) -> str:
    return visible(f"{done.package.name}@{done.package.version}: {done.archive} (archive), {done.spec} (spec)")


def unpacked(done: UnpackedView) -> str:
    out = f"; {plural(len(done.left_out), 'link')} out of it left out" if done.left_out else ""
    return f"{visible(done.directory)}: {plural(done.files, 'file')}, {format_bytes(done.bytes)}{out}"


def all_done(count: int) -> str:
    return f"Done: {plural(count, 'package')}."


# ---- files ----


def files_sentence(view: FilesView) -> str:
    return f"{plural(view.files, 'file')}, {format_bytes(view.bytes)}, packed in {visible(view.prefix)}"


def files_so_far(count: int) -> str:
    return f"{plural(count, 'file')} so far…"


def files_offer(size: int | None) -> str:
    """What listing costs: the whole archive has to be read."""
    much = f" ({format_bytes(size)})" if size else ""
    return f"The whole archive{much} is read to list its files."


def file_size(row: FileRow) -> str:
    return format_bytes(row.size) if not row.link else messages.NONE
