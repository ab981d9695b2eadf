# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Nodes, DAG hashes and spec documents against what Spack 1.1 and 0.24 wrote."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from core.foundation.errors import DatabaseError
from core.spack.index_document import parse_index, split_index
from core.spack.specs import PackageRecord, PackageState, dag_hash_of, decode_node, spec_document

SPLICED = "grwrn7mewcozl75s5qlogdw6fovwfjfx"
MIRRORS = ["unsigned", "private", "padded", "signed", "auto-unsigned", "auto-signed"]


@pytest.fixture(scope="module")
def records(golden: Path) -> dict[str, PackageRecord]:
    return _records(golden / "db")


def _records(folder: Path) -> dict[str, PackageRecord]:
    file = folder / "index.json"
    parsed = parse_index(split_index(file.read_bytes(), file), file, "/opt/root", upstream=False)
    assert parsed.problems == ()
    return parsed.records


def _nodes_of(document: bytes) -> Iterator[bytes]:
    for node in json.loads(document)["spec"]["nodes"]:
        yield json.dumps(node, separators=(",", ":")).encode()


def _node(**changes: object) -> bytes:
    plain = {
        "name": "zlib",
        "version": "1.3",
        "arch": {"platform": "linux", "platform_os": "debian12", "target": "x86_64"},
        "namespace": "builtin",
        "parameters": {"shared": True, "cflags": []},
        "annotations": {"original_specfile_version": 5},
        "hash": "a" * 32,
    }
    return json.dumps({key: value for key, value in (plain | changes).items() if value is not None}).encode()


def test_node_has_everything_a_format_5_document_says(records: dict[str, PackageRecord]) -> None:
    node = records["kpmgqdx3lfpbnjhrax4xw5t77f2vrrzj"].node
    assert (node.name, node.version, node.namespace) == ("labmid", "2.0", "lab")
    assert (node.platform, node.os, node.target) == ("linux", "debian12", "x86_64")
    assert node.parameters["docs"] is True
    assert node.parameters["features"] == ("alpha", "gamma")
    assert node.parameters["mode"] == "exact"
    assert [edge.name for edge in node.dependencies if "build" not in edge.deptypes] == ["gcc-runtime", "glibc"]
    assert node.dependencies[1].virtuals == ("c", "cxx")
    assert node.annotated_compiler == ""
    external = records["rarjfeqsmhgs4iudirnxm3id7jiafb6d"].node.external
    assert external is not None
    assert (external.path, external.module) == ("/opt/lab/ext/labext-7.5", ("labext/7.5",))


def test_node_of_format_4_names_its_compiler(golden: Path) -> None:
    old = _records(golden / "db-v7-spack-0.24")
    assert {record.node.annotated_compiler for record in old.values()} == {"gcc@=12.2.0"}
    assert {record.specfile_version for record in old.values()} == {4}


def test_target_in_long_form_is_known_by_its_name() -> None:
    arch = {"platform": "linux", "platform_os": "rhel8", "target": {"name": "zen9", "vendor": "AMD", "features": ["x"]}}
    assert decode_node(_node(arch=arch)).architecture == "linux-rhel8-zen9"


@pytest.mark.parametrize(
    "dependencies",
    [
        [{"name": "gcc", "hash": "b" * 32, "type": ["build", "link"]}],
        {"gcc": {"hash": "b" * 32, "type": ["build", "link"]}},
    ],
)
def test_edges_of_older_formats_keep_their_types(dependencies: object) -> None:
    (edge,) = decode_node(_node(dependencies=dependencies, annotations=None)).dependencies
    assert (edge.name, edge.hash, edge.deptypes, edge.virtuals) == ("gcc", "b" * 32, ("build", "link"), ())


def test_values_that_spack_tolerates_become_text() -> None:
    node = decode_node(_node(parameters={"jobs": 4, "archs": [80, 90], "on": False}, external={"module": False}))
    assert node.parameters == {"jobs": "4", "archs": ("80", "90"), "on": False}
    assert node.external is not None
    assert node.external.module is None


@pytest.mark.parametrize(
    "document",
    [
        _node(version=None, versions=["1.2:1.4"]),
        _node(arch="linux"),
        _node(dependencies=[{"name": "gcc", "hash": "b" * 32}]),
        _node(dependencies=[7]),
        _node()[:-5],
        b"[]",
    ],
)
def test_what_is_no_concrete_node_is_refused(document: bytes) -> None:
    with pytest.raises(DatabaseError):
        decode_node(document)


@pytest.mark.parametrize("folder", ["db", "db-v7-spack-0.24"])
def test_every_record_of_a_database_recomputes_to_its_hash_unless_spliced(golden: Path, folder: str) -> None:
    records = _records(golden / folder)
    differing = [key for key, record in records.items() if dag_hash_of(record.document) != key]
    assert differing == ([SPLICED] if folder == "db" else [])


