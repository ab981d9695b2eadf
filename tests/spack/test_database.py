# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading install databases: Spack's own, old, broken, changing and locked ones; and what belongs to a package."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, DatabaseError
from core.foundation.files import atomic_write
from core.spack import database as database_module
from core.spack.closures import push_order
from core.spack.database import Database, read_database, read_verifier, relocation_set

TOP = "vl34dzlozxpjvtqesxhxucvuaovwfjfx"
MID = "7nyg6y4armlp5ga7eb4uhgleeggidnbj"
ZED = "3etqutdo6x2xxhffps2ikkt6ggofkhan"

Installs = dict[str, Any]


@pytest.fixture(scope="module")
def installs(golden: Path) -> Installs:
    contents: Installs = json.loads((golden / "db/index.json").read_bytes())["database"]["installs"]
    return contents


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """`make(text or installs, version="8", name="root")` writes a database and gives its install root."""

    def write(contents: bytes | Installs, version: str = "8", name: str = "root") -> Path:
        folder = tmp_path / name / ".spack-db"
        folder.mkdir(parents=True)
        if isinstance(contents, dict):
            contents = json.dumps({"database": {"version": version, "installs": contents}}).encode()
        (folder / "index.json").write_bytes(contents)
        (folder / "index_verifier").write_text(f"verifier of {name}")
        (folder / "lock").touch()
        return tmp_path / name

    return write


@pytest.fixture(scope="module")
def database(golden: Path, golden_tree: Path) -> Database:
    database = read_database(golden_tree / "opt/lab/spack/opt/spack")
    assert database.problems == ()
    return database


def test_database_of_spack_1(golden: Path, database: Database) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    assert database.version == 8
    assert database.verifier == (golden / "db/index_verifier").read_text()
    assert set(database.records) == set(expected)
    for key, record in database.records.items():
        wanted = expected[key]
        assert (record.name, record.prefix, record.installed) == (wanted["name"], wanted["path"], wanted["installed"])
        assert (record.explicit, record.external) == (wanted["explicit"], wanted["external"])
        assert record.deprecated_for == wanted["deprecated_for"]
        assert record.node.package_hash == wanted["package_hash"]
        assert json.loads(record.document) | {"hash": None} == json.loads(wanted["node_json"]) | {"hash": None}
        assert record.hash == record.node.hash == key
        assert record.install_root == database.root
        assert record.specfile_version == 5
        assert not record.upstream
        assert record.installation_time > 1.7e9


def test_database_of_spack_0_24(golden: Path, make: Callable[..., Path]) -> None:
    root = make((golden / "db-v7-spack-0.24/index.json").read_bytes())
    database = read_database(root)
    assert (database.version, len(database.records), database.problems) == (7, 15, ())
    labtop = next(record for record in database.records.values() if record.name == "labtop")
    assert {edge.name: edge.deptypes for edge in labtop.node.dependencies}["labscript"] == ("run",)


@pytest.mark.parametrize(("version", "node_format"), [("5", 1), ("6", 3)])
def test_databases_of_older_spacks(make: Callable[..., Path], version: str, node_format: int) -> None:
    parent, child = "p" * 32, "c" * 32
    arch = {"platform": "linux", "platform_os": "centos7", "target": {"name": "haswell", "features": []}}
    types = {"hash": child, "type": ["build", "link"]}
    edges: object = {"zlib": types} if version == "5" else [{"name": "zlib"} | types]
    node = {"version": "1", "arch": arch, "compiler": {"name": "gcc", "version": "8"}, "namespace": "builtin"}
    database = read_database(
        make(
            {
                parent: {"spec": {"name": "hdf5", **node, "dependencies": edges}, "path": "/p", "installed": True},
                child: {"spec": {"name": "zlib", **node}, "path": "None", "installed": False, "explicit": False},
            },
            version,
        )
    )
    assert database.problems == ()
    assert database.closure([parent], ("link",)) == [parent, child]
    assert database.records[child].prefix is None
    assert database.records[parent].node.hash == parent
    assert database.records[parent].specfile_version == node_format


def test_records_may_lack_what_spack_may_leave_out(installs: Installs, make: Callable[..., Path]) -> None:
    database = read_database(make({ZED: {"spec": installs[ZED]["spec"], "path": None}}))
    record = database.records[ZED]
    assert (record.prefix, record.installed, record.explicit, record.installation_time) == (None, False, False, 0.0)


