# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins of docker and podman: which file, which entry, and helpers that may not be trusted."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mirrors.credential_kit import script, search_path, shown

from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.states import CredentialState, Login

HOST = "reg.example.org:5000"


def auth(user: str, secret: str = "pw") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


def write(path: Path, document: Any, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    path.chmod(mode)
    return path


@pytest.fixture
def docker_file(home: Path) -> Path:
    return home / ".docker/config.json"


def find(repository: str = "lab/cache/deep", host: str = HOST, **environ: str) -> Login | None:
    return DockerLogins({**os.environ, **environ}).login(host, repository)


def found(login: Login | None) -> tuple[str, str] | None:
    assert login is None or login.state is CredentialState.DOCKER, login
    return None if login is None else shown(login.credential)


def test_files_in_order(home: Path) -> None:
    paths = [home / "run/containers/auth.json", home / ".config/containers/auth.json", home / ".docker/config.json"]
    assert DockerLogins(os.environ).files() == tuple(paths)
    assert find() is None
    for path in reversed(paths):
        write(path, {"auths": {HOST: auth(path.parent.parent.name)}})
        assert found(find()) == (path.parent.parent.name, "pw")
    chosen = write(home / "mine.json", {"auths": {"else.where": auth("me")}})
    assert find(REGISTRY_AUTH_FILE=str(chosen)) is None, "the file a person names is the only one"
    moved = write(home / "moved/config.json", {"auths": {"else.where": auth("moved")}})
    assert found(find(host="else.where", DOCKER_CONFIG=str(moved.parent))) == ("moved", "pw")


def test_most_specific_path_first(docker_file: Path) -> None:
    keys = (HOST, f"{HOST}/lab", f"{HOST}/lab/cache")
    write(docker_file, {"auths": {key: auth(str(number)) for number, key in enumerate(keys)}})
    for repository, user in [
        ("lab/cache/deep", "2"),
        ("lab/cache", "2"),
        ("lab/cachet", "1"),
        ("labs", "0"),
        ("", "0"),
    ]:
        assert found(find(repository)) == (user, "pw")
    assert find(host="reg.example.org") is None, "another port is another server"


@pytest.mark.parametrize("key", ["https://reg.example.org:5000", "https://reg.example.org:5000/v1/", f"{HOST}/"])
def test_old_forms_of_keys(docker_file: Path, key: str) -> None:
    write(docker_file, {"auths": {key: auth("old")}})
    assert found(find()) == ("old", "pw")


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "docker.io/me"])
def test_docker_hub_has_several_names(docker_file: Path, key: str) -> None:
    write(docker_file, {"auths": {key: auth("hub")}})
    assert found(find("me/cache", "index.docker.io")) == ("hub", "pw")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (auth("me", "with:colon"), ("me", "with:colon")),
        (auth("me", "padded\0\0"), ("me", "padded")),
        ({"username": "me", "password": "plain"}, ("me", "plain")),
        ({**auth("me"), "identitytoken": "refresh"}, ("<token>", "refresh")),
        ({}, None),
        ("junk", None),
        ({"auth": ""}, None),
        (auth("me", ""), None),
    ],
)
def test_entries(docker_file: Path, entry: Any, expected: tuple[str, str] | None) -> None:
    write(docker_file, {"auths": {HOST: entry}})
    assert found(find()) == expected


def test_empty_entry_does_not_hide_a_wider_one(docker_file: Path) -> None:
    write(docker_file, {"auths": {f"{HOST}/lab": {}, HOST: auth("wide")}})
    assert found(find()) == ("wide", "pw")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('{"auths": {', "cannot be read: it is not the JSON expected"),
        ("[1]", "cannot be read: it is not the JSON expected"),
        (json.dumps({"auths": {HOST: {"auth": "s3cret!"}}}), "holds an entry that is not encoded as it should be"),
    ],
)
def test_broken_file_is_named_and_the_next_one_used(home: Path, docker_file: Path, text: str, note: str) -> None:
    path = write(home / ".config/containers/auth.json", text)
    assert find() == Login(CredentialState.MISSING, source=str(path), note=f"{path} {note}")
    write(docker_file, {"auths": {HOST: auth("next")}})
    assert found(find()) == ("next", "pw")


def test_empty_file_and_odd_tables(docker_file: Path) -> None:
    for text in ("", " \n", "{}", '{"auths": [], "credHelpers": 5, "credsStore": null}'):
        write(docker_file, text)
        assert find() is None


def test_t23_file_that_others_can_read_is_warned_about(docker_file: Path) -> None:
    write(docker_file, {"auths": {HOST: auth("me")}}, mode=0o640)
    login = find()
    assert login is not None
    assert login.note == f"{docker_file} holds a secret and can be read by others (mode 0640)"
    docker_file.chmod(0o600)
    assert find() == Login(CredentialState.DOCKER, "me", str(docker_file))


