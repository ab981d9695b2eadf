# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What verifying a cache brings to light, as plain data; the window imports these."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from core.caches.protocol import EntryName


class FindingKind(StrEnum):
    NO_INDEX = "no-index"
    BAD_INDEX = "bad-index"
    MISSING_IN_INDEX = "missing-in-index"
    LISTED_BUT_GONE = "listed-but-gone"
    UNREADABLE_MANIFEST = "unreadable-manifest"
    WRONG_PACKAGE = "wrong-package"
    MISSING_BLOB = "missing-blob"
    WRONG_SIZE = "wrong-size"
    WRONG_DIGEST = "wrong-digest"
    UNREADABLE_BLOB = "unreadable-blob"
    BAD_SIGNATURE = "bad-signature"
    NOT_SIGNED = "not-signed"
    UNCHECKED_SIGNATURES = "unchecked-signatures"
    INCOMPLETE_IMAGE = "incomplete-image"
    BAD_KEY = "bad-key"
    KEY_INDEX_WRONG = "key-index-wrong"
    LAYOUT_MARK = "layout-mark"
    DANGLING_BLOB = "dangling-blob"


class Remedy(StrEnum):
    """What puts a finding right. `NOTHING` where it does no harm, or nothing of ours does."""

    REINDEX = "reindex"
    PUSH_AGAIN = "push-again"
    DROP = "drop"
    MARK = "mark"
    NOTHING = "nothing"


class Finding(msgspec.Struct, frozen=True, tag=True):
    """Something that is not as it should be. `key` is a path or tag, `entry` the package concerned, `blob` the digest.

    `words` is a complete sentence for people. What is `harmless` costs space and no more.
    """

    kind: FindingKind
    key: str
    words: str
    remedy: Remedy
    entry: EntryName | None = None
    blob: str = ""
    harmless: bool = False


class Examined(msgspec.Struct, frozen=True, tag=True):
    """How far a verification has come. `read_bytes` were read and hashed now, `known_bytes` in an earlier run that was
    stopped. `total` packages were listed."""

    packages: int = 0
    total: int = 0
    blobs: int = 0
    read_bytes: int = 0
    known_bytes: int = 0
