# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a cache that is read by key is sound: manifests and their blobs, the index, the keys, the layout mark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from core.caches.browsing import EntryKind
from core.caches.findings import Finding, FindingKind, Remedy
from core.caches.folder_objects import read_ahead, read_blob, read_manifest
from core.caches.index import GZIP_MAGIC, SPEC_LIMIT_BYTES, decode_spec
from core.caches.layout3 import (
    ARCHIVE_TYPE,
    BLOB_PREFIX,
    INDEX_MANIFEST,
    INDEX_PREFIX,
    INDEX_TYPE,
    KEY_INDEX_MANIFEST,
    KEY_INDEX_TYPE,
    KEY_PREFIX,
    LAYOUT_KEY,
    SPEC_TYPE,
    blob_key,
    cleaned,
    digest_of_key,
    entry_of,
    fingerprint_of,
    is_manifest,
    key_manifest,
    kind_of,
)
from core.caches.manifests import MANIFEST_LIMIT_BYTES, BlobRecord, Manifest, decode_manifest
from core.caches.old_verifier import OldVerifier
from core.caches.protocol import CacheIndex, EntryName, IndexRecord
from core.caches.published_keys import listed_keys, read_key
from core.caches.stored_layers import CurrentLayer, Named, mark_problem, package_of, refuse_sources
from core.caches.verification import ODD, Inspection, SignatureCheck
from core.foundation.cancel import CancelToken
from core.foundation.errors import BadSignature, CacheError, MirrordeckError, NotFound
from core.foundation.text import short_hash
from core.spack.specs import decode_node
from core.storage.reading import Files, Stat

_WHAT = {ARCHIVE_TYPE: "archive", SPEC_TYPE: "spec"}
_REMEDIES = {INDEX_TYPE: Remedy.REINDEX, KEY_INDEX_TYPE: Remedy.REINDEX}
_REMEDY_OF_KIND = {EntryKind.INDEX: Remedy.REINDEX, EntryKind.KEY: Remedy.NOTHING, EntryKind.PACKAGE: Remedy.PUSH_AGAIN}
_ANY_COMPRESSION = frozenset({"gzip", "none"})
_COMPRESSIONS = {ARCHIVE_TYPE: frozenset({"gzip"})}


@dataclass(frozen=True, slots=True)
class _Use:
    """A blob as something in the cache names it."""

    record: BlobRecord
    key: str
    entry: EntryName | None


@dataclass(slots=True)
class _Read:
    """What came of reading one manifest. Without `understood` nobody knows which blobs it needs."""

    key: str
    findings: list[Finding] = field(default_factory=list)
    uses: list[_Use] = field(default_factory=list)
    understood: bool = True


class StoredVerifier:
    """The `CacheVerifier` of such a cache. `verify` checks signatures; they are left alone without it."""

    def __init__(self, files: Callable[[CancelToken], Files], verify: Callable[[bytes], bytes] | None) -> None:
        self._files = files
        self._verify = verify

    def run(self, inspection: Inspection) -> Iterator[Finding]:
        files = self._files(inspection.token)
        older = OldVerifier(files, self._verify, inspection)
        if not files.exists(LAYOUT_KEY) and files.stat(INDEX_MANIFEST) is None and not older.is_there:
            place = files.where(LAYOUT_KEY).removesuffix(f"/{LAYOUT_KEY}")
            raise NotFound("There is no build cache", f"{place}: nothing of one is there")
        refuse_sources(files)
        yield from _Verification(files, self._verify, inspection).run(alone=not older.is_there)
        if older.is_there:
            yield from older.run()


