# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The order of packages, and what a world finds out about its records."""

from __future__ import annotations

import pytest
from lab_records import lab, record_of, world_of

import core.spack.worlds
from core.spack.worlds import World


def test_order_of_what_spack_lists() -> None:
    # As printed by `spack find --format {hash:7}`.
    printed = (
        "mejpqx7 a7iaj7k cdhuyau rzctz7n rarjfeq jvfbsfi j3bgn4y kpmgqdx 7nyg6y4 dvqsluy oh5jfye xwiawpr js37glo "
        "qjlj3ha jfjcnbo vl34dzl 2xjlh36 grwrn7m u6mghwd tkbtpcx 62fp442 czfloom wlw677f 3etqutd"
    )
    short = [record.hash[:7] for record in lab().in_order if record.installed and not record.deprecated_for]
    assert " ".join(short) == printed


def test_order_of_equal_versions() -> None:
    old = record_of(name="a", version="1.9", dag_hash="9")
    new = record_of(name="a", version="1.10", dag_hash="1")
    off = record_of(version="1.2", dag_hash="5", shared=False)
    on = record_of(version="1.2", dag_hash="4", shared=True)
    words = record_of(version="1.2", dag_hash="3", shared=True, words=("a", "b"))
    flags = record_of(version="1.2", dag_hash="2", shared=True, words=("a", "b"), cflags=("-g",))
    zen = record_of(version="1.2", dag_hash="0", target="zen3", shared=True, words=("a", "b"), cflags=("-g",))
    expected = [old, new, off, on, words, flags, zen]
    assert world_of(*reversed(expected)).in_order == expected


def test_dependencies_decide_between_equal_packages() -> None:
    first, second = record_of(name="z", version="1", dag_hash="y"), record_of(name="z", version="2", dag_hash="x")
    one = record_of(dag_hash="2", needs={"link": (first, "")})
    other = record_of(dag_hash="1", needs={"link": (second, "")})
    assert world_of(other, second, one, first).in_order == [one, other, first, second]


def test_hash_decides_in_the_end() -> None:
    records = [record_of(dag_hash=text) for text in "acb"]
    assert [record.hash for record in world_of(*records).in_order] == ["a", "b", "c"]


def test_many_are_sorted_like_few(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [record for record in lab().records.values() if record.name.startswith("labz")]
    world = World(lab().records)
    few = world.sorted(some)
    monkeypatch.setattr(core.spack.worlds, "_MANY", 0)
    assert world.sorted(some) == few == world.sorted(reversed(some))
    monkeypatch.undo()
    assert world.sorted(reversed(some)) == few


def test_dependents_by_what_they_need() -> None:
    child = record_of(name="child", dag_hash="c")
    parents = {
        types: record_of(name="parent", dag_hash=types, needs={types: (child, "")})
        for types in ("build", "link", "run", "build,link", "test", "build,test")
    }
    dependents = World({"c": child, **parents}).dependents
    assert dependents.runtime == {"c": ["link", "run", "build,link"]}
    assert dependents.build == {"c": ["build", "build,test"]}
    assert dependents.test == {"c": ["test"]}
