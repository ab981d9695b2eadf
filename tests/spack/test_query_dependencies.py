# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What `^`, `%` and propagated variants look at, in small made-up DAGs and at random."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lab_records import record_from, record_of, world_of

from core.spack.queries import parse_query
from core.spack.query_tests import RecordTests
from core.spack.specs import Annotations, External, PackageRecord
from core.spack.versions import VersionList
from core.spack.worlds import World

GCC = record_of(name="gcc", version="12.2.0", dag_hash="g", languages=("c", "c++"))
ZLIB = record_of(name="zlib", version="1.3", dag_hash="z", shared=True, needs={"build": (GCC, "c")})
CHECK = record_of(name="check", dag_hash="k", shared=False)
MPI = record_of(name="openmpi", version="4.1", dag_hash="m", needs={"build,link": (ZLIB, "")}, cuda=True)
TOOL = record_of(
    name="tool",
    dag_hash="t",
    needs={"build": (GCC, "c,cxx"), "link": (MPI, "mpi"), "test": (CHECK, "")},
    mpi=True,
    shared=True,
)
WORLD = world_of(GCC, ZLIB, CHECK, MPI, TOOL)


class Knowing:
    """Recipes of which one provides the virtual package in version 3.1."""

    def provides(self, record: PackageRecord, virtual: str, versions: VersionList | None) -> bool | None:
        provided = VersionList.parse("3.1")
        return (record.name, virtual) == ("openmpi", "mpi") and provided.intersects(versions or provided)


def verdicts(text: str, record: PackageRecord, world: World = WORLD) -> bool | None:
    """The answer, given in both ways."""
    (spec,) = parse_query(text).specs
    one, other = (RecordTests(world, None, many=many).of(spec)(record) for many in (False, True))
    assert one is other
    return one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tool ^zlib", True),
        ("tool ^zlib@1.3+shared", True),
        ("tool ^zlib~shared", False),
        ("tool %zlib", False),
        ("openmpi %zlib", True),
        ("tool ^gcc", True),  # its own build dependency
        ("openmpi ^gcc", False),  # a build dependency of a dependency
        ("tool ^check", False),  # only tests need it
        ("tool %check", True),
        ("tool ^mpi", True),
        ("tool %mpi", True),
        ("openmpi ^mpi", False),
        ("tool ^mpi=openmpi", True),
        ("tool ^mpi=zlib", False),
        ("tool ^[virtuals=mpi] *", True),
        ("tool ^mpi@3", None),
        ("tool %mpi@3", None),
        ("tool ^mpi+cuda", True),
        ("tool ^mpi~cuda", False),
        ("tool ^openmpi %zlib", True),
        ("tool ^openmpi %gcc", False),
        ("tool ^zlib %gcc@12", True),
        ("tool ^zlib %c=gcc@13", False),
        ("tool %c=gcc", True),
        ("tool %fortran=gcc", False),
        ("tool %fortran,c=gcc", True),
        ("tool %[deptypes=build] gcc", True),
        ("tool %[deptypes=build,link] gcc", False),
        ("tool %[deptypes=all] gcc", False),
        ("tool ^[deptypes=run] zlib", True),  # not looked at, as in Spack
        ("tool %[when=+mpi] zlib", False),
        ("tool %[when=~mpi] zlib", True),
        ("tool %[when='^mpi@3'] zlib", None),
        ("tool %[when='^mpi@3'] openmpi", True),
        ("tool %[when='%gcc' virtuals=mpi] openmpi", True),
        ("tool %%gcc", True),
        ("tool ^/z", True),
        ("tool %/z", False),
        ("tool ^* ~shared", False),
        ("tool %* ~shared", True),
        ("tool ++shared", False),
        ("tool ~~mpi", False),
        ("tool ++mpi", True),
        ("tool ++fabrics", True),
        ("openmpi ++shared", True),
        ("tool ^openmpi++shared", True),
        ("tool languages==c", True),
        ("tool languages==fortran", False),
        ("^tool", False),
        ("%gcc ^zlib %gcc", True),
    ],
)
def test_dependencies(text: str, expected: bool | None) -> None:
    record = MPI if text.startswith("openmpi") else TOOL
    assert verdicts(text, record) is expected


def test_version_of_a_virtual_package_is_asked_of_recipes() -> None:
    for many in (False, True):
        tests = RecordTests(WORLD, Knowing(), many=many)
        answers = [tests.of(parse_query(text).specs[0])(TOOL) for text in ("^mpi@3", "^mpi@4", "%mpi@3.1", "%mpi@:2")]
        assert answers == [True, False, True, False]


