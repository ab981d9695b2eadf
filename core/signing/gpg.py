# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing and checking with the GnuPG home of an instance, by running gpg.

No passphrase ever passes through here: GnuPG's agent asks for one itself where a key has one. All methods block, for at
most two minutes, may be called from any thread and raise SigningError.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from core.foundation.errors import SigningError
from core.signing.clearsign import check_lines, signed_text

_TIMEOUT_S = 120
_COMMANDS = ("gpg2", "gpg")
_PREFIX = "[GNUPG:] "
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
_UNUSABLE = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is not valid", "n": "is not valid"}


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that can sign. `fingerprint` is upper-case hex, `expires` in unix seconds, None for never."""

    fingerprint: str
    user_id: str
    expires: int | None


@dataclass(frozen=True, slots=True)
class _Listed:
    """A key as listed, usable or not; `problem` is empty or continues "The key …"."""

    key: SecretKey
    problem: str

    def answers_to(self, wanted: str) -> bool:
        """Whether `wanted` is (the end of) the fingerprint or a part of the user id."""
        tail = wanted.upper().removeprefix("0X").replace(" ", "")
        if re.fullmatch(r"[0-9A-F]{8,}", tail) and self.key.fingerprint.endswith(tail):
            return True
        return wanted.casefold() in self.key.user_id.casefold()


@dataclass(frozen=True, slots=True)
class _Result:
    status: int
    output: bytes
    status_lines: tuple[list[str], ...]
    words: str  # what gpg told people

    def count(self) -> Counter[str]:
        return Counter(line[0] for line in self.status_lines)


class Gnupg:
    """The GnuPG home directory `home`. It is never created or configured here."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def secret_keys(self) -> tuple[SecretKey, ...]:
        """Keys that can sign now, in gpg's order; not the expired, revoked and disabled ones."""
        return tuple(listed.key for listed in self._listed() if not listed.problem)

    def choose_key(self, requested: str | None) -> SecretKey:
        """The key named by `requested` (fingerprint, its end, or a part of the user id), else the only one there is."""
        listed = self._listed()
        found = [one for one in listed if one.answers_to(requested)] if requested else listed
        usable = [one.key for one in found if not one.problem]
        if len(usable) == 1:
            return usable[0]
        if usable:
            names = "; ".join(f"{key.fingerprint} {key.user_id}" for key in usable)
            raise SigningError("Multiple keys available for signing", names, remedies=("Name one of them with --key",))
        if found:
            reasons = "; ".join(f"The key {one.key.fingerprint} {one.key.user_id} {one.problem}" for one in found)
            raise SigningError("No key available for signing", reasons)
        if requested:
            raise SigningError("No such key for signing", f"{self.home} holds no secret key {requested!r}")
        raise self._no_key(f"{self.home} holds no secret key")

    def clearsign(self, text: bytes, fingerprint: str) -> bytes:
        """`text` as a clearsigned message that is known to hold exactly this text."""
        check_lines(text)
        result = self._run("--local-user", fingerprint, "--armor", "--output", "-", "--clearsign", data=text)
        if result.status != 0 or not result.count()["SIG_CREATED"]:
            raise SigningError("Signing failed", result.words or f"gpg ended with {result.status}")
        if signed_text(result.output) != text.removesuffix(b"\n"):
            raise SigningError("Signing failed", "gpg signed another text than it was given")
        return result.output

    def export_public(self, fingerprint: str) -> bytes:
        """The public key, ASCII-armored."""
        result = self._run("--armor", "--export", fingerprint)
        if result.status != 0 or not result.output:
            raise SigningError(f"Cannot export the public key {fingerprint}", result.words)
        return result.output

    def verify_clearsigned(self, data: bytes) -> bytes:
        """The signed text, as gpg read it, if `data` is one clearsigned message with a good signature of a known key.

        Refused besides bad signatures: anything around the message, more than one signature, expired or revoked keys
        and signatures, weak hash functions.
        """
        signed_text(data)
        result = self._run(
            "--lock-never", "--trust-model", "always", "--no-auto-check-trustdb", "--no-auto-key-retrieve",
            "--output", "-", "--verify", "-", data=data,
        )  # fmt: skip
        problem = _verdict(result)
        if problem:
            raise SigningError("The signature is not good", problem)
        return result.output

    def _listed(self) -> list[_Listed]:
        result = self._run("--with-colons", "--fixed-list-mode", "--list-secret-keys")
        if result.status != 0:
            raise SigningError("Cannot list the keys for signing", result.words)
        return _parse_keys(result.output.decode("utf-8", "replace"))

    def _run(self, *arguments: str, data: bytes = b"") -> _Result:
        if not self.home.is_dir():
            raise self._no_key(f"There is no GnuPG home {self.home}")
        command = next((found for name in _COMMANDS if (found := shutil.which(name))), None)
        if command is None:
            remedy = "Install GnuPG 2 (the command gpg2 or gpg), or push without signing"
            raise SigningError("GnuPG was not found", "There is neither gpg2 nor gpg on PATH", remedies=(remedy,))
        # A file takes any amount of status lines; a pipe nobody empties would stop gpg.
        with tempfile.TemporaryFile() as status:
            fixed = ["--homedir", str(self.home), "--batch", "--no-tty", "--status-fd", str(status.fileno())]
            try:
                done = subprocess.run(
                    [command, *fixed, *arguments],
                    input=data,
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                    pass_fds=(status.fileno(),),
                    env={**os.environ, "LC_ALL": "C", "LANGUAGE": "C"},
                )
            except subprocess.TimeoutExpired as error:
                raise SigningError("GnuPG did not answer", f"{command} ran for {_TIMEOUT_S} s") from error
            except OSError as error:
                raise SigningError("GnuPG cannot be run", f"{command}: {error.strerror}") from error
            status.seek(0)
            lines = status.read().decode("utf-8", "replace").split("\n")
        told = tuple(line.removeprefix(_PREFIX).split(" ") for line in lines if line.startswith(_PREFIX))
        return _Result(done.returncode, done.stdout, told, done.stderr.decode("utf-8", "replace").strip())

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


def _verdict(result: _Result) -> str:
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


def _parse_keys(listing: str) -> list[_Listed]:
    """Keys of a `--with-colons` listing; the fields are numbered in GnuPG's doc/DETAILS, from 1."""
    blocks: list[list[list[str]]] = []
    for line in listing.splitlines():
        fields = line.split(":")
        if fields[0] == "sec":
            blocks.append([])
        if blocks:
            blocks[-1].append(fields)
    return [_parse_key(block) for block in blocks]


def _parse_key(block: list[list[str]]) -> _Listed:
    primary = block[0]
    fingerprint = next((fields[9] for fields in block if fields[0] == "fpr"), primary[4])
    user_id = next((_unescape(fields[9]) for fields in block if fields[0] == "uid" and fields[1] not in _UNUSABLE), "")
    key = SecretKey(fingerprint, user_id, int(primary[6]) if primary[6] else None)
    can_sign = any(
        "s" in fields[11] and fields[1] not in _UNUSABLE and fields[14] != "#"
        for fields in block
        if fields[0] in ("sec", "ssb")
    )
    problem = _UNUSABLE.get(primary[1], "" if can_sign else "cannot sign here")
    return _Listed(key, problem)


def _unescape(text: str) -> str:
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
