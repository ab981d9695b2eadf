# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys as people handle them: made, trusted, deleted, exported, with and without passphrases."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.foundation.errors import PassphraseNeeded, SigningError
from core.foundation.secret import Secret
from core.signing.gpg import Gnupg
from core.signing.key_store import KeyStore, NewKey

PASSPHRASE = Secret("a passphrase nobody may see 7261")


@pytest.fixture
def place(tool: Callable[[str], str]) -> Iterator[Path]:
    """A directory with a short path: agents cannot make sockets below long ones."""
    tool("gpg")
    made = Path(tempfile.mkdtemp(prefix="ks-", dir="/tmp"))
    yield made
    for home in made.iterdir():
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def store(place: Path) -> KeyStore:
    return KeyStore(place / "home")


@pytest.fixture(scope="module")
def public_key(request: pytest.FixtureRequest) -> bytes:
    data: Path = request.getfixturevalue("golden")
    return (data / "keys/lab-public.asc").read_bytes()


def test_a_home_that_does_not_exist_has_no_keys_and_is_not_made(store: KeyStore) -> None:
    assert store.known() == ()
    assert store.listing(secret=False) == ""
    assert not store.home.exists()


def test_a_new_key_signs_and_its_home_is_private(store: KeyStore) -> None:
    key = store.create(NewKey("Ann", "ann@example.invalid", expires="2y"))
    assert (key.algorithm, key.secret, key.trust, key.problem) == ("RSA 4096", True, "ultimate", "")
    assert key.user_id == "Ann (GPG created for Spack) <ann@example.invalid>"
    assert key.created is not None
    assert key.expires is not None
    assert 729 <= (key.expires - key.created) / 86_400 <= 732
    assert stat.S_IMODE(store.home.stat().st_mode) == 0o700
    assert store.known() == (key,)
    assert Gnupg(store.home).choose_key(None).fingerprint == key.fingerprint
    signed = Gnupg(store.home).clearsign(b"text", key.fingerprint)
    assert Gnupg(store.home).verify_clearsigned(signed).rstrip(b"\n") == b"text"
    assert key.fingerprint in store.listing(secret=True)


@pytest.mark.parametrize(
    "wanted",
    [
        NewKey("", "a@example.invalid"),
        NewKey("A\n%commit", "a@example.invalid"),
        NewKey("A", "a"),
        NewKey("A", "a@example.invalid\nKey-Usage: auth"),
        NewKey("A", "a@example.invalid", comment="x) <evil@example.invalid> ("),
        NewKey("A", "a@example.invalid", expires="0\n%no-ask-passphrase"),
        NewKey("A", "a@example.invalid", expires="some day"),
    ],
)
def test_what_gpg_would_misread_makes_no_key(store: KeyStore, wanted: NewKey) -> None:
    with pytest.raises(SigningError, match="The key was not made"):
        store.create(wanted)
    assert store.known() == ()


PINENTRY = """#!/bin/sh
echo OK
while read -r line; do
  case $line in
    GETPIN*) echo "ERR {code} no" ;;
    *) echo OK ;;
  esac
done
"""


@pytest.mark.parametrize("code", [83918950, 83886381, 83886179])
def test_a_pinentry_that_cannot_ask_means_a_locked_key(store: KeyStore, code: int) -> None:
    """One for terminals without a terminal, or with too small a one; or a person who does not want to say."""
    key = store.create(NewKey("Bob", "bob@example.invalid"), PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(store.home), "--kill", "all"], check=True)  # it remembers
    program = store.home / "pinentry"
    program.write_text(PINENTRY.format(code=code))
    program.chmod(0o700)
    (store.home / "gpg-agent.conf").write_text(f"pinentry-program {program}\n")
    with pytest.raises(PassphraseNeeded):
        Gnupg(store.home).try_key(key.fingerprint)


def test_a_protected_key_signs_only_once_it_is_unlocked(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = store.create(NewKey("Bob", "bob@example.invalid"), PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(store.home), "--kill", "all"], check=True)  # it remembers
    (store.home / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
    gnupg = Gnupg(store.home)
    with pytest.raises(PassphraseNeeded, match="Signing failed"):
        gnupg.clearsign(b"text", key.fingerprint)
    with pytest.raises(PassphraseNeeded, match="is wrong"):
        gnupg.unlock(key.fingerprint, Secret("another"))
    gnupg.unlock(key.fingerprint, PASSPHRASE)
    subprocess.run(["gpgconf", "--homedir", str(store.home), "--kill", "all"], check=True)
    signed = gnupg.clearsign(b"text", key.fingerprint)
    assert gnupg.verify_clearsigned(signed).rstrip(b"\n") == b"text"
    assert PASSPHRASE.reveal() not in repr(vars(gnupg))


def test_trusting_a_key_imports_it_as_ultimately_trusted(store: KeyStore, public_key: bytes) -> None:
    (seen,) = store.look(public_key)
    assert store.known() == ()
    (trusted,) = store.trust(public_key)
    assert (trusted.fingerprint, trusted.trust, trusted.secret) == (seen.fingerprint, "ultimate", False)
    assert store.trust(public_key) == (trusted,)
    assert store.known() == (trusted,)


@pytest.mark.parametrize("data", [b"", b"no key", b"x" * (4 << 20) + b"x"])
def test_what_is_no_key_is_not_trusted(store: KeyStore, data: bytes) -> None:
    with pytest.raises(SigningError, match="This is not a public key"):
        store.trust(data)
    assert store.known() == ()


def test_a_key_that_can_sign_is_deleted_only_when_told_so(store: KeyStore, public_key: bytes) -> None:
    own = store.create(NewKey("Ann", "ann@example.invalid"))
    (other,) = store.trust(public_key)
    with pytest.raises(SigningError, match="No key was deleted"):
        store.untrust([other.fingerprint, "ann@example"], signing=False)
    assert {key.fingerprint for key in store.known()} == {own.fingerprint, other.fingerprint}
    with pytest.raises(SigningError, match="No such key"):
        store.untrust([other.fingerprint, "nobody"], signing=True)
    assert [key.fingerprint for key in store.untrust([other.fingerprint[-16:]], signing=False)] == [other.fingerprint]
    store.untrust([own.fingerprint], signing=True)
    assert store.known() == ()


def test_exported_keys_can_be_taken_in_elsewhere(store: KeyStore, place: Path, public_key: bytes) -> None:
    own = store.create(NewKey("Ann", "ann@example.invalid"))
    (foreign,) = store.trust(public_key)
    elsewhere = KeyStore(place / "other")
    assert [key.fingerprint for key in elsewhere.trust(store.export([], secret=False))] == [own.fingerprint]
    assert elsewhere.export([own.fingerprint], secret=False).startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert store.export([], secret=True).startswith(b"-----BEGIN PGP PRIVATE KEY BLOCK-----")
    with pytest.raises(SigningError, match="secret half is not here"):
        store.export([foreign.fingerprint], secret=True)
    with pytest.raises(SigningError, match="no key that can sign"):
        elsewhere.export([], secret=False)
