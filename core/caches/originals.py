# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Archives that installed packages came from: found again in caches and taken over with every byte, padding included.

A package unpacked from an archive keeps the archive's buildinfo, which nothing rewrites on installation, and a package
built here has none (Spack 1.1, seen in its prefixes). So a buildinfo of the same bytes tells the archive a package came
from from others of the same package that were packed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.caches.archive_facts import BUILDINFO, read_archive
from core.caches.protocol import CacheEntry, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, MirrordeckError, NotFound
from core.packing.model import Codec, PackedPackage
from core.spack.specs import PackageRecord

# What a buildinfo says about prefixes comes before its lists of files, which may be long.
_HEAD_BYTES = 256 << 10


def came_from_cache(record: PackageRecord) -> bool:
    """Whether an installed package was unpacked from its own archive. One that Spack rewired has the buildinfo of the
    package it was made from, which does not know its hash. Never raises."""
    return record.hash.encode() in _head_of_buildinfo(record)


def unpacks_here(record: PackageRecord) -> bool:
    """Whether the archive a package came from was packed in the very prefix where the package is now. Never raises."""
    return (record.prefix or "").encode() in _head_of_buildinfo(record)


def shipped_buildinfo(prefix: str) -> str | None:
    """Digest of the buildinfo of the archive that was unpacked at `prefix`, None if there was none. Never raises."""
    try:
        return digest_of(Path(prefix + BUILDINFO).read_bytes())
    except OSError:
        return None


def _head_of_buildinfo(record: PackageRecord) -> bytes:
    try:
        with Path((record.prefix or "") + BUILDINFO).open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError:
        return b""


@dataclass(frozen=True, slots=True)
class Original:
    """An archive that a package may have come from, in `cache`, the mirror called `mirror`. `found` is what
    `ReadableCache.present` said: its digest is that of a manifest whose signature was checked where that was wanted."""

    mirror: str
    cache: ReadableCache
    found: CacheEntry

    def save(
        self, buildinfo: str, target: Path, *, token: CancelToken, progress: Callable[[int], None]
    ) -> PackedPackage:
        """The archive in the file `target`, verified. Raises CacheError if it is another one than the package came
        from, or is none; NotFound and what the cache raises, Cancelled. Then there may be anything at `target`."""
        stored = self.cache.package(self.found.entry, token=token)
        if stored.archive.digest != self.found.blob_digest:
            raise CacheError("it was replaced a moment ago")
        self.cache.save_blob(stored.archive, target, token=token, progress=progress)
        with target.open("rb", buffering=0) as file:
            facts = read_archive(file, stored.archive.key, token=token, progress=_ignore)
        if facts.buildinfo != buildinfo:
            raise CacheError("it was packed elsewhere than the one that was installed")
        return PackedPackage(target, facts.digest, facts.diff_id, facts.stored_bytes, facts.tar_bytes, 0, Codec.SPACK)


@dataclass(frozen=True, slots=True)
class Originals:
    """Where the archive that one package came from may still be had, the first mirror of the configuration first;
    `lacking` says of each of the other mirrors why it is not among them."""

    places: tuple[Original, ...]
    lacking: tuple[str, ...] = ()

    def save(
        self, buildinfo: str, target: Path, *, token: CancelToken, progress: Callable[[int], None]
    ) -> PackedPackage:
        """As `Original.save`, from the first place that has it. Raises NotFound saying what each mirror answered, and
        Cancelled; there is no file then."""
        answers = list(self.lacking)
        for place in self.places:
            try:
                return place.save(buildinfo, target, token=token, progress=progress)
            except MirrordeckError as error:
                answers.append(f"{place.mirror}: {error.info().sentence()}")
                target.unlink(missing_ok=True)
            except BaseException:
                target.unlink(missing_ok=True)
                raise
        raise NotFound("The archive it came from cannot be had", "; ".join(answers))


def _ignore(_count: int) -> None:
    """Bytes that were counted when they were fetched."""
