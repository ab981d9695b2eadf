# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
from oci_data import lab_records, packages, pushed

from core.caches.oci.environment import FileVariables, entries_of, start_of
from core.caches.oci.layers import RunGraph
from core.caches.oci.spack_environment import SpackAnswer, environments_from_spack
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled
from core.spack.specs import PackageRecord

NAMED = lab_records()
RECORDS = {record.hash: record for record in NAMED.values()}
BASE = ["PATH=/usr/local/bin:/bin:/usr/bin", "LANG=C", "MANPATH=/usr/share/man"]
# Which directories the packages of the lab have.
HAS = {
    "labtool": {"bin"},
    "labdata": {"bin"},
    "labapp": {"bin"},
    "labnr": {"bin"},
    "labext": {"bin"},
    "labgen": {"bin"},
    "labz": {"share/man", "lib/pkgconfig"},
    "labfmt": set(),
}
DIRECTORIES = {f"{record.prefix}/{part}".rstrip("/") for record in NAMED.values() for part in ({""} | HAS[record.name])}
# What the recipes of the lab set.
FROM_RECIPES = ("LABDATA_", "LABTOOL_")


def from_files(*names: str, base: list[str] | None = None, **options: object) -> list[str]:
    roots = [NAMED[name].hash for name in names]
    start = start_of(base or ())
    files = FileVariables(RECORDS, RunGraph(RECORDS), is_directory=DIRECTORIES.__contains__, **options)  # type: ignore[arg-type]
    return list(files.entries(roots, start))


def without_recipes(entries: list[str]) -> list[str]:
    return [entry for entry in entries if not entry.startswith(FROM_RECIPES)]


@pytest.mark.parametrize("name", ["labtool", "labdata", "labz", "labfmt", "labgen"])
def test_what_spack_sets_but_for_recipes(name: str) -> None:
    assert from_files(name) == without_recipes(packages("push-nobase")[name].environment)


@pytest.mark.parametrize("name", ["labtool", "labdata", "labz", "labfmt", "labgen", "labapp"])
def test_on_top_of_a_base_image(name: str) -> None:
    assert from_files(name, base=BASE) == without_recipes(packages("push-base-oci")[name].environment)


def test_several_roots() -> None:
    expected = without_recipes(pushed("push-base-docker")["my-env.docker"].environment)
    assert from_files("labtool", "labapp", base=BASE) == expected


def test_other_inspections() -> None:
    assert from_files("labz", inspections={"share/man": ("A", "B"), "nothing": ("C",)}) == [
        "PATH=/bin:/usr/bin",
        f"A={NAMED['labz'].prefix}/share/man",
        f"B={NAMED['labz'].prefix}/share/man",
    ]


@pytest.mark.parametrize("prefix", ["/usr", "/usr/", "/", "/usr/local", None])
def test_places_of_the_system_add_nothing(prefix: str | None) -> None:
    node = NAMED["labz"].node
    record = PackageRecord(node, b"{}", node.hash, prefix, "/", True, True, 0, None, False, 5)
    records = {node.hash: record}
    files = FileVariables(records, RunGraph(records), is_directory=lambda _: True)
    assert files.entries([node.hash], start_of()) == ("PATH=/bin:/usr/bin",)


def test_images_share_what_was_looked_at() -> None:
    asked: list[str] = []

    def is_directory(path: str) -> bool:
        asked.append(path)
        return path in DIRECTORIES

    files = FileVariables(RECORDS, RunGraph(RECORDS), is_directory=is_directory)
    images = [files.entries([record.hash], start_of()) for record in RECORDS.values() for _ in range(2)]
    assert images[::2] == images[1::2]
    prefixes = {record.prefix for record in RECORDS.values() if any(f"{record.prefix}/" in path for path in asked)}
    assert len(asked) == len(prefixes) * 10  # eight inspected directories, two of programs


def test_what_comes_first() -> None:
    assert start_of(["A=1=2", "PATH=/x", "broken"]) == {"PATH": "/x", "A": "1=2"}
    assert entries_of(start_of(["B=1"]), {"B": "2", "Z": "z", "A": "a"}) == ("B=2", "A=a", "Z=z")


# ---- through spack ----

STUB = """
import json, os, sys, types

class Mods:
    def __init__(self, specs): self.specs = specs
    def apply_modifications(self, variables):
        variables["ROOTS"] = " ".join(self.specs)
        variables["PATH"] = "/first:" + variables["PATH"]

class Database:
    def get_by_hash(self, one):
        {trouble}
        return [one]

store, environment, package = (types.ModuleType(name) for name in ("spack.store", "spack.user_environment", "spack"))
store.STORE = types.SimpleNamespace(db=Database())
environment.environment_modifications_for_specs = lambda *specs: Mods(specs)
package.store, package.user_environment = store, environment
sys.modules.update({{"spack": package, "spack.store": store, "spack.user_environment": environment}})
assert sys.argv[1:3] == ["python", "-c"]
print("==> Warning: @[nothing]")
exec(sys.argv[3])
"""


def ask(
    tmp_path: Path,
    *images: tuple[str, ...],
    trouble: str = "pass",
    limit_s: float = 60,
    token: CancelToken | None = None,
) -> SpackAnswer:
    stub = tmp_path / "spack.py"
    stub.write_text(STUB.format(trouble=trouble))
    command = [sys.executable, str(stub)]
    token = token or CancelToken()
    return environments_from_spack(command, {}, images, start_of(["B=1"]), time_limit_s=limit_s, token=token)


def test_spack_answers_for_all(tmp_path: Path) -> None:
    found = ask(tmp_path, ("a",), ("b", "c"), ("a",))
    assert found.why == ""
    assert found.found == {
        ("a",): ("PATH=/first:/bin:/usr/bin", "B=1", "ROOTS=a"),
        ("b", "c"): ("PATH=/first:/bin:/usr/bin", "B=1", "ROOTS=b c"),
    }


def test_what_was_said_before_a_failure_counts(tmp_path: Path) -> None:
    found = ask(tmp_path, ("a",), ("bad",), ("c",), trouble='assert one != "bad", "no\\x1brecipe"')
    assert set(found.found) == {("a",)}
    assert found.why == "AssertionError: no\\x1brecipe"


def test_a_spack_that_hangs_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    hang = 'import time\n        if one == "b": time.sleep(600)'
    found = ask(tmp_path, ("a",), ("b",), trouble=hang, limit_s=6.0)
    assert (set(found.found), found.why) == ({("a",)}, "spack took too long to answer")
    assert time.monotonic() - started < 120


def test_stopping_ends_spack(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        ask(tmp_path, ("a",), trouble="import time; time.sleep(600)", token=token)


def test_no_spack_there(tmp_path: Path) -> None:
    token = CancelToken()
    found = environments_from_spack([str(tmp_path / "no")], {}, [("a",)], {}, time_limit_s=1, token=token)
    assert (found.found, found.why) == ({}, f"{tmp_path}/no: No such file or directory")


def test_no_room_for_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", partial(open, "/dev/full", "r+b"))
    assert ask(tmp_path, ("a",)).why == f"{tempfile.gettempdir()}: No space left on device"


def test_a_spack_that_says_nothing(tmp_path: Path) -> None:
    assert ask(tmp_path, ("a",), trouble="import os; os._exit(3)").why == "spack ended with status 3"
