# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries against the answers of `spack find` 1.1, and what each part of one matches."""

import dataclasses
import json
import shlex
from functools import cache
from pathlib import Path

import msgspec
import pytest

from core.foundation.errors import QueryError
from core.spack.node_constraints import NodeConstraint, VariantConstraint, target_matches
from core.spack.queries import Query, lookup, select
from core.spack.query_tokens import query_text_from_words
from core.spack.specs import PackageRecord, ParameterValue, decode_node

GOLDEN = Path(__file__).parents[1] / "data/spack-1.1"
NEED_RECIPES = {"labmpi", "labmpi@3.1", "labmpi@3.0", "labmpi@3", "libc", "c"}
MISSING = "mrjm5tqvvbymficrcn7y7lwmb25eysf4"


@cache
def answers() -> dict[str, dict]:
    return json.loads((GOLDEN / "expected/find-queries.json").read_text(encoding="utf-8"))


@cache
def database() -> dict[str, PackageRecord]:
    installs = json.loads((GOLDEN / "db/index.json").read_text(encoding="utf-8"))["database"]["installs"]
    return {dag_hash: record_from(dag_hash, install) for dag_hash, install in installs.items()}


def record_from(dag_hash: str, install: dict) -> PackageRecord:
    document = json.dumps(install["spec"]).encode()
    return PackageRecord(
        node=decode_node(document),
        document=document,
        hash=dag_hash,
        prefix=install.get("path"),
        install_root="/opt",
        installed=install["installed"],
        explicit=install["explicit"],
        installation_time=0.0,
        deprecated_for=install.get("deprecated_for"),
        upstream=False,
        specfile_version=5,
    )


def record_of(
    *, version: str = "1.2", dag_hash: str = "abcd", target: str = "x86_64_v3", **parameters: ParameterValue
) -> PackageRecord:
    spec = {
        "name": "tool",
        "version": version,
        "arch": {"platform": "linux", "platform_os": "debian12", "target": target},
        "namespace": "lab",
        "parameters": parameters,
        "hash": dag_hash,
    }
    return record_from(dag_hash, {"spec": spec, "installed": True, "explicit": True})


def found(text: str) -> list[str]:
    records = database()
    return [record.hash for record in select(records.values(), Query.parse(text), records)]


def matches(text: str, record: PackageRecord) -> bool:
    return any(query.matches(record, {record.hash: record}) for query in Query.parse(text))


def is_about_dependencies(text: str) -> bool:
    return any(sign in text for sign in "^%")


# ---- what Spack found ----


def answered() -> list[str]:
    return [text for text in answers() if not is_about_dependencies(text) and text not in NEED_RECIPES]


def test_enough_queries_are_compared() -> None:
    assert len(answered()) >= 70
    assert answers().keys() > NEED_RECIPES


@pytest.mark.parametrize("text", answered())
def test_finds_what_spack_finds(text: str) -> None:
    assert sorted(found(text)) == answers()[text]["hashes"]
    assert sorted(found(query_text_from_words(shlex.split(text)))) == answers()[text]["hashes"]
    assert sorted(found(" ".join(str(query) for query in Query.parse(text)))) == answers()[text]["hashes"]


@pytest.mark.parametrize("text", [text for text in answers() if is_about_dependencies(text)])
def test_dependencies_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="not supported") as caught:
        Query.parse(text)
    assert caught.value.position == min(text.index(sign) for sign in "^%" if sign in text)


@pytest.mark.parametrize("text", sorted(NEED_RECIPES))
def test_virtual_names_find_nothing(text: str) -> None:
    assert answers()[text]["hashes"]
    assert found(text) == []


# ---- lists ----


def test_alternatives_are_a_union_in_order() -> None:
    assert [str(query) for query in Query.parse("labzed@1.3 +shared labmid/7nyg")] == [
        "labzed@1.3+shared",
        "labmid /7nyg",
    ]
    one, two = "3etqutdo6x2xxhffps2ikkt6ggofkhan", "62fp442jdrn7vmvy2glifzwdqwzqimi5"
    assert found(f"/{one} /{two}") == [two, one]  # 1.2 before 1.10
    assert found(f"/{one} labzed@1.10") == [one]
    assert found("labzed+static labfail") == sorted(found("labzed+static"))


def test_no_query_finds_all_installed() -> None:
    records = database()
    everything = {record.hash for record in records.values() if record.installed and not record.deprecated_for}
    assert Query.parse("  ") == ()
    assert set(found("")) == set(found("*")) == everything
    assert MISSING not in everything


@pytest.mark.parametrize("change", [{"installed": False}, {"deprecated_for": "ffff"}])
def test_only_available_records_are_selected(change: dict) -> None:
    record = record_of()
    unavailable = dataclasses.replace(record, hash="other", **change)
    records = {one.hash: one for one in (record, unavailable)}
    (query,) = Query.parse("tool")
    assert select(records.values(), (query,), records) == [record]
    assert lookup(records, query, any_state=False) == [record]
    assert lookup(records, query, any_state=True) == [record, unavailable]


def test_lookup_in_any_state() -> None:
    (query,) = Query.parse(f"/{MISSING[:7]}")
    assert query.hash_prefix == MISSING[:7]
    assert lookup(database(), query, any_state=False) == []
    assert [record.hash for record in lookup(database(), query, any_state=True)] == [MISSING]


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
    parameters: dict = {"many": ["a", "b"], "cflags": ["-O2"]}
    record = dataclasses.replace(record, node=msgspec.structs.replace(record.node, parameters=parameters))
    assert NodeConstraint(variants=(VariantConstraint("many", ("a", "b"), True),)).matches(record)
    assert NodeConstraint(flags=(("cflags", ("-O2",)),)).matches(record)


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


def test_conditions_of_recipes() -> None:
    assert matches("@1.2: +shared", record_of(shared=True))
    assert not matches("@1.3: +shared", record_of(shared=True))
    assert matches("+cuda target=x86_64:", record_of(cuda=True))


def test_record_with_unreadable_version() -> None:
    assert matches("tool", record_of(version="1+2"))
    assert not matches("tool@:", record_of(version="1+2"))
