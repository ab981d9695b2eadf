# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.unprivileged import open_directory, run_unprivileged

from core.foundation.errors import SigningError
from core.signing import gnupg_process
from core.signing.clearsign import signed_text
from core.signing.gpg import Gnupg, GpgSigner

LAB_KEY = "A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8"
# Of a VALIDSIG line: made with SHA-512 over a text.
FIELDS = "F 2026-11-20 1 0 4 0 1 10 01 F"
TEXT = b'{\n"version":3,\n"data":[\n]\n}'


READ_ONLY = """
from pathlib import Path
from core.signing.gpg import Gnupg
home = Path(sys.argv[1])
print(Gnupg(home).verify_clearsigned((home / "manifest").read_bytes()).decode())
"""


class Home:
    """A throw-away GnuPG home with a short path: agents cannot make sockets below long ones."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))
        self.path.chmod(0o700)

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.path), "--batch", "--no-tty", "--quiet", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    def make_key(self, name: str, *options: str, expires: str = "never", usage: str = "sign") -> str:
        """The fingerprint of a new key without a passphrase."""
        before = self._fingerprints()
        user_id = f"{name} <{name}@example.invalid>"
        self.run(*options, "--passphrase", "", "--quick-generate-key", user_id, "ed25519", usage, expires)
        (made,) = self._fingerprints() - before
        return made

    def revoke(self, fingerprint: str) -> None:
        certificate = (self.path / f"openpgp-revocs.d/{fingerprint}.rev").read_text()
        self.run("--import", data=certificate.replace(":-----", "-----").encode())

    def close(self) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.path), "--kill", "all"], check=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def _fingerprints(self) -> set[str]:
        listing = self.run("--with-colons", "--list-keys").decode()
        return {line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")}


@pytest.fixture
def make_home(tool: Callable[[str], str]) -> Iterator[Callable[[], Home]]:
    tool("gpg")
    tool("gpgconf")
    homes: list[Home] = []

    def make() -> Home:
        homes.append(Home())
        return homes[-1]

    yield make
    for home in homes:
        home.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[Home, str]]:
    """A home with one key, for tests that only use it."""
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    home = Home()
    yield home, home.make_key("signer")
    home.close()


@pytest.fixture
def signed(lab: tuple[Home, str]) -> bytes:
    return Gnupg(lab[0].path).clearsign(TEXT, lab[1])


def test_the_mark_of_the_keys_changes_with_them(make_home: Callable[[], Home], tmp_path: Path) -> None:
    home = make_home()
    home.make_key("one")
    gnupg = Gnupg(home.path)
    before = gnupg.keys_mark()
    gnupg.clearsign(TEXT, gnupg.choose_key(None).fingerprint)
    assert gnupg.keys_mark() == before
    home.make_key("two")
    assert gnupg.keys_mark() != before
    assert Gnupg(tmp_path / "none").keys_mark() == ""


class TestSigning:
    def test_what_is_signed_can_be_verified(self, lab: tuple[Home, str], signed: bytes) -> None:
        assert signed.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA")
        assert signed_text(signed) == TEXT
        assert Gnupg(lab[0].path).verify_clearsigned(signed).rstrip(b"\n") == TEXT

    def test_the_signer_signs_and_exports(self, lab: tuple[Home, str]) -> None:
        signer = GpgSigner(Gnupg(lab[0].path), lab[1])
        assert signer.fingerprint == lab[1]
        assert signed_text(signer.clearsign(TEXT)) == TEXT
        assert signer.public_key().startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
        assert b"PRIVATE" not in signer.public_key()

    @pytest.mark.parametrize("text", [b"- dashed\n--\n-----BEGIN PGP SIGNATURE-----", b"", b"last line break\n"])
    def test_awkward_texts_survive(self, lab: tuple[Home, str], text: bytes) -> None:
        gnupg = Gnupg(lab[0].path)
        message = gnupg.clearsign(text, lab[1])
        assert signed_text(message) == text.removesuffix(b"\n")
        assert gnupg.verify_clearsigned(message).rstrip(b"\n") == text.rstrip(b"\n")

    @pytest.mark.parametrize("text", [b"x" * 10_001, b"a\r\nb", b"a\0b"])
    def test_texts_that_would_change_are_refused(self, lab: tuple[Home, str], text: bytes) -> None:
        with pytest.raises(SigningError, match="cannot be signed"):
            Gnupg(lab[0].path).clearsign(text, lab[1])

    def test_an_unknown_key_is_named_by_gpg(self, lab: tuple[Home, str]) -> None:
        with pytest.raises(SigningError, match="gpg"):
            Gnupg(lab[0].path).clearsign(TEXT, LAB_KEY)
        with pytest.raises(SigningError, match=LAB_KEY):
            Gnupg(lab[0].path).export_public(LAB_KEY)

    def test_another_text_than_given_is_noticed(
        self, lab: tuple[Home, str], signed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "message").write_bytes(signed)
        fake_gpg(tmp_path, monkeypatch, f"say SIG_CREATED; cat {tmp_path}/message")
        with pytest.raises(SigningError, match="another text"):
            Gnupg(lab[0].path).clearsign(b"what was meant", lab[1])


class TestChoosingKeys:
    def test_the_only_key_is_the_default(self, lab: tuple[Home, str]) -> None:
        gnupg = Gnupg(lab[0].path)
        (key,) = gnupg.secret_keys()
        assert (key.fingerprint, key.user_id, key.expires) == (lab[1], "signer <signer@example.invalid>", None)
        for requested in (None, "", lab[1], lab[1].lower(), lab[1][-16:], f"0x{lab[1][-8:]}", "signer@example.invalid"):
            assert gnupg.choose_key(requested) == key
        with pytest.raises(SigningError, match="no secret key 'someone'"):
            gnupg.choose_key("someone")

    def test_none_or_several_are_an_error(self, make_home: Callable[[], Home]) -> None:
        home = make_home()
        gnupg = Gnupg(home.path)
        with pytest.raises(SigningError) as caught:
            gnupg.choose_key(None)
        assert caught.value.title == "No default key available for signing"
        assert any("spack gpg create" in remedy for remedy in caught.value.remedies)
        keys = [home.make_key("one"), home.make_key("two")]
        with pytest.raises(SigningError) as caught:
            gnupg.choose_key(None)
        assert caught.value.title == "Multiple keys available for signing"
        assert all(key in caught.value.why for key in keys)
        assert gnupg.choose_key("two").fingerprint == keys[1]

    def test_t30_keys_that_cannot_sign_are_left_out(self, make_home: Callable[[], Home]) -> None:
        home = make_home()
        gnupg = Gnupg(home.path)
        expired = home.make_key("expired", "--faked-system-time", "20200101T000000", expires="2020-06-01")
        revoked = home.make_key("revoked")
        home.revoke(revoked)
        certifies = home.make_key("certifies", usage="cert")
        good = home.make_key("good", expires="2y")
        (key,) = gnupg.secret_keys()
        assert key.fingerprint == good
        assert key.expires is not None
        assert gnupg.choose_key(None).fingerprint == good
        for fingerprint, reason in (
            (expired, "has expired"),
            (revoked, "was revoked"),
            (certifies, "cannot sign here"),
        ):
            with pytest.raises(SigningError, match=f"{fingerprint}.*{reason}"):
                gnupg.choose_key(fingerprint)

    def test_user_ids_with_colons_are_read(self, make_home: Callable[[], Home]) -> None:
        home = make_home()
        home.make_key("a:b")
        assert Gnupg(home.path).secret_keys()[0].user_id == "a:b <a:b@example.invalid>"


class TestVerifying:
    def test_spacks_own_signatures(self, golden: Path, make_home: Callable[[], Home]) -> None:
        home = make_home()
        home.run("--import", str(golden / "keys/lab-public.asc"))
        manifests = list((golden / "mirrors/signed/v3/manifests/spec").rglob("*.json"))
        assert len(manifests) == 20
        for path in manifests[:3]:
            data = path.read_bytes()
            assert Gnupg(home.path).verify_clearsigned(data).rstrip(b"\n") == signed_text(data)

    def test_a_key_that_is_not_known(self, golden: Path, lab: tuple[Home, str]) -> None:
        manifest = next((golden / "mirrors/signed/v3/manifests/spec").rglob("*.json"))
        with pytest.raises(SigningError, match="not in the keyring"):
            Gnupg(lab[0].path).verify_clearsigned(manifest.read_bytes())

    def test_a_home_one_may_only_read(self, golden: Path, tool: Callable[[str], str]) -> None:
        tool("gpg")
        manifest = next((golden / "mirrors/signed/v3/manifests/spec").rglob("*.json"))
        with open_directory() as place:
            keys = str(golden / "keys/lab-public.asc")
            subprocess.run(["gpg", "--homedir", str(place), "--batch", "--quiet", "--import", keys], check=True)
            shutil.copy(manifest, place / "manifest")
            for path in place.iterdir():
                path.chmod(0o755 if path.is_dir() else 0o644)
            place.chmod(0o555)
            if os.geteuid() == 0:
                os.chown(place, 0, 0)
            told = run_unprivileged(READ_ONLY, place, modules=("core.signing.gpg",))
        assert told.encode().rstrip(b"\n") == signed_text(manifest.read_bytes())

    @pytest.mark.parametrize(
        "change",
        [
            lambda message: message.replace(b'"version":3', b'"version":4'),
            lambda message: b"text before\n" + message,
            lambda message: b"\n" + message,
            lambda message: message + b"text after\n",
            lambda message: message + b"\n",
            lambda message: message + message,
            lambda message: b"\xef\xbb\xbf" + message,
            lambda message: message.replace(b"\n", b"\r\n"),
            lambda message: message.replace(b"3,\n", b"3,\r\n"),
            lambda message: message.replace(b"3,", b"3,\0"),
            lambda message: message.replace(b"3,", b"3," + b" " * 20_000),
            lambda message: message.replace(b"Hash: ", b"NotDashEscaped: yes\nHash: "),
            lambda message: message.replace(b"Hash: ", b"Hash: MD5\nComment: "),
            lambda message: message.replace(b"\n\n{", b"\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{"),
            lambda message: message.replace(b"-----END PGP SIGNATURE-----\n", b""),
            lambda message: message[: len(message) // 2],
            lambda message: TEXT,
            lambda message: b"",
        ],
    )
    def test_t28_anything_but_one_plain_message_is_refused(
        self, lab: tuple[Home, str], signed: bytes, change: Callable[[bytes], bytes]
    ) -> None:
        changed = change(signed)
        assert changed != signed
        with pytest.raises(SigningError):
            Gnupg(lab[0].path).verify_clearsigned(changed)

    def test_t28_two_signatures_are_refused(self, make_home: Callable[[], Home]) -> None:
        home = make_home()
        users = [argument for name in ("one", "two") for argument in ("--local-user", home.make_key(name))]
        message = home.run(*users, "--clearsign", data=TEXT)
        assert signed_text(message) == TEXT
        with pytest.raises(SigningError):
            Gnupg(home.path).verify_clearsigned(message)

    def test_t28_a_signature_of_other_data_is_refused(self, lab: tuple[Home, str], signed: bytes) -> None:
        detached = lab[0].run("--armor", "--detach-sign", data=TEXT)
        head = signed[: signed.index(b"-----BEGIN PGP SIGNATURE-----")]
        with pytest.raises(SigningError):
            Gnupg(lab[0].path).verify_clearsigned(head + detached)

    def test_t30_revoked_keys_and_weak_hashes_are_refused(self, make_home: Callable[[], Home]) -> None:
        home = make_home()
        key = home.make_key("one")
        weak = home.run("--digest-algo", "SHA1", "--clearsign", data=TEXT)
        with pytest.raises(SigningError):
            Gnupg(home.path).verify_clearsigned(weak)
        good = Gnupg(home.path).clearsign(TEXT, key)
        home.revoke(key)
        with pytest.raises(SigningError, match="revoked"):
            Gnupg(home.path).verify_clearsigned(good)

    @pytest.mark.parametrize(
        ("status", "told"),
        [
            (0, []),
            (0, ["GOODSIG", "VALIDSIG"]),
            (0, ["PLAINTEXT", "NEWSIG", "GOODSIG"]),
            (0, ["PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG", "EXPKEYSIG"]),
            (0, ["PLAINTEXT", "NEWSIG", "NEWSIG", "GOODSIG", "GOODSIG", "VALIDSIG", "VALIDSIG"]),
            (1, ["PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG"]),
            (2, []),
        ],
    )
    def test_gpgs_words_and_status_must_both_be_right(
        self,
        lab: tuple[Home, str],
        signed: bytes,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        status: int,
        told: list[str],
    ) -> None:
        fake_gpg(
            tmp_path, monkeypatch, "".join(f"say {word} {FIELDS}; " for word in told) + f"echo text; exit {status}"
        )
        with pytest.raises(SigningError, match="The signature is not good"):
            Gnupg(lab[0].path).verify_clearsigned(signed)

    def test_the_text_comes_from_gpg(
        self, lab: tuple[Home, str], signed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = "".join(f"say {word} {FIELDS}; " for word in ("PLAINTEXT", "NEWSIG", "GOODSIG", "VALIDSIG"))
        fake_gpg(tmp_path, monkeypatch, f"{lines} echo what gpg read")
        assert Gnupg(lab[0].path).verify_clearsigned(signed) == b"what gpg read\n"


def fake_gpg(place: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A gpg that runs `script`, in which `say` writes a status line."""
    bin_directory = place / "bin"
    bin_directory.mkdir()
    program = bin_directory / "gpg2"
    program.write_text(
        "#!/bin/sh\ncat > /dev/null\n"
        'while [ "$1" != --status-fd ]; do shift; done\nstatus=$2\n'
        'say() { echo "[GNUPG:] $*" >> /dev/fd/$status; }\n'
        f"{script}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_directory}:{os.environ['PATH']}")


