# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a cache tells beyond its listing, from caches that Spack wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.contents_memory import ContentsMemory
from core.services.contents_specs import entry_graph, file_facts, find_entries, save_entry_spec
from core.services.contents_view import Place, open_place, view_contents
from core.services.values import ContentsView

WRAP = "u6mghwdellvldb5btmcw7miwk7jrc7hl"


@pytest.fixture
def place(golden, instance, access) -> Place:
    return open_place(instance, access, str(golden / "mirrors/unsigned"), cwd=Path("/"))


@pytest.fixture
def memory(tmp_path: Path) -> ContentsMemory:
    return ContentsMemory(tmp_path / "memory", keep=False)


def key_of(place: Place, dag_hash: str) -> str:
    names = place.browser.names(CancelToken())
    return next(one.key for one in names if one.entry is not None and one.entry.hash == dag_hash)


def test_queries_are_answered_by_the_index(place: Place) -> None:
    found = find_entries(place.cache, "labzed@1.3:", CancelToken())
    assert {dag_hash[:7] for dag_hash in found.hashes} >= {"3etqutd", "czfloom", "wlw677f"}
    assert not any(dag_hash.startswith("62fp442") for dag_hash in found.hashes), "1.2 is older"
    wrong = find_entries(place.cache, "labzed@@", CancelToken())
    assert wrong.problem is not None
    assert wrong.hashes == ()


def test_without_an_index_there_is_nothing_to_ask(golden, instance, access) -> None:
    bare = open_place(instance, access, str(golden / "mirrors/auto-unsigned"), cwd=Path("/"))
    with pytest.raises(NotFound):
        find_entries(bare.cache, "labzed", CancelToken())


def test_the_picture_of_an_entry_begins_with_it(place: Place, memory: ContentsMemory) -> None:
    graph = entry_graph(place, memory, key_of(place, WRAP), 300, CancelToken())
    assert graph.nodes[0].hash == WRAP
    assert graph.nodes[0].level == 0
    assert all(edge.child in {node.hash for node in graph.nodes} for edge in graph.edges)
    assert graph.cut == 0


def test_what_the_cache_lacks_is_missing_and_what_the_system_has_is_not(golden, instance, access, memory) -> None:
    """Autopush stored one package and nothing it depends on."""
    cache = str(golden / "mirrors/auto-unsigned")
    *_, view = view_contents(instance, access, memory, cache, refresh=True, cwd=Path("/"), token=CancelToken())
    assert isinstance(view, ContentsView)
    place = open_place(instance, access, cache, cwd=Path("/"))
    key = next(one.key for one in place.browser.names(CancelToken()) if one.entry is not None)
    graph = entry_graph(place, memory, key, 300, CancelToken())
    states = {node.name: node.state for node in graph.nodes}
    assert states["labzed"] == "installed"
    assert states["gcc-runtime"] == "missing"
    assert states["gcc"] == "external"


def test_a_saved_spec_begins_with_its_root(place: Place, memory: ContentsMemory, tmp_path: Path) -> None:
    path = save_entry_spec(place, memory, key_of(place, WRAP), tmp_path / "new/folder", CancelToken())
    assert path.name == "labwrap.json"
    spec = json.loads(path.read_text())["spec"]
    assert spec["nodes"][0]["hash"] == WRAP
    assert spec["_meta"]["version"] >= 4


def test_files_have_an_owner(place: Place) -> None:
    facts = file_facts(place, key_of(place, WRAP))
    assert facts is not None
    assert facts.mode.startswith("-r")
    assert facts.owner == Path("/proc/self").owner() or os.geteuid() == 0
    assert file_facts(place, "v3/manifests/none") is None
