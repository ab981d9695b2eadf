# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest
from oci_data import lab_records, packages

from core.caches.oci.layers import RunGraph, needs_of, topological_order
from core.spack.specs import PackageRecord, decode_node

RECORDS = lab_records()
NAMES = {record.hash: name for name, record in RECORDS.items()}


@pytest.fixture
def lab() -> RunGraph:
    return RunGraph({record.hash: record for record in RECORDS.values()})


def hashes(*names: str) -> list[str]:
    return [RECORDS[name].hash for name in names]


def names(found: tuple[str, ...] | list[str]) -> list[str]:
    return [NAMES[dag_hash] for dag_hash in found]


def made_of(text: str) -> RunGraph:
    """`a>b,c b>c` as a graph of link edges; hashes are the names."""
    records: dict[str, PackageRecord] = {}
    for part in text.split():
        name, _, needs = part.partition(">")
        edges = [
            f'{{"name":"{need}","hash":"{need}","parameters":{{"deptypes":["link"],"virtuals":[]}}}}'
            for need in needs.split(",")
            if need
        ]
        node = decode_node(
            f'{{"name":"{name}","version":"1","arch":{{"platform":"l","platform_os":"o","target":"t"}},'
            f'"dependencies":[{",".join(edges)}],"hash":"{name}"}}'.encode()
        )
        records[name] = PackageRecord(node, b"{}", name, None, "/", True, True, 0, None, False, 5)
    return RunGraph(records)


def test_as_broad_as_possible(lab: RunGraph) -> None:
    assert names(topological_order(hashes("labtool"), lab)) == ["labtool", "labdata", "labext", "labfmt", "labz"]


def test_one_root(lab: RunGraph) -> None:
    needs = needs_of(hashes("labtool"), lab, selected=None)
    assert names(needs.wanted) == ["labz", "labfmt", "labdata", "labtool"]
    assert names(needs.absent) == ["labext"]
    assert needs.left_out == ()


def test_several_roots_in_their_order(lab: RunGraph) -> None:
    held_back = hashes("labnr")
    needs = needs_of(hashes("labtool", "labapp"), lab, selected=None, held_back=held_back)
    assert names(needs.wanted) == ["labz", "labfmt", "labdata", "labapp", "labtool"]
    assert names(needs.absent) == ["labnr", "labext"]
    other = needs_of(hashes("labapp", "labtool"), lab, selected=None, held_back=held_back)
    assert names(other.wanted) == ["labz", "labfmt", "labdata", "labtool", "labapp"]


def test_only_what_was_selected(lab: RunGraph) -> None:
    needs = needs_of(hashes("labtool"), lab, selected=hashes("labtool", "labz"))
    assert names(needs.wanted) == ["labz", "labtool"]
    assert names(needs.left_out) == ["labfmt", "labdata"]


@pytest.mark.parametrize("push", ["push-nobase", "push-base-oci", "push-base-docker"])
def test_spacks_order(push: str, lab: RunGraph) -> None:
    """The layers of every image, told apart by the package whose own layer they are."""
    images = packages(push)
    owner = {image.layers[-1].digest: name for name, image in images.items()}
    for name, image in images.items():
        needs = needs_of(hashes(name), lab, selected=None, held_back=hashes("labnr"))
        assert [owner[layer.digest] for layer in image.layers] == names(needs.wanted)


def test_a_package_waits_for_its_last_edge() -> None:
    graph = made_of("a>b,c,d b>d c>e d>e e")
    assert topological_order(["a"], graph) == ["a", "b", "c", "d", "e"]
    assert topological_order(["d", "a"], graph) == ["a", "b", "c", "d", "e"]


def test_a_root_given_twice_or_unknown() -> None:
    graph = made_of("a>b,gone b")
    assert topological_order(["a", "b", "a", "nobody"], graph) == ["a", "b"]


def test_a_circle_is_no_endless_loop() -> None:
    assert topological_order(["a"], made_of("a>b b>c c>b")) == ["a"]


def test_a_long_chain_needs_no_recursion() -> None:
    count = 5000
    graph = made_of(" ".join(f"p{number:04}>p{number + 1:04}" for number in range(count)) + f" p{count:04}")
    assert len(topological_order(["p0000"], graph)) == count + 1


def test_programs_that_are_needed(lab: RunGraph) -> None:
    order = topological_order(hashes("labtool", "labapp"), lab)
    programs = {found for dag_hash in order for found in lab.programs(dag_hash)}
    assert names(sorted(programs, key=NAMES.__getitem__)) == ["labdata", "labnr"]
