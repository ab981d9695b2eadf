# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Nodes read together are equal to nodes read one by one, share what they have in common, and are kept when reread."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.foundation.errors import DatabaseError
from core.spack.index_document import parse_index, split_index
from core.spack.node_reader import NodeReader
from core.spack.specs import PackageRecord, decode_node

FILE = Path("index.json")


def records_of(data: bytes, known: dict[str, PackageRecord] | None = None) -> dict[str, PackageRecord]:
    return parse_index(split_index(data, FILE), FILE, "/root", upstream=False, known=known or {}).records


@pytest.fixture(params=["db", "db-v7-spack-0.24"])
def data(request: pytest.FixtureRequest, golden: Path) -> bytes:
    return (golden / request.param / "index.json").read_bytes()


def test_they_are_what_a_single_decoder_gives(data: bytes) -> None:
    for dag_hash, record in records_of(data).items():
        assert record.node == decode_node(record.document)
        assert record.node.hash == dag_hash
        assert json.loads(record.document)["name"] == record.name


def test_equal_parts_are_the_same_objects(data: bytes) -> None:
    records = records_of(data)
    edges = [edge for record in records.values() for edge in record.node.dependencies]
    assert len({id(edge) for edge in edges}) == len(set(edges)) < len(edges)
    assert len({id(record.node.arch) for record in records.values()}) == 1
    assert all(edge.hash is records[edge.hash].hash for edge in edges if edge.hash in records)


@pytest.mark.parametrize(
    "changes",
    [{"parameters": {"jobs": 4}}, {"external": {"module": False}}, {"dependencies": {"z": {"hash": "b" * 32}}}],
)
def test_odd_nodes_are_understood_as_before(changes: dict[str, object]) -> None:
    arch = {"platform": "linux", "platform_os": "debian12", "target": "x86_64"}
    document = json.dumps({"name": "zlib", "version": "1", "arch": arch, **changes}).encode()
    if "dependencies" in changes:
        with pytest.raises(DatabaseError):
            NodeReader().read(document, "a" * 32)
    else:
        node = NodeReader().read(document, "a" * 32)
        assert (node.parameters, node.external, node.hash) == (
            decode_node(document).parameters,
            decode_node(document).external,
            "a" * 32,
        )


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(DatabaseError):
        NodeReader().read(b'{"name": ', "a" * 32)


def test_unchanged_records_of_an_earlier_reading_are_taken_over(golden: Path) -> None:
    data = (golden / "db/index.json").read_bytes()
    before = records_of(data)
    changed = json.loads(data)
    zed, gone = "3etqutdo6x2xxhffps2ikkt6ggofkhan", "d4dkltayzufslwktpbcgsrqdgojmfb23"
    changed["database"]["installs"][zed]["explicit"] ^= True
    del changed["database"]["installs"][gone]
    after = records_of(json.dumps(changed, separators=(",", ":")).encode(), before)
    assert set(after) == set(before) - {gone}
    assert [key for key in after if after[key] is not before[key]] == [zed]
    assert after[zed].explicit is not before[zed].explicit
    assert after[zed].node is before[zed].node
