# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Real Spack reads every file that edits of mirrors wrote, and sees in it what we see.

SPACK_FOR_TESTS=<checkout of Spack 1.1> [SPACK_FOR_TESTS_PYTHON=<Python with clingo>] python -m pytest -m spack
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from mirrors.editing.editing_corpus import PLAIN, WITHOUT_ENTRIES

from core.foundation.errors import MirrordeckError
from core.mirrors.editing.content import form_of
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.planning import plan_edit
from core.mirrors.editing.saving import carry_out
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    CopyMirror,
    MirrorEdit,
    MirrorForm,
    MoveMirror,
    MoveSecrets,
    RemoveMirror,
)
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.mirror_commands import equivalent_command
from core.spack.config import Scope
from core.spack.instance import Instance

HERE = Path(__file__).parent
# Read now, because the guards of conftest.py take variables of Spack out of a test's environment.
CHECKOUT = Path(os.environ.get("SPACK_FOR_TESTS", ""))
PYTHON = os.environ.get("SPACK_FOR_TESTS_PYTHON", "")

pytestmark = pytest.mark.spack

PUSH = ConnectionForm("oci://registry.example/w: #x", user="bob", secret_variable="S", profile="no", endpoint_url="1e3")
EDITS: tuple[MirrorEdit, ...] = (
    AddMirror(MirrorForm("new", ConnectionForm("oci://registry.example/team/cache"), signed=False)),
    AddMirror(MirrorForm("it's 'new': no", ConnectionForm("/srv/a, b #c"), PUSH, source=False), last=True),
    AddMirror(MirrorForm("true", ConnectionForm("~/x", token_variable="T"), autopush=True)),
)


def is_for_spack(case: str) -> bool:
    """Spack stops at secrets and unknown keys by its schema, and at keys that are no text by a crash."""
    odd = ("environment", "included", "secrets", "unknown_keys", "numbers_as_keys")
    return not case.startswith(odd)


def instance_of(directory: Path, home: Path) -> Instance:
    environ = {"HOME": str(home), "S": "s", "T": "t"}
    scopes = (Scope("user", directory),)
    return Instance(CHECKOUT, CHECKOUT / "opt", CHECKOUT / "opt", "1.1.1", None, environ, scopes)


def written_files(folder: Path, home: Path) -> list[Path]:
    """A directory for every file of the corpus and every edit of it."""
    found: list[Path] = []
    for case, text in {**PLAIN, **WITHOUT_ENTRIES}.items():
        if not is_for_spack(case):
            continue
        for number, edit in enumerate(all_edits(text, home)):
            directory = folder / f"{case}-{number}"
            directory.mkdir()
            (directory / "mirrors.yaml").write_bytes(text.encode())
            landscape = Landscape((Scope("user", directory),), instance_of(directory, home).path_context)
            try:
                carry_out(plan_edit(edit, landscape))
            except MirrordeckError:
                continue  # refused, which the tests of the corpus judge
            found.append(directory)
    directory = folder / "secrets-gone"
    directory.mkdir()
    (directory / "mirrors.yaml").write_text(PLAIN["secrets_of_0_2x"])
    for name in ("one", "two"):
        scopes = (Scope("user", directory),)
        carry_out(plan_edit(MoveSecrets(name), Landscape(scopes, instance_of(directory, home).path_context)))
    return [*found, directory]


def all_edits(text: str, home: Path) -> list[MirrorEdit]:
    directory = home / "scratch"
    directory.mkdir(exist_ok=True)
    (directory / "mirrors.yaml").write_bytes(text.encode())
    landscape = Landscape((Scope("user", directory),), instance_of(directory, home).path_context)
    edits = list(EDITS)
    for name in landscape.names(landscape.scopes[0]):
        value = landscape.merged(name)
        assert value is not None
        form = form_of(name, value.plain())
        edits += [
            RemoveMirror(name),
            MoveMirror(name, "user", ""),
            ChangeMirror(name, replace(form, name="other name")),
            ChangeMirror(name, replace(form, signed=form.signed is not True)),
            ChangeMirror(name, replace(form, push=PUSH, autopush=True, binary=False)),
        ]
    return edits


