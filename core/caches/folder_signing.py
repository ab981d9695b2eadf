# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing packages that lie in a folder already, and taking signatures off again.

Only manifests are written anew; blobs and the index stay as they are. A signature vouches for everything its manifest
names, so each package is looked at before it is signed. Signing takes long and needs no lock; then, with the lock of
the index, so that nothing is being deleted, a manifest is replaced only if it still is what was signed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from core.caches.folder_keys import publish_key, update_key_index
from core.caches.folder_objects import claim_blob, read_ahead, read_blob
from core.caches.index import SPEC_LIMIT_BYTES, decode_spec
from core.caches.layout3 import INDEX_LOCK, SPEC_PREFIX, SPEC_TYPE, cleaned, entry_of, is_entry_manifest
from core.caches.manifests import MANIFEST_LIMIT_BYTES, decode_manifest
from core.caches.protocol import EntryName, Signer
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, ErrorInfo, MirrordeckError, NotFound, PassphraseNeeded
from core.foundation.text import short_hash
from core.signing.clearsign import is_clearsigned, signed_text
from core.spack.specs import decode_node
from core.storage.folder import Folder
from core.storage.lockfile import locked

_AT_ONCE = 64


class SigningStep(msgspec.Struct, frozen=True):
    """How far it has come: `done` of `total` packages, `changed` of them written, `problems` with others."""

    done: int
    total: int
    changed: int
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    key: str
    before: bytes
    after: bytes


class EntrySigning:
    """Signs with `signer`; without one takes signatures off."""

    def __init__(self, folder: Folder, signer: Signer | None) -> None:
        self._folder = folder
        self._signer = signer

    def run(self, hashes: Collection[str] | None, token: CancelToken) -> Iterator[SigningStep]:
        """The last step says what became of it. Packages that need no change are counted in none of its numbers but
        `done`; with `hashes` only those are looked at, else all. The public key is there, and listed, before the first
        package is signed. Raises NotFound without any such package, SigningError, and what the folder raises."""
        keys = sorted(key for key in self._folder.list(SPEC_PREFIX) if is_entry_manifest(key) and _wanted(key, hashes))
        if not keys:
            raise NotFound("Nothing was signed" if self._signer else "Nothing was changed", "No such package is there")
        if self._signer is not None:
            publish_key(self._folder, self._signer)
            update_key_index(self._folder)
        changed = 0
        problems: list[ErrorInfo] = []
        for start in range(0, len(keys), _AT_ONCE):
            batch = keys[start : start + _AT_ONCE]
            found = list(read_ahead(partial(self._decide, token), batch))
            problems += [each for each in found if isinstance(each, ErrorInfo)]
            left = self._write([each for each in found if isinstance(each, _Change)], token)
            changed += sum(isinstance(each, _Change) for each in found) - len(left)
            problems += left
            yield SigningStep(start + len(batch), len(keys), changed, tuple(problems))

    def _decide(self, token: CancelToken, key: str) -> _Change | ErrorInfo | None:
        """What to write; None where nothing has to be."""
        token.raise_if_cancelled()
        try:
            before, _ = self._folder.fetch(key, MANIFEST_LIMIT_BYTES)
            if is_clearsigned(before) is (self._signer is not None):
                return None
            if self._signer is None:
                return _Change(key, before, signed_text(before))
            self._look(key, before)
            return _Change(key, before, self._signer.clearsign(before))
        except PassphraseNeeded:
            raise
        except MirrordeckError as error:
            info = error.info()
            return ErrorInfo(info.code, f"{_label(key)} stays as it is", info.sentence(), info.remedies)

    def _look(self, key: str, data: bytes) -> None:
        """Raise CacheError or NotFound unless that manifest is one of the package it is filed under, with all blobs."""
        where = self._folder.where(key)
        manifest = decode_manifest(data, where)
        for record in manifest.records:
            if not claim_blob(self._folder, record.digest, record.content_length):
                raise CacheError(f"Damaged: {where}", f"The blob {record.digest} is not there, or is cut short")
        spec = decode_spec(read_blob(self._folder, manifest.blob(SPEC_TYPE), SPEC_LIMIT_BYTES), where)
        node = decode_node(spec.nodes[spec.root])
        if EntryName(cleaned(node.name), cleaned(node.version), spec.root) != entry_of(key):
            why = f"It leads to another package, {node.name}@{node.version}/{short_hash(spec.root)}"
            raise CacheError(f"Cannot understand {where}", why)

    def _write(self, changes: list[_Change], token: CancelToken) -> list[ErrorInfo]:
        """Put the new manifests into their places; those that were changed meanwhile stay."""
        left: list[ErrorInfo] = []
        if not changes:
            return left
        with locked(self._folder, INDEX_LOCK, token=token) as lock:
            for change in changes:
                token.raise_if_cancelled()
                lock.refresh()
                if self._is_still(change):
                    self._folder.write(change.key, change.after)
                else:
                    left.append(ErrorInfo("conflict", f"{_label(change.key)} stays as it is", "It was pushed again"))
        return left

    def _is_still(self, change: _Change) -> bool:
        try:
            return self._folder.fetch(change.key, MANIFEST_LIMIT_BYTES)[0] == change.before
        except NotFound:
            return False


def _wanted(key: str, hashes: Collection[str] | None) -> bool:
    entry = entry_of(key)
    return hashes is None or (entry is not None and entry.hash in hashes)


def _label(key: str) -> str:
    entry = entry_of(key)
    return f"{entry.name}@{entry.version}/{short_hash(entry.hash)}" if entry is not None else key
