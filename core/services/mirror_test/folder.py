# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A mirror in a folder. Each look at it is given up after a while: a dead mount hangs for ever."""

from __future__ import annotations

import shutil
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.caches.folder_cache import FolderCache
from core.caches.layout2 import OLD_PREFIX
from core.caches.layout3 import (
    BLOB_PREFIX,
    INDEX_MANIFEST,
    KEY_INDEX_MANIFEST,
    LAYOUT_KEY,
    SPEC_PREFIX,
    is_entry_manifest,
    key_manifest,
)
from core.caches.stored_layers import mark_problem
from core.foundation.bounded import within
from core.foundation.cancel import CancelToken
from core.foundation.errors import SigningError
from core.foundation.text import THIN_SPACE, format_age, format_bytes, plural
from core.mirrors.model import Mirror
from core.services.login_values import StepKey, StepState, TestStep
from core.services.mirror_test.permissions import closed_to_others, has_acl, make_probes
from core.services.mirror_test.steps import Finding, failure, step, warning
from core.signing.gpg import Gnupg
from core.storage.folder import Folder

_PATIENCE_S = 20.0
_LISTING_S = 300.0
_LITTLE_BYTES = 1 << 30
_UPDATE = "Update the index: mirrordeck buildcache update-index, or push with --update-index."
_OPEN_UP = "Have its owner give others the right to read it: chmod o+rX, for directories above it o+x."


