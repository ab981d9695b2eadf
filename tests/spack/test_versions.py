# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Order and constraints of versions against what Spack 1.1 answered, and the laws they must obey in general."""

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.spack.versions import EmptyRange, InvalidVersion, Version, VersionList, version_key

COMMIT = "877e2ced11586c1cf63ca6b7eacdb481aa116f92"


@cache
def answers() -> dict:
    path = Path(__file__).parents[1] / "data/spack-1.1/expected/versions.json"
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(table: str, first: str) -> list[list]:
    return [row for row in answers()[table] if row[0] == first]


def exactly(version: str) -> VersionList:
    return VersionList.parse(f"={version}")


# ---- Spack's own answers ----


@pytest.mark.parametrize("first", sorted({row[0] for row in answers()["pairs"]}))
def test_order_of_all_pairs(first: str) -> None:
    rows = rows_of("pairs", first)
    found = []
    for one, _, other in rows:
        left, right = Version.parse(one), Version.parse(other)
        found.append([one, "<" if left < right else ">" if left > right else "==", other])
    assert found == rows


@pytest.mark.parametrize("first", sorted({row[0] for row in answers()["satisfies"]}))
def test_exact_versions_against_constraints(first: str) -> None:
    rows = rows_of("satisfies", first)
    found = []
    for _, text, _, _ in rows:
        constraint = VersionList.parse(text)
        assert constraint.contains(Version.parse(first)) == exactly(first).satisfies(constraint)
        found.append([first, text, exactly(first).satisfies(constraint), exactly(first).intersects(constraint)])
    assert found == rows


@pytest.mark.parametrize("first", sorted({row[0] for row in answers()["constraints"]}))
def test_constraints_against_constraints(first: str) -> None:
    rows = rows_of("constraints", first)
    left = VersionList.parse(first)
    found = []
    for _, text, *_ in rows:
        right = VersionList.parse(text)
        found.append([first, text, left.satisfies(right), left.intersects(right), str(left.intersection(right))])
    assert found == rows


def test_sorting_a_list() -> None:
    texts = answers()["sorted"]
    assert [str(one) for one in sorted(map(Version.parse, texts))] == texts
    assert [version_key(one)[1] for one in texts] == sorted(version_key(one)[1] for one in texts)


def test_normalised_text() -> None:
    normalised = answers()["normalised"]
    assert {text: str(VersionList.parse(text)) for text in normalised} == normalised


def test_what_spack_rejects() -> None:
    for text in answers()["invalid_versions"]:
        with pytest.raises(InvalidVersion, match=re.escape(text)):
            Version.parse(text)
    for text in answers()["invalid_constraints"]:
        with pytest.raises(EmptyRange, match=re.escape(text)):
            VersionList.parse(text)


# ---- details ----


@pytest.mark.parametrize("text", ["", " ", "1 2", "...", "=1.2", "1.2=3", "git.main=", "git.main=git.x=1", "é1"])
def test_no_version(text: str) -> None:
    with pytest.raises(InvalidVersion):
        Version.parse(text)


def test_endless_versions_are_refused() -> None:
    with pytest.raises(InvalidVersion, match="too long"):
        Version.parse("1" * 10_000)
    assert version_key("1" * 10_000) < version_key("0")


@pytest.mark.parametrize("text", ["", ",", "1,", "1.2:=1.4", "1:2:3", "git.main=1.5:", "@1", "1 .2"])
def test_no_constraint(text: str) -> None:
    with pytest.raises(InvalidVersion):
        VersionList.parse(text)


def test_key_of_anything() -> None:
    assert sorted(["2", "not a version", "10", "", "1"], key=version_key) == ["", "not a version", "1", "2", "10"]


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("1.2,1.3", "1.2:1.3"),
        ("1.4,1.2:1.3,=1.2.5", "1.2:1.4"),
        ("=2,=1,=2", "=1,=2"),
        (":1,2:", ":"),
        ("1:1.4,1.2", "1:1.4"),
        ("1.2 , 1.9", "1.2,1.9"),
        ("git.main=1.5,1", "1"),
    ],
)
def test_merging(text: str, merged: str) -> None:
    assert str(VersionList.parse(text)) == merged


@pytest.mark.parametrize(
    ("upper", "inside", "outside"),
    [
        (":1.2", "1.3rc1", "1.3"),
        (":1.9", "1.9.9", "1.10"),
        (":1.2alpha", "1.2alpha", "1.2alpha0"),
        (":1.2rc1", "1.2rc1", "1.2rc2"),
        (":main", "main.2", "develop"),
        (":develop", "develop.9", f"{COMMIT}"),
        ("a", "aZ", "b"),
        ("z", "z.1", "zA"),
        ("Z", "Z9", "a"),
        (":heac", "headx", "heae"),
    ],
)
def test_upper_ends(upper: str, inside: str, outside: str) -> None:
    constraint = VersionList.parse(upper)
    assert constraint.contains(Version.parse(inside))
    assert not constraint.contains(Version.parse(outside))


