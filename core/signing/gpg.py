# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing and checking with the GnuPG home of an instance, by running gpg.

GnuPG's agent asks for passphrases itself where it can; one that was given with `unlock` is kept in memory only. All
methods block, for at most two minutes, may be called from any thread and raise SigningError.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from core.foundation.errors import BadSignature, PassphraseNeeded, SigningError
from core.foundation.secret import Secret
from core.signing.clearsign import check_lines, is_message, signed_text
from core.signing.gnupg_process import GnupgProcess, GpgAnswer
from core.signing.key_listing import Key, parse_keys, weakness
from core.signing.signatures import SignatureFacts, SignatureState

# Status keywords that spoil a signature even when gpg ends with 0.
_SPOILED = {
    "BADSIG": "the signature does not fit the text",
    "NO_PUBKEY": "the key that made the signature is not in the keyring",
    "ERRSIG": "the signature cannot be checked",
    "EXPSIG": "the signature has expired",
    "EXPKEYSIG": "the key that made the signature has expired",
    "REVKEYSIG": "the key that made the signature was revoked",
}
_WEAK_HASHES = ("1", "2", "3")  # MD5, SHA-1, RIPE-MD/160 (RFC 4880, section 9.4)
_TEXT_SIGNATURE = "01"
# Codes of libgpg-error: bad passphrase, no pinentry, cancelled, no passphrase; of a pinentry for terminals that has
# none (ENOTTY), or too small a one.
_PASSPHRASE_CODES = (11, 85, 99, 177, 301, 32870)
_CODE_BITS = 0xFFFF
_PUBLIC_KEYS = ("pubring.kbx", "pubring.gpg", "public-keys.d/pubring.db")
_PROBE = b"A text that is signed to try a key."


class Gnupg:
    """The GnuPG home directory `home`. It is never created or configured here."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._gpg = GnupgProcess(home)
        self._lock = threading.Lock()
        self._passphrases: dict[str, Secret] = {}
        self._weaknesses: dict[str, str] = {}

    def keys_mark(self) -> str:
        """A text that changes with the public keys in this home. No program is run."""
        marks = []
        for name in _PUBLIC_KEYS:
            with suppress(OSError):
                facts = (self.home / name).stat()
                marks.append(f"{name} {facts.st_ino} {facts.st_size} {facts.st_mtime_ns}")
        return ", ".join(marks)

    def secret_keys(self) -> tuple[Key, ...]:
        """Keys that can sign now, in gpg's order; not the expired, revoked and disabled ones."""
        return tuple(key for key in self._listed() if not key.problem)

    def choose_key(self, requested: str | None) -> Key:
        """The key named by `requested` (fingerprint, its end, or a part of the user id), else the only one there is."""
        if not self.home.is_dir():
            raise self._no_key(f"There is no GnuPG home {self.home}")
        listed = self._listed()
        found = [key for key in listed if key.answers_to(requested)] if requested else listed
        usable = [key for key in found if not key.problem]
        if len(usable) == 1:
            return usable[0]
        if usable:
            names = "; ".join(f"{key.fingerprint} {key.user_id}" for key in usable)
            raise SigningError("Multiple keys available for signing", names, remedies=("Name one of them with --key",))
        if found:
            reasons = "; ".join(f"The key {key.fingerprint} {key.user_id} {key.problem}" for key in found)
            raise SigningError("No key available for signing", reasons)
        if requested:
            raise SigningError("No such key for signing", f"{self.home} holds no secret key {requested!r}")
        raise self._no_key(f"{self.home} holds no secret key")

    def clearsign(self, text: bytes, fingerprint: str) -> bytes:
        """`text` as a clearsigned message that is known to hold exactly this text."""
        check_lines(text)
        with self._lock:
            passphrase = self._passphrases.get(fingerprint)
        return self._clearsign(text, fingerprint, passphrase)

    def is_locked(self, fingerprint: str) -> bool:
        """Whether signing with a key would have to ask for its passphrase now. Nobody is asked."""
        with self._lock:
            if fingerprint in self._passphrases:
                return False
        return _wants_passphrase(self._sign(_PROBE, fingerprint, None, "--pinentry-mode", "error"))

    def try_key(self, fingerprint: str) -> None:
        """Sign something with a key, so that GnuPG's agent asks for its passphrase now, if it has to and can. Raises
        PassphraseNeeded."""
        self.clearsign(_PROBE, fingerprint)

    def unlock(self, fingerprint: str, passphrase: Secret) -> None:
        """Use `passphrase` for a key from now on, until this process ends, after a text was signed with it. Raises
        PassphraseNeeded if it is wrong."""
        self._clearsign(_PROBE, fingerprint, passphrase)
        with self._lock:
            self._passphrases[fingerprint] = passphrase

    def _clearsign(self, text: bytes, fingerprint: str, passphrase: Secret | None) -> bytes:
        result = self._sign(text, fingerprint, passphrase)
        if result.status != 0 or not result.count()["SIG_CREATED"]:
            if _wants_passphrase(result):
                why = f"The passphrase of the key {fingerprint} is wrong or could not be asked for"
                raise PassphraseNeeded("Signing failed", why, remedies=("Unlock the key with its passphrase.",))
            raise SigningError("Signing failed", result.words or f"gpg ended with {result.status}")
        if signed_text(result.output) != text.removesuffix(b"\n"):
            raise SigningError("Signing failed", "gpg signed another text than it was given")
        return result.output

    def _sign(self, text: bytes, fingerprint: str, passphrase: Secret | None, *options: str) -> GpgAnswer:
        arguments = (*options, "--local-user", fingerprint, "--armor", "--output", "-", "--clearsign")
        return self._gpg.run(*arguments, data=text, passphrase=passphrase)

    def export_public(self, fingerprint: str) -> bytes:
        """The public key, ASCII-armored."""
        result = self._gpg.run("--armor", "--export", fingerprint)
        if result.status != 0 or not result.output:
            raise SigningError(f"Cannot export the public key {fingerprint}", result.words)
        return result.output

    def verify_clearsigned(self, data: bytes, allowed: Collection[str] = ()) -> bytes:
        """The signed text, as gpg read it, if `data` is one clearsigned message with a good signature of a known key,
        or of one of the keys that are `allowed`, by their full fingerprints.

        Raises BadSignature if it is not good, another SigningError if that cannot be told because the key is not known
        or GnuPG is not to be had. Refused besides bad signatures: anything around the message, more than one signature,
        expired, revoked and weak keys, expired signatures, weak hash functions.
        """
        result, facts = self._examine(data, allowed)
        if facts.state is not SignatureState.GOOD:
            unknown = facts.state is SignatureState.UNKNOWN_KEY
            raise (SigningError if unknown else BadSignature)("The signature is not good", facts.why)
        return result.output

    def signature(self, data: bytes, allowed: Collection[str] = ()) -> SignatureFacts:
        """What there is to say about the signature of a clearsigned message; nothing is raised."""
        try:
            return self._examine(data, allowed)[1]
        except SigningError as error:
            broken = not is_message(data)
            state = SignatureState.BAD if broken else SignatureState.UNCHECKED
            return SignatureFacts(state, why=error.why or error.title)

    def _examine(self, data: bytes, allowed: Collection[str]) -> tuple[GpgAnswer, SignatureFacts]:
        signed_text(data)
        result = self._gpg.run(
            "--lock-never", "--trust-model", "always", "--no-auto-check-trustdb", "--no-auto-key-retrieve",
            "--output", "-", "--verify", "-", data=data,
        )  # fmt: skip
        facts = _judged(result)
        if facts.state is SignatureState.GOOD:
            valid = result.first("VALIDSIG")
            if problem := self._weakness(valid[1]):
                facts = replace(facts, state=SignatureState.BAD, why=problem)
            elif allowed and facts.fingerprint not in allowed:
                why = f"the key {facts.fingerprint} is not one of those that may sign for this mirror"
                facts = replace(facts, state=SignatureState.OTHER_KEY, why=why)
        return result, facts

    def _weakness(self, fingerprint: str) -> str:
        with self._lock:
            known = self._weaknesses.get(fingerprint)
        if known is None:
            options = ("--lock-never", "--with-colons", "--fixed-list-mode", "--with-fingerprint", "--with-fingerprint")
            known = weakness(self._gpg.run(*options, "--list-keys", fingerprint).output, fingerprint)
            with self._lock:
                self._weaknesses[fingerprint] = known
        return known

    def _listed(self) -> list[Key]:
        result = self._gpg.run("--with-colons", "--fixed-list-mode", "--list-secret-keys")
        if result.status != 0:
            raise SigningError("Cannot list the keys for signing", result.words)
        return parse_keys(result.output)

    def _no_key(self, why: str) -> SigningError:
        remedies = ("Make a key with: spack gpg create NAME EMAIL", "Or push without signing")
        return SigningError("No default key available for signing", why, remedies=remedies)


