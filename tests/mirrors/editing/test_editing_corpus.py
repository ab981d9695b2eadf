# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every file of the corpus edited by every operation: what is not the entry stays byte for byte."""

from __future__ import annotations

import copy
import difflib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from editing_corpus import PLAIN, REFUSED, WITHOUT_ENTRIES
from ruamel.yaml import YAML

from core.foundation.errors import ConfigError, MirrordeckError
from core.mirrors.editing.content import form_of
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.planning import plan_edit
from core.mirrors.editing.saving import carry_out
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    CopyMirror,
    MirrorForm,
    MoveMirror,
    MoveSecrets,
    RemoveMirror,
)
from core.spack.config import Scope
from core.spack.substitutions import PathContext

NEW = MirrorForm(
    "new",
    ConnectionForm("oci://registry.example/team/cache"),
    ConnectionForm("oci://registry.example/team/cache", user="bob", secret_variable="NEW_SECRET"),
    source=False,
    signed=False,
)
NEW_ENTRY = {
    "url": "oci://registry.example/team/cache",
    "push": {"access_pair": {"id": "bob", "secret_variable": "NEW_SECRET"}},
    "source": False,
    "signed": False,
}
SIMPLE = MirrorForm("simple", ConnectionForm("/srv/simple"))


class CoreLoader(yaml.SafeLoader):
    """PyYAML with the booleans and nulls of YAML 1.2; everything else is text."""


CoreLoader.yaml_implicit_resolvers = {}
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(?:~|null|)$"), ["~", "n", ""])
CoreLoader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("^<<$"), ["<"])


def scope_of(case: str, folder: Path) -> Scope:
    if case.startswith("environment"):
        return Scope("env:x", file=folder / "spack.yaml", is_environment=True)
    if case.startswith("included"):
        return Scope("user:all", file=folder / "all.yaml")
    return Scope("user", folder / "config")


class World:
    """One scope with a file of the corpus, and an empty one below it."""

    def __init__(self, case: str, text: str, folder: Path) -> None:
        self.scope = scope_of(case, folder)
        self.path = self.scope.section_file("mirrors")
        self.path.parent.mkdir(exist_ok=True)
        self.before = text.encode()
        self.path.write_bytes(self.before)
        self.lower = Scope("site", folder / "site")
        self.context = PathContext(Path("/opt/spack"), {"HOME": "/home/u"})
        self.section = section(self.load(), self.scope)

    def landscape(self) -> Landscape:
        return Landscape((self.scope, self.lower), self.context)

    def load(self) -> Any:
        return yaml.load(self.path.read_bytes().decode("utf-8-sig"), CoreLoader)

    def edit(self, edit: Any) -> bytes:
        carry_out(plan_edit(edit, self.landscape()))
        return self.path.read_bytes()

    def entry_lines(self, name: str) -> tuple[int, int]:
        """First line of an entry and that after it, found by ruamel.yaml: to the next key, comments above that left."""
        text = self.before.decode("utf-8-sig")
        node = YAML(typ="rt").compose(io.StringIO(text, newline=""))
        for key in (["spack"] if self.scope.is_environment else []) + ["mirrors"]:
            node = next(value for name, value in node.value if name.value.rstrip(":") == key)
        lines = text.splitlines(keepends=True)
        starts = [key.start_mark.line for key, _ in node.value]
        for number, (key, value) in enumerate(node.value):
            if key.value.rstrip(":") == name:
                has_end = value.end_mark.index == len(text) or not (value.id == "mapping" and not value.flow_style)
                end = value.end_mark.line + (has_end and value.end_mark.column > 0)
                return starts[number], max(starts[number] + 1, min(end, *starts[number + 1 :], len(lines)))
        raise AssertionError(name)


def section(data: Any, scope: Scope) -> dict[str, Any]:
    """Entries by the names Spack gives them."""
    for key in (["spack"] if scope.is_environment else []) + ["mirrors"]:
        data = next((value for name, value in (data or {}).items() if name.rstrip(":") == key), {})
    names = {True: "true", False: "false"}
    return {names.get(name, str(name)).removesuffix(":"): value for name, value in (data or {}).items()}


