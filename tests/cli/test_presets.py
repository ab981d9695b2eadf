# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes that are kept: in files, and under names."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from core.cli.main import main
from core.foundation.errors import Conflict, NotFound, UsageError
from core.services.push_scripts import push_script
from core.services.sample import make_sample_instance
from core.services.saved_pushes import preset_named, presets, read_saved_push, save_preset, saved_push_text
from core.services.values import SavedPush, ScriptKind
from core.transfers.plan import Only, PushOptions, PushRequest, Signing

OPTIONS = PushOptions(only=Only.PACKAGE, update_index=True, signing=Signing.UNSIGNED, with_build_dependencies=False)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    make_sample_instance(tmp_path / "spack")
    return tmp_path / "spack"


@pytest.fixture
def saved(instance: Path, tmp_path: Path) -> SavedPush:
    return SavedPush(str(instance), "", PushRequest(str(tmp_path / "cache"), ("zlib-ng",), options=OPTIONS))


def cached(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "v3/manifests/spec").glob("*/*.json"))


def test_a_plan_in_a_file_is_the_same_push(saved: SavedPush, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(saved_push_text(saved))
    assert read_saved_push(tmp_path / "plan.json") == saved


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "other", "push": {}}', '{"kind": "mirrordeck push"}'])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UsageError, match="no plan"):
        read_saved_push(tmp_path / "plan.json")


def test_a_plan_of_a_newer_version_says_so(saved: SavedPush, tmp_path: Path) -> None:
    document = json.loads(saved_push_text(saved))
    (tmp_path / "plan.json").write_text(json.dumps({**document, "format": 99}))
    with pytest.raises(UsageError, match="newer"):
        read_saved_push(tmp_path / "plan.json")


def test_written_by_the_command_line_and_carried_out(
    instance: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, cache = tmp_path / "plan.json", tmp_path / "cache"
    words = ["--save-plan", str(plan), "--unsigned", "--update-index", "--only", "package", str(cache), "zlib-ng"]
    assert main(["--instance", str(instance), "buildcache", "push", *words]) == 0
    assert not cache.exists()
    assert main(["buildcache", "push", "--plan", str(plan), "--dry-run"]) == 0
    assert not cache.exists()
    assert main(["buildcache", "push", "--plan", str(plan)]) == 0
    assert len(cached(cache)) == 1
    assert "1 package pushed" in capsys.readouterr().err
    assert main(["buildcache", "push", "--plan", str(plan)]) == 0
    assert "already in the buildcache" in capsys.readouterr().err


def test_a_plan_for_several_mirrors_names_all_of_them(
    instance: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, one, two = tmp_path / "plan.json", tmp_path / "one", tmp_path / "two"
    words = ["--save-plan", str(plan), "-u", "--only", "package", "--also", str(two), str(one), "zlib-ng"]
    assert main(["--instance", str(instance), "buildcache", "push", *words]) == 0
    saved = read_saved_push(plan)
    assert (saved.request.mirror, saved.also) == (str(one), (str(two),))
    assert f"--also={two}" in push_script(ScriptKind.SHELL, saved)
    save_preset("both", saved, replace=False)
    assert main(["preset", "list"]) == 0
    assert f"to {one}, {two}" in capsys.readouterr().out
    assert main(["preset", "run", "both"]) == 0
    assert len(cached(one)) == len(cached(two)) == 1


def test_options_that_no_target_understands_are_refused(
    instance: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["-u", "--tag", "v1", "--also", str(tmp_path / "two"), str(tmp_path / "one"), "zlib-ng"]
    assert main(["--instance", str(instance), "buildcache", "push", *words]) == 2
    assert "OCI registries only" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()


def test_a_plan_comes_from_standard_input(saved: SavedPush, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(saved_push_text(saved))

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert main(["buildcache", "push", "--plan", "-"]) == 0
    assert len(cached(tmp_path / "cache")) == 1


@pytest.mark.parametrize("more", [["scratch"], ["--missing"], ["--also", "x"]])
def test_a_plan_takes_nothing_beside_it(saved: SavedPush, tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "plan.json").write_bytes(saved_push_text(saved))
    assert main(["buildcache", "push", "--plan", str(tmp_path / "plan.json"), *more]) == 2
    assert main(["buildcache", "push"]) == 2


def test_presets_are_listed_run_and_removed(
    saved: SavedPush, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_preset("nightly", saved, replace=False)
    assert main(["preset", "list"]) == 0
    assert capsys.readouterr().out == f"nightly: zlib-ng to {tmp_path / 'cache'}\n"
    assert main(["--json", "preset", "list"]) == 0
    assert json.loads(capsys.readouterr().out)["presets"]["nightly"]["request"]["queries"] == ["zlib-ng"]
    assert main(["--read-only", "preset", "run", "nightly"]) != 0
    assert main(["preset", "run", "nightly"]) == 0
    assert len(cached(tmp_path / "cache")) == 1
    assert main(["--read-only", "preset", "remove", "nightly"]) != 0
    assert main(["preset", "remove", "nightly"]) == 0
    assert presets() == {}
    assert main(["preset", "run", "nightly"]) == 1
    assert "there are none yet" in capsys.readouterr().err


def test_names_are_safe_and_not_taken_twice(saved: SavedPush) -> None:
    save_preset("a", saved, replace=False)
    with pytest.raises(Conflict):
        save_preset("a", saved, replace=False)
    save_preset("a", saved, replace=True)
    for name in ("", "../a", "-x", "a b", "x" * 65):
        with pytest.raises(UsageError):
            save_preset(name, saved, replace=False)
    with pytest.raises(NotFound, match="No preset b"):
        preset_named("b")
