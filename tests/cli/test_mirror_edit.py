# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirror add|remove|set|set-url`: flags and messages as Spack's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from spack.checkouts import Checkout, write

from core.cli.main import main


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout = Checkout(tmp_path / "spack", "1.1.1")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for name, value in checkout.environ.items():
        monkeypatch.setenv(name, value)
    return checkout


@pytest.fixture
def run(checkout: Checkout, capsys: pytest.CaptureFixture[str]):
    """Run a `mirror` command; gives (status, stdout, stderr)."""

    def run(*arguments: str, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
        status = main(["--instance", str(checkout.root), *options, "mirror", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def user(checkout: Checkout) -> Path:
    return checkout.user / "mirrors.yaml"


def test_the_session_of_spack(run, user: Path, tmp_path: Path) -> None:
    """The same commands as typed to Spack 1.1, with the same answers."""
    for arguments in (
        ("add", "plain", "/tmp/plain"),
        ("add", "uns", "--unsigned", "/tmp/uns"),
        ("add", "sig", "--signed", "/tmp/sig"),
        ("add", "--type", "binary", "bin", "https://example.invalid/cache"),
        ("add", "--type", "source", "src", "s3://bucket/src"),
        ("add", "--autopush", "auto", "oci://registry.invalid/x"),
        ("set", "plain", "--push", "--url", "/tmp/pushto"),
    ):
        assert run(*arguments) == (0, "", "")
    assert run("list")[1].splitlines() == [
        "auto  [sb] oci://registry.invalid/x",
        "src   [s ] s3://bucket/src",
        "bin   [ b] https://example.invalid/cache",
        "sig   [sb] file:///tmp/sig",
        "uns   [sb] file:///tmp/uns",
        "plain [sb] fetch: file:///tmp/plain push: file:///tmp/pushto",
    ]
    status, _, err = run("add", "plain", "/x")
    assert (status, err.splitlines()[0]) == (1, "==> Error: Mirror with name plain already exists.")
    assert run("set", "nosuch", "--unsigned") == (1, "", "==> Error: No mirror found with name nosuch.\n")
    assert run("set-url", "nosuch", "/x") == (1, "", "==> Error: No mirror found with name nosuch.\n")
    status, _, err = run("remove", "nosuch")
    assert status == 1
    scopes = "_builtin, defaults:base, defaults, user, spack, or command_line"
    assert err == f"==> Error: No mirror with name nosuch in {scopes} scope\n"
    assert run("set", "uns", "--unsigned") == (0, "==> No changes made to mirror uns.\n", "")
    assert run("set-url", "uns", "/tmp/uns") == (0, "==> No changes made to mirror uns.\n", "")
    assert run("rm", "uns") == (0, "==> Removed mirror uns from user scope\n", "")
    assert "uns" not in user.read_text()


def test_logins(run, user: Path) -> None:
    assert run("add", "a", "oci://h.example/p") == (0, "", "")
    assert run("set", "a", "--push", "--oci-username", "bob", "--oci-password-variable", "V")[0] == 0
    assert user.read_text() == (
        "mirrors:\n  a:\n    url: oci://h.example/p\n    push:\n      access_pair:\n        id: bob\n"
        "        secret_variable: V\n"
    )
    assert run("set", "a", "--push", "--oci-username-variable", "U")[0] == 0
    assert "id_variable: U\n        secret_variable: V\n" in user.read_text()
    status, _, err = run("set", "a", "--fetch", "--oci-username", "bob")
    assert status == 0
    assert err == (
        "==> Warning: Expected both parts of the access pair to be specified. "
        "(i.e. --oci-username and --oci-password-variable)\n"
    )
    assert run("add", "s", "s3://b/x", "--s3-access-key-id", "I", "--s3-access-key-secret-variable", "K")[0] == 0
    assert (
        run("set", "s", "--s3-profile", "p", "--s3-endpoint-url", "https://e", "--s3-access-token-variable", "T")[0]
        == 0
    )
    assert json.loads(run("list", options=("--json",))[1])["mirrors"][0]["name"] == "s"
    assert "access_token_variable: T\n    profile: p\n    endpoint_url: https://e\n" in user.read_text()


def test_both_directions_follow_until_they_differ(run, user: Path) -> None:
    write(user, "mirrors:\n  a:\n    url: /a\n    push: {profile: p}\n  b: {url: /b, push: /push}\n")
    assert run("set", "a", "--url", "/new")[0] == 0
    assert run("set-url", "b", "/new-b")[0] == 0
    assert run("set-url", "b", "--fetch", "/fetch-b")[0] == 0
    assert user.read_text() == (
        "mirrors:\n  a:\n    url: /new\n    push: {profile: p}\n  b: {url: /fetch-b, push: /push}\n"
    )


def test_scopes(run, checkout: Checkout, user: Path) -> None:
    site = checkout.etc / "site/mirrors.yaml"
    assert run("add", "--scope", "site", "m", "/site")[0] == 0
    assert site.read_text() == "mirrors:\n  m: /site\n"
    status, _, err = run("set-url", "m", "/x")
    assert status == 1
    assert "It is in site: name the scope with --scope." in err
    assert run("set-url", "--scope", "site", "m", "/site2")[0] == 0
    assert run("add", "m", "/user")[0] == 0
    assert run("remove", "m") == (
        0,
        "==> Removed mirror m from user scope\n",
        "==> m is still there: site has it too, as /site2.\n",
    )
    assert run("add", "m", "/user")[0] == 0
    assert run("remove", "--all-scopes", "m")[:2] == (
        0,
        "==> Removed mirror m from user scope\n==> Removed mirror m from site scope\n",
    )
    assert run("remove", "m", "--scope", "site") == (1, "", "==> Error: No mirror with name m in site scope\n")
    status, _, err = run("add", "--scope", "bogus", "m", "/x")
    assert status == 2
    assert "known scopes: spack, user, site, system, defaults, defaults:base" in err


def test_spacks_own_files_only_by_name(run, checkout: Checkout) -> None:
    base = write(checkout.etc / "defaults/base/mirrors.yaml", "mirrors:\n  spack-public: https://x.example\n")
    for arguments in (("remove", "spack-public"), ("remove", "--all-scopes", "spack-public")):
        status, _, err = run(*arguments)
        assert status == 1
        assert "name the scope with --scope" in err
    assert run("remove", "--scope", "defaults:base", "spack-public")[0] == 0
    assert base.read_text() == "mirrors: {}\n"


def test_dry_run_shows_the_difference_and_does_nothing(run, user: Path) -> None:
    write(user, "mirrors:\n  a: /a  # mine\n")
    status, out, err = run("set", "a", "--dry-run", "--unsigned")
    assert (status, err) == (0, "")
    removed, added = ["-  a: /a  # mine"], ["+  a:  # mine", "+    url: /a", "+    signed: false"]
    assert out.splitlines()[2:] == ["@@ -1,2 +1,4 @@", " mirrors:", *removed, *added]
    assert run("remove", "--dry-run", "a")[0] == 0
    assert user.read_text() == "mirrors:\n  a: /a  # mine\n"


def test_relative_paths_mean_what_they_mean_on_a_command_line(run, user: Path, tmp_path: Path) -> None:
    status, _, err = run("add", "a", "../mirror")
    assert (status, err) == (0, f"==> ../mirror is written as {tmp_path}/mirror\n")
    assert user.read_text() == f"mirrors:\n  a: {tmp_path}/mirror\n"
    assert run("add", "b", "~/x")[0] == 0
    assert "b: ~/x\n" in user.read_text()


def test_json_and_read_only(run, user: Path) -> None:
    status, _, err = run("add", "a", "/a", options=("--read-only",))
    assert status == 1
    assert "--read-only" in err
    assert run("add", "a", "/a", "--dry-run", options=("--read-only",))[0] == 0
    assert not user.exists()
    _, out, err = run("add", "a", "/a", options=("--json",))
    result = json.loads(out)
    assert (err, result["scope"], result["file"], result["changed"]) == ("", "user", str(user), True)


def test_passwords_are_refused(run, user: Path) -> None:
    status, out, err = run("add", "a", "https://bob:geheim@x.example/a")
    assert status == 2
    assert "geheim" not in out + err
    assert not user.exists()


def test_the_codec_of_a_mirror(run, user: Path, home: Path) -> None:
    """It is no part of Spack's files; it stays with the address under another name."""
    kept = home / "mirrordeck/config/mirror-codecs.json"
    run("add", "far", "oci://reg.example.org/hpc/cache")
    before = user.read_text()
    status, out, err = run("set", "far", "--codec", "fast", options=("--read-only",))
    assert (status, kept.exists()) == (1, False), out + err
    assert "Nothing was changed" in err
    _, _, err = run("set", "far", "--codec", "fast", "--dry-run")
    assert "Packages for far would be compressed with: fast" in err
    assert not kept.exists()
    status, _, err = run("set", "far", "--codec", "fast")
    assert status == 0
    assert "Packages for far are compressed with: fast" in err
    assert "Recommended: default; no push that sent" in err
    assert user.read_text() == before
    assert "fast" in kept.read_text()
    run("remove", "far")
    run("add", "renamed", "oci://reg.example.org/hpc/cache")
    (mirror,) = json.loads(run("list", options=("--json",))[1])["mirrors"]
    assert (mirror["name"], mirror["codec"]) == ("renamed", "fast")
    status, out, _ = run("set", "renamed", "--codec", "default", "--unsigned", options=("--json",))
    assert json.loads(out)["compression"]["codec"] == "default"
    assert "signed: false" in user.read_text()
    assert kept.read_text() == "{}\n"


def test_the_codec_goes_with_the_address_that_is_set_at_once(run, home: Path) -> None:
    run("add", "far", "oci://reg.example.org/hpc/cache")
    assert run("set", "far", "--url", "oci://reg.example.org/new", "--codec", "spack")[0] == 0
    assert json.loads((home / "mirrordeck/config/mirror-codecs.json").read_text()) == {
        "oci://reg.example.org/new": "spack"
    }