@dataclass(frozen=True, slots=True)
class FolderTest:
    """The folder `root` of `mirror`; `as_reader`: as somebody who is neither owner nor in the group."""

    mirror: Mirror
    root: Path
    gnupg: Gnupg
    token: CancelToken
    wants_push: bool = True
    wants_fetch: bool = True
    as_reader: bool = False

    def steps(self) -> Iterator[TestStep]:
        """Raises Cancelled."""
        found = self._step(StepKey.RESOLVE, "Find the folder", self._find)
        yield found
        if found.state is StepState.FAILED:
            return
        exists = found.state is StepState.OK
        if self.as_reader:
            yield self._step(StepKey.READ, "Read as others", self._readable_by_others)
        elif exists:
            yield self._step(StepKey.READ, "Read", self._read)
        if self.wants_push and not self.as_reader:
            yield self._step(StepKey.PUSH, "Write", self._write)
            yield self._step(StepKey.SPACE, "Space", self._space)
            yield self._step(StepKey.GROUP, "New files", self._new_files)
        if not exists or not self.wants_fetch:
            return
        yield self._step(StepKey.LIST, "List packages", self._list, listing=True)
        yield self._step(StepKey.INDEX, "Index", self._index, listing=True)
        yield self._step(StepKey.LAYOUT, "Layout", self._layout)
        yield self._step(StepKey.KEY, "Signatures", self._published_key if self.as_reader else self._key)
        if not self.as_reader:
            yield self._step(StepKey.READER, "Others", self._readable_by_others)

    def _step(
        self, key: StepKey, title: str, action: Callable[[], Finding | str], *, listing: bool = False
    ) -> TestStep:
        seconds = _LISTING_S if listing else _PATIENCE_S
        return step(key, title, lambda: within(seconds, self.token, action))

    def _find(self) -> Finding | str:
        if self.root.is_dir():
            real = self.root.resolve()
            return str(real) if real == self.root else f"{self.root} leads to {real}"
        above = next(place for place in (self.root, *self.root.parents) if place.exists())
        if not above.is_dir():
            return failure(f"{above} is not a directory")
        if not self.mirror.push.folder:
            return failure(f"{self.root} does not exist")
        return warning(f"{self.root} does not exist", "The first push makes it.")

    def _read(self) -> str:
        return plural(sum(1 for _ in self.root.iterdir()), "name") + " in it"

    def _write(self) -> str:
        FolderCache(self.root).check_writable()
        return "a file was written, flushed and removed"

    def _space(self) -> Finding | str:
        free = Folder(self.root).free_bytes()
        total = shutil.disk_usage(_existing(self.root)).total
        detail = f"{format_bytes(free)} of {format_bytes(total)} free; a quota may allow less"
        detail = detail.replace(THIN_SPACE, " ")  # details hold foreign text too, and are escaped where they are shown
        if free < _LITTLE_BYTES:
            return warning(detail, "Free space there before pushing.")
        return detail

    def _new_files(self) -> Finding | str:
        directory = _existing(self.root / BLOB_PREFIX)
        made = make_probes(directory)
        modes = f"files {stat.filemode(stat.S_IFREG | made.file_mode)[1:]}"
        modes += f", directories {stat.filemode(stat.S_IFDIR | made.directory_mode)[1:]}"
        detail = f"{modes}, owner {made.owner}, group {made.group}"
        if made.inherits_group:
            detail += " (inherited from the folder)"
        if not made.file_mode & (stat.S_IRGRP | stat.S_IROTH):
            return warning(f"{detail}: nobody else can read what you push", "Set a umask of 022 or 002 before pushing.")
        if made.inherits_group and not made.file_mode & stat.S_IWGRP:
            remedy = "Set a umask of 002 before pushing, so that colleagues can replace what you pushed."
            return warning(f"{detail}: the group cannot change what you push", remedy)
        return detail

    def _list(self) -> str:
        manifests = sum(is_entry_manifest(key) for key in Folder(self.root).list(SPEC_PREFIX))
        return plural(manifests, "package")

    def _index(self) -> Finding | str:
        index = FolderCache(self.root).read_index()
        there = sum(is_entry_manifest(key) for key in Folder(self.root).list(SPEC_PREFIX))
        if index is None:
            return failure("there is none: Spack finds no package here", _UPDATE) if there else "none, and no package"
        known = sum(record.in_buildcache for record in index.records.values())
        age = f"written {format_age(time.time() - index.written_at)}"
        if known != there:
            return warning(f"it knows {plural(known, 'package')}, but {there:,} are there; {age}", _UPDATE)
        return f"it knows all {plural(known, 'package')}, {age}"

    def _layout(self) -> Finding | str:
        old = " and layout 2 beside it" if (self.root / OLD_PREFIX).is_dir() else ""
        if (self.root / LAYOUT_KEY).is_file():
            if problem := mark_problem(Folder(self.root)):
                return warning(f"{LAYOUT_KEY} {problem}", "Push anything: that writes it anew.")
            return f"layout 3, which Spack 1.0 and later read{old}"
        if old:
            remedy = "Migrate it: spack buildcache migrate."
            return warning("layout 2 only: Spack 1.0 and later do not push to it", remedy)
        if (self.root / SPEC_PREFIX).is_dir():
            return warning(f"{LAYOUT_KEY} is missing: Spack prints a warning", "Push anything: that writes it.")
        return "no build cache yet"

    def _key(self) -> Finding | str:
        if not self.mirror.signed:
            return "pushed unsigned, as the mirror says"
        try:
            key = self.gnupg.choose_key(None)
        except SigningError as error:
            found = f"nothing can be pushed signed from here: {error.info().sentence()}"
            return warning(found, " ".join(f"{remedy}." for remedy in error.remedies))
        detail = f"signed with {key.fingerprint} {key.user_id}"
        published = (self.root / key_manifest(key.fingerprint)).is_file()
        if published or not (self.root / SPEC_PREFIX).is_dir():
            return detail
        return warning(f"{detail}, which is not published in this mirror", "Push a signed package: that publishes it.")

    def _published_key(self) -> Finding | str:
        if not self.mirror.signed:
            return "signatures are not asked for, as the mirror says"
        listing = self.root / KEY_INDEX_MANIFEST
        if not listing.is_file():
            return warning("no key is published: nobody can check signatures", "Update the index, which lists keys.")
        closed = closed_to_others(listing)
        return failure(f"others cannot read {closed}", _OPEN_UP) if closed else "the keys are published and readable"

    def _readable_by_others(self) -> Finding | str:
        """Judges permission bits: the folder, its index, and the blob of one manifest each."""
        if not self.root.exists():
            return "there is nothing to read yet"
        for place in (self.root, self.root / SPEC_PREFIX, self.root / INDEX_MANIFEST, self.root / BLOB_PREFIX):
            if not place.exists():
                continue
            closed = closed_to_others(place)
            if closed is not None:
                bits = stat.filemode(closed.stat().st_mode)
                if has_acl(closed):
                    return warning(f"{closed} ({bits}) has an access list, which may let others in or not")
                found = f"people outside the group cannot read {closed} ({bits})"
                return failure(found, _OPEN_UP) if self.as_reader else warning(found, _OPEN_UP)
        return "everybody on this machine can read it"


def _existing(path: Path) -> Path:
    """`path` or the nearest directory above it that exists."""
    return next(place for place in (path, *path.parents) if place.is_dir())
