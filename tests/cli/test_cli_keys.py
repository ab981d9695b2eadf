# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`gpg …`, `buildcache keys`, `buildcache sign`, run in this process on a sample instance."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home

from core.cli.main import main
from core.services.sample import make_sample_instance

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[GnupgHome]:
    with gnupg_home() as made:
        monkeypatch.setenv("SPACK_GNUPGHOME", str(made.path))
        yield made


@pytest.fixture
def run(
    sample: Path, home: GnupgHome, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run a command in `tmp_path`; gives (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["--instance", str(sample), "--no-env", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def public(home: GnupgHome, tmp_path: Path) -> tuple[str, Path]:
    """Somebody else's key."""
    with gnupg_home() as other:
        fingerprint = other.make_key("somebody")
        file = tmp_path / "somebody.asc"
        file.write_bytes(other.public(fingerprint))
    return fingerprint, file


def listed(run: Run) -> dict[str, dict[str, object]]:
    return {key["fingerprint"]: key for key in json.loads(run("--json", "gpg", "list")[1])["keys"]}


def test_a_key_is_made_exported_and_deleted(run: Run, tmp_path: Path) -> None:
    options = ("--expires", "2y", "--export", "public.asc", "--export-secret", "secret.asc")
    status, out, err = run("gpg", "create", *options, "Ann", "ann@example.invalid")
    assert (status, out) == (0, "")
    ((fingerprint, key),) = listed(run).items()
    assert f"==> Created {fingerprint} Ann (GPG created for Spack) <ann@example.invalid>\n" in err
    assert (key["algorithm"], key["secret"], key["trust"]) == ("RSA 4096", True, "ultimate")
    assert b"PUBLIC KEY BLOCK" in (tmp_path / "public.asc").read_bytes()
    assert stat.S_IMODE((tmp_path / "secret.asc").stat().st_mode) == 0o600
    status, out, _ = run("gpg", "list", "--signing")
    assert (out.count("pub   rsa4096"), out.count("sec   rsa4096")) == (1, 1)
    assert run("gpg", "untrust", "ann@example")[0] == 1
    assert run("gpg", "untrust", "--signing", "ann@example")[0] == 0
    assert listed(run) == {}


def test_keys_from_a_file_are_trusted_as_spack_does(run: Run, public: tuple[str, Path]) -> None:
    fingerprint, file = public
    status, _, err = run("gpg", "trust", file)
    assert (status, err) == (0, f"==> Trusted {fingerprint} somebody <somebody@example.invalid>\n")
    assert listed(run)[fingerprint]["trust"] == "ultimate"
    assert run("gpg", "trust", "nowhere.asc")[0] == 1
    assert run("gpg", "init")[0] == 0


def test_published_keys_are_found_only_when_they_are_listed(
    run: Run, public: tuple[str, Path], home: GnupgHome
) -> None:
    fingerprint, file = public
    run("gpg", "trust", file)
    status, _, err = run("gpg", "publish", "-d", "cache")
    assert status == 0
    assert "Nobody finds them yet" in err
    assert run("mirror", "add", "--scope", "site", "cache", "./cache")[0] == 0
    try:
        status, out, err = run("buildcache", "keys")
        assert (status, out) == (0, "")
        assert f"cache: {fingerprint} is not in the list of keys" in err
        assert run("gpg", "publish", "-m", "cache", "--update-index", fingerprint)[0] == 0
        run("gpg", "untrust", fingerprint)
        line = f"cache: {fingerprint} somebody <somebody@example.invalid>"
        assert run("buildcache", "keys")[1] == f"{line}\n"
        status, _, err = run("buildcache", "keys", "-i")
        assert (status, "Use -t" in err) == (0, True)
        assert listed(run) == {}
        assert run("buildcache", "keys", "-i", "-t", "-f")[0] == 0
        assert list(listed(run)) == [fingerprint]
        assert run("buildcache", "keys")[1] == f"{line} (trusted)\n"
    finally:
        run("mirror", "remove", "--scope", "site", "cache")


def test_packages_are_signed_later(run: Run, home: GnupgHome, tmp_path: Path) -> None:
    home.make_key("mine")
    options = ("--unsigned", "--without-build-dependencies", "--private", "--update-index")
    assert run("buildcache", "push", *options, "./cache", "hwloc")[0] == 0
    assert run("buildcache", "sign", "./cache", "nothing")[0] == 1
    status, _, err = run("buildcache", "sign", "./cache", "hwloc")
    assert status == 0
    assert "Signed 1 of 1 package" in err
    answer = json.loads(run("--json", "buildcache", "sign", "./cache")[1])
    assert answer["changed"] == answer["total"] - 1
    assert "PGP SIGNED" in next(tmp_path.rglob("*hwloc*.spec.manifest.json")).read_text()
    assert run("buildcache", "update-index", "-k", "./cache")[0] == 0
    assert run("buildcache", "verify", "--full", "./cache")[0] == 0
    assert run("buildcache", "sign", "--drop", "./cache", "hwloc")[0] == 0
    assert "PGP SIGNED" not in next(tmp_path.rglob("*hwloc*.spec.manifest.json")).read_text()


@pytest.mark.parametrize(
    "command",
    [
        ("gpg", "create", "A", "a@b.c"),
        ("gpg", "trust", "x"),
        ("gpg", "untrust", "x"),
        ("gpg", "export", "x"),
        ("gpg", "publish", "-d", "x"),
        ("buildcache", "keys", "-i", "-t"),
        ("buildcache", "sign", "./x"),
    ],
)
def test_read_only_changes_nothing(run: Run, command: tuple[str, ...], tmp_path: Path) -> None:
    status, _, err = run("--read-only", *command)
    assert status == 1
    assert "--read-only" in err
    assert list(tmp_path.iterdir()) == []


def test_t26_only_chosen_keys_count_on_a_mirror(run: Run, home: GnupgHome) -> None:
    mine = home.make_key("mine")
    home.make_key("theirs")
    options = ("--without-build-dependencies", "--private", "--update-index")
    assert run("buildcache", "push", *options, "--key", "theirs", "./cache", "hwloc")[0] == 0
    assert run("buildcache", "verify", "--full", "./cache")[0] == 0
    assert run("gpg", "allow", "./cache", "mine")[2] == f"==> On ./cache counts {mine} mine <mine@example.invalid>\n"
    status, out, _ = run("buildcache", "verify", "--full", "./cache")
    assert (status, "not one of those that may sign" in out) == (1, True)
    assert run("buildcache", "push", *options, "--key", "theirs", "./cache", "hwloc")[0] == 1
    assert run("gpg", "allow", "./cache", "nobody")[0] == 1
    assert run("gpg", "allow", "./cache")[0] == 0
    assert run("buildcache", "verify", "--full", "./cache")[0] == 0
