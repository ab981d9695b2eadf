# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys, and where they are published, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass

from core.caches.folder_signing import SigningStep
from core.foundation.errors import ErrorInfo
from core.signing.key_listing import Key
from core.signing.key_store import NewKey
from core.signing.signatures import SignatureFacts, SignatureState

__all__ = [
    "EXPIRY_WARNING_S",
    "Key",
    "KeyOffer",
    "KeySource",
    "KeysView",
    "MirrorKeys",
    "NewKey",
    "OfferedKey",
    "SignRequest",
    "SignatureFacts",
    "SignatureState",
    "SigningStep",
]

EXPIRY_WARNING_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class KeysView:
    """The keys of an instance. `home` is its GnuPG home, which need not exist yet; `has_gpg` whether there is GnuPG.

    `warnings` are about keys that expire soon, and about more than one key that could sign.
    """

    home: str
    has_gpg: bool
    keys: tuple[Key, ...] = ()
    warnings: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class MirrorKeys:
    """The keys published on one mirror: `listed` are found by everybody, `unlisted` lie there and nobody finds them.

    `allowed` are the only ones that may sign for it, none of them meaning every known key. Without `possible` this kind
    of cache has no keys; with a `problem` it is not known which are there. `writable` ones can be published to.
    """

    mirror: str
    url: str
    possible: bool = True
    writable: bool = False
    listed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    problem: ErrorInfo | None = None


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where keys come from: a `file`, or a `mirror` by name or address."""

    file: str = ""
    mirror: str = ""


@dataclass(frozen=True, slots=True)
class OfferedKey:
    """A key to look at before it is trusted; `trusted` if it is already."""

    key: Key
    trusted: bool


@dataclass(frozen=True, slots=True)
class KeyOffer:
    """What a source holds; `problems` name keys that cannot be taken from it."""

    source: KeySource
    keys: tuple[OfferedKey, ...]
    problems: tuple[ErrorInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class SignRequest:
    """Sign what is unsigned on a mirror, with `key` or the only one there is; with `drop` take signatures off instead.

    Everything there unless `hashes` or `queries` say which.
    """

    mirror: str
    hashes: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    key: str = ""
    drop: bool = False
