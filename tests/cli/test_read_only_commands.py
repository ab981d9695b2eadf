# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`--read-only`: every command, whatever it does otherwise, changes nothing anywhere."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.nothing_changes import nothing_changes

from core.cli.main import main, make_parser
from core.services.sample import make_sample_instance

# Every command with arguments that would change something, or look at as much as it can. {place} holds everything.
COMMANDS: dict[str, list[str]] = {
    "find": ["-l"],
    "diff": ["zlib-ng", "bzip2"],
    "mirror list": [],
    "mirror ls": [],
    "mirror add": ["new", "{place}/new"],
    "mirror remove": ["team"],
    "mirror rm": ["team"],
    "mirror set": ["--unsigned", "team"],
    "mirror set-url": ["team", "{place}/other"],
    "mirror test": ["team", "scratch"],
    "mirror env": ["registry"],
    "mirror secret": ["registry", "secret"],
    "mirror create": ["-d", "{place}/sources", "zlib-ng"],
    "mirror destroy": ["-m", "team"],
    "buildcache push": ["{place}/cache", "--unsigned", "--force", "zlib-ng"],
    "buildcache create": ["{place}/new", "--unsigned", "zlib-ng"],
    "buildcache check": ["{place}/cache"],
    "buildcache prune": ["{place}/cache", "--yes"],
    "buildcache delete": ["{place}/cache", "hwloc", "--yes"],
    "buildcache trash list": ["{place}/cache"],
    "buildcache trash restore": ["{place}/cache", "{batch}"],
    "buildcache trash empty": ["{place}/cache", "--yes"],
    "buildcache sync": ["{place}/cache", "{place}/copy", "--all"],
    "buildcache bundle create": ["{place}/cache", "{place}/new.bundle", "hwloc"],
    "buildcache bundle import": ["{place}/old.bundle", "{place}/copy"],
    "buildcache bundle show": ["{place}/old.bundle"],
    "buildcache migrate": ["{place}/cache", "--unsigned", "--yes"],
    "buildcache verify": ["{place}/cache", "--full"],
    "buildcache download": ["-s", "zlib-ng", "-p", "{place}/downloaded"],
    "buildcache save-specfile": ["--root-spec", "zlib-ng", "-s", "zlib-ng", "--specfile-dir", "{place}/specs"],
    "buildcache keys": ["--install", "--trust"],
    "buildcache sign": ["{place}/cache", "hwloc"],
    "buildcache list": ["{place}/cache", "-l"],
    "buildcache update-index": ["{place}/cache"],
    "buildcache rebuild-index": ["{place}/cache"],
    "preset list": [],
    "preset run": ["nightly"],
    "preset remove": ["nightly"],
    "preset rm": ["nightly"],
    "gpg create": ["Somebody", "somebody@example.org"],
    "gpg list": [],
    "gpg init": [],
    "gpg trust": ["{place}/key.pub"],
    "gpg untrust": ["ABCDEF0123456789"],
    "gpg export": ["{place}/exported.pub"],
    "gpg publish": ["-d", "{place}/cache"],
    "gpg allow": ["{place}/cache"],
    "transfers list": [],
    "transfers continue": [],
    "transfers discard": [],
    "history": [],
    "report": ["--output", "{place}/report.zip"],
}


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[str]:
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield " ".join(words)
    for action in inner:
        for word, child in action.choices.items():
            yield from leaves(child, (*words, word))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample instance, a cache with an index and something in its trash, and a bundle."""
    place = tmp_path_factory.mktemp("place")
    make_sample_instance(place / "spack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRRORDECK_HOME", str(place / "own"))
        patch.chdir(place)
        instance = ["--instance", f"{place}/spack"]
        options = ["--unsigned", "--update-index", "--without-build-dependencies", "--private"]
        assert main([*instance, "buildcache", "push", *options, f"{place}/cache", "hwloc", "zlib-ng"]) == 0
        bundle = ["buildcache", "bundle", "create", f"{place}/cache", f"{place}/old.bundle", "hwloc"]
        assert main([*instance, *bundle]) == 0
        assert main([*instance, "buildcache", "delete", f"{place}/cache", "zlib-ng", "--yes"]) == 0
    shutil.rmtree(place / "own")
    return place


def test_every_command_is_tried() -> None:
    # `run` becomes another program, whose changes are its own.
    assert set(leaves(make_parser())) - {"run"} == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_changes_anything(
    command: str, place: Path, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (batch,) = (path.name for path in (place / "cache/.mirrordeck-trash").iterdir())
    words = [word.format(place=place, batch=batch) for word in COMMANDS[command]]
    monkeypatch.chdir(place)
    # The lock of the database is opened for writing, because some file systems lock only such files.
    with nothing_changes(place, home, allowed=("/.spack-db/lock'",)):
        status = main(["--instance", f"{place}/spack", "--read-only", *command.split(), *words])
    told = capsys.readouterr()
    assert status in (0, 1), told.err
    assert "unexpected" not in told.err
    assert "Traceback" not in told.err