def outside(data: Any, scope: Scope) -> Any:
    """Everything in the file but the section."""
    data = copy.deepcopy(data) or {}
    table = data.get("spack") or {} if scope.is_environment else data
    for name in [name for name in table if name.rstrip(":") == "mirrors"]:
        del table[name]
    return {key: value for key, value in data.items() if value not in ({}, None)}


def assert_only_there(world: World, after: bytes, first: int, end: int) -> None:
    """All changed lines are of an entry's lines [first, end); but a last line without an end may get one."""
    old = world.before.decode().splitlines(keepends=True)
    new = after.decode().splitlines(keepends=True)
    for tag, i1, i2, _, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal" or (first <= i1 and i2 <= end):
            continue
        touched = "".join(old[i1:i2])
        assert i1 == i2 or not touched.endswith("\n"), (tag, touched)


def comments(data: bytes) -> list[str]:
    return re.findall(r"(?:^|\s)(#[^\r\n]*)", data.decode())


CASES = sorted(PLAIN)


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(request.param, PLAIN[request.param], tmp_path)


every_file = pytest.mark.parametrize("world", CASES, indirect=True, ids=CASES)


def test_the_corpus_is_large_enough() -> None:
    assert len(PLAIN) + len(WITHOUT_ENTRIES) + len(REFUSED) >= 40


@every_file
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(("form", "entry"), [(NEW, NEW_ENTRY), (SIMPLE, "/srv/simple")], ids=["table", "text"])
def test_add(world: World, form: MirrorForm, entry: Any, last: bool) -> None:
    rest = outside(world.load(), world.scope)
    after = world.edit(AddMirror(form, last=last))
    wanted = world.section | {form.name: entry} if last else {form.name: entry} | world.section
    assert list(section(world.load(), world.scope).items()) == list(wanted.items())
    assert outside(world.load(), world.scope) == rest
    assert_one_insertion(world.before, after)


def assert_one_insertion(before: bytes, after: bytes) -> None:
    """`after` is `before` with one piece put in."""
    length = len(after) - len(before)
    assert length > 0
    prefix = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    assert any(
        after[:start] + after[start + length :] == before for start in range(max(0, prefix - length), prefix + 1)
    ), after.decode()


# Changing an entry that others share by anchor or `<<` may be refused, but never changes the others; so may be a change
# that would lose a secret.
SHARED_ENTRIES = ("aliases", "merge_keys", "whole_alias", "secrets_of_0_2x", "secrets_of_0_2x_anchor", "unknown_keys")
REMOVALS_REFUSED = {"aliases": {"one"}, "merge_keys": {"one"}, "whole_alias": {"one"}}


def section_of(case: str) -> dict[str, Any]:
    return section(yaml.load(PLAIN[case].removeprefix("\ufeff"), CoreLoader), scope_of(case, Path("/x")))


def entry_of(case: str, name: str) -> Any:
    return section_of(case)[name]


ENTRIES = [(case, name) for case in CASES for name in section_of(case)]
every_entry = pytest.mark.parametrize(
    ("world", "name"), ENTRIES, indirect=["world"], ids=["-".join(entry) for entry in ENTRIES]
)


def case_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["world"])


@every_entry
def test_remove(world: World, name: str, request: pytest.FixtureRequest) -> None:
    if name in REMOVALS_REFUSED.get(case_of(request), ()):
        with pytest.raises(ConfigError, match="not changed"):
            world.edit(RemoveMirror(name))
        assert world.path.read_bytes() == world.before
        return
    rest, first_end = outside(world.load(), world.scope), world.entry_lines(name)
    after = world.edit(RemoveMirror(name))
    del world.section[name]
    assert list(section(world.load(), world.scope).items()) == list(world.section.items())
    assert outside(world.load(), world.scope) == rest
    lines = world.before.decode().splitlines(keepends=True)
    gone = "".join(lines[slice(*first_end)]).encode()
    assert [text for text in comments(world.before) if text not in comments(after)] == [
        text for text in comments(gone) if text not in comments(after)
    ]
    if "flow" in case_of(request) or case_of(request) == "json":
        assert len(world.before) > len(after)
        return
    kept = "".join(lines[: first_end[0]] + lines[first_end[1] :]).splitlines()
    changed = [line for line in difflib.ndiff(kept, after.decode().splitlines()) if line[0] in "-+"]
    assert all(" {}" in line or re.fullmatch(r"[-+ ]*(#.*|mirrors:.*)?", line) for line in changed), changed


