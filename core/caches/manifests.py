# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Manifests of layout 3: which blobs something consists of. Facts seen in Spack 1.1's output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.foundation.decoding import from_json
from core.foundation.digests import hex_of, parse_digest
from core.foundation.errors import CacheError, SigningError
from core.signing.clearsign import is_clearsigned, signed_text

MANIFEST_LIMIT_BYTES = 1 << 20
_VERSION = 3
_LARGEST = 2**63 - 1


class BlobRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A blob as a manifest names it; length and checksum are of the stored bytes."""

    content_length: int
    media_type: str
    compression: str = "none"
    checksum_algorithm: str
    checksum: str

    @property
    def digest(self) -> str:
        return f"sha256:{self.checksum}"


class _Document(msgspec.Struct, frozen=True):
    version: int
    data: tuple[BlobRecord, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as read. `where` is its address, for errors."""

    records: tuple[BlobRecord, ...]
    where: str

    def blob(self, media_type: str) -> BlobRecord:
        """The first blob of that media type. Raises CacheError if there is none."""
        for record in self.records:
            if record.media_type == media_type:
                return record
        raise CacheError(f"Cannot understand {self.where}", f"It names no blob of type {media_type}")


def blob_record(media_type: str, digest: str, stored_bytes: int, *, compression: str) -> BlobRecord:
    return BlobRecord(
        content_length=stored_bytes,
        media_type=media_type,
        compression=compression,
        checksum_algorithm="sha256",
        checksum=hex_of(digest),
    )


def encode_manifest(records: Sequence[BlobRecord]) -> bytes:
    """The manifest's text, byte for byte as Spack writes it: a line for each value, because GnuPG cuts long lines."""
    # Put together here, because `json` would do each value in Python.
    data = ",\n".join(_lines(msgspec.to_builtins(record)) for record in records)
    return f'{{\n"version":{_VERSION},\n"data":[\n{data}\n]\n}}'.encode()


def _lines(record: dict[str, str | int]) -> str:
    fields = ",\n".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in record.items())
    return f"{{\n{fields}\n}}"


def decode_manifest(data: bytes, where: str) -> Manifest:
    """Read a manifest, clear or clearsigned; a signature is not checked here.

    Raises CacheError naming `where` unless it is of version 3 and every checksum is a sha256 one.
    """
    try:
        document = from_json(signed_text(data) if is_clearsigned(data) else data, _Document)
        if document.version != _VERSION:
            raise ValueError(f"It is a manifest of version {document.version}, only {_VERSION} is known")
        for record in document.data:
            _check(record)
    except (SigningError, ValueError, RecursionError) as error:
        raise CacheError(f"Cannot understand {where}", str(error)) from error
    return Manifest(document.data, where)


def _check(record: BlobRecord) -> None:
    if record.checksum_algorithm != "sha256":
        raise ValueError(f"The checksum algorithm {record.checksum_algorithm[:40]!r} is not known")
    parse_digest(record.digest)
    if not 0 <= record.content_length <= _LARGEST:
        raise ValueError("A length is no file size")