class _Verification:
    """One look at all of layout 3."""

    def __init__(self, files: Files, verify: Callable[[bytes], bytes] | None, inspection: Inspection) -> None:
        self._files = files
        self._signatures = SignatureCheck(verify if inspection.full else None)
        self._inspection = inspection
        self._uses: defaultdict[str, list[_Use]] = defaultdict(list)
        self._understood = True
        # Manifests whose blobs were found to be damaged when they were read.
        self._judged: set[str] = set()

    def run(self, *, alone: bool) -> Iterator[Finding]:
        """`alone` if there is no other layout, so that a missing mark means something."""
        index, index_findings = self._read_index()
        listing = self._files.scan(BLOB_PREFIX)
        names = CurrentLayer(self._files).names() if index is not None or listing is not None else []
        empty = not names and index is None and not index_findings
        if empty and not alone:
            return
        if not empty or self._files.stat(LAYOUT_KEY) is not None:  # a place nobody pushed to lacks nothing
            yield from self._mark()
        yield from index_findings
        self._inspection.begin(len(names))
        for read in read_ahead(self._check_manifest, [named.key for named in names]):
            yield from self._taken(read)
            self._inspection.package_done()
        yield from self._signatures.unchecked()
        for key in self._signatures.unsigned():
            words = f"{_label(key)} is not signed, unlike others here: Spack does not install it from a signed mirror."
            yield _finding(FindingKind.NOT_SIGNED, key, words, Remedy.PUSH_AGAIN)
        yield from self._compare(index, names)
        for read in map(self._check_other, self._others()):
            yield from self._taken(read)
        yield from self._check_keys()
        stored = dict(listing) if listing is not None else None
        for findings in read_ahead(lambda digest: self._check_blob(digest, stored), sorted(self._uses)):
            yield from findings
            self._inspection.blob_done()
        if stored is not None and self._understood:
            yield from self._dangling(stored)

    def _taken(self, read: _Read) -> list[Finding]:
        self._understood = self._understood and read.understood
        for use in read.uses:
            self._uses[use.record.digest].append(use)
        return read.findings

    def _mark(self) -> Iterator[Finding]:
        problem = mark_problem(self._files)
        if problem:
            yield Finding(FindingKind.LAYOUT_MARK, LAYOUT_KEY, f"{LAYOUT_KEY} {problem}.", Remedy.MARK)

    def _read_index(self) -> tuple[CacheIndex | None, list[Finding]]:
        try:
            index = CurrentLayer(self._files).index()
        except ODD as error:
            self._judged.add(INDEX_MANIFEST)
            words = f"The index cannot be used. {error}."
            return None, [Finding(FindingKind.BAD_INDEX, INDEX_MANIFEST, words, Remedy.REINDEX)]
        return index, []

    def _check_manifest(self, key: str) -> _Read:
        read = _Read(key)
        try:
            data, _ = self._files.fetch(key, MANIFEST_LIMIT_BYTES)
            manifest = decode_manifest(data, self._files.where(key))
            for media_type in (ARCHIVE_TYPE, SPEC_TYPE):
                manifest.blob(media_type)
            _check_records(manifest)
            entry = package_of(key, manifest.where)
            self._signatures.check(key, data)
        except NotFound:
            words = f"{_label(key)} is in the index, but its manifest is not there."
            read.findings.append(_finding(FindingKind.LISTED_BUT_GONE, key, words, Remedy.PUSH_AGAIN))
        except BadSignature as error:
            words = f"The signature of {_label(key)} is not good: {error.why or error.title}."
            read.findings.append(_finding(FindingKind.BAD_SIGNATURE, key, words, Remedy.PUSH_AGAIN))
            read.uses += [_Use(record, key, entry) for record in manifest.records]
        except ODD as error:
            words = f"The manifest of {_label(key)} cannot be used. {error}."
            read.findings.append(_finding(FindingKind.UNREADABLE_MANIFEST, key, words, Remedy.PUSH_AGAIN))
            read.understood = False
        else:
            read.uses += [_Use(record, key, entry) for record in manifest.records]
        return read

    def _compare(self, index: CacheIndex | None, names: list[Named]) -> Iterator[Finding]:
        if self._files.scan(BLOB_PREFIX) is None:
            return  # the names are those of the index
        if index is None:
            if names and self._files.stat(INDEX_MANIFEST) is None:
                words = "There is no index, so Spack does not list what is here."
                yield Finding(FindingKind.NO_INDEX, INDEX_MANIFEST, words, Remedy.REINDEX)
            return
        listed = {named.entry.hash for named in names if named.entry is not None}
        indexed = {dag_hash for dag_hash, record in index.records.items() if record.in_buildcache}
        for named in names:
            if named.entry is not None and named.entry.hash not in indexed:
                words = f"{_label(named.key)} is not in the index."
                yield _finding(FindingKind.MISSING_IN_INDEX, named.key, words, Remedy.REINDEX)
        for dag_hash in sorted(indexed - listed):
            entry = entry_in(index.records, dag_hash)
            words = f"{entry.name}@{entry.version}/{short_hash(dag_hash)} is in the index, but not in the cache."
            yield Finding(FindingKind.LISTED_BUT_GONE, INDEX_MANIFEST, words, Remedy.REINDEX, entry)

    def _others(self) -> list[str]:
        """Manifests of indices and keys."""
        found: list[str] = []
        for prefix in (INDEX_PREFIX, KEY_PREFIX):
            listing = self._files.scan(prefix)
            if listing is not None:
                found += [key for key, _ in listing if is_manifest(key)]
            elif prefix == INDEX_PREFIX and self._files.stat(INDEX_MANIFEST) is not None:
                found.append(INDEX_MANIFEST)
        return found

    def _check_other(self, key: str) -> _Read:
        """The blobs of an index or key."""
        read = _Read(key)
        try:
            manifest = read_manifest(self._files, key)
            _check_records(manifest)
        except ODD as error:
            words = f"{key} cannot be used. {error}."
            read.findings.append(_finding(FindingKind.UNREADABLE_MANIFEST, key, words, _REMEDY_OF_KIND[kind_of(key)]))
            read.understood = False
        else:
            read.uses += [_Use(record, key, None) for record in manifest.records]
        return read

    def _check_keys(self) -> Iterator[Finding]:
        listing = self._files.scan(KEY_PREFIX)
        there = {found for key, _ in listing or () if (found := fingerprint_of(key))}
        listed: set[str] = set()
        words = ""
        try:
            listed = set(listed_keys(self._files))
        except ODD as error:
            if not isinstance(error, NotFound) or self._files.stat(KEY_INDEX_MANIFEST) is not None:
                words = f"The list of keys cannot be used. {error}."
        if listing is None:
            there = listed
        if not words and there - listed:
            words = f"The list of keys lacks {', '.join(sorted(there - listed))}."
        if words:
            self._judged.add(KEY_INDEX_MANIFEST)
            yield Finding(FindingKind.KEY_INDEX_WRONG, KEY_INDEX_MANIFEST, words, Remedy.REINDEX)
        for fingerprint in sorted(there | listed):
            try:
                read_key(self._files, fingerprint)
            except ODD as error:
                self._judged.add(key_manifest(fingerprint))
                words = f"The public key {fingerprint} cannot be used. {error}."
                yield Finding(FindingKind.BAD_KEY, key_manifest(fingerprint), words, Remedy.NOTHING)

    def _check_blob(self, digest: str, stored: Mapping[str, Stat] | None) -> list[Finding]:
        key = blob_key(digest)
        uses = [use for use in self._uses[digest] if use.key not in self._judged]
        try:
            facts = stored.get(key) if stored is not None else self._files.stat(key)
            if facts is None:
                return [_blob_finding(FindingKind.MISSING_BLOB, use, "is missing") for use in uses]
            misfits = [use for use in uses if use.record.content_length != facts.size]
            if misfits:
                has = f"has {facts.size:,} bytes instead of"
                kind = FindingKind.WRONG_SIZE
                return [_blob_finding(kind, use, f"{has} {use.record.content_length:,}") for use in misfits]
            if not uses or not self._inspection.full:
                return []
            if not self._inspection.has_digest(digest, facts.size, facts.mtime, lambda: self._files.open(key)):
                words = "does not have its digest any more"
                return [_blob_finding(FindingKind.WRONG_DIGEST, use, words) for use in uses]
            return [found for use in uses if (found := self._check_spec(use))]
        except ODD as error:
            return [_blob_finding(FindingKind.UNREADABLE_BLOB, use, f"cannot be read: {error}") for use in uses]

    def _check_spec(self, use: _Use) -> Finding | None:
        """Whether a spec is that of the package whose manifest names it."""
        if use.entry is None or use.record.media_type != SPEC_TYPE:
            return None
        where = self._files.where(blob_key(use.record.digest))
        try:
            data = read_blob(self._files, use.record, SPEC_LIMIT_BYTES)
            document = decode_spec(data, where)
            node = decode_node(document.nodes[document.root])
        except MirrordeckError as error:
            return _blob_finding(FindingKind.UNREADABLE_BLOB, use, f"cannot be understood: {error}")
        is_gzip = data.startswith(GZIP_MAGIC)
        if is_gzip is not (use.record.compression == "gzip"):
            words = f"is {'' if is_gzip else 'not '}compressed, but said to be otherwise"
            return _blob_finding(FindingKind.UNREADABLE_BLOB, use, words)
        entry = use.entry
        if (document.root, cleaned(node.name), cleaned(node.version)) == (entry.hash, entry.name, entry.version):
            return None
        words = f"belongs to {node.name}@{node.version}/{short_hash(document.root)}"
        return _blob_finding(FindingKind.WRONG_PACKAGE, use, words)

    def _dangling(self, stored: Mapping[str, Stat]) -> Iterator[Finding]:
        needed = {blob_key(digest) for digest in self._uses}
        for key, facts in stored.items():
            if key not in needed:
                blob = digest_of_key(key)
                words = f"Nothing needs {key} ({facts.size:,} bytes)."
                yield Finding(FindingKind.DANGLING_BLOB, key, words, Remedy.NOTHING, blob=blob, harmless=True)