class TestWithoutGnupg:
    def test_no_program(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SigningError, match="neither gpg2 nor gpg") as caught:
            Gnupg(tmp_path).secret_keys()
        assert caught.value.remedies

    def test_no_home(self, tmp_path: Path) -> None:
        with pytest.raises(SigningError, match=str(tmp_path / "gpg")) as caught:
            Gnupg(tmp_path / "gpg").choose_key(None)
        assert caught.value.remedies
        assert not (tmp_path / "gpg").exists()

    def test_a_program_that_never_answers(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fake_gpg(tmp_path, monkeypatch, "exec sleep 30")
        monkeypatch.setattr(gnupg_process, "TIMEOUT_S", 0.2)
        with pytest.raises(SigningError, match="did not answer"):
            Gnupg(tmp_path).secret_keys()

    def test_t18_its_words_are_english_and_nothing_secret_is_passed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        monkeypatch.setenv("LANGUAGE", "de")
        monkeypatch.setenv("LAB_TOKEN", "c4nary")
        fake_gpg(tmp_path, monkeypatch, f"env > {tmp_path}/env; tr '\\0' ' ' < /proc/$$/cmdline > {tmp_path}/arguments")
        Gnupg(tmp_path).secret_keys()
        told = (tmp_path / "env").read_text().splitlines()
        assert "LC_ALL=C" in told
        assert "c4nary" not in "".join(told)
        assert "LANGUAGE=C" in told
        arguments = (tmp_path / "arguments").read_text()
        assert "--batch --no-tty" in arguments
        assert "passphrase" not in arguments