def as_we_see(mirror: Mirror) -> dict[str, Any]:
    return {
        "fetch": mirror.fetch.url,
        "push": mirror.push.url,
        "flags": [mirror.binary, mirror.source, mirror.signed, mirror.autopush],
        "credentials": [pair(connection) for connection in (mirror.fetch, mirror.push)],
        "tokens": [connection.token_variable or None for connection in (mirror.fetch, mirror.push)],
        "places": [connection.endpoint_url or None for connection in (mirror.fetch, mirror.push)],
        "profiles": [connection.profile or None for connection in (mirror.fetch, mirror.push)],
    }


def pair(connection: Any) -> dict[str, str] | None:
    if not connection.secret_variable:
        return None
    user = {"id": connection.user} if connection.user else {"id_variable": connection.user_variable}
    return {**user, "secret_variable": connection.secret_variable}


def ask_spack(directories: list[Path], home: Path) -> list[dict[str, Any]]:
    (home / "directories.json").write_text(json.dumps([str(directory) for directory in directories]))
    out = run_spack(["python", str(HERE / "read_mirrors.py"), str(home / "directories.json")], home)
    return [json.loads(line) for line in out.split("\x1e")[1:]]


def run_spack(words: list[str], home: Path, *, user: Path | None = None) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        **({"SPACK_USER_CONFIG_PATH": str(user)} if user else {"SPACK_DISABLE_LOCAL_CONFIG": "1"}),
        "SPACK_SYSTEM_CONFIG_PATH": str(home / "system"),
        "SPACK_USER_CACHE_PATH": str(home / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "S": "s",
        "T": "t",
    }
    environment |= {"SPACK_PYTHON": str(Path(PYTHON).absolute())} if PYTHON else {}
    command = [str(CHECKOUT / "bin/spack"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_spack_sees_what_we_see(tmp_path: Path) -> None:
    assert (CHECKOUT / "bin/spack").is_file(), f"SPACK_FOR_TESTS={CHECKOUT} is no Spack checkout"
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "files").mkdir()
    directories = written_files(tmp_path / "files", home)
    assert len(directories) > 400
    wrong = []
    for directory, answer in zip(directories, ask_spack(directories, home), strict=True):
        ours = mirrors_of(instance_of(directory, home))
        seen = {mirror.name: as_we_see(mirror) for mirror in ours.mirrors}
        if answer.get("mirrors") != seen or answer.get("order") != list(seen) or ours.problems:
            wrong.append((directory.name, (directory / "mirrors.yaml").read_text(), answer, seen))
            continue
        assert [name.removesuffix(":") for name in answer["get"]] == list(seen), directory
        if answer["list"]:
            assert answer["list"].splitlines() == listing(ours.mirrors), directory
    assert not wrong, "\n\n".join(map(str, wrong[:5]))


def listing(mirrors: tuple[Mirror, ...]) -> list[str]:
    """The lines of `mirror list`."""
    width = max((len(mirror.name) for mirror in mirrors), default=0)
    lines = []
    for mirror in mirrors:
        fetch, push = mirror.fetch.url, mirror.push.url
        place = fetch if fetch == push else f"fetch: {fetch} push: {push}"
        lines.append(f"{mirror.name: <{width}} [{'s' * mirror.source or ' '}{'b' * mirror.binary or ' '}] {place}")
    return lines or ["==> No mirrors configured."]


def test_the_commands_of_spack_say_the_same(tmp_path: Path) -> None:
    """`spack mirror list` and `spack config get mirrors` as a person types them, and Spack goes on with our file."""
    directory, home = tmp_path / "user", tmp_path / "home"
    directory.mkdir()
    home.mkdir()
    file = directory / "mirrors.yaml"
    file.write_text(PLAIN["comments_everywhere"])
    for edit in EDITS[:2]:
        scopes = (Scope("user", directory),)
        carry_out(plan_edit(edit, Landscape(scopes, instance_of(directory, home).path_context)))
    ours = mirrors_of(instance_of(directory, home)).mirrors
    listed = run_spack(["mirror", "list"], home, user=directory).splitlines()
    assert [" ".join(line.split()) for line in listed[: len(ours)]] == [
        " ".join(line.split()) for line in listing(ours)
    ]
    got = run_spack(["config", "get", "mirrors"], home, user=directory)
    assert [name for name in yaml.safe_load(got)["mirrors"] if name != "spack-public"] == [m.name for m in ours]
    run_spack(["mirror", "add", "theirs", "/srv/theirs"], home, user=directory)
    names = [mirror.name for mirror in mirrors_of(instance_of(directory, home)).mirrors]
    assert names == ["theirs", *(mirror.name for mirror in ours)]


def test_an_environment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "spack.yaml").write_text(
        PLAIN["environment"].replace("[zlib]", "[]").replace("view: true", "view: false")
    )
    scope = Scope("env:x", file=tmp_path / "spack.yaml", is_environment=True)
    for edit in (*EDITS[:2], RemoveMirror("one"), MoveMirror("two", "env:x", "new")):
        carry_out(plan_edit(edit, Landscape((scope,), instance_of(tmp_path, home).path_context)))
    listed = run_spack(["-D", str(tmp_path), "mirror", "list"], home).splitlines()
    assert [line.split(" [")[0].rstrip() for line in listed][:3] == ["two", "new", "it's 'new': no"]


