# SPDX-License-Identifier: Apache-2.0 OR MIT
"""prune, delete, trash, sync and bundle, run in this process on a sample instance."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cli.main import main
from core.services.sample import make_sample_instance

DAY = 86_400.0
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def run(sample: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in `tmp_path`; gives (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["--instance", str(sample), *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def cache(run: Run, tmp_path: Path) -> Path:
    """hwloc and what it needs, pushed a month ago."""
    target = tmp_path / "cache"
    options = ("--unsigned", "--update-index", "--without-build-dependencies", "--private")
    assert run("buildcache", "push", *options, target, "hwloc")[0] == 0
    then = time.time() - 30 * DAY
    for path in target.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))
    return target


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`terminal("y")`: a person at a terminal who types that."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def terminal(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(f"{text}\n"))

    return terminal


def answer(run: Run, *arguments: object) -> tuple[int, Any]:
    status, out, err = run("--json", *arguments)
    assert err == ""
    assert out.count("\n") == 1
    return status, json.loads(out)


def names(run: Run, cache: Path) -> set[str]:
    _, found = answer(run, "buildcache", "list", cache)
    return {package["name"] for package in found["packages"]}


def hash_of(run: Run, cache: Path, name: str) -> str:
    _, found = answer(run, "buildcache", "list", cache)
    return next(str(package["hash"]) for package in found["packages"] if package["name"] == name)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# ---- delete and trash ----


def test_delete_shows_its_plan_and_a_dry_run_changes_nothing(run: Run, cache: Path) -> None:
    before = files(cache)
    status, out, err = run("buildcache", "delete", "--dry-run", cache, "libxml2")
    assert status == 0
    assert out.startswith("    libxml2@")
    assert "1 package depends on what goes: hwloc@" in err
    assert "1 manifest and 2 blobs" in err
    assert files(cache) == before


def test_delete_goes_to_the_trash_and_comes_back(run: Run, cache: Path) -> None:
    before = names(run, cache)
    status, result = answer(run, "buildcache", "delete", cache, "hwloc")
    assert (status, result["entries"], result["blobs"], result["freed_bytes"]) == (0, 1, 2, 0)
    assert names(run, cache) == before - {"hwloc"}
    _, listed = answer(run, "buildcache", "trash", "list", cache)
    (batch,) = listed["batches"]
    assert batch["id"] == result["trash"]
    assert batch["stored_bytes"] == result["removed_bytes"] == result["plan"]["frees_bytes"]
    status, out, err = run("buildcache", "trash", "list", cache)
    assert batch["id"] in out
    assert "hwloc@" in out
    assert "in the trash" in err
    status, _, err = run("buildcache", "trash", "empty", cache)
    assert (status, "--yes-to-all" in err) == (2, True)
    status, restored = answer(run, "buildcache", "trash", "restore", cache, batch["id"])
    assert (status, restored["restored"]) == (0, 3)
    assert names(run, cache) == before
    assert run("buildcache", "trash", "restore", cache, batch["id"])[0] == 1
    assert run("buildcache", "trash", "list", cache)[2] == "==> The trash is empty\n"


def test_what_cannot_be_undone_needs_a_yes(run: Run, cache: Path, terminal: Callable[[str], None]) -> None:
    status, _, err = run("buildcache", "delete", "--permanently", cache, "hwloc")
    assert status == 2
    assert "--yes-to-all" in err
    assert "hwloc" in names(run, cache)
    terminal("n")
    status, _, err = run("buildcache", "delete", "--permanently", cache, "hwloc")
    assert (status, "Nothing was deleted" in err) == (1, True)
    terminal("y")
    status, _, err = run("buildcache", "delete", "--permanently", cache, "hwloc")
    assert status == 0
    assert "Delete 1 manifest and 2 blobs? [y/N]" in err
    assert "freed" in err
    assert "hwloc" not in names(run, cache)
    run("buildcache", "delete", "-y", cache, "libxml2")
    terminal("n")
    assert run("buildcache", "trash", "empty", cache)[0] == 1
    status, result = answer(run, "buildcache", "trash", "empty", "-y", cache)
    assert status == 0
    assert result["freed_bytes"] > 0


def test_many_packages_ask_for_their_number(
    run: Run, cache: Path, terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cli.removing.MANY_PACKAGES", 1)
    packages = len(names(run, cache))
    for typed, status in (("y", 1), (str(packages + 1), 1), (str(packages), 0)):
        terminal(typed)
        found, _, err = run("buildcache", "prune", "--not-kept", "--newer-than", "1h", cache)
        assert f"Move to the trash {packages} packages? Type their number" in err
        assert found == status
    assert names(run, cache) == set()


def test_delete_by_hash_by_key_and_of_nothing(run: Run, cache: Path) -> None:
    full = hash_of(run, cache, "hwloc")
    assert answer(run, "buildcache", "delete", "--dry-run", cache, f"/{full}")[1]["plan"]["entries"][0]["hash"] == full
    key = next(path for path in files(cache) if f"{full}.spec.manifest.json" in path)
    assert answer(run, "buildcache", "delete", "--dry-run", "--key", key, cache)[1]["plan"]["entries"][0]["key"] == key
    assert run("buildcache", "delete", cache)[0] == 2
    assert run("buildcache", "delete", cache, "nosuch")[0] == 1
    assert run("buildcache", "delete", cache, f"/{'a' * 32}")[0] == 1
    assert run("--read-only", "buildcache", "delete", cache, "hwloc")[0] == 1
    assert run("--read-only", "buildcache", "delete", "--dry-run", cache, "hwloc")[0] == 0


# ---- prune ----


def test_prune_by_spacks_rule(run: Run, cache: Path, tmp_path: Path) -> None:
    status, _, err = run("buildcache", "prune", cache)
    assert (status, err) == (0, "==> There is nothing to delete\n")
    kept = hash_of(run, cache, "libxml2")
    keep_list = tmp_path / "keep"
    keep_list.write_text(f"/{kept}\n")
    status, plan = answer(run, "buildcache", "prune", "-k", keep_list, "--dry-run", cache)
    before = names(run, cache)
    assert {entry["name"] for entry in plan["plan"]["entries"]} == before - {"libxml2"}
    assert run("buildcache", "prune", "-y", "-k", keep_list, cache)[0] == 0
    assert names(run, cache) == {"libxml2"}
    for wrong in ("", "abc\n", f"{kept}\n\n"):
        keep_list.write_text(wrong)
        assert run("buildcache", "prune", "-k", keep_list, cache)[0] == 2
    assert run("buildcache", "prune", "-k", tmp_path / "none", cache)[0] == 1


def test_prune_what_nothing_keeps(run: Run, cache: Path) -> None:
    status, _, err = run("buildcache", "prune", "--not-kept", cache)
    assert (status, "needs a rule" in err) == (2, True)
    status, _, err = run("buildcache", "prune", "--not-kept", "--keep-installed", cache)
    assert (status, err) == (0, "==> There is nothing to delete\n")
    assert run("buildcache", "prune", "--keep-installed", cache)[0] == 2
    assert run("buildcache", "prune", "--not-kept", "--keep-env", "nosuch", cache)[0] == 1
    status, out, err = run("buildcache", "prune", "--free", "1kB", "--dry-run", cache)
    assert status == 0
    assert out.startswith("    hwloc@")  # what needs the others goes first
    status, _, err = run("buildcache", "prune", "--free", "1TB", "--dry-run", cache)
    assert "less than was wanted" in err
    with pytest.raises(SystemExit):
        run("buildcache", "prune", "--free", "much", cache)


def test_young_packages_wait(run: Run, cache: Path) -> None:
    now = time.time()
    for path in cache.rglob("*"):
        if path.is_file():
            os.utime(path, (now, now))
    _, out, err = run("buildcache", "prune", "--free", "1TB", "--dry-run", cache)
    assert out == ""
    assert "kept for being young" in err
    _, result = answer(run, "buildcache", "prune", "--free", "1TB", "--grace", "0", "--dry-run", cache)
    assert result["plan"]["entries"]


def test_a_plan_file_is_carried_out_exactly_or_refused(run: Run, cache: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    status, _, _ = run("buildcache", "prune", "--free", "1kB", "--dry-run", "--save-plan", plan, cache)
    assert status == 0
    assert json.loads(plan.read_text())["version"] == 1
    shutil.copytree(cache, tmp_path / "other")
    assert run("buildcache", "prune", "-y", "--plan", plan, tmp_path / "other")[0] == 2
    planned = {entry["key"] for entry in json.loads(plan.read_text())["entries"]}
    before = files(cache)
    changed = cache / next(iter(planned))
    text = changed.read_bytes()
    changed.write_bytes(text + b" ")
    status, _, err = run("buildcache", "prune", "-y", "--plan", plan, cache)
    assert status == 1
    assert "changed since the plan was made" in err
    assert files(cache) == before
    changed.write_bytes(text)
    os.utime(changed, (1, 1))
    assert run("buildcache", "prune", "-y", "--permanently", "--plan", plan, cache)[0] == 0
    gone = before - files(cache)
    assert {path for path in gone if "manifests" in path} == planned
    plan.write_text("{}")
    assert run("buildcache", "prune", "--plan", plan, cache)[0] == 2


def test_web_addresses_are_only_read(run: Run) -> None:
    status, _, err = run("buildcache", "prune", "http://127.0.0.1:9/cache")
    assert status != 0
    assert "Traceback" not in err


# ---- sync and bundle ----


def test_sync_copies_and_skips(run: Run, cache: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert run("-E", "buildcache", "sync", cache, target)[0] == 2  # neither environment nor packages
    status, result = answer(run, "buildcache", "sync", "--all", "--dry-run", cache, target)
    assert (status, len(result["plan"]["push"])) == (0, len(names(run, cache)))
    assert not target.exists()
    status, result = answer(run, "buildcache", "sync", cache, target, "hwloc")
    assert status == 0
    assert {one["name"] for one in result["copied"]} == names(run, cache)
    assert result["index"]["entries"] == len(result["copied"])
    assert names(run, target) == names(run, cache)
    status, out, err = run("buildcache", "sync", "--all", cache, target)
    assert (status, "Already there" in out) == (0, True)
    status, _, err = run("buildcache", "sync", "--force", cache, target, "hwloc", "--no-dependencies")
    assert "==> Copied hwloc@" in err
    status, result = answer(run, "buildcache", "sync", cache, target, f"/{'a' * 32}")
    assert (status, len(result["lacking"])) == (1, 1)
    assert run("buildcache", "sync", cache)[0] == 2
    assert run("--read-only", "buildcache", "sync", "--all", cache, tmp_path / "t2")[0] == 1


def test_sync_by_manifest_files(run: Run, cache: Path, tmp_path: Path) -> None:
    full = hash_of(run, cache, "hwloc")
    key = next(path for path in files(cache) if f"{full}.spec.manifest.json" in path)
    places = {"src": f"{cache.as_uri()}/{key}", "dest": f"{(tmp_path / 'one').as_uri()}/{key}"}
    (tmp_path / "copy.json").write_text(json.dumps({full: places}))
    assert run("buildcache", "sync", "--manifest-glob", "copy*.json")[0] == 0
    assert names(run, tmp_path / "one") == {"hwloc"}
    assert run("buildcache", "sync", "--manifest-glob", "copy*.json", tmp_path / "two")[0] == 0
    assert names(run, tmp_path / "two") == {"hwloc"}


def test_bundle_there_and_back(run: Run, cache: Path, tmp_path: Path) -> None:
    status, out, _ = run("buildcache", "bundle", "create", "--all", cache, "out.tar")
    assert status == 0
    assert "A fresh site needs besides:" in out
    assert "spack bootstrap mirror --binary-packages DIR" in out
    status, shown = answer(run, "buildcache", "bundle", "show", "out.tar")
    assert shown["bundle"]["packages"] == len(names(run, cache))
    assert run("buildcache", "bundle", "import", "--dry-run", "out.tar", tmp_path / "site")[0] == 0
    assert not (tmp_path / "site").exists()
    assert run("buildcache", "bundle", "import", "out.tar", tmp_path / "site")[0] == 0
    assert names(run, tmp_path / "site") == names(run, cache)
    assert run("buildcache", "bundle", "create", "--all", cache, "out.tar")[0] == 2
    assert run("buildcache", "bundle", "show", "nothing")[0] == 1
    data = bytearray((tmp_path / "out.tar").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "out.tar").write_bytes(data)
    assert run("buildcache", "bundle", "import", "out.tar", tmp_path / "other")[0] == 1