def entry_in(records: Mapping[str, IndexRecord], dag_hash: str) -> EntryName:
    """The package an index has under a hash; without a name if its node cannot be understood."""
    try:
        node = decode_node(records[dag_hash].document)
    except MirrordeckError:
        return EntryName("", "", dag_hash)
    return EntryName(node.name, node.version, dag_hash)


def _check_records(manifest: Manifest) -> None:
    """Raise CacheError unless everything it names is compressed in a way that readers know."""
    for record in manifest.records:
        compression = record.compression
        if compression not in _COMPRESSIONS.get(record.media_type, _ANY_COMPRESSION):
            why = f"The compression {compression[:40]!r} is not known"
            raise CacheError(f"Cannot understand {manifest.where}", why)


def _finding(kind: FindingKind, key: str, words: str, remedy: Remedy) -> Finding:
    return Finding(kind, key, words, remedy, entry_of(key))


def _blob_finding(kind: FindingKind, use: _Use, words: str) -> Finding:
    what = _WHAT.get(use.record.media_type, "blob")
    owner = _label(use.key) if use.entry is not None else use.key
    remedy = Remedy.PUSH_AGAIN if use.entry is not None else _REMEDIES.get(use.record.media_type, Remedy.NOTHING)
    sentence = f"The {what} of {owner} {words} ({use.record.digest})."
    return Finding(kind, use.key, sentence, remedy, use.entry, use.record.digest)


def _label(key: str) -> str:
    entry = entry_of(key)
    return f"{entry.name}@{entry.version}/{short_hash(entry.hash)}" if entry is not None else key
