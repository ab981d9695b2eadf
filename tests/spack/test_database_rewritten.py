# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A database that another process rewrites again and again while it is read, as Spack does and under its lock in place:
every view is one whole generation of it, and never an older one than the view before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.spack.database import database_state, read_database
from core.spack.instance import find_instance

REWRITES = 1000
# Each generation has another size, and all its records tell which one it is.
WRITER = """
import fcntl, json, os, sys, time, uuid
folder, template, rewrites = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
index, verifier = os.path.join(folder, "index.json"), os.path.join(folder, "index_verifier")
lock = open(os.path.join(folder, "lock"), "r+")
for generation in range(1, rewrites + 1):
    record = dict(template, installation_time=float(generation))
    keys = [f"{number:032d}".translate(str.maketrans("0189", "abcd")) for number in range(10 + generation % 7)]
    text = json.dumps({"database": {"version": "8", "installs": {key: record for key in keys}}})
    fcntl.lockf(lock, fcntl.LOCK_EX)
    if generation % 2:
        with open(index + ".temp", "w") as file:
            file.write(text)
        os.rename(index + ".temp", index)
    else:
        with open(index, "w") as file:
            for start in range(0, len(text), 1000):
                file.write(text[start:start + 1000])
                file.flush()
    with open(verifier, "w") as file:
        file.write(str(uuid.uuid4()))
    fcntl.lockf(lock, fcntl.LOCK_UN)
    time.sleep(0.001)
"""


@pytest.fixture
def template(golden: Path) -> dict[str, object]:
    """A record without dependencies."""
    installs = json.loads((golden / "db/index.json").read_bytes())["database"]["installs"]
    return next(record for record in installs.values() if not record["spec"].get("dependencies"))


def generation_of(records: object, problems: object) -> int:
    """The one generation all `records` are of."""
    assert problems == ()
    (generation,) = {record.installation_time for record in records.values()}
    assert len(records) == 10 + int(generation) % 7
    return int(generation)


def test_every_view_is_whole_and_none_is_older_than_the_one_before(tmp_path: Path, template: dict[str, object]) -> None:
    folder = tmp_path / ".spack-db"
    folder.mkdir()
    (folder / "lock").touch()
    first = {"a" * 32: template | {"installation_time": 0.0}}
    (folder / "index.json").write_text(json.dumps({"database": {"version": "8", "installs": first}}))
    instance = find_instance(str(tmp_path), environ={})
    seen: list[int] = []
    command = [sys.executable, "-c", WRITER, str(folder), json.dumps(template), str(REWRITES)]
    with subprocess.Popen(command) as writer:
        while writer.poll() is None:
            database = instance.database()
            if len(database.records) > 1:
                seen.append(generation_of(database.records, database.problems))
    assert writer.returncode == 0
    last = instance.database()
    assert generation_of(last.records, last.problems) == REWRITES
    assert seen == sorted(seen)
    assert len(set(seen)) > 5


def test_an_upstream_is_read_without_locks_and_still_seen_whole(golden: Path, tmp_path: Path) -> None:
    """Its writers replace the file, so what was opened stays what it was."""
    shutil.copytree(golden / "db", tmp_path / "up/.spack-db")
    before = read_database(tmp_path / "local", upstreams=[tmp_path / "up"])
    index = tmp_path / "up/.spack-db/index.json"
    with index.open("rb") as opened:
        replacement = index.with_suffix(".new")
        replacement.write_bytes(b'{"database": {"version": "8", "installs": {}}}')
        replacement.replace(index)
        assert len(json.loads(opened.read())["database"]["installs"]) == len(before.records)
    assert read_database(tmp_path / "local", upstreams=[tmp_path / "up"]).records == {}


@pytest.mark.parametrize("name", ["index.json", "index_verifier"])
def test_the_state_changes_with_either_file(golden: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(golden / "db", tmp_path / ".spack-db", copy_function=shutil.copyfile)
    before = database_state([tmp_path])
    assert database_state([tmp_path]) == before
    file = tmp_path / ".spack-db" / name
    replacement = file.with_name("replacement")
    replacement.write_bytes(file.read_bytes() + (b" " if name == "index.json" else b"x"))
    replacement.replace(file)
    assert database_state([tmp_path]) != before
    assert database_state([tmp_path, tmp_path / "nowhere"]) != database_state([tmp_path])