def test_dependency_without_a_record_cannot_be_judged() -> None:
    world = world_of(TOOL)
    assert RecordTests(world, None, many=False).of(parse_query("tool ^zlib").specs[0])(TOOL) is False
    assert RecordTests(world, None, many=False).of(parse_query("tool %gcc@12").specs[0])(TOOL) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("old %gcc", True),
        ("old %gcc@9:", True),
        ("old %gcc@:8", False),
        ("old %c=gcc", True),
        ("old %c", False),
        ("old %clang", False),
        ("old %gcc languages=c", False),
        ("old %zlib", False),
        ("old %@9.4.0", True),
        ("old ^zlib", True),
    ],
)
def test_specs_of_old_spacks_name_their_compiler_only(text: str, expected: bool) -> None:
    node = msgspec.structs.replace(TOOL.node, name="old", annotations=Annotations(4, "gcc@=9.4.0"))
    old = msgspec.structs.replace(TOOL, node=node, hash="o", specfile_version=4)
    assert verdicts(text, old, world_of(old, *WORLD.records.values())) is expected


def test_externals_without_dependencies_may_name_a_compiler() -> None:
    node = msgspec.structs.replace(CHECK.node, external=External("/usr"), annotations=Annotations(5, "clang@=14"))
    external = msgspec.structs.replace(CHECK, node=node)
    assert verdicts("check %clang@14", external) is True
    assert verdicts("check %llvm", external) is True
    assert verdicts("check %gcc", external) is False


# ---- both ways give the same answers ----

NAMES = ["a", "b", "c", "d"]
SIGILS = ["^", "%", "^v=", "%v=", "^[virtuals=v] ", "%[deptypes=link] ", "^[when=+on] ", "%[when=~on] "]
TAILS = ["", "+on", "~on", "@1", "@2:", " %b", " %v=c", " %b ^c"]


TYPES = ["build", "link", "build,link", "run"]


@st.composite
def worlds(draw: st.DrawFn, types: list[str]) -> World:
    """Up to ten packages; each needs some of those before it."""
    records: list[PackageRecord] = []
    for number in range(draw(st.integers(1, 10))):
        needs = draw(st.lists(st.sampled_from(records), unique_by=lambda one: one.hash, max_size=3)) if records else []
        install = {
            "spec": {
                "name": draw(st.sampled_from(NAMES)),
                "version": draw(st.sampled_from(["1.0", "2.0"])),
                "arch": {"platform": "linux", "platform_os": "debian12", "target": "x86_64"},
                "parameters": draw(st.sampled_from([{}, {"on": True}, {"on": False}])),
                "dependencies": [
                    {
                        "name": child.name,
                        "hash": child.hash,
                        "parameters": {
                            "deptypes": draw(st.sampled_from(types)).split(","),
                            "virtuals": draw(st.sampled_from([[], ["v"], ["v", "w"]])),
                        },
                    }
                    for child in needs
                ],
            },
            "installed": True,
            "explicit": True,
        }
        records.append(record_from(f"h{number}", install))
    return world_of(*records)


texts = st.one_of(
    st.builds(lambda sigil, name, tail: f"{sigil}{name}{tail}", *map(st.sampled_from, (SIGILS, [*NAMES, "v"], TAILS))),
    st.sampled_from(["++on", "~~on", "^+on", "%@1", "^*", "^[virtuals=v] *", "^a++on", "^a ^b", "%a %b"]),
    st.sampled_from(["%v,w=b", "^v,w=b"]),
)


@settings(max_examples=200, deadline=None)
@given(worlds([*TYPES, "test"]), texts)
def test_both_ways_agree(world: World, text: str) -> None:
    for record in world.records.values():
        verdicts(text if text[0] in "^%+~" else f"^{text}", record, world)


# ---- what satisfies and intersects promise ----


@settings(max_examples=200, deadline=None)
@given(worlds(TYPES), texts, texts)
def test_specs_keep_their_promises(world: World, one: str, other: str) -> None:
    left, right = parse_query(one).specs[0], parse_query(other).specs[0]
    test_left, test_right = (RecordTests(world, None, many=False).of(spec) for spec in (left, right))
    assert left.satisfies(left)
    assert left.intersects(right) == right.intersects(left)
    assert left.intersects(right) or not left.satisfies(right)
    if left.satisfies(right):
        for record in world.records.values():
            assert test_left(record) is not True or test_right(record) is not False