@pytest.mark.parametrize("rest", [b"}", b'\n{"left": "over"} garbage', b"\0\0\xff"])
def test_what_follows_the_first_value_is_ignored(golden: Path, make: Callable[..., Path], rest: bytes) -> None:
    database = read_database(make((golden / "db/index.json").read_bytes() + rest))
    assert len(database.records) == 26


def test_unreadable_records_do_not_cost_the_others(installs: Installs, make: Callable[..., Path]) -> None:
    broken = {
        ZED: installs[ZED] | {"spec": installs[ZED]["spec"] | {"name": 7}},
        MID: None,
        TOP: installs[TOP] | {"installed": "yes"},
        "not-a-hash": installs[ZED],
    }
    database = read_database(make(installs | broken))
    assert set(database.records) == set(installs) - {ZED, MID, TOP}
    assert len(database.problems) == 4
    assert all("index.json" in problem.title for problem in database.problems)
    text = "\n".join(problem.why for problem in database.problems)
    assert all(f"{key}: " in text for key in broken)
    assert "$.name" in text


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -1])
def test_truncated_file_is_an_error_that_names_it(golden: Path, make: Callable[..., Path], cut: int) -> None:
    root = make((golden / "db/index.json").read_bytes()[:cut])
    with pytest.raises(DatabaseError) as caught:
        read_database(root)
    assert str(root / ".spack-db/index.json") in caught.value.title
    assert "line 1, byte" in caught.value.why


def test_broken_file_is_an_error_that_names_line_and_byte(make: Callable[..., Path]) -> None:
    with pytest.raises(DatabaseError) as caught:
        read_database(make(b'{"database":\n{"version": "8",\n!'))
    assert "line 3, byte 30" in caught.value.why


@pytest.mark.parametrize("text", [b"[]", b'{"database": {"version": 8, "installs": {}}}', b"7"])
def test_other_json_is_no_database(make: Callable[..., Path], text: bytes) -> None:
    with pytest.raises(DatabaseError, match="is no install database"):
        read_database(make(text))


@pytest.mark.parametrize("version", ["9", "0.9.3", "x"])
def test_unknown_version_is_refused(make: Callable[..., Path], version: str) -> None:
    with pytest.raises(DatabaseError, match=f"has version {version}"):
        read_database(make({}, version))


def test_nothing_installed_yet_is_an_empty_database(tmp_path: Path) -> None:
    assert read_database(tmp_path) == Database(str(tmp_path), 0, {})
    assert read_verifier(tmp_path) == ""


