# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keys of an instance: whom it trusts and what it can sign with.

Spack takes a signature of any key in its GnuPG home, so to trust a key is to import it, and to distrust it is to delete
it; it marks trusted keys as ultimately trusted besides. All methods block, may be called from any thread and raise
SigningError.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.foundation.errors import SigningError
from core.foundation.secret import Secret
from core.foundation.text import visible
from core.signing.gnupg_process import GnupgProcess, GpgAnswer
from core.signing.key_listing import Key, parse_keys

KEY_LIMIT_BYTES = 4 << 20
DEFAULT_COMMENT = "GPG created for Spack"
_EMAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+")
_EXPIRES = re.compile(r"0|never|none|[1-9][0-9]*[dwmy]?|seconds=[1-9][0-9]*|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{6})?")
_ULTIMATE = "6"


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key says about its owner; `expires` as gpg takes it: 0 (never), 2y, 2030-01-31."""

    name: str
    email: str
    comment: str = DEFAULT_COMMENT
    expires: str = "0"


class KeyStore:
    """The keys in the GnuPG home `home`, which is made when the first key comes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._gpg = GnupgProcess(home)

    def known(self) -> tuple[Key, ...]:
        """All keys, those that can sign marked so; none where there is no home."""
        if not self.home.is_dir():
            return ()
        public = self._list("--list-public-keys")
        secret = {key.fingerprint: key for key in self._list("--list-secret-keys")}
        return tuple(
            replace(key, secret=True, problem=key.problem or secret[key.fingerprint].problem)
            if key.fingerprint in secret
            else key
            for key in public
        )

    def create(self, wanted: NewKey, passphrase: Secret | None = None) -> Key:
        """Make a key as Spack does (RSA 4096, for signing only); without a passphrase anybody who can read the home can
        sign. Takes seconds. Raises SigningError for a name or date that gpg would misread."""
        _check(wanted)
        self._gpg.make_home()
        protection = "" if passphrase else "%no-protection\n"
        comment = f"Name-Comment: {wanted.comment}\n" if wanted.comment else ""
        parameters = (
            "Key-Type: rsa\nKey-Length: 4096\nKey-Usage: sign\n"
            f"Name-Real: {wanted.name}\nName-Email: {wanted.email}\n{comment}Expire-Date: {wanted.expires}\n"
            f"{protection}%commit\n"
        )
        answer = self._gpg.run("--gen-key", data=parameters.encode(), passphrase=passphrase)
        made = [line[2] for line in answer.status_lines if line[0] == "KEY_CREATED" and len(line) > 2]
        if answer.status != 0 or not made:
            raise _failed("The key was not made", answer)
        return next(key for key in self.known() if key.fingerprint == made[0])

    def look(self, data: bytes) -> tuple[Key, ...]:
        """The public keys in `data`, armored or not, without importing them."""
        _check_size(data)
        self._gpg.make_home()
        answer = self._gpg.run("--with-colons", "--fixed-list-mode", "--show-keys", data=data)
        found = tuple(parse_keys(answer.output))
        if not found:
            raise SigningError("This is not a public key", answer.words or "gpg finds no key in it")
        return found

    def trust(self, data: bytes) -> tuple[Key, ...]:
        """Import the public keys in `data` and mark them as ultimately trusted, as `spack gpg trust` does."""
        wanted = self.look(data)
        answer = self._gpg.run("--no-auto-check-trustdb", "--import", data=data)
        imported = answer.count()
        if not imported["IMPORT_OK"]:
            raise _failed("The key was not imported", answer)
        lines = "".join(f"{key.fingerprint}:{_ULTIMATE}:\n" for key in wanted)
        answer = self._gpg.run("--import-ownertrust", data=lines.encode())
        if answer.status != 0:
            raise _failed("The key was imported, but not marked as trusted", answer)
        known = {key.fingerprint: key for key in self.known()}
        return tuple(known[key.fingerprint] for key in wanted if key.fingerprint in known)

    def untrust(self, names: Sequence[str], *, signing: bool) -> tuple[Key, ...]:
        """Delete the keys named by fingerprint, its end or a part of the user id; with `signing` those that can sign
        too, for good. Gives what was deleted; nothing is unless all names are known and allowed."""
        chosen = self._named(names)
        own = [key for key in chosen if key.secret]
        if own and not signing:
            shown = ", ".join(f"{key.fingerprint} {key.user_id}" for key in own)
            raise SigningError(
                "No key was deleted",
                f"The secret half is here of: {shown}",
                remedies=("Export the secret key first, then delete it with --signing.",),
            )
        for key in own:
            self._delete("--delete-secret-keys", key)
        for key in chosen:
            self._delete("--delete-keys", key)
        return tuple(chosen)

    def export(self, names: Sequence[str], *, secret: bool, passphrase: Secret | None = None) -> bytes:
        """The keys named, ASCII-armored; without names those that can sign here, as Spack does."""
        chosen = self._named(names) if names else [key for key in self.known() if key.secret]
        if not chosen:
            raise SigningError("No key was exported", f"{self.home} holds no key that can sign")
        if secret and (lacking := [key.fingerprint for key in chosen if not key.secret]):
            raise SigningError("No key was exported", f"The secret half is not here of: {', '.join(lacking)}")
        command = "--export-secret-keys" if secret else "--export"
        fingerprints = [key.fingerprint for key in chosen]
        answer = self._gpg.run("--armor", command, *fingerprints, passphrase=passphrase)
        if answer.status != 0 or not answer.output:
            raise _failed("No key was exported", answer)
        return answer.output

    def listing(self, *, secret: bool) -> str:
        """gpg's own listing for people."""
        if not self.home.is_dir():
            return ""
        answer = self._gpg.run("--list-secret-keys" if secret else "--list-public-keys")
        if answer.status != 0:
            raise _failed("The keys could not be listed", answer)
        return answer.output.decode("utf-8", "replace")

    def _named(self, names: Sequence[str]) -> list[Key]:
        known = self.known()
        chosen: dict[str, Key] = {}
        for name in names:
            found = [key for key in known if key.answers_to(name)]
            if not found:
                raise SigningError("No such key", f"{self.home} holds no key {visible(name)!r}")
            chosen.update({key.fingerprint: key for key in found})
        return list(chosen.values())

    def _delete(self, command: str, key: Key) -> None:
        answer = self._gpg.run("--yes", command, key.fingerprint)
        if answer.status != 0:
            raise _failed(f"The key {key.fingerprint} was not deleted", answer)

    def _list(self, command: str) -> list[Key]:
        answer = self._gpg.run("--with-colons", "--fixed-list-mode", command)
        if answer.status != 0:
            raise _failed("The keys could not be listed", answer)
        return parse_keys(answer.output)


def _check(wanted: NewKey) -> None:
    """The parameters go to gpg line by line: nothing may end its line, or be taken for a part of the user id."""
    title = "The key was not made"
    for text in (wanted.name, wanted.email, wanted.comment):
        if visible(text) != text or set(text) & set("<>()"):
            raise SigningError(title, f"{visible(text)!r} has characters that cannot stand in the name of a key")
    if not wanted.name.strip():
        raise SigningError(title, "It needs a name")
    if not _EMAIL.fullmatch(wanted.email):
        raise SigningError(title, f"{wanted.email!r} is no email address")
    if not _EXPIRES.fullmatch(wanted.expires):
        raise SigningError(title, f"{wanted.expires!r} is no time of expiry: 0 (never), 90d, 2y or 2030-01-31")


def _check_size(data: bytes) -> None:
    if len(data) > KEY_LIMIT_BYTES:
        raise SigningError("This is not a public key", f"It is larger than {KEY_LIMIT_BYTES:,} bytes")


def _failed(title: str, answer: GpgAnswer) -> SigningError:
    return SigningError(title, answer.words or f"gpg ended with {answer.status}")
