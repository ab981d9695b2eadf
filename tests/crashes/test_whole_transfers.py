# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes and edits that are killed, or asked to end, in the middle of all they do: nothing visible is broken,
what is left is offered, and going on with it completes it."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from crash_world import FEW, World, both_places, both_signals, survives
from helpers.crashing import completed, crashes_of_each_kind


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
