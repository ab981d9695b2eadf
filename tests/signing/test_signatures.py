# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whose signatures count, and what is refused although gpg finds nothing wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home

from core.foundation.errors import BadSignature, SigningError
from core.foundation.secret import Secret
from core.signing.gpg import Gnupg
from core.signing.key_store import KeyStore, NewKey
from core.signing.signatures import SignatureState

TEXT = b'{\n"version":3,\n"data":[\n]\n}'
PASSPHRASE = Secret("not for anybody 5512")


@pytest.fixture(scope="module")
def home() -> Iterator[GnupgHome]:
    with gnupg_home() as made:
        yield made


@pytest.fixture
def gnupg(home: GnupgHome) -> Gnupg:
    return Gnupg(home.path)


@pytest.fixture(scope="module")
def keys(home: GnupgHome) -> dict[str, str]:
    return {name: home.make_key(name) for name in ("ours", "theirs")}


def test_t26_a_key_that_is_trusted_for_another_mirror_does_not_count(gnupg: Gnupg, keys: dict[str, str]) -> None:
    signed = gnupg.clearsign(TEXT, keys["theirs"])
    assert gnupg.verify_clearsigned(signed).rstrip(b"\n") == TEXT
    assert gnupg.verify_clearsigned(signed, [keys["ours"], keys["theirs"]]).rstrip(b"\n") == TEXT
    with pytest.raises(BadSignature, match=f"{keys['theirs']} is not one of those that may sign"):
        gnupg.verify_clearsigned(signed, [keys["ours"]])
    with pytest.raises(BadSignature):
        gnupg.verify_clearsigned(signed, [keys["theirs"][-16:]])  # only full fingerprints count


def test_what_is_said_of_each_signature(gnupg: Gnupg, keys: dict[str, str], tmp_path: Path) -> None:
    signed = gnupg.clearsign(TEXT, keys["ours"])
    good = gnupg.signature(signed)
    assert (good.state, good.fingerprint) == (SignatureState.GOOD, keys["ours"])
    assert good.owner == "ours <ours@example.invalid>"
    assert good.made_at is not None
    other = gnupg.signature(signed, [keys["theirs"]])
    assert (other.state, other.fingerprint, other.owner) == (SignatureState.OTHER_KEY, keys["ours"], good.owner)
    assert gnupg.signature(signed.replace(b"3", b"4", 1)).state is SignatureState.BAD
    assert gnupg.signature(b"text around\n" + signed).state is SignatureState.BAD
    (tmp_path / "empty").mkdir(mode=0o700)
    unknown = Gnupg(tmp_path / "empty").signature(signed)
    assert unknown.state is SignatureState.UNKNOWN_KEY
    assert unknown.fingerprint == keys["ours"][-16:]
    assert Gnupg(tmp_path / "none").signature(signed).state is SignatureState.UNCHECKED


@pytest.mark.parametrize(
    "change",
    [
        lambda message: message.replace(b'\n"version"', b'\n- "version"'),
        lambda message: message.replace(b"\n{", b"\n- {"),
        lambda message: message.replace(b"\n\n{", b"\n- \n\n{"),
        lambda message: message.replace(b"-----BEGIN PGP SIGNATURE-----", b"-----BEGIN PGP MESSAGE-----"),
        lambda message: message.replace(b"-----BEGIN PGP SIGNED", b" -----BEGIN PGP SIGNED"),
        lambda message: message.replace(b"\n{", b"\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n{"),
        lambda message: message.replace(b"-----END", b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END"),
        lambda message: message.replace(b"\n", b"\r"),
        lambda message: message[:-1] + b" \n",
        lambda message: message + b"\0",
        lambda message: message.decode().encode("utf-16"),
        lambda message: message.replace(b"\n\n", b"\nHash\n\n", 1),
    ],
)
def test_t28_odd_messages_are_refused(gnupg: Gnupg, keys: dict[str, str], change: Callable[[bytes], bytes]) -> None:
    signed = gnupg.clearsign(TEXT, keys["ours"])
    changed = change(signed)
    assert changed != signed
    with pytest.raises(SigningError):
        gnupg.verify_clearsigned(changed)


def test_t28_a_message_inside_a_message_is_refused(gnupg: Gnupg, keys: dict[str, str]) -> None:
    inner = gnupg.clearsign(b"{}", keys["theirs"])
    outer = gnupg.clearsign(inner, keys["ours"])  # gpg escapes every line with a dash
    assert gnupg.verify_clearsigned(outer).rstrip(b"\n") == inner.rstrip(b"\n")
    naked = outer.replace(b"\n- -----", b"\n-----")
    with pytest.raises(SigningError):
        gnupg.verify_clearsigned(naked)


def test_t28_binary_and_detached_signatures_are_refused(gnupg: Gnupg, home: GnupgHome, keys: dict[str, str]) -> None:
    for arguments in (("--sign",), ("--armor", "--sign"), ("--armor", "--detach-sign")):
        message = home.run("--local-user", keys["ours"], *arguments, data=TEXT)
        with pytest.raises(SigningError):
            gnupg.verify_clearsigned(message)


@pytest.mark.parametrize("algorithm", ["rsa1024", "dsa1024"])
def test_t30_weak_keys_are_refused(gnupg: Gnupg, home: GnupgHome, algorithm: str) -> None:
    weak = home.make_key(f"weak-{algorithm}", algorithm)
    signed = home.run("--local-user", weak, "--digest-algo", "SHA256", "--clearsign", data=TEXT)
    with pytest.raises(BadSignature, match=f"too weak \\({algorithm[:3].upper()} 1024\\)"):
        gnupg.verify_clearsigned(signed)
    assert gnupg.signature(signed).state is SignatureState.BAD


def test_t30_a_key_that_has_expired_since_is_refused(gnupg: Gnupg, home: GnupgHome) -> None:
    past = ("--faked-system-time", "20200101T000000")
    expired = home.make_key("expired", "ed25519", *past, expires="2020-06-01")
    signed = home.run(*past, "--local-user", f"{expired}!", "--clearsign", data=TEXT)
    with pytest.raises(BadSignature, match="has expired"):
        gnupg.verify_clearsigned(signed)


def test_a_locked_key_is_known_without_asking_anybody(home: GnupgHome, keys: dict[str, str]) -> None:
    locked = KeyStore(home.path).create(NewKey("Locked", "locked@example.invalid"), PASSPHRASE).fingerprint
    (home.path / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
    home.forget_passphrases()
    gnupg = Gnupg(home.path)
    assert not gnupg.is_locked(keys["ours"])
    assert gnupg.is_locked(locked)
    with pytest.raises(SigningError):
        gnupg.try_key(locked)
    gnupg.unlock(locked, PASSPHRASE)
    assert not gnupg.is_locked(locked)
    gnupg.try_key(locked)