@every_entry
@pytest.mark.parametrize("change", ["address", "signed", "push", "all"])
def test_change(world: World, name: str, change: str, request: pytest.FixtureRequest) -> None:
    landscape = world.landscape()
    value = landscape.merged(name)
    assert value is not None
    base = form_of(name, value.plain())
    push = ConnectionForm("s3://bucket/elsewhere", user="bob", secret_variable="S", profile="p: q")
    form = {
        "address": MirrorForm(
            name, ConnectionForm("https://new.example/x"), base.push, base.binary, base.source, base.signed
        ),
        "signed": MirrorForm(name, base.fetch, base.push, base.binary, base.source, base.signed is not True),
        "push": MirrorForm(name, base.fetch, push, base.binary, base.source, base.signed),
        "all": MirrorForm(name, ConnectionForm("/srv/n", endpoint_url="https://e"), push, False, False, None, True),
    }[change]
    rest = outside(world.load(), world.scope)
    try:
        after = world.edit(ChangeMirror(name, form))
    except MirrordeckError:
        if case_of(request) not in SHARED_ENTRIES:
            raise
        assert world.path.read_bytes() == world.before
        return
    found = section(world.load(), world.scope)
    assert list(found) == list(world.section)
    assert {key: entry for key, entry in found.items() if key != name} == {
        key: entry for key, entry in world.section.items() if key != name
    }
    got = world.landscape().merged(name)
    assert got is not None
    assert form_of(name, got.plain()) == form
    assert outside(world.load(), world.scope) == rest
    for key in ("view", "x-note"):
        if isinstance(world.section[name], dict) and key in world.section[name]:
            assert found[name][key] == world.section[name][key]
    if case_of(request) not in ("flow_section", "flow_trailing_comma", "flow_root", "json", "environment_flow"):
        assert_only_there(world, after, *world.entry_lines(name))
    assert [text for text in comments(world.before) if text not in comments(after)] == []


# Tables of their own that say an address and nothing about signing.
UNSIGNED = [
    (case, name)
    for case, name in ENTRIES
    if isinstance(entry_of(case, name), dict)
    and "signed" not in entry_of(case, name)
    and entry_of(case, name).keys() & {"url", "fetch"}
    and case not in SHARED_ENTRIES
]


@pytest.mark.parametrize(("world", "name"), UNSIGNED, indirect=["world"], ids=["-".join(entry) for entry in UNSIGNED])
def test_back_and_forth(world: World, name: str) -> None:
    """Setting `signed` and taking it away again leaves the file as it was."""
    value = world.landscape().merged(name)
    assert value is not None
    base = form_of(name, value.plain())
    assert world.edit(ChangeMirror(name, replace(base, signed=True))) != world.before
    assert world.edit(ChangeMirror(name, base)) == world.before


@every_entry
@pytest.mark.parametrize("to_end", [False, True])
def test_move(world: World, name: str, to_end: bool, request: pytest.FixtureRequest) -> None:
    order = [other for other in world.section if other != name]
    before = "" if to_end or not order else order[0]
    rest = outside(world.load(), world.scope)
    try:
        after = world.edit(MoveMirror(name, world.scope.name, before))
    except ConfigError:
        assert case_of(request) in ("aliases", "merge_keys", "whole_alias")
        assert world.path.read_bytes() == world.before
        return
    wanted = [name, *order] if before else [*order, name]
    assert list(section(world.load(), world.scope)) == wanted
    assert section(world.load(), world.scope) == world.section
    assert outside(world.load(), world.scope) == rest
    if "flow" not in case_of(request) and case_of(request) != "json":
        ends = re.compile(rb"(?<=\n)|(?<=\r)(?!\n)")
        assert sorted(line.strip() for line in ends.split(after)) == sorted(
            line.strip() for line in ends.split(world.before)
        )
    assert sorted(comments(after)) == sorted(comments(world.before))


@every_entry
def test_rename(world: World, name: str, request: pytest.FixtureRequest) -> None:
    value = world.landscape().merged(name)
    assert value is not None
    base = form_of(name, value.plain())
    form = MirrorForm("it's new", base.fetch, base.push, base.binary, base.source, base.signed, base.autopush)
    after = world.edit(ChangeMirror(name, form))
    wanted = ["it's new" if other == name else other for other in world.section]
    assert list(section(world.load(), world.scope)) == wanted
    assert list(section(world.load(), world.scope).values()) == list(world.section.values())
    assert comments(after) == comments(world.before)
    assert abs(len(after) - len(world.before)) < 40


