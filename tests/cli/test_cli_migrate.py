# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`buildcache migrate`, run in this process on a sample instance."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import main
from core.services.sample import make_sample_instance

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def run(sample: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `buildcache migrate` in `tmp_path`; gives (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, first: tuple[str, ...] = ()) -> tuple[int, str, str]:
        status = main(["--instance", str(sample), *first, "buildcache", "migrate", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def old(golden: Path, tmp_path: Path) -> Path:
    target = tmp_path / "old"
    shutil.copytree(golden / "mirrors/v2-unsigned", target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`types("y")`: a person at a terminal who answers that."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(f"{text}\n"))


def test_the_plan_is_shown_first(run: Run, old: Path) -> None:
    status, out, err = run("-u", "--dry-run", "--delete-existing", old)
    assert status == 0
    assert "To be migrated: 12 packages" in out
    assert "12 packages, 26 files" in out
    assert "Migrating from the old layout of" in err
    assert not (old / "v3").exists()


def test_the_old_layout_stays_unless_it_is_to_go(run: Run, old: Path) -> None:
    status, _, err = run("--unsigned", old)
    assert (status, "12 packages migrated" in err) == (0, True)
    assert (old / "build_cache/index.json").exists()
    status, out, err = run("-u", "-d", "-y", old)
    assert (status, "Already there: 12 packages" in out) == (0, True)
    assert "Deleted the old layout: 12 packages, 26 files" in err
    assert not (old / "build_cache").exists()
    status, _, err = run("-u", old)
    assert (status != 0, "has to be migrated" in err) == (True, True)


@pytest.mark.parametrize(("answer", "goes"), [("y", True), ("", False)])
def test_deleting_is_asked_for_before_anything(
    run: Run, old: Path, types: Callable[[str], None], answer: str, goes: bool
) -> None:
    types(answer)
    run("-u", "-d", old)
    assert (old / "build_cache").exists() is not goes
    assert (old / "v3").exists() is goes


def test_without_a_terminal_deleting_needs_the_option(run: Run, old: Path) -> None:
    status, _, err = run("-u", "-d", old)
    assert (status != 0, "--yes-to-all" in err) == (True, True)
    assert not (old / "v3").exists()


def test_what_failed_keeps_the_old_layout(run: Run, old: Path) -> None:
    (archive,) = old.glob("build_cache/**/*-labtop-*.spack")
    archive.write_bytes(b"damaged")
    status, out, err = run("-u", "-d", "-y", old)
    assert status == 1
    assert "Damaged" in out + err
    assert "The old layout stays" in err
    assert archive.exists()


def test_json_and_read_only(run: Run, old: Path) -> None:
    status, _, err = run("-u", old, first=("--read-only",))
    assert (status != 0, "Nothing was migrated" in err) == (True, True)
    status, out, _ = run("-u", old, first=("--json",))
    found = json.loads(out)
    assert (status, found["command"], len(found["copied"])) == (0, "buildcache migrate", 12)


def test_signatures_need_a_key_or_the_word(run: Run, golden: Path) -> None:
    status, _, err = run(golden / "mirrors/v2-signed", "--dry-run")
    assert (status != 0, "unsigned" in err) == (True, True)
    status, _, err = run("-u", golden / "mirrors/v2-signed", "--dry-run")
    assert "12 signatures will be dropped" in err
