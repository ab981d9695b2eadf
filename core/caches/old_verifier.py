# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether what lies in layout 2 is sound: spec files, their archives, the index and its checksum, the list of keys.

Nothing of it can be put right in place, as nobody writes this layout any more: packages that are pushed again go into
the layout of today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from core.caches.findings import Finding, FindingKind, Remedy
from core.caches.folder_objects import read_ahead
from core.caches.index import INDEX_LIMIT_BYTES, decode_index
from core.caches.layout2 import (
    OLD_INDEX,
    OLD_INDEX_HASH,
    OLD_INDEX_VERSIONS,
    OLD_KEY_INDEX,
    OLD_KEY_PREFIX,
    OLD_PREFIX,
    SIGNED_SUFFIX,
    hash_in,
    is_old_archive,
    old_key,
)
from core.caches.protocol import EntryName, StoredPackage
from core.caches.published_keys import old_listed_keys
from core.caches.stored_layers import Named, OldLayer
from core.caches.verification import ODD, Inspection, SignatureCheck
from core.foundation.digests import digest_of, hex_of
from core.foundation.errors import BadSignature, NotFound
from core.foundation.text import short_hash
from core.storage.reading import Files

_HASH_FILE_BYTES = 1024


class OldVerifier:
    """One look at all of layout 2. `verify` checks signatures; they are left alone without it."""

    def __init__(self, files: Files, verify: Callable[[bytes], bytes] | None, inspection: Inspection) -> None:
        self._files = files
        self._layer = OldLayer(files)
        self._signatures = SignatureCheck(verify if inspection.full else None)
        self._inspection = inspection

    @cached_property
    def is_there(self) -> bool:
        """Whether there is anything of this layout at all."""
        listing = self._files.scan(OLD_PREFIX)
        return next(listing, None) is not None if listing is not None else self._files.stat(OLD_INDEX) is not None

    def run(self) -> Iterator[Finding]:
        indexed, problems = self._index()
        yield from problems
        listable = self._files.scan(OLD_PREFIX) is not None
        names = self._layer.names() if listable or indexed is not None else []
        self._inspection.begin(len(names))
        for found in read_ahead(self._check, [named.key for named in names]):
            yield from found
            self._inspection.package_done()
        yield from self._signatures.unchecked()
        for key in self._signatures.unsigned():
            words = f"{_named(key)} is not signed, unlike others here: Spack does not install it from a signed mirror."
            yield Finding(FindingKind.NOT_SIGNED, key, words, Remedy.NOTHING, _entry(key))
        if listable:
            yield from self._compare(indexed, names)
            yield from self._left_over({hash_in(named.key) for named in names})
        yield from self._keys()

    def _index(self) -> tuple[set[str] | None, list[Finding]]:
        """Hashes of the packages in the index, None if there is none that could be used."""
        try:
            data, _ = self._files.fetch(OLD_INDEX, INDEX_LIMIT_BYTES)
            records = decode_index(data, self._files.where(OLD_INDEX), versions=OLD_INDEX_VERSIONS)
        except NotFound:
            words = f"{OLD_INDEX} is missing, so Spack does not list what is here."
            return None, [Finding(FindingKind.NO_INDEX, OLD_INDEX, words, Remedy.NOTHING)]
        except ODD as error:
            words = f"The index cannot be used. {error}."
            return None, [Finding(FindingKind.BAD_INDEX, OLD_INDEX, words, Remedy.NOTHING)]
        indexed = {dag_hash for dag_hash, record in records.items() if record.in_buildcache}
        return indexed, self._check_hash_file(digest_of(data))

    def _check_hash_file(self, digest: str) -> list[Finding]:
        try:
            text, _ = self._files.fetch(OLD_INDEX_HASH, _HASH_FILE_BYTES)
            if text.strip() == hex_of(digest).encode():
                return []
            words = f"{OLD_INDEX_HASH} does not fit the index: either of them is damaged."
        except ODD as error:
            words = f"{OLD_INDEX_HASH} cannot be used. {error}."
        return [Finding(FindingKind.BAD_INDEX, OLD_INDEX_HASH, words, Remedy.NOTHING)]

    def _check(self, key: str) -> list[Finding]:
        """What is wrong with one package."""
        try:
            package = self._layer.package(key)
            self._signatures.check(key, package.manifest)
        except NotFound:
            words = f"{_named(key)} is in the index, but its spec file is not there."
            return [Finding(FindingKind.LISTED_BUT_GONE, key, words, Remedy.NOTHING, _entry(key))]
        except BadSignature as error:
            words = f"The signature of {_named(key)} is not good: {error.why or error.title}."
            return [Finding(FindingKind.BAD_SIGNATURE, key, words, Remedy.NOTHING, _entry(key))]
        except ODD as error:
            words = f"The spec file of {_named(key)} cannot be used. {error}."
            return [Finding(FindingKind.UNREADABLE_MANIFEST, key, words, Remedy.NOTHING, _entry(key))]
        return self._check_archive(package)

    def _check_archive(self, package: StoredPackage) -> list[Finding]:
        archive = package.archive

        def finding(kind: FindingKind, words: str) -> list[Finding]:
            owner = f"{package.entry.name}@{package.entry.version}/{short_hash(package.entry.hash)}"
            sentence = f"The archive of {owner} {words} ({archive.digest})."
            return [Finding(kind, package.key, sentence, Remedy.NOTHING, package.entry, archive.digest)]

        try:
            facts = self._files.stat(archive.key)
            if facts is None:
                return finding(FindingKind.MISSING_BLOB, "is missing")
            if not facts.size:
                return finding(FindingKind.WRONG_SIZE, "is empty")
            if self._inspection.full and not self._inspection.has_digest(
                archive.digest, facts.size, facts.mtime, lambda: self._files.open(archive.key)
            ):
                return finding(FindingKind.WRONG_DIGEST, "does not have its digest any more")
        except ODD as error:
            return finding(FindingKind.UNREADABLE_BLOB, f"cannot be read: {error}")
        finally:
            self._inspection.blob_done()
        return []

    def _compare(self, indexed: set[str] | None, names: list[Named]) -> Iterator[Finding]:
        if indexed is None:
            return
        there = {hash_in(named.key): named.key for named in names}
        for dag_hash in sorted(there.keys() - indexed):
            key = there[dag_hash]
            words = f"{_named(key)} is not in the index."
            yield Finding(FindingKind.MISSING_IN_INDEX, key, words, Remedy.NOTHING, _entry(key))
        for dag_hash in sorted(indexed - there.keys()):
            words = f"/{dag_hash} is in the index, but not in the cache."
            yield Finding(FindingKind.LISTED_BUT_GONE, OLD_INDEX, words, Remedy.NOTHING, EntryName("", "", dag_hash))

    def _left_over(self, hashes: set[str]) -> Iterator[Finding]:
        for key, facts in self._files.scan(OLD_PREFIX) or ():
            if is_old_archive(key) and hash_in(key) not in hashes:
                words = f"Nothing needs {key} ({facts.size:,} bytes)."
                yield Finding(FindingKind.DANGLING_BLOB, key, words, Remedy.NOTHING, harmless=True)

    def _keys(self) -> Iterator[Finding]:
        listing = self._files.scan(OLD_KEY_PREFIX)
        there = {key for key, _ in listing or () if key != OLD_KEY_INDEX}
        try:
            wanted = {old_key(fingerprint) for fingerprint in old_listed_keys(self._files)}
        except ODD as error:
            if there or not isinstance(error, NotFound):
                words = f"The list of keys cannot be used. {error}."
                yield Finding(FindingKind.KEY_INDEX_WRONG, OLD_KEY_INDEX, words, Remedy.NOTHING)
            return
        if listing is None:
            there = {key for key in wanted if self._files.stat(key) is not None}
        for key in sorted(wanted ^ there):
            words = f"The list of keys does not agree with the keys that are there: {key}."
            yield Finding(FindingKind.KEY_INDEX_WRONG, OLD_KEY_INDEX, words, Remedy.NOTHING)


def _entry(key: str) -> EntryName:
    """What the name of a spec file says for sure."""
    return EntryName("", "", hash_in(key))


def _named(key: str) -> str:
    return key.removeprefix(f"{OLD_PREFIX}/").removesuffix(SIGNED_SUFFIX).removesuffix(".spec.json")