def test_every_node_in_spec_files_recomputes_to_its_hash_except_inside_the_spliced_one(golden: Path) -> None:
    differing = []
    for file in sorted((golden / "specs").rglob("*spec.json")):
        for document in _nodes_of(file.read_bytes()):
            node = decode_node(document)
            if dag_hash_of(document) != node.hash:
                differing.append((SPLICED in file.name, node.name))
    assert differing == [(True, "labmpi-b")]


def test_spliced_hash_needs_the_build_spec_which_databases_lose(
    golden: Path, records: dict[str, PackageRecord]
) -> None:
    root = next(_nodes_of((golden / f"specs/labtop-3.1.4-{SPLICED}.spec.json").read_bytes()))
    build_spec_hash = decode_node(root).build_spec_hash
    assert build_spec_hash[-7:] == SPLICED[-7:]
    assert dag_hash_of(root) == SPLICED
    assert records[SPLICED].node.build_spec_hash == ""
    assert dag_hash_of(records[SPLICED].document, build_spec_hash)[-7:] == SPLICED[-7:]


def test_nodes_rewritten_from_an_older_format_keep_a_hash_that_does_not_recompute(golden: Path) -> None:
    mirror = golden / "mirrors/migrated-v2-to-v3-unsigned"
    manifest = json.loads((mirror / "v3/manifests/index/index.manifest.json").read_bytes())
    digest = manifest["data"][0]["checksum"]
    index = (mirror / "blobs/sha256" / digest[:2] / digest).read_bytes()
    file = Path("index.json")
    records = parse_index(split_index(index, file), file, "", upstream=False).records
    assert len(records) == 15
    for record in records.values():
        assert record.specfile_version == 4
        assert record.node.annotated_compiler == "gcc@=12.2.0"
        assert dag_hash_of(record.document) != record.hash


@pytest.mark.parametrize("document", [b"", b"[1]", b"{"])
def test_hash_of_what_is_no_node_is_an_error(document: bytes) -> None:
    with pytest.raises(DatabaseError):
        dag_hash_of(document)


def _spec_blobs(mirror: Path) -> list[bytes]:
    blobs = []
    for file in sorted(mirror.glob("v3/manifests/spec/*/*.json")):
        text = file.read_text()
        manifest = json.loads(text[text.index("{") : text.rindex("}") + 1])
        (spec,) = (item for item in manifest["data"] if item["mediaType"] == "application/vnd.spack.spec.v5+json")
        digest = spec["checksum"]
        blobs.append(gzip.decompress((mirror / "blobs/sha256" / digest[:2] / digest).read_bytes()))
    return blobs


@pytest.mark.parametrize("mirror", MIRRORS)
def test_spec_documents_equal_what_spack_pushed(golden: Path, records: dict[str, PackageRecord], mirror: str) -> None:
    blobs = _spec_blobs(golden / "mirrors" / mirror)
    assert blobs
    for blob in blobs:
        root = next(_nodes_of(blob))
        assert spec_document(records[decode_node(root).hash], records) == blob


def test_spec_document_with_a_missing_dependency_names_it(records: dict[str, PackageRecord]) -> None:
    zed = "3etqutdo6x2xxhffps2ikkt6ggofkhan"
    with pytest.raises(DatabaseError) as caught:
        spec_document(records["vl34dzlozxpjvtqesxhxucvuaovwfjfx"], {k: v for k, v in records.items() if k != zed})
    assert f"labzed/{zed}" in caught.value.why


def test_spec_document_adds_the_hash_where_the_database_has_none(records: dict[str, PackageRecord]) -> None:
    record = records["mejpqx7uuseudl6hdauyvzqte6srf5xd"]
    bare = msgspec.structs.replace(
        record, document=record.document.replace(b',"hash":"' + record.hash.encode() + b'"', b"")
    )
    assert bare.document != record.document
    assert spec_document(bare, {}) == spec_document(record, {})


def test_packages_of_an_older_spack_have_no_spec_document(golden: Path) -> None:
    old = _records(golden / "db-v7-spack-0.24")
    with pytest.raises(DatabaseError, match="a Spack older"):
        spec_document(next(iter(old.values())), old)


def test_states(records: dict[str, PackageRecord]) -> None:
    assert records["a7iaj7kah4gxhopoorgdt4cde7tbrje7"].state is PackageState.EXTERNAL
    assert records["mrjm5tqvvbymficrcn7y7lwmb25eysf4"].state is PackageState.MISSING
    assert records["d4dkltayzufslwktpbcgsrqdgojmfb23"].state is PackageState.DEPRECATED
    assert records["3etqutdo6x2xxhffps2ikkt6ggofkhan"].state is PackageState.INSTALLED
