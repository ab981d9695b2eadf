# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Commands killed, or asked to end, in the middle of all they do: nothing visible is broken, what is left is offered,
and going on with it completes it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from crash_world import FEW, World
from helpers.crashing import completed, crashes_of_each_kind

SIGNALS = [signal.SIGKILL, signal.SIGTERM]
both_signals = pytest.mark.parametrize("number", SIGNALS, ids=["killed", "asked"])
both_places = pytest.mark.parametrize("in_registry", [False, True], ids=["folder", "registry"])


def survives(
    world: World,
    words: tuple[str, ...],
    target: str,
    number: signal.Signals,
    *,
    after: Callable[[str], object] = lambda _words: None,
) -> None:
    """Crash `words` at every kind of step, look at `target`, go on with what was left and complete it.

    `after` looks at what else has to hold after each crash.
    """
    world.set_scene()
    world.run(*words)
    wanted = world.packages(target)
    assert wanted
    offers = 0
    for crash in crashes_of_each_kind(lambda: world.act(*words), start=world.set_scene, seed=23, number=number):
        try:
            world.check(target)
            after(crash.words)
            if number is signal.SIGTERM and "killed at step" in crash.words and "upload begun" not in crash.words:
                # An upload that is just being opened has no name here yet.
                assert world.registry.uploads.sessions == {}
            left = world.offered()
            offers += bool(left)
            world.run(*(("transfers", "continue") if left else words))
            assert world.packages(target) == world.indexed(target) == wanted
            assert world.offered() == 0
            world.check(target)
        except Exception as error:
            raise AssertionError(f"after a crash: {crash.words}") from error
    assert offers


@both_signals
@both_places
def test_t32_i1_i2_i3_i4_a_push(world: World, number: signal.Signals, in_registry: bool) -> None:
    target = world.url if in_registry else "./target"
    world.keep_scene("target")
    survives(world, ("buildcache", "push", "-u", "-j", "1", "--update-index", target, FEW), target, number)


@both_places
def test_t32_i7_a_forced_push(world: World, in_registry: bool) -> None:
    target = world.url if in_registry else "./target"
    words = ("buildcache", "push", "-u", "-j", "1", "--update-index", target, FEW)
    world.keep_scene("target")
    world.set_scene()
    world.run(*words)
    world.keep_scene("target")
    before = world.packages(target)

    def nothing_is_lost(_words: str) -> None:
        assert world.packages(target) == before

    forced = (*words[:2], "--force", *words[2:])
    survives(world, forced, target, signal.SIGKILL, after=nothing_is_lost)


@pytest.mark.parametrize(
    ("from_registry", "to_registry", "number"),
    [
        (False, False, signal.SIGKILL),
        (False, True, signal.SIGKILL),
        (True, False, signal.SIGTERM),
    ],
)
def test_t32_i1_a_copy(world: World, from_registry: bool, to_registry: bool, number: signal.Signals) -> None:
    source = world.url if from_registry else "./source"
    target = world.url if to_registry else "./target"
    world.keep_scene("source", "target")
    world.set_scene()
    world.run("buildcache", "push", "-u", "--update-index", source, FEW)
    world.keep_scene("source", "target")
    survives(world, ("buildcache", "sync", "--all", "-j", "1", source, target), target, number)


def test_t32_i1_a_copy_within_a_registry(world: World) -> None:
    source = world.url.replace("cache", "source")
    world.keep_scene()
    world.set_scene()
    world.run("buildcache", "push", "-u", "--update-index", source, FEW)
    world.keep_scene()
    survives(world, ("buildcache", "sync", "--all", "-j", "1", source, world.url), world.url, signal.SIGKILL)


@both_signals
def test_t32_i1_a_migration(world: World, golden: Path, number: signal.Signals) -> None:
    shutil.copytree(golden / "mirrors/v2-unsigned", world.place / "old")
    for path in [world.place / "old", *(world.place / "old").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    world.keep_scene("old")
    survives(world, ("buildcache", "migrate", "-u", "-j", "1", "./old"), "./old", number)


def test_t32_going_on_is_killed_itself(world: World) -> None:
    """Whoever goes on with what was left may be killed as well: then it is offered again."""
    words = ("buildcache", "push", "-u", "-j", "1", "--update-index", "./target", FEW)
    world.keep_scene("target")
    world.set_scene()
    world.run(*words)
    wanted = world.packages("./target")

    def start() -> None:
        world.set_scene()
        completed(lambda: world.act(*words), killed_at=6)
        assert world.offered() == 3

    for crash in crashes_of_each_kind(lambda: world.act("transfers", "continue"), start=start, seed=24):
        world.check("./target")
        world.run("transfers", "continue")
        assert world.packages("./target") == wanted, crash.words
        assert world.offered() == 0, crash.words


@both_signals
@both_places
def test_t32_i1_a_clean_up(world: World, number: signal.Signals, in_registry: bool) -> None:
    target = world.url if in_registry else "./target"
    world.keep_scene("target")
    world.set_scene()
    world.run("buildcache", "push", "-u", "--update-index", target, FEW)
    if not in_registry:
        for path in (world.place / "target").rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
    world.keep_scene("target")
    words = ("buildcache", "delete", "-y", "--grace", "0", target, FEW)
    world.set_scene()
    world.run(*words)
    wanted = world.packages(target)
    assert len(wanted) == 2
    for crash in crashes_of_each_kind(lambda: world.act(*words), start=world.set_scene, seed=25, number=number):
        world.check(target)
        if world.packages(target) != wanted:
            world.run("buildcache", "update-index", target)  # packages are found by name in the index
            world.run(*words)
        world.run("buildcache", "update-index", target)
        assert world.packages(target) == world.indexed(target) == wanted, crash.words


@both_signals
def test_t32_i2_an_edit(world: World, number: signal.Signals, tmp_path: Path) -> None:
    shutil.copytree(world.sample, tmp_path / "spack", symlinks=True)
    world.sample = tmp_path / "spack"
    file = world.sample / "etc/spack/site/mirrors.yaml"
    before = file.read_bytes()
    words = ("mirror", "add", "--scope", "site", "new", "/srv/new")
    world.keep_scene()
    world.set_scene()
    world.run(*words)
    after = file.read_bytes()
    assert after != before

    def start() -> None:
        world.set_scene()
        file.write_bytes(before)

    seen = set()
    for crash in crashes_of_each_kind(lambda: world.act(*words), start=start, seed=26, number=number):
        seen.add(file.read_bytes())
        if file.read_bytes() == before:
            world.run(*words)
        assert file.read_bytes() == after, crash.words
    assert seen == {before, after}
