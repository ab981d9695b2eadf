# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys as gpg lists them for programs (`--with-colons`; the fields are numbered in GnuPG's doc/DETAILS, from 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNUSABLE = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is not valid", "n": "is not valid"}
_ALGORITHMS = {
    "1": "RSA",
    "2": "RSA",
    "3": "RSA",
    "16": "ElGamal",
    "17": "DSA",
    "18": "ECDH",
    "19": "ECDSA",
    "22": "EdDSA",
}
_PRIMARY = ("pub", "sec")
_KEYS = (*_PRIMARY, "sub", "ssb")
# RSA and DSA keys of fewer bits can be forged, or nearly so.
_FACTORED, _LEAST_BITS = ("1", "2", "3", "17"), 2048
_TRUST = {"u": "ultimate", "f": "full", "m": "marginal", "n": "never"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key. `fingerprint` is upper-case hex, times are in unix seconds (None: never, or not said).

    `trust` is the owner trust in gpg's words, "" where none was given. `secret` tells whether it can sign here.
    `problem` is empty or continues "The key …".
    """

    fingerprint: str
    user_id: str
    expires: int | None
    created: int | None = None
    algorithm: str = ""
    trust: str = ""
    secret: bool = False
    problem: str = ""

    def answers_to(self, wanted: str) -> bool:
        """Whether `wanted` is (the end of) the fingerprint or a part of the user id."""
        tail = wanted.upper().removeprefix("0X").replace(" ", "")
        if re.fullmatch(r"[0-9A-F]{8,}", tail) and self.fingerprint.endswith(tail):
            return True
        return wanted.casefold() in self.user_id.casefold()


def parse_keys(listing: bytes) -> list[Key]:
    """The keys of a listing of public or of secret keys, in its order. Text that is none gives no keys."""
    blocks: list[list[list[str]]] = []
    for line in listing.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] in _PRIMARY:
            blocks.append([])
        if blocks:
            blocks[-1].append(fields + [""] * 20)
    return [_key(block) for block in blocks]


def weakness(listing: bytes, fingerprint: str) -> str:
    """Why signatures of a key, primary or not, prove nothing; "" if they do, or if the listing does not have it."""
    key: list[str] = []
    for line in listing.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if fields[0] in _KEYS:
            key = fields
        elif fields[0] == "fpr" and fields[9] == fingerprint:
            bits = int(key[2]) if key[2].isdigit() else 0
            if key[3] in _FACTORED and bits < _LEAST_BITS:
                return f"the key that made the signature is too weak ({_algorithm(key[3], key[2], '')})"
    return ""


def _key(block: list[list[str]]) -> Key:
    primary = block[0]
    fingerprint = next((fields[9] for fields in block if fields[0] == "fpr"), primary[4])
    user_id = next((_unescape(fields[9]) for fields in block if fields[0] == "uid" and fields[1] not in _UNUSABLE), "")
    secret = primary[0] == "sec"
    can_sign = any(
        "s" in fields[11] and fields[1] not in _UNUSABLE and fields[14] != "#"
        for fields in block
        if fields[0] in ("sec", "ssb")
    )
    problem = _UNUSABLE.get(primary[1], "" if can_sign or not secret else "cannot sign here")
    return Key(
        fingerprint=fingerprint,
        user_id=user_id,
        expires=_time(primary[6]),
        created=_time(primary[5]),
        algorithm=_algorithm(primary[3], primary[2], primary[16]),
        trust=_TRUST.get(primary[8], ""),
        secret=secret and can_sign,
        problem=problem,
    )


def _algorithm(number: str, bits: str, curve: str) -> str:
    name = _ALGORITHMS.get(number, f"algorithm {number}")
    return f"{name} {curve or bits}".strip()


def _time(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _unescape(text: str) -> str:
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