def test_collector_rests_while_records_are_made_and_is_back_afterwards(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = database_module.split_index

    def watched(*args: Any, **keywords: Any) -> Any:
        seen.append(gc.isenabled())
        return real(*args, **keywords)

    monkeypatch.setattr(database_module, "split_index", watched)
    assert gc.isenabled()
    read_database(make({}))
    with pytest.raises(DatabaseError):
        read_database(make(b"{", name="broken"))
    assert seen == [False, False]
    assert gc.isenabled()


# ---- upstreams ----


def test_local_records_win_over_upstreams_and_earlier_upstreams_over_later(
    installs: Installs, make: Callable[..., Path]
) -> None:
    def moved(key: str, path: str) -> Installs:
        return {key: installs[key] | {"path": path}}

    local = make(moved(ZED, "/local/zed"))
    first = make(moved(ZED, "/first/zed") | moved(MID, "/first/mid"), name="first")
    second = make(moved(MID, "/second/mid") | moved(TOP, "/second/top"), name="second")
    database = read_database(local, upstreams=[first, second])
    found = {key: (record.prefix, record.upstream, record.install_root) for key, record in database.records.items()}
    assert found == {
        ZED: ("/local/zed", False, str(local)),
        MID: ("/first/mid", True, str(first)),
        TOP: ("/second/top", True, str(second)),
    }
    assert database.verifier == "verifier of root"


def test_upstreams_that_cannot_be_read_are_problems(
    installs: Installs, make: Callable[..., Path], tmp_path: Path
) -> None:
    upstreams = [make(b"{", name="broken"), tmp_path / "absent"]
    database = read_database(make(installs), upstreams=upstreams)
    assert len(database.records) == 26
    assert [problem.code for problem in database.problems] == ["database", "not-found"]
    assert str(tmp_path / "absent") in database.problems[1].why


def test_upstreams_are_read_although_they_are_locked(installs: Installs, make: Callable[..., Path]) -> None:
    upstream = make(installs, name="upstream")
    with _Writer(upstream):
        assert len(read_database(make({}), upstreams=[upstream], lock_timeout_s=0).records) == 26


# ---- locks and writers ----


class _Writer:
    """Another process that holds the exclusive lock of a database."""

    CODE = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print(flush=True)
    sys.stdin.read()
"""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-c", self.CODE, str(root / ".spack-db/lock")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> None:
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


def test_database_under_a_writer_is_waited_for_unless_locks_are_off(
    installs: Installs, make: Callable[..., Path]
) -> None:
    root = make(installs)
    with _Writer(root):
        with pytest.raises(DatabaseError, match="Another process is changing"):
            read_database(root, lock_timeout_s=0)
        assert len(read_database(root, locks=False).records) == 26
    assert len(read_database(root, lock_timeout_s=0).records) == 26


def test_cancelled_reading_stops(installs: Installs, make: Callable[..., Path]) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        read_database(make(installs), token=token)


def test_reading_without_a_lock_file(installs: Installs, make: Callable[..., Path]) -> None:
    root = make(installs)
    (root / ".spack-db/lock").unlink()
    assert len(read_database(root).records) == 26
    assert not (root / ".spack-db/lock").exists()


def test_database_replaced_while_it_is_read_is_never_seen_in_part(
    installs: Installs, make: Callable[..., Path]
) -> None:
    root = make(installs)

    def generation(number: int) -> bytes:
        some = {
            key: record | {"installation_time": float(number)}
            for position, (key, record) in enumerate(installs.items())
            if number % 2 or position < 10
        }
        return json.dumps({"database": {"version": "8", "installs": some}}).encode()

    (root / ".spack-db/index.json").write_bytes(generation(0))
    texts = [generation(number) for number in range(1, 101)]
    begun, finished = threading.Event(), threading.Event()

    def replace_often() -> None:
        begun.wait()
        try:
            for text in texts:
                atomic_write(root / ".spack-db/index.json", text)
        finally:
            finished.set()

    writer = threading.Thread(target=replace_often)
    writer.start()
    seen = set()
    while True:
        last = finished.is_set()
        database = read_database(root, locks=False)
        (number,) = {record.installation_time for record in database.records.values()}
        assert len(database.records) == (26 if number % 2 else 10)
        assert database.problems == ()
        seen.add(number)
        begun.set()
        if last:
            break
    writer.join()
    assert len(seen) > 1
    assert number == 100


# ---- closures ----


def test_relocation_sets_of_every_package_of_the_lab(golden: Path, database: Database) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    for key, wanted in expected.items():
        pairs = relocation_set(database.records[key], database.records)
        assert [dag_hash for dag_hash, _ in pairs] == wanted["relocate_set"]
        assert all(prefix == database.records[dag_hash].prefix for dag_hash, prefix in pairs)


def test_push_orders_of_every_package_of_the_lab(golden: Path, database: Database) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    for key, wanted in expected.items():
        assert push_order(database, [key]) == wanted["push_set_default"]
        assert push_order(database, [key], with_build_dependencies=False) == wanted["push_set_runtime"]


@pytest.mark.parametrize(
    ("roots", "only", "names"),
    [
        ((TOP, MID), None, "labzed labscript labmpi-a gcc-runtime labmid labtop"),
        ((MID, TOP), None, "labscript labmpi-a labzed gcc-runtime labtop labmid"),
        ((TOP, MID), "dependencies", "labzed labscript labmpi-a gcc-runtime"),
        ((MID, TOP), "dependencies", "labscript labmpi-a labzed gcc-runtime"),
        ((TOP, MID, TOP), "package", "labmid labtop"),
    ],
)
def test_push_order_of_several_roots(database: Database, roots: tuple[str, ...], only: str | None, names: str) -> None:
    order = push_order(database, roots, only=only, with_build_dependencies=False)
    assert [database.records[key].name for key in order] == names.split()


def test_closure_follows_only_what_is_asked_and_known(database: Database) -> None:
    def names(hashes: list[str]) -> list[str]:
        return [database.records[key].name for key in hashes]

    assert names(database.closure([TOP], ("run",))) == ["labtop", "labscript"]
    assert names(database.closure([TOP], (), ("run",))) == ["labtop", "labscript"]
    assert names(database.closure([TOP], ("run",), ())) == ["labtop"]
    assert names(database.closure([ZED, ZED, "z" * 32], ("link",))) == ["labzed", "gcc-runtime", "glibc"]
    without_zed = Database("/r", 8, {key: record for key, record in database.records.items() if key != ZED})
    assert "labzed" not in names(without_zed.closure([TOP], ("link",)))
