# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries against the answers of `spack find` 1.1, and what each part of one matches."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest
from lab_records import expected, found, lab, record_of, world_of

import core.spack.queries
from core.foundation.errors import QueryError
from core.spack.node_constraints import FlagConstraint, NodeConstraint, VariantConstraint
from core.spack.providers import RecipeProviders
from core.spack.queries import parse_query, select
from core.spack.query_tokens import query_text_from_words
from core.spack.specs import PackageRecord
from core.spack.target_ranges import target_matches
from core.spack.worlds import World

MISSING = "mrjm5tqvvbymficrcn7y7lwmb25eysf4"
# Of glibc, which is external, there is no recipe in the sample tree.
ONLY_GLIBC_KNOWS = {"libc@2", "^libc@2"}
# Spack looks at nothing but the version when a name stands for a virtual package.
SPACK_IGNORES = {"labmpi+shared", "labmpi target=zen3"}
# Taken although Spack refuses them.
MORE_THAN_SPACK = {"%[deptypes=all] labzed"}


def matches(text: str, record: PackageRecord, *others: PackageRecord) -> bool | None:
    return parse_query(text).matches(record, world_of(record, *others))


def as_typed(text: str) -> str:
    """The query that reaches a command when `text` is typed at a shell."""
    return query_text_from_words(shlex.split(text))


@pytest.fixture(scope="module")
def installed(golden_tree: Path) -> tuple[World, RecipeProviders]:
    return lab(str(golden_tree)), RecipeProviders({})


