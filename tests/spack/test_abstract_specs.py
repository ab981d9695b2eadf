# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Specs against specs: the table of what Spack 1.1 answered, and where it promises more than it should."""

from __future__ import annotations

import pytest
from lab_records import expected

from core.spack.abstract_specs import AbstractSpec
from core.spack.node_constraints import ANYTHING
from core.spack.queries import parse_query
from core.spack.target_ranges import common_targets, target_intersects, target_satisfies

SPECS: list[str] = expected("abstract-specs")["specs"]


def spec(text: str) -> AbstractSpec:
    (found,) = parse_query(text).specs
    return found


def spack_is_hasty(left: AbstractSpec, right: AbstractSpec) -> bool:
    """Spack says that `left` satisfies `right` although packages may match the one and not the other."""
    direct = {one.spec.node.name: one for one in left.dependencies if one.direct}
    targets = (left.node.target or ANYTHING, right.node.target or ANYTHING)
    return (
        (right.node.is_named and not left.node.is_named)
        or (bool(right.node.namespace) and not left.node.namespace)
        or any(variant.propagated for variant in right.node.variants)
        or (target_intersects(*targets) and not target_satisfies(*targets))
        or any(
            one.direct
            and (one.spec.node.name not in direct or direct[one.spec.node.name].virtuals not in ((), one.virtuals))
            for one in right.dependencies
        )
    )


@pytest.mark.parametrize("text", SPECS)
def test_satisfies_what_spack_says(text: str) -> None:
    answers = expected("abstract-specs")["satisfies"][SPECS.index(text)]
    left = spec(text)
    for other, answer in zip(SPECS, answers, strict=True):
        right = spec(other)
        found = left.satisfies(right)
        if found != (answer == "x"):
            # A package has an operating system and a target, whatever they are.
            asks_for_any = ANYTHING in (right.node.os, right.node.target)
            assert asks_for_any if found else spack_is_hasty(left, right), other


@pytest.mark.parametrize("text", SPECS)
def test_intersects_what_spack_says(text: str) -> None:
    answers = expected("abstract-specs")["intersects"][SPECS.index(text)]
    left = spec(text)
    for other, answer in zip(SPECS, answers, strict=True):
        right = spec(other)
        assert left.intersects(right) == right.intersects(left)
        if left.intersects(right) != (answer == "x"):
            # Any system or target may be this one, and a DAG without the variant has it neither way.
            propagated = all(one.node.variants and one.node.variants[0].propagated for one in (left, right))
            assert propagated or any(ANYTHING in (one.node.os, one.node.target) for one in (left, right)), other


@pytest.mark.parametrize(
    ("one", "other", "satisfies", "intersects"),
    [
        ("a@1.2:", "a@1:", True, True),
        ("a", "a@:", True, True),
        ("a k:=x,y", "a k=x", True, True),
        ("a k=x", "a k:=x,y", False, True),
        ("a k=x,z", "a k:=x,y", False, False),
        ("a +k", "a k=x", False, False),
        ("a +k", "a k=*", True, True),
        ("a k=*", "a +k", False, True),
        ("a patches:=abcdef", "a patches=abc", True, True),
        ("a ++k", "a ~~k", False, True),
        ("a ++k", "a ~k", False, False),
        ("a cflags='-O2 -g'", "a cflags=-g", True, True),
        ("a cflags=-g", "a cflags='-O2 -g'", False, True),
        ("a platform=linux", "a platform=*", True, True),
        ("a platform=linux", "a platform=darwin", False, False),
        ("a target=zen2:zen4", "a target=x86_64_v3:", True, True),
        ("a target=aarch64:", "a target=x86_64:", False, False),
        ("a /abcd", "a/ab", True, True),
        ("a /ab", "a/cd", False, False),
        ("a ^b@1", "a ^b", True, True),
        ("a ^b@1", "a ^b@2", False, False),
        ("a ^b@1 ^c", "a ^b", True, True),
        ("a %b", "a ^b", True, True),
        ("a ^b", "a %b", False, True),
        ("a %b", "a", True, True),
        ("a ^b %c@1", "a ^b %c", True, True),
        ("a ^b %c", "a ^b %c@1", False, True),
        ("a ^b %c@2", "a ^b %c@1", False, False),
        ("a %[when=+x] b", "a %b", False, True),
        ("a %b", "a %[when=+x] b", True, True),
        ("a ~x", "a %[when=+x] b", True, True),
        ("a %[deptypes=build,link] b", "a %[deptypes=link] b", True, True),
        ("a %v=b", "a %v,w=b", True, True),
        ("a %v,w=b", "a %v=b", False, True),
        ("a ^v,w=b", "a ^v=b", True, True),
        ("a %v=b", "a ^v=b", True, True),
        ("a %v,w=b", "a ^v=b", False, True),
    ],
)
def test_details(one: str, other: str, satisfies: bool, intersects: bool) -> None:
    assert (spec(one).satisfies(spec(other)), spec(one).intersects(spec(other))) == (satisfies, intersects)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("", "zen3", "zen3"),
        ("zen3", "", "zen3"),
        ("x86_64:", "zen2:", "zen2:"),
        ("zen2:", "*", "zen2:"),
        (":zen4", "zen2:", "zen2,zen3,zen4"),
        ("homemade,zen2", "zen2,homemade,zen3", "homemade,zen2"),
    ],
)
def test_common_targets(one: str, other: str, common: str) -> None:
    assert common_targets(one, other) == common