@every_entry
def test_copy(world: World, name: str, request: pytest.FixtureRequest) -> None:
    """The copy means what the original means, and the original stays as it is."""
    original = world.landscape().merged(name)
    assert original is not None
    try:
        carry_out(plan_edit(CopyMirror(name, "site"), world.landscape()))
    except MirrordeckError:
        if case_of(request) not in ("secrets_of_0_2x", "secrets_of_0_2x_anchor", "unknown_keys", "password_in_address"):
            raise
        assert not (world.lower.place / "mirrors.yaml").exists()
        return
    assert world.path.read_bytes() == world.before
    landscape = world.landscape()
    copied = landscape.entry(world.lower, name)
    assert copied is not None
    for direction in ("fetch", "push"):
        there, here = (
            getattr(form_of(name, entry.plain()), direction) or form_of(name, entry.plain()).fetch
            for entry in (original, copied)
        )
        if there.url:
            assert landscape.meaning(there.url, world.path) == landscape.meaning(
                here.url, world.lower.section_file("mirrors")
            )
    assert form_of(name, copied.plain()).signed == form_of(name, original.plain()).signed


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("secrets")])
def test_move_secrets(case: str, tmp_path: Path) -> None:
    world = World(case, PLAIN[case], tmp_path)
    plan = plan_edit(MoveSecrets("one"), world.landscape())
    after = world.edit(MoveSecrets("one"))
    secrets = [b"hunter2hunter2", b"tok-0123456789"] if case == "secrets_of_0_2x" else [b"q\\x41uoted-secret"]
    for secret in secrets:
        assert secret in world.before
        assert secret not in after
        assert secret.decode() not in plan.diff
    assert "qAuoted-secret" not in plan.diff
    assert comments(after) == comments(world.before)
    found = section(world.load(), world.scope)
    if case == "secrets_of_0_2x":
        assert found["one"] == {
            "url": "s3://bucket/one",
            "access_pair": {"id": "AKID", "secret_variable": "MIRRORDECK_ONE_SECRET"},
            "access_token_variable": "MIRRORDECK_ONE_TOKEN",
        }
        world.edit(MoveSecrets("two"))
        pair = section(world.load(), world.scope)["two"]["push"]["access_pair"]
        assert pair == {"id": "user", "secret_variable": "MIRRORDECK_TWO_PUSH_SECRET"}
    assert not world.path.with_name(world.path.name + ".bak").exists() or b"s3cr3t-block" not in (
        world.path.with_name(world.path.name + ".bak").read_bytes()
    )


@pytest.mark.parametrize("case", sorted(WITHOUT_ENTRIES))
@pytest.mark.parametrize(("form", "entry"), [(NEW, NEW_ENTRY), (SIMPLE, "/srv/simple")], ids=["table", "text"])
def test_first_entry(case: str, form: MirrorForm, entry: Any, tmp_path: Path) -> None:
    world = World(case, WITHOUT_ENTRIES[case], tmp_path)
    rest = outside(world.load(), world.scope)
    after = world.edit(AddMirror(form))
    assert section(world.load(), world.scope) == {form.name: entry}
    assert outside(world.load(), world.scope) == rest
    assert comments(after) == comments(world.before)
    assert ("::" in after.decode().partition("new")[0]) == ("override" in case)
    gone = [
        line for line in difflib.ndiff(world.before.decode().split("\n"), after.decode().split("\n")) if line[0] == "-"
    ]
    assert all(re.search(r"\{.*\}|null|^- *$|debug: true|^- # nothing", line) for line in gone), gone


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_refused_with_the_line(case: str, tmp_path: Path) -> None:
    text, line, word = REFUSED[case]
    path = tmp_path / "config" / "mirrors.yaml"
    path.parent.mkdir()
    path.write_text(text)
    landscape = Landscape((Scope("user", path.parent),), PathContext(None, {}))
    with pytest.raises(ConfigError) as caught:
        plan_edit(AddMirror(SIMPLE), landscape)
    assert f"mirrors.yaml:{line}:" in caught.value.title
    assert word in caught.value.why
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]