# ---- git versions ----


class Tags:
    def version_of(self, ref: str) -> Version | None:
        return Version.parse("1.0") if ref == "v1.0" else None


def test_git_version_stands_for_a_version() -> None:
    version = Version.parse("git.v1.0=1.0")
    assert version.git_ref == "v1.0"
    assert Version.parse("1.0") < version < Version.parse("1.0.0")
    assert exactly("git.v1.0=1.0") == VersionList.parse("git.v1.0=1.0")
    assert not exactly("1.0").contains(version)
    assert not exactly("git.v1.0=1.0").contains(Version.parse("git.other=1.0"))
    assert not exactly("git.v1.0=1.0").contains(Version.parse("git.v1.0=1.1"))


@pytest.mark.parametrize(("text", "ref"), [(COMMIT, COMMIT), (f"{COMMIT}=1.1", COMMIT), ("git.a/b", "a/b")])
def test_git_reference(text: str, ref: str) -> None:
    assert Version.parse(text).git_ref == ref
    assert str(Version.parse(text)) == text


def test_unknown_git_version_compares_references_only() -> None:
    version = Version.parse("git.v1.0")
    assert not version.is_known
    assert VersionList.parse("git.v1.0=1.0").contains(version)
    assert VersionList.parse("git.v1.0").contains(Version.parse("git.v1.0=1.0"))
    assert not VersionList.parse("git.v1.0").contains(Version.parse("git.v1.1=1.0"))
    assert VersionList.parse(":").contains(version)
    assert not VersionList.parse("1:").contains(version)
    assert version > Version.parse("develop")


def test_git_reference_is_looked_up() -> None:
    assert Version.parse("git.v1.0", Tags()) == Version.parse("git.v1.0=1.0")
    assert not Version.parse("git.unheard-of", Tags()).is_known
    assert Version.parse("git.v1.0=2", Tags()) == Version.parse("git.v1.0=2")
    assert VersionList.parse("git.v1.0", Tags()).satisfies(VersionList.parse("1.0:1.1"))


# ---- laws ----

WORDS = ["0", "1", "2", "3", "10", "01", "a", "b", "z", "Z", "rc", "alpha", "beta", "final", "main", "develop", "x"]
plain_versions = st.builds(
    lambda words, separators: "".join(
        word + separator for word, separator in zip(words, [*separators[: len(words) - 1], ""], strict=True)
    ),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.lists(st.sampled_from([".", "-", "_", ""]), min_size=3, max_size=3),
)
git_versions = st.builds(lambda ref, version: f"git.{ref}={version}", st.sampled_from(["v1", "a/b"]), plain_versions)
versions = st.one_of(plain_versions, git_versions).map(Version.parse)


def text_between(ends: list[str]) -> str:
    low, high = sorted(ends, key=version_key)
    return f"{low}:{high}"


members = st.one_of(
    plain_versions,
    plain_versions.map(lambda version: f"={version}"),
    plain_versions.map(lambda version: f"{version}:"),
    plain_versions.map(lambda version: f":{version}"),
    st.lists(plain_versions, min_size=2, max_size=2).map(text_between),
    git_versions,
    st.just(":"),
)
constraints = st.lists(members, min_size=1, max_size=4).map(",".join).map(VersionList.parse)
laws = settings(max_examples=200, deadline=None)


@laws
@given(st.lists(versions, max_size=6))
def test_order_is_total(some: list[Version]) -> None:
    for one, other in pairwise(sorted(some)):
        assert one <= other
        assert not other < one
        assert (one == other) == (not one < other)
        assert one != other or hash(one) == hash(other)


@laws
@given(versions, constraints)
def test_text_parses_back(version: Version, constraint: VersionList) -> None:
    assert Version.parse(str(version)) == version
    assert VersionList.parse(str(constraint)) == constraint


@laws
@given(versions, constraints)
def test_containing_is_being_satisfied_by_the_exact_version(version: Version, constraint: VersionList) -> None:
    exact = exactly(str(version))
    assert constraint.contains(version) == exact.satisfies(constraint) == exact.intersects(constraint)


@laws
@given(constraints, constraints, versions)
def test_satisfying_passes_versions_on(one: VersionList, other: VersionList, version: Version) -> None:
    assert one.satisfies(one)
    if one.satisfies(other):
        assert one.intersects(other)
        assert one.intersection(other) == one
        assert other.contains(version) or not one.contains(version)


@laws
@given(constraints, constraints, versions)
def test_intersection(one: VersionList, other: VersionList, version: Version) -> None:
    common = one.intersection(other)
    assert common == other.intersection(one)
    assert common.contains(version) == (one.contains(version) and other.contains(version))
    assert bool(common.members) == one.intersects(other) == other.intersects(one)
    if common.members:
        assert common.satisfies(one)
        assert common.satisfies(other)
        assert VersionList.parse(str(common)) == common