WRITTEN = """mirrors:
  plain: oci://registry.example/team/cache
  both:
    url: https://web.example/cache
    signed: false
"""
BELOW = """mirrors:
  below:
    url: https://web.example/below
    push: {url: oci://registry.example/below, access_pair: {id: bot, secret_variable: S}}
    binary: true
    source: false
"""
ANONYMOUS = ConnectionForm("oci://registry.example/team/cache")
WITH_LOGIN = replace(ANONYMOUS, user="bot", secret_variable="S")
S3 = ConnectionForm("s3://bucket/x", user="key", secret_variable="S", profile="p", endpoint_url="https://s3.example")
COMMANDS: dict[str, MirrorEdit] = {
    "push with a login, fetch without": AddMirror(MirrorForm("new", ANONYMOUS, WITH_LOGIN, source=False), "user"),
    "two addresses": AddMirror(MirrorForm("new", ConnectionForm("https://web.example/x"), WITH_LOGIN), "user"),
    "variables": AddMirror(
        MirrorForm("new", replace(ANONYMOUS, user_variable="T", secret_variable="S"), signed=False, autopush=True),
        "user",
    ),
    "S3": AddMirror(MirrorForm("new", replace(S3, token_variable="T")), "user"),
    "a login for pushing later": ChangeMirror("plain", MirrorForm("plain", ANONYMOUS, WITH_LOGIN), "user"),
    "another place for pushing": ChangeMirror(
        "both", MirrorForm("both", ConnectionForm("https://web.example/cache"), WITH_LOGIN, signed=False), "user"
    ),
    "from another scope": CopyMirror("below", "user"),
    "away": RemoveMirror("plain", "user"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_the_command_shown_does_the_same(tmp_path: Path, case: str) -> None:
    """Typed into Spack, it makes of the file what the edit makes of a copy."""
    home, edit = tmp_path / "home", COMMANDS[case]
    (home / "system").mkdir(parents=True)
    (home / "system/mirrors.yaml").write_text(BELOW)
    instances = []
    for name in ("ours", "typed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mirrors.yaml").write_text(WRITTEN)
        scopes = (Scope("user", tmp_path / name), Scope("system", home / "system"))
        instances.append(replace(instance_of(tmp_path / name, home), scopes=scopes))
    ours, typed = instances
    plan = plan_edit(edit, Landscape(ours.scopes, ours.path_context))
    command = equivalent_command(edit, plan, ours)
    assert command
    carry_out(plan)
    for line in command.splitlines():
        spack, *words = shlex.split(line)
        assert spack == "spack"
        run_spack(words, home, user=tmp_path / "typed")
    told = [{mirror.name: as_we_see(mirror) for mirror in mirrors_of(each).mirrors} for each in instances]
    assert told[0] == told[1]
    assert list(told[0]) == list(told[1])
    assert mirrors_of(typed).mirrors != mirrors_of(replace(typed, scopes=typed.scopes[1:])).mirrors


@pytest.mark.parametrize("name", ["123", "1.5", "0x10", "true", "FALSE", "null", "2024-01-01", "yes", "1:20", "v1.5"])
def test_names_that_spack_cannot_use_are_those_we_name(tmp_path: Path, name: str) -> None:
    directory, home = tmp_path / "user", tmp_path / "home"
    directory.mkdir()
    home.mkdir()
    (directory / "mirrors.yaml").write_text(f"mirrors:\n  {name}: /srv/x\n")
    told = bool(mirrors_of(instance_of(directory, home)).problems)
    try:
        listed = run_spack(["mirror", "list"], home, user=directory)
    except AssertionError:
        listed = ""
    assert told == (not listed.startswith(name))
