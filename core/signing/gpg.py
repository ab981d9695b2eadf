# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing and checking with the GnuPG home of an instance, by running gpg.

GnuPG's agent asks for passphrases itself where it can; one that was given with `unlock` is kept in memory only. All
methods block, for at most two minutes, may be called from any thread and raise SigningError.
"""

from __future__ import annotations

import threading
from pathlib import Path

from core.foundation.errors import BadSignature, PassphraseNeeded, SigningError
from core.foundation.secret import Secret
from core.signing.clearsign import check_lines, signed_text
from core.signing.gnupg_process import GnupgProcess, GpgAnswer
from core.signing.key_listing import Key, parse_keys

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
# Codes of libgpg-error: bad passphrase, no pinentry, cancelled, no passphrase; ENOTTY of a pinentry without terminal.
_PASSPHRASE_CODES = (11, 85, 99, 177, 32793)
_CODE_BITS = 0xFFFF
_PROBE = b"A text that is signed to try a key."


class Gnupg:
    """The GnuPG home directory `home`. It is never created or configured here."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._gpg = GnupgProcess(home)
        self._lock = threading.Lock()
        self._passphrases: dict[str, Secret] = {}

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

    def unlock(self, fingerprint: str, passphrase: Secret) -> None:
        """Use `passphrase` for a key from now on, until this process ends, after a text was signed with it. Raises
        PassphraseNeeded if it is wrong."""
        self._clearsign(_PROBE, fingerprint, passphrase)
        with self._lock:
            self._passphrases[fingerprint] = passphrase

    def _clearsign(self, text: bytes, fingerprint: str, passphrase: Secret | None) -> bytes:
        result = self._gpg.run(
            "--local-user", fingerprint, "--armor", "--output", "-", "--clearsign", data=text, passphrase=passphrase
        )
        if result.status != 0 or not result.count()["SIG_CREATED"]:
            if _wants_passphrase(result):
                why = f"The passphrase of the key {fingerprint} is wrong or could not be asked for"
                raise PassphraseNeeded("Signing failed", why, remedies=("Unlock the key with its passphrase.",))
            raise SigningError("Signing failed", result.words or f"gpg ended with {result.status}")
        if signed_text(result.output) != text.removesuffix(b"\n"):
            raise SigningError("Signing failed", "gpg signed another text than it was given")
        return result.output

    def export_public(self, fingerprint: str) -> bytes:
        """The public key, ASCII-armored."""
        result = self._gpg.run("--armor", "--export", fingerprint)
        if result.status != 0 or not result.output:
            raise SigningError(f"Cannot export the public key {fingerprint}", result.words)
        return result.output

    def verify_clearsigned(self, data: bytes) -> bytes:
        """The signed text, as gpg read it, if `data` is one clearsigned message with a good signature of a known key.

        Raises BadSignature if it is not good, another SigningError if that cannot be told because the key is not known
        or GnuPG is not to be had. Refused besides bad signatures: anything around the message, more than one signature,
        expired or revoked keys and signatures, weak hash functions.
        """
        signed_text(data)
        result = self._gpg.run(
            "--lock-never", "--trust-model", "always", "--no-auto-check-trustdb", "--no-auto-key-retrieve",
            "--output", "-", "--verify", "-", data=data,
        )  # fmt: skip
        problem = _verdict(result)
        if problem:
            unknown = problem == _SPOILED["NO_PUBKEY"]
            raise (SigningError if unknown else BadSignature)("The signature is not good", problem)
        return result.output

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


def _verdict(result: GpgAnswer) -> str:
    """What is wrong with a signature, empty if nothing is."""
    counts = result.count()
    for keyword, reason in _SPOILED.items():
        if counts[keyword]:
            return reason
    if result.status != 0 or [counts[word] for word in ("PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG")] != [1, 1, 1, 1]:
        return result.words or "there is not exactly one signature"
    # VALIDSIG fingerprint date timestamp expires version reserved key-algorithm hash-algorithm class primary
    # (GnuPG's doc/DETAILS).
    valid = next(line for line in result.status_lines if line[0] == "VALIDSIG")
    if valid[8] in _WEAK_HASHES:
        return "it was made with a weak hash function"
    if valid[9] != _TEXT_SIGNATURE:
        return "it is not a signature of a text"
    return ""


def _wants_passphrase(result: GpgAnswer) -> bool:
    """Whether a FAILURE line (operation, code) says that a passphrase is what was lacking."""
    codes = [line[2] for line in result.status_lines if line[0] == "FAILURE" and len(line) > 2]
    return any(code.isdigit() and int(code) & _CODE_BITS in _PASSPHRASE_CODES for code in codes)
