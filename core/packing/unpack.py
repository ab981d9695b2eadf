# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An archive of a package unpacked to be looked at, never to be used: what is in it may come from anybody.

Everything is written below a fresh directory, and nothing leads out of it: no `..`, no special files, no links to
anywhere else, no modes but 0644 and 0755. Symbolic links are made after all files, so that none is written through.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, UsageError, from_os_error
from core.foundation.files import PIECE_BYTES
from core.foundation.text import format_bytes, visible
from core.packing.archive_members import Content, Member, MemberKind, Source, prefix_of, read_members

LARGEST_BYTES = 100 * 10**9


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What lies in the folder now. `prefix` is where the package was installed when it was packed, without the leading
    slash; `left_out` are links that lead out of it, as `path -> target` with the path in the folder."""

    prefix: str
    files: int
    bytes: int
    left_out: tuple[str, ...]


def unpack(
    source: Source,
    target: Path,
    *,
    check: Callable[[], None],
    token: CancelToken,
    progress: Callable[[int], None],
    largest_bytes: int = LARGEST_BYTES,
) -> Unpacked:
    """Unpack the prefix in an archive as the new directory `target`, whose parent exists.

    `check` is called when everything was read and raises if that was not what it should be; only then `target` appears.
    `progress` gets the unpacked bytes since its last call. Raises UsageError if there is something already, CacheError
    for an archive that is damaged or would reach out of the directory, NoSpace, PermissionDenied, StorageFailed,
    Cancelled, and what the source raises.
    """
    if target.exists() or target.is_symlink():
        raise UsageError("The archive was not unpacked", f"{target} exists already")
    try:
        place = Path(tempfile.mkdtemp(prefix=f".{target.name[:60]}.", suffix=".tmp", dir=target.parent))
    except OSError as error:
        raise from_os_error(error, "The archive was not unpacked", target.parent) from error
    try:
        unpacking = _Unpacking(place, token, progress, largest_bytes)
        for member, content in read_members(source):
            token.raise_if_cancelled()
            unpacking.take(member, content)
        check()
        prefix = prefix_of(unpacking.paths)
        left_out = unpacking.make_links(prefix)
        (place / prefix).rename(target)
        return Unpacked(prefix, unpacking.files, unpacking.bytes, tuple(left_out))
    except OSError as error:
        raise from_os_error(error, "The archive was not unpacked", target) from error
    finally:
        with suppress(OSError):
            shutil.rmtree(place)


class _Unpacking:
    def __init__(self, place: Path, token: CancelToken, progress: Callable[[int], None], largest_bytes: int) -> None:
        self._place = place
        self._token = token
        self._progress = progress
        self._largest_bytes = largest_bytes
        self._links: dict[str, str] = {}
        self.paths: list[str] = []
        self.files = 0
        self.bytes = 0

    def take(self, member: Member, content: Content) -> None:
        if not member.path:
            return
        where = self._checked(member.path)
        if member.kind is MemberKind.OTHER:
            raise CacheError("The archive was not unpacked", f"{visible(member.path)} is a device or the like")
        if member.kind is MemberKind.DIRECTORY:
            where.mkdir(parents=True, exist_ok=True)
            return
        self.paths.append(member.path)
        where.parent.mkdir(parents=True, exist_ok=True)
        if member.kind is MemberKind.SYMLINK:
            self._links[member.path] = member.link
        elif member.kind is MemberKind.HARD_LINK:
            self._hard_link(member, where)
        else:
            self._write(member, content, where)
        self.files += 1

    def make_links(self, prefix: str) -> list[str]:
        """Make the symbolic links that stay within the prefix, also where they name it in full; the others are told."""
        root = self._place / prefix
        made: list[tuple[Path, str]] = []
        left_out = []
        for path, target in self._links.items():
            where, told = self._place / path, f"{path.removeprefix(prefix).lstrip('/')} -> {target}"
            own = target.startswith(f"/{prefix}/")
            relative = os.path.relpath(target.lstrip("/"), PurePosixPath(path).parent) if own else target
            if relative and not relative.startswith("/") and "\0" not in relative and where.is_relative_to(root):
                where.symlink_to(relative)
                made.append((where, told))
            else:
                left_out.append(told)
        # Only now can it be told where each of them leads, as they may lead through each other.
        real_root = os.path.realpath(root)
        for where, told in made:
            leads_to = os.path.realpath(where)
            if leads_to != real_root and not leads_to.startswith(f"{real_root}/"):
                left_out.append(told)
                where.unlink()
        return left_out

    def _write(self, member: Member, content: Content, where: Path) -> None:
        self.bytes += member.size
        if self.bytes > self._largest_bytes:
            why = f"It holds more than {format_bytes(self._largest_bytes)}"
            raise CacheError("The archive was not unpacked", why)
        with where.open("xb") as file:
            while piece := content.read(PIECE_BYTES):
                self._token.raise_if_cancelled()
                file.write(piece)
                self._progress(len(piece))
        where.chmod(0o755 if member.executable else 0o644)

    def _hard_link(self, member: Member, where: Path) -> None:
        first = self._checked(member.link.strip("/").removeprefix("./"))
        if not first.is_file():
            raise CacheError("The archive was not unpacked", f"{visible(member.path)} is a link to nothing before it")
        os.link(first, where, follow_symlinks=False)

    def _checked(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or "\0" in path:
            raise CacheError("The archive was not unpacked", f"{visible(path)[:200]} would lie somewhere else")
        return self._place.joinpath(*parts)
