# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which actions make sense for the place and the entries that are chosen, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.caches.browsing import EntryKind
from core.mirrors.model import Mirror
from core.services.values import ContentsRow
from gui import messages
from gui.actions import Actions
from gui.contents import sign_words, words
from gui.contents.selection import Selection
from gui.mirrors.words import why_not_push

_DELETABLE = (EntryKind.PACKAGE, EntryKind.IMAGE, EntryKind.UNTAGGED)


@dataclass(frozen=True, slots=True)
class Situation:
    """`mirror` is None for an address. `stopped` is why nothing can be changed at all; `current` the entry with the
    keyboard, `chosen` all that are selected; `image` as in `ContentsView`; `old_layout` whether any package is in the
    layout of Spack before 1.0."""

    place: str
    mirror: Mirror | None
    stopped: str
    engine: bool
    reading: bool
    current: ContentsRow | None
    chosen: Selection
    image: str
    old_layout: bool
    has_rows: bool

    @property
    def why_no_place(self) -> str:
        if not self.engine:
            return messages.ENGINE_GONE
        return words.WHY_NO_PLACE if not self.place or words.is_registry(self.place) else ""

    @property
    def why_no_change(self) -> str:
        """Why nothing here can be changed."""
        if self.stopped or self.why_no_place:
            return self.stopped or self.why_no_place
        return why_not_push(self.mirror) if self.mirror is not None else words.WHY_NOT_CONFIGURED


def packages_of(rows: Iterable[ContentsRow]) -> list[ContentsRow]:
    return [row for row in rows if _is_package(row)]


def unsigned(rows: Iterable[ContentsRow]) -> list[ContentsRow]:
    """Those that can be signed."""
    return [row for row in packages_of(rows) if row.signed is False and not words.is_old(row)]


def deletable(rows: Iterable[ContentsRow]) -> list[ContentsRow]:
    return [row for row in rows if _can_delete(row)]


def _is_package(row: ContentsRow) -> bool:
    return row.kind is EntryKind.PACKAGE and bool(row.hash)


def _can_delete(row: ContentsRow) -> bool:
    return row.kind in _DELETABLE


def digest_of(row: ContentsRow) -> str:
    return row.manifest_digest or row.blob_digest


def allow(a: Actions, now: Situation) -> None:
    """Allow and forbid every action of the page."""
    change, none = now.why_no_change, "" if now.chosen else words.WHY_NO_ENTRY
    folder = now.mirror is not None and now.mirror.push.folder is not None
    a.allow(a.stop_reading, "" if now.reading else words.WHY_NOT_READING)
    a.allow(a.verify_cache, now.why_no_place)
    for action in (a.update_index, a.free_space, a.prune_cache, a.import_bundle):
        a.allow(action, change)
    a.allow(a.show_trash, change or ("" if folder else words.WHY_NO_TRASH))
    a.allow(a.delete_old_layout, change or ("" if folder else words.WHY_NOT_FOLDER))
    a.allow(a.sign_entries, change or ("" if folder else sign_words.WHY_NO_SIGNATURES))
    a.allow(a.migrate_cache, change or ("" if folder and now.old_layout else words.WHY_NOT_OLD))
    a.allow(a.delete_entries, change or none or ("" if any(map(_can_delete, now.chosen)) else words.WHY_NOT_DELETABLE))
    a.allow(a.export_bundle, now.stopped or now.why_no_place)
    is_mirror = words.WHY_IS_MIRROR if now.mirror is not None else ""
    a.allow(a.add_as_mirror, now.stopped or now.why_no_place or is_mirror)
    a.allow(a.copy_entries, now.stopped or now.why_no_place)
    some_package = any(map(_is_package, now.chosen))
    no_package = now.stopped or now.why_no_place or ("" if some_package else words.WHY_NO_PACKAGE)
    for action in (a.download_entries, a.unpack_entries, a.save_spec):
        a.allow(action, no_package)
    a.allow(a.install_here, no_package or ("" if now.mirror is not None else words.WHY_NOT_CONFIGURED))
    a.allow(a.show_contents_commands, now.why_no_place)
    a.allow(a.copy_tag, none)
    a.allow(a.copy_entry_digest, none or ("" if any(map(digest_of, now.chosen)) else words.WHY_NO_DIGEST))
    can_pull = bool(now.image) and any(words.pull_line(now.image, row) for row in now.chosen)
    a.allow(a.copy_pull_line, none or ("" if can_pull else words.WHY_NO_IMAGE))
    row = now.current
    here = "" if row is not None and row.installed else words.WHY_NOT_INSTALLED
    a.allow(a.show_installed, here if row is not None else words.WHY_NO_ENTRY)
    for action in (a.open_groups, a.close_groups):
        a.allow(action, "" if now.has_rows else words.WHY_NO_GROUPS)
