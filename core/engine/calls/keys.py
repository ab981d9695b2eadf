# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about keys and signatures."""

from __future__ import annotations

from core.engine.messages import Call
from core.foundation.secret import Secret
from core.services.keys_values import Key, KeyOffer, KeySource, KeysView, MirrorKeys, NewKey, SigningStep, SignRequest


class ListKeys(Call[KeysView], frozen=True):
    """The keys of an instance; no network."""

    method = "keys.list"
    answer = KeysView
    instance: str


class ListPublishedKeys(Call[int], frozen=True):
    """Which keys each mirror has, as rows; answers how many mirrors were looked at."""

    method = "keys.published"
    answer = int
    row = MirrorKeys
    instance: str


class CreateKey(Call[Key], frozen=True):
    """Make a key for signing; takes seconds. Without a passphrase whoever can read the home can sign."""

    method = "keys.create"
    answer = Key
    instance: str
    wanted: NewKey
    passphrase: Secret | None = None


class LookAtKeys(Call[KeyOffer], frozen=True):
    """The keys in a file or on a mirror, for comparing their fingerprints; nothing is imported."""

    method = "keys.look"
    answer = KeyOffer
    instance: str
    source: KeySource


class TrustKeys(Call[tuple[Key, ...]], frozen=True):
    """Trust keys that `LookAtKeys` showed; refused if others are there by now."""

    method = "keys.trust"
    answer = tuple[Key, ...]
    instance: str
    source: KeySource
    fingerprints: tuple[str, ...]


class UntrustKeys(Call[tuple[Key, ...]], frozen=True):
    """Delete keys; `signing` allows deleting the secret half, for good."""

    method = "keys.untrust"
    answer = tuple[Key, ...]
    instance: str
    fingerprints: tuple[str, ...]
    signing: bool = False


class ExportKeys(Call[None], frozen=True):
    """Write keys to a file, `secret` ones for this user alone."""

    method = "keys.export"
    answer = None
    instance: str
    fingerprints: tuple[str, ...]
    path: str
    secret: bool = False
    passphrase: Secret | None = None


class PublishKeys(Call[tuple[Key, ...]], frozen=True):
    """Store public keys on a mirror and list them there, so that readers find them."""

    method = "keys.publish"
    answer = tuple[Key, ...]
    instance: str
    mirror: str
    fingerprints: tuple[str, ...]


class UnlockKey(Call[None], frozen=True):
    """Use a passphrase for a key until the engine ends; fails with `passphrase-needed` if it is wrong."""

    method = "keys.unlock"
    answer = None
    instance: str
    fingerprint: str
    passphrase: Secret


class AllowKeys(Call[None], frozen=True):
    """Let only these keys sign for a mirror, every known one if none is named."""

    method = "keys.allow"
    answer = None
    instance: str
    mirror: str
    fingerprints: tuple[str, ...]


class SignEntries(Call[SigningStep], frozen=True):
    """Sign packages that lie in a folder unsigned, or take signatures off; rows are how far it has come."""

    method = "keys.sign"
    answer = SigningStep
    row = SigningStep
    instance: str
    request: SignRequest