@pytest.fixture(params=["one by one", "many at once"])
def strategy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to look for dependencies."""
    monkeypatch.setattr(core.spack.queries, "_MANY", 10_000 if request.param == "one by one" else 0)


# ---- what Spack found ----


def test_all_answers_are_used() -> None:
    assert (len(expected("find-queries")), len(expected("more-queries"))) == (103, 214)
    assert expected("more-queries").keys() > ONLY_GLIBC_KNOWS | SPACK_IGNORES | MORE_THAN_SPACK


@pytest.mark.usefixtures("strategy")
def test_finds_what_spack_finds(installed: tuple[World, RecipeProviders]) -> None:
    answers = {text: answer["hashes"] for text, answer in expected("find-queries").items()}
    assert {text: sorted(found(text, *installed)) for text in answers} == answers
    assert {text: sorted(found(as_typed(text), *installed)) for text in answers} == answers
    assert {text: sorted(found(str(parse_query(text)), *installed)) for text in answers} == answers


@pytest.mark.usefixtures("strategy")
def test_finds_what_spack_finds_in_its_order(installed: tuple[World, RecipeProviders]) -> None:
    special = ONLY_GLIBC_KNOWS | SPACK_IGNORES | MORE_THAN_SPACK
    answers = {
        text: hashes.split()
        for text, hashes in expected("more-queries").items()
        if hashes is not None and text not in special
    }
    for spelled in (as_typed, lambda text: str(parse_query(as_typed(text)))):
        listed = {text: [one[:7] for one in found(spelled(text), *installed)] for text in answers}
        assert listed == answers
    for text in ONLY_GLIBC_KNOWS:
        answer = select(parse_query(text), installed[0], recipes=installed[1])
        assert answer.matched == []
        assert {record.hash[:7] for record in answer.unknown} >= set(expected("more-queries")[text].split())
    assert [found(text, *installed) for text in SPACK_IGNORES] == [[], []]


@pytest.mark.parametrize("text", [text for text, hashes in expected("more-queries").items() if hashes is None])
def test_refuses_what_spack_refuses(text: str) -> None:
    if text in MORE_THAN_SPACK:
        assert parse_query(as_typed(text)).specs
    else:
        with pytest.raises(QueryError):
            parse_query(as_typed(text))


@pytest.mark.usefixtures("strategy")
@pytest.mark.parametrize(
    "text", ["labmpi@3.1", "labmpi@3.0", "labmpi@3", "^labmpi@3.1", "%labmpi@3.1", "labtop ^labmpi@3.1", "libc@2"]
)
def test_what_only_recipes_know_is_unknown_without_them(text: str) -> None:
    wanted = {**expected("find-queries"), **expected("more-queries")}[text]
    hashes = wanted["hashes"] if isinstance(wanted, dict) else wanted.split()
    answer = select(parse_query(text), lab(), recipes=RecipeProviders({}))
    assert answer.matched == []
    unknown = {record.hash[: len(hashes[0])] for record in answer.unknown}
    assert unknown.issuperset(hashes)


def test_name_nobody_has_heard_of_is_not_unknown() -> None:
    assert select(parse_query("labnope"), lab(), recipes=RecipeProviders({})).unknown == []


def test_edges_tell_which_package_is_used_as_a_virtual_one() -> None:
    assert len(found("labmpi")) == 2  # nobody uses labmpi-a@4.0
    assert found("libc") == found("glibc")
    assert found("c") == found("gcc")


# ---- lists ----


def test_alternatives_are_a_union_in_order() -> None:
    specs = parse_query("labzed@1.3 +shared labmid/7nyg").specs
    assert [str(spec) for spec in specs] == ["labzed@1.3+shared", "labmid /7nyg"]
    one, two = "3etqutdo6x2xxhffps2ikkt6ggofkhan", "62fp442jdrn7vmvy2glifzwdqwzqimi5"
    assert found(f"/{one} /{two}") == [two, one]  # 1.2 before 1.10
    assert found(f"/{one} labzed@1.10") == [one]
    assert found("labzed+static labfail") == found("labzed+static")


def test_no_query_finds_all_installed() -> None:
    everything = {record.hash for record in lab().records.values() if record.installed and not record.deprecated_for}
    assert parse_query("  ").specs == ()
    assert set(found("")) == set(found("*")) == everything
    assert MISSING not in everything


@pytest.mark.parametrize("change", [{"installed": False}, {"deprecated_for": "ffff"}])
def test_only_available_records_are_selected(change: dict[str, Any]) -> None:
    record = record_of()
    unavailable = msgspec.structs.replace(record, hash="other", **change)
    world = world_of(record, unavailable)
    assert select(parse_query("tool"), world).matched == [record]
    assert select(parse_query(""), world).matched == [record]
    assert select(parse_query("tool"), world, any_state=True).matched == [record, unavailable]


def test_lookup_in_any_state() -> None:
    query = parse_query(f"/{MISSING[:7]}")
    assert select(query, lab()).matched == []
    assert [record.hash for record in select(query, lab(), any_state=True).matched] == [MISSING]


# ---- parts ----


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+on", True),
        ("~on", False),
        ("on=TRUE", True),
        ("on=False", False),
        ("on:=true", True),
        ("on=*", True),
        ("on=yes", False),
        ("-off", True),
        ("~off", True),
        ("+absent", False),
        ("~absent", False),
        ("absent=*", False),
        ("word=fast", True),
        ("word=fas", False),
        ("word=true", False),
        ("+word", False),
        ("word=fast,slow", False),
        ("many=b", True),
        ("many='b, a'", True),
        ("many:=a,b", False),
        ("many:=c,a,b", True),
        ("many=*", True),
        ("patches=0123", True),
        ("patches=0123,ff", True),
        ("patches=123", False),
        ("patches:=0123", False),
        ("patches:=01234,ffff", True),
    ],
)
def test_variants(text: str, expected: bool) -> None:
    record = record_of(on=True, off=False, word="fast", many=("a", "b", "c"), patches=("01234", "ffff"))
    assert matches(text, record) is expected


def test_any_kind_of_sequence_is_read() -> None:
    record = record_of()
    parameters: dict[str, Any] = {"many": ["a", "b"], "cflags": ["-O2"]}
    record = msgspec.structs.replace(record, node=msgspec.structs.replace(record.node, parameters=parameters))
    assert NodeConstraint(variants=(VariantConstraint("many", ("a", "b"), True),)).matches(record)
    assert NodeConstraint(flags=(FlagConstraint("cflags", ("-O2",)),)).matches(record)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cflags=-g", True),
        ("cflags='-g  -O2'", True),
        ("cflags='-I include'", True),
        ("cflags=-I", False),
        ("cflags='-g -O3'", False),
        ("cflags=-g cflags=-O2", True),
        ("cflags=-g cflags=-O3", False),
        ("ldflags=-s", False),
        ("fflags=-g", False),
    ],
)
def test_flags(text: str, expected: bool) -> None:
    assert matches(text, record_of(cflags=("-O2", "-g", "-I include"), ldflags=())) is expected


@pytest.mark.parametrize(
    ("constraint", "target", "expected"),
    [
        ("*", "zen3", True),
        ("zen3", "zen3", True),
        ("zen3", "zen2", False),
        ("x86_64:", "zen3", True),
        ("x86_64_v3:", "x86_64", False),
        (":x86_64_v4", "x86_64", True),
        (":x86_64_v4", "zen3", False),
        ("x86_64_v2:zen3", "zen2", True),
        ("x86_64:", "aarch64", False),
        ("aarch64:,zen2:zen3", "zen3", True),
        ("zen2, zen3", "zen3", True),
        (":", "anything", True),
        ("homemade:", "homemade", True),
        ("homemade:", "zen3", False),
        (":zen3", "homemade", False),
        ("x86_64:", "homemade", False),
    ],
)
def test_targets(constraint: str, target: str, expected: bool) -> None:
    assert target_matches(constraint, target) is expected
    assert matches(f"target='{constraint}'", record_of(target=target)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arch=linux-debian12-x86_64:", True),
        ("architecture=linux-*-*", True),
        ("arch=darwin-*-*", False),
        ("arch=x86_64_v3", True),
        ("arch=zen3", False),
        ("platform=linux os=debian12", True),
        ("platform=* operating_system=rhel9", False),
        ("namespace=lab", True),
        ("other.tool", False),
        ("lab.tool@1.2:", True),
        ("tool@:1.1", False),
        ("tool /abc", True),
        ("/abcde", False),
    ],
)
def test_other_parts(text: str, expected: bool) -> None:
    assert matches(text, record_of()) is expected


def test_record_with_unreadable_version() -> None:
    assert matches("tool", record_of(version="1+2"))
    assert not matches("tool@:", record_of(version="1+2"))
