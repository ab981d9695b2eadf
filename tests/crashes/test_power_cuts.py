# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The power fails: of all that was written only what was flushed to the disk is there. Whole commands, as
test_whole_transfers.py and test_whole_copies.py have them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from crash_world import FEW, World
from helpers.crashing import completed, crashes_of_each_kind
from helpers.power import PowerCut

lost = pytest.mark.parametrize("names", [False, True], ids=["data", "names"])
PUSH = ("buildcache", "push", "-u", "-j", "1", "--update-index", "./disk/target", FEW)
TARGET = "./disk/target"


@pytest.fixture
def disk(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The target and all that Mirrordeck keeps for itself are on it."""
    disk = world.place / "disk"
    world.state = disk / "state"
    monkeypatch.setenv("MIRRORDECK_HOME", str(world.state))
    return disk


def loses_power(world: World, disk: Path, words: tuple[str, ...], *, names: bool, kept: bool = False) -> None:
    """With `kept` the packages that were there before are there after each crash."""
    cut = PowerCut(disk, world.place / "notes")
    world.set_scene()
    before = world.packages(TARGET)
    world.run(*words)
    wanted = world.packages(TARGET)

    def start() -> None:
        world.set_scene()
        cut.begin()

    for crash in crashes_of_each_kind(lambda: world.act(*words), start=start, seed=27, within=cut.watched):
        cut.strike(names=names)
        try:
            world.check(TARGET)
            assert not kept or world.packages(TARGET) == before
            left = world.offered()
            world.run(*(("transfers", "continue") if left else words))
            if not kept or left:
                assert world.packages(TARGET) == world.indexed(TARGET) == wanted
            assert world.offered() == 0
            world.check(TARGET)
        except Exception as error:
            raise AssertionError(f"after a power cut: {crash.words}") from error


@lost
def test_t32_i1_i2_i3_i4_a_push(world: World, disk: Path, names: bool) -> None:
    disk.mkdir()
    world.keep_scene("disk/target")
    loses_power(world, disk, PUSH, names=names)


@lost
def test_t32_i7_a_forced_push(world: World, disk: Path, names: bool) -> None:
    disk.mkdir()
    world.keep_scene("disk/target")
    world.set_scene()
    world.run(*PUSH)
    world.keep_scene("disk/target")
    loses_power(world, disk, (*PUSH[:2], "--force", *PUSH[2:]), names=names, kept=True)


def test_t32_what_was_to_be_done_is_known_when_it_is_begun(world: World, disk: Path) -> None:
    """The journal is on the disk before the first byte is written to the mirror."""
    disk.mkdir()
    world.keep_scene("disk/target")
    world.set_scene()
    cut = PowerCut(disk, world.place / "notes")
    cut.begin()
    completed(lambda: world.act(*PUSH), killed_at=5, within=cut.watched)
    cut.strike(names=True)
    assert world.offered() == 3


@lost
def test_t32_i2_an_edit(world: World, disk: Path, names: bool) -> None:
    shutil.copytree(world.sample / "etc", disk / "etc")
    sample, world.sample = world.sample, disk
    for name in ("bin", "lib", "opt", "var"):
        (disk / name).symlink_to(sample / name)
    (disk / "mirrors").mkdir()
    file = disk / "etc/spack/site/mirrors.yaml"
    before = file.read_bytes()
    words = ("mirror", "add", "--scope", "site", "new", "/srv/new")
    world.keep_scene("disk/etc")
    world.set_scene()
    world.run(*words)
    after = file.read_bytes()
    cut = PowerCut(disk, world.place / "notes")

    def start() -> None:
        world.set_scene()
        cut.begin()

    seen = set()
    for crash in crashes_of_each_kind(lambda: world.act(*words), start=start, seed=28, within=cut.watched):
        cut.strike(names=names)
        found = file.read_bytes()
        seen.add(found)
        assert found in (before, after), crash.words
    assert seen == {before, after}