class GpgSigner:
    """Signs with one key of one GnuPG home; a `Signer` of core.caches. Its methods raise SigningError."""

    def __init__(self, gnupg: Gnupg, fingerprint: str) -> None:
        self._gnupg = gnupg
        self.fingerprint = fingerprint

    def clearsign(self, text: bytes) -> bytes:
        return self._gnupg.clearsign(text, self.fingerprint)

    def public_key(self) -> bytes:
        return self._gnupg.export_public(self.fingerprint)


def _judged(result: GpgAnswer) -> SignatureFacts:
    """What gpg says of a signature. Words of VALIDSIG: fingerprint date timestamp expires version reserved
    key-algorithm hash-algorithm class primary-fingerprint (GnuPG's doc/DETAILS)."""
    counts = result.count()
    good, valid = result.first("GOODSIG"), result.first("VALIDSIG")
    problem = next((reason for keyword, reason in _SPOILED.items() if counts[keyword]), "")
    state = SignatureState.BAD
    if counts["NO_PUBKEY"] and not counts["BADSIG"]:
        key = result.first("NO_PUBKEY")
        state, problem = SignatureState.UNKNOWN_KEY, _SPOILED["NO_PUBKEY"]
        return SignatureFacts(state, fingerprint=key[1] if len(key) > 1 else "", why=problem)
    if problem:
        return SignatureFacts(state, why=problem)
    if result.status != 0 or [counts[word] for word in ("PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG")] != [1, 1, 1, 1]:
        return SignatureFacts(state, why=result.words or "there is not exactly one signature")
    if valid[8] in _WEAK_HASHES:
        problem = "it was made with a weak hash function"
    elif valid[9] != _TEXT_SIGNATURE:
        problem = "it is not a signature of a text"
    made_at = int(valid[3]) if valid[3].isdigit() else None
    owner = unquote(" ".join(good[2:]), errors="replace")
    state = SignatureState.BAD if problem else SignatureState.GOOD
    return SignatureFacts(state, valid[10], owner, made_at, problem)


def _wants_passphrase(result: GpgAnswer) -> bool:
    """Whether a FAILURE line (operation, code) says that a passphrase is what was lacking."""
    codes = [line[2] for line in result.status_lines if line[0] == "FAILURE" and len(line) > 2]
    return any(code.isdigit() and int(code) & _CODE_BITS in _PASSPHRASE_CODES for code in codes)
