# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about packages and where they are, each through its handler and the text that crosses the pipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.engine.calls import packages, presence
from core.engine.dispatch import handler_table
from core.engine.messages import Call, decode_call, encode_call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.package_values import PackageRef
from core.services.sample import make_sample_instance

Ask = Callable[[Call[Any]], tuple[Any, list[Any]]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample") / "spack"
    make_sample_instance(directory)
    return directory


@pytest.fixture
def state() -> Iterator[EngineState]:
    state = EngineState(read_only=False)
    yield state
    state.close()


@pytest.fixture
def instance(state: EngineState, sample: Path) -> str:
    return state.instances.open(str(sample), no_environment=True).id


@pytest.fixture
def ask(state: EngineState) -> Ask:
    """Answer and rows of a call, as the window decodes them."""
    table = handler_table(state)

    def ask(call: Call[Any]) -> tuple[Any, list[Any]]:
        answer = table[type(call)](decode_call(encode_call(call), type(call)), CancelToken())
        rows: list[Any] = []
        if isinstance(answer, Iterator):
            for part in answer:
                if isinstance(part, list):
                    rows += msgspec.json.decode(msgspec.json.encode(part), type=list[call.row])  # type: ignore[name-defined]
                else:
                    answer = part
        return msgspec.json.decode(msgspec.json.encode(answer), type=call.answer), rows

    return ask


@pytest.fixture
def hashes(ask: Ask, instance: str) -> dict[str, str]:
    """Hashes by name."""
    return {row.name: row.hash for row in ask(packages.ListPackages(instance))[1]}


def test_a_second_listing_brings_only_what_changed(state: EngineState, ask: Ask, tmp_path: Path) -> None:
    make_sample_instance(tmp_path / "spack")
    instance = state.instances.open(str(tmp_path / "spack"), no_environment=True).id
    view, rows = ask(packages.ListPackages(instance))
    assert (len(rows), view.only_changes) == (view.count, False)
    assert ask(packages.PackagesChanged(instance, view.verifier))[0] is False
    index = tmp_path / "spack/opt/spack/.spack-db/index.json"
    document = json.loads(index.read_bytes())
    flipped, gone, *_ = document["database"]["installs"]
    document["database"]["installs"][flipped]["explicit"] ^= True
    del document["database"]["installs"][gone]
    index.write_text(json.dumps(document, separators=(",", ":")))
    assert ask(packages.PackagesChanged(instance, view.verifier))[0] is True
    changed, rows = ask(packages.ListPackages(instance, since=view.verifier))
    assert [row.hash for row in rows] == [flipped]
    assert (changed.only_changes, changed.gone, changed.count) == (True, (gone,), view.count - 1)
    again, rows = ask(packages.ListPackages(instance, since=view.verifier))
    assert (again.only_changes, len(rows)) == (False, again.count)


def test_queries_environments_and_links(ask: Ask, instance: str, hashes: dict[str, str]) -> None:
    found, _ = ask(packages.FindPackages(instance, "openmpi"))
    assert found.hashes == (hashes["openmpi"],)
    assert ask(packages.FindPackages(instance, "openmpi@@"))[0].problem is not None
    ((row,), _) = ask(packages.ListEnvironments(instance))
    assert row.roots == (hashes["gromacs"], hashes["petsc"])
    links, _ = ask(packages.ListLinks(instance, hashes["openmpi"], dependents=True))
    assert hashes["petsc"] in {link.hash for link in links}
    relatives, _ = ask(packages.ListRelatives(instance, (hashes["openmpi"],)))
    assert hashes["hwloc"] in relatives
    above, _ = ask(packages.ListRelatives(instance, (hashes["openmpi"],), dependents=True))
    assert hashes["gromacs"] in above
    graph, _ = ask(packages.PackageGraph(instance, hashes["openmpi"]))
    assert graph.nodes[0].hash == hashes["openmpi"]


def test_one_package(ask: Ask, instance: str, hashes: dict[str, str]) -> None:
    details, _ = ask(packages.DescribePackage(instance, hashes["openmpi"]))
    assert (details.name, details.environments) == ("openmpi", ("simulation",))
    folders, _ = ask(packages.SizeByFolder(instance, hashes["openmpi"]))
    total, (row,) = ask(packages.MeasureSizes(instance, (hashes["openmpi"], "gone")))
    assert row.bytes == total == sum(folder.bytes for folder in folders)
    summary, _ = ask(packages.SummarizeSelection(instance, (hashes["openmpi"],)))
    assert summary.size_bytes > total
    with pytest.raises(NotFound):
        ask(packages.DescribePackage(instance, "a" * 32))


def test_comparison_and_reuse(ask: Ask, instance: str, hashes: dict[str, str]) -> None:
    call = packages.ComparePackages(instance, PackageRef(hashes["openmpi"]), PackageRef(hashes["hwloc"]))
    comparison, _ = ask(call)
    assert comparison.first_reason.startswith("name: openmpi here, hwloc there")
    view, _ = ask(packages.ExplainReuse(instance, hashes["openmpi"]))
    assert {mirror.mirror for mirror in view.mirrors} == {"team", "scratch"}


def test_where_packages_are(ask: Ask, instance: str, hashes: dict[str, str]) -> None:
    count, rows = ask(presence.ListPresence(instance))
    assert (count, {row.read_at for row in rows}) == (2, {None})
    _, rows = ask(presence.ListPresence(instance, mirrors=("scratch",), refresh=True))
    assert [row.mirror for row in rows] == ["scratch"]
    assert rows[0].read_at is not None
    count, holdings = ask(presence.FindHoldings(instance, hashes["openmpi"], refresh=True))
    assert {holding.present for holding in holdings} == {False}
    coverage, _ = ask(presence.ViewCoverage(instance, refresh=True))
    assert [row.name for row in coverage.rows] == ["", "simulation"]
    _, counts = ask(presence.CountMissing(instance))
    explicit, _ = ask(presence.FindMissing(instance, "team"))
    team = next(each for each in counts if each.mirror.mirror == "team")
    assert (team.cell.missing, team.cell.held_back) == (len(explicit.hashes), len(explicit.held_back))
    _, notes = ask(presence.FindHeldBack(instance, (hashes["namd"], "unknown", hashes["openmpi"])))
    assert [(note.hash, bool(note.reason)) for note in notes] == [(hashes["namd"], True), (hashes["openmpi"], False)]
    missing, _ = ask(presence.FindMissing(instance, "team", environment="simulation"))
    assert hashes["openmpi"] in missing.hashes
    versus, _ = ask(presence.CompareInstalled(instance, "team"))
    assert hashes["openmpi"] in versus.missing_there
    assert versus.missing_there_bytes is None
