# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copies, migrations and deletions that are killed, or asked to end, in the middle of all they do: nothing visible is
broken, what is left is offered, and going on with it completes it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from crash_world import FEW, World, both_places, both_signals, survives
from helpers.crashing import crashes_of_each_kind


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
