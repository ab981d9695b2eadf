# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`spack mirror create` and `spack mirror destroy`, by the instance's own Spack."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.caches.folder_trash import TRASH
from core.caches.layout3 import SPEC_PREFIX, is_entry_manifest
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.mirrors.arguments import resolve_mirror
from core.mirrors.model import Mirror, MirrorKind
from core.mirrors.reading import mirrors_of
from core.services.login_values import CreateOptions, DestroyPlan, SpackEnd, SpackLine
from core.services.spack_lines import follow_spack
from core.spack.instance import Instance
from core.storage.folder import Folder
from core.transfers.history import Action, noted, record

# Seen in Spack 1.1's output.
_ADDING = re.compile(r"==> Adding package (\S+) to mirror")
_FAILED = re.compile(r"==> Warning: Error while fetching (\S+)")
_OF_MIRRORS = frozenset({"v3", "blobs", "build_cache", "_source-cache", "mirror.yaml", "index.html", TRASH})
_STRANGERS_SHOWN = 20
# Spack deletes nothing at other addresses, and says nothing about it.
_DESTROYABLE = (MirrorKind.FOLDER, MirrorKind.S3, MirrorKind.GS)


@dataclass(frozen=True, slots=True)
class SourceMirrors:
    """Runs of one instance's Spack that make or delete whole mirrors. Addresses are relative to `cwd`."""

    instance: Instance
    access: CacheAccess
    cwd: Path

    def create(self, options: CreateOptions, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        """Fetch sources into a mirror: Spack's lines as they come, then how it ended. Raises as `run_spack` does."""
        arguments = ["mirror", *(["--no-checksum"] if options.no_checksum else []), "create"]
        if options.directory:
            arguments += ["--directory", options.directory]
        if odd := [text for text in options.specs if text.startswith("-")]:
            raise UsageError(f"{odd[0]} is not a package")  # Spack would take it for an option
        arguments += [*options.flags, *options.specs]
        yield from self._run(arguments, token)

    def plan_destroy(self, wanted: str, token: CancelToken) -> DestroyPlan:
        """What would be deleted of a mirror, given by name or address; the whole folder is looked through.

        Raises UsageError if there is no such mirror or Spack deletes nothing there, and Cancelled.
        """
        mirror, name = self._destroyable(wanted)
        url = mirror.push.url
        mirrors = mirrors_of(self.instance).mirrors
        used_by = tuple(other.name for other in mirrors if url in (other.push.url, other.fetch.url))
        folder = mirror.push.folder
        if folder is None:
            return DestroyPlan(name, url, None, None, None, used_by=used_by)
        if not folder.is_dir():
            raise UsageError(f"There is nothing to delete for {name}", f"{folder} is not a directory")
        files, size = _weigh(folder, token)
        packages = sum(is_entry_manifest(key) for key in Folder(folder).list(SPEC_PREFIX))
        strangers = tuple(sorted(_strangers(folder)))[:_STRANGERS_SHOWN]
        return DestroyPlan(name, url, files, size, packages, strangers, used_by)

    def destroy(self, wanted: str, typed: str, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        """Delete everything below a mirror's address. Raises UsageError unless `typed` is the name in its plan, and as
        `plan_destroy` and `run_spack` do."""
        mirror, name = self._destroyable(wanted)
        if typed != name:
            raise UsageError("Nothing was deleted", f"to delete it, its name has to be typed: {name}")
        which = f"--mirror-name={name}" if mirror.name else f"--mirror-url={mirror.push.url}"
        for part in self._run(["mirror", "destroy", which], token):
            if isinstance(part, SpackEnd):
                detail = "" if part.status == 0 else f"failed with status {part.status}"
                record([noted(Action.DESTROYED, name, url=mirror.push.url, detail=detail)])
            yield part

    def _destroyable(self, wanted: str) -> tuple[Mirror, str]:
        mirror = resolve_mirror(wanted, mirrors_of(self.instance), cwd=self.cwd)
        name = mirror.name or mirror.push.url
        if mirror.push.problem:
            raise UsageError(f"{name} cannot be deleted", mirror.push.problem)
        if mirror.push.kind not in _DESTROYABLE:
            raise UsageError(f"{name} cannot be deleted", f"{mirror.push.url}: Spack deletes nothing at such addresses")
        return mirror, name

    def _run(self, arguments: Sequence[str], token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        return follow_spack(self.instance, self.access, arguments, _understood, token)


def _understood(text: str) -> SpackLine:
    if found := _ADDING.match(text):
        return SpackLine(text, found[1])
    if found := _FAILED.match(text):
        return SpackLine(text, found[1], failed=True)
    return SpackLine(text)


def _weigh(folder: Path, token: CancelToken) -> tuple[int, int]:
    """How many files there are and their size in bytes; links count as themselves."""
    files = size = 0
    for directory, _, names in os.walk(folder):
        token.raise_if_cancelled()
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(directory, name).lstat().st_size
                files += 1
    return files, size


def _strangers(folder: Path) -> Iterator[str]:
    """Names in `folder` that neither a build cache nor a source mirror has there."""
    for entry in folder.iterdir():
        if entry.name in _OF_MIRRORS:
            continue
        aliases = [*entry.iterdir()] if entry.is_dir() and not entry.is_symlink() else []
        if not aliases or not all(alias.name.startswith(f"{entry.name}-") for alias in aliases):
            yield entry.name
