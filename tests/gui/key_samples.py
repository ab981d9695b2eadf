# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Plausible keys for tests of the Keys page."""

from __future__ import annotations

import time

from core.foundation.errors import ErrorInfo
from core.services.keys_values import Key, KeyOffer, KeySource, KeysView, MirrorKeys, OfferedKey

DAY = 86_400
ANN = "3CD048C966B5A9A9BDF04EAD28FD54E3F83DC1DB"
BOB = "269A5BC1F5A4E11A7CCE945C0BB4B0EAE1D73AA4"
OLD = "D75C33682FE014ED23FCFED9DB8F4259A4F27040"
HOME = "/opt/spack/opt/spack/gpg"


def key(
    fingerprint: str = ANN,
    owner: str = "Ann Example (GPG created for Spack) <ann@example.org>",
    *,
    expires_in: int | None = None,
    secret: bool = False,
    problem: str = "",
) -> Key:
    now = int(time.time())
    expires = now + expires_in * DAY if expires_in is not None else None
    return Key(fingerprint, owner, expires, now - 400 * DAY, "RSA 4096", "ultimate", secret, problem)


def keys() -> tuple[Key, ...]:
    return (
        key(OLD, "Site builds 2022 <builds@site.example.org>", expires_in=-30, problem="has expired"),
        key(BOB, "Site builds <builds@site.example.org>", expires_in=12),
        key(ANN, secret=True),
    )


def view(*shown: Key, warnings: tuple[ErrorInfo, ...] = ()) -> KeysView:
    return KeysView(HOME, True, shown or keys(), warnings)


def mirrors() -> list[MirrorKeys]:
    problem = ErrorInfo("network-down", "https://bin.example.org/cache cannot be reached", "connection refused")
    return [
        MirrorKeys("scratch", "file:///scratch/cache", writable=True, listed=(ANN,), unlisted=(OLD,)),
        MirrorKeys("nfs", "file:///nfs/cache", writable=True, listed=(BOB,), allowed=(BOB,)),
        MirrorKeys("registry", "oci://registry.example.org/cache", possible=False),
        MirrorKeys("public", "https://bin.example.org/cache", problem=problem),
    ]


def offer(*, mirror: str = "", file: str = "") -> KeyOffer:
    found = (OfferedKey(key(BOB, "Site builds <builds@site.example.org>"), False), OfferedKey(key(), True))
    return KeyOffer(KeySource(file, mirror), found if mirror else found[:1])