# ---- helpers ----


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Installs docker-credential-lab with that body."""
    monkeypatch.setenv("PATH", search_path(tmp_path / "bin"))
    return lambda body: script(tmp_path / "bin/docker-credential-lab", body)


GOOD = """test "$*" = get || exit 9
read server
echo '{"ServerURL": "'"$server"'", "Username": "'"$server"'", "Secret": "from-helper"}'"""


def test_helper_of_the_host_comes_first(docker_file: Path, helper: Callable[[str], Path]) -> None:
    program = helper(GOOD)
    write(docker_file, {"auths": {HOST: auth("file")}, "credHelpers": {HOST: "lab"}, "credsStore": "other"})
    login = find()
    assert found(login) == (HOST, "from-helper")
    assert login is not None
    assert login.source == str(program)


def test_store_is_asked_where_the_file_holds_nothing(docker_file: Path, helper: Callable[[str], Path]) -> None:
    helper(GOOD)
    write(docker_file, {"auths": {HOST: {}}, "credsStore": "lab"})
    assert found(find()) == (HOST, "from-helper")
    assert found(find("me/x", "index.docker.io")) == ("https://index.docker.io/v1/", "from-helper")


def test_state_does_not_start_the_helper(docker_file: Path, helper: Callable[[str], Path], tmp_path: Path) -> None:
    program = helper(f'touch "{tmp_path}/started"')
    write(docker_file, {"credsStore": "lab"})
    assert DockerLogins(os.environ).known(HOST, "x") == Login(CredentialState.DOCKER, source=str(program))
    assert not (tmp_path / "started").exists()


def problem(login: Login | None) -> str:
    assert login is not None
    assert (login.state, login.credential) == (CredentialState.MISSING, None)
    return login.note


@pytest.mark.parametrize(
    ("body", "note"),
    [
        ("echo '  not\x1b[31m allowed  '; exit 1", "not\\x1b[31m allowed"),
        ("exit 4", "status 4"),
        ("echo s3cret", "its answer is not that of a credential helper"),
        ('echo \'{"Username": "u"}\'', "its answer is not that of a credential helper"),
        ('echo \'{"Username": 5, "Secret": "s3cret"}\'', "its answer is not that of a credential helper"),
        ("cat /dev/zero", "it prints far more than a password"),
    ],
)
def test_t22_helper_that_misbehaves(docker_file: Path, helper: Callable[[str], Path], body: str, note: str) -> None:
    program = helper(body)
    write(docker_file, {"credsStore": "lab"})
    assert problem(find()) == f"{program}: {note}"


def test_t22_helper_that_hangs(docker_file: Path, helper: Callable[[str], Path]) -> None:
    program = helper("sleep 600")
    write(docker_file, {"credsStore": "lab"})
    started = time.monotonic()
    note = problem(DockerLogins(os.environ, timeout_s=0.2).login(HOST, "x"))
    assert note == f"{program}: it did not answer within 0.2 s"
    assert time.monotonic() - started < 60


def test_helper_without_an_entry_is_no_problem(docker_file: Path, helper: Callable[[str], Path]) -> None:
    helper("echo credentials not found in native keychain; exit 1")
    write(docker_file, {"credsStore": "lab"})
    assert find() is None


@pytest.mark.parametrize("name", ["../lab", "Lab", "la b", "lab;id", "lab\n", "x" * 200 + "/"])
def test_t22_odd_helper_names(docker_file: Path, helper: Callable[[str], Path], name: str) -> None:
    helper(GOOD)
    write(docker_file, {"credHelpers": {HOST: name}})
    assert "cannot be the name of a credential helper" in problem(find())


def test_helper_that_is_not_installed(docker_file: Path) -> None:
    write(docker_file, {"credsStore": "no-such-one"})
    assert problem(find()) == "docker-credential-no-such-one is not installed"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
@pytest.mark.parametrize("which", ["file", "directory", "target"])
def test_t22_helper_that_others_could_replace(
    docker_file: Path, helper: Callable[[str], Path], tmp_path: Path, mode: int, which: str
) -> None:
    program = helper(GOOD)
    loose = {"file": program, "directory": program.parent, "target": tmp_path / "elsewhere"}[which]
    if which == "target":
        real = script(loose / "real-helper", GOOD)
        program.unlink()
        program.symlink_to(real)
    loose.chmod(mode)
    write(docker_file, {"credsStore": "lab"})
    assert problem(find()) == f"{program} is not started: {loose} can be changed by others (mode {mode:04o})"
    loose.chmod(0o755)
    assert found(find()) == (HOST, "from-helper")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_t22_helper_of_another_user(docker_file: Path, helper: Callable[[str], Path]) -> None:
    program = helper(GOOD)
    os.chown(program, 12345, -1)
    write(docker_file, {"credsStore": "lab"})
    assert problem(find()) == f"{program} is not started: {program} belongs to another user"


def test_t22_relative_search_path(
    docker_file: Path, helper: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = helper(GOOD)
    monkeypatch.chdir(program.parent)
    write(docker_file, {"credsStore": "lab"})
    assert "depends on the working directory" in problem(find(PATH="."))
