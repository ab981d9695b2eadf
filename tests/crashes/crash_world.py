# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whole commands that are killed in a process of their own, with folders and a registry to work on."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from helpers.crashing import completed, crashes_of_each_kind
from helpers.invariants import (
    check_folder,
    check_registry,
    folder_entries,
    folder_indexed,
    registry_hashes,
    registry_indexed,
)
from registry.kit.fake_registry import FakeRegistry

from core.cli.main import main, make_parser
from core.transfers.journal_reader import unfinished

REPOSITORY = "lab/cache"
FEW = "zlib-ng"  # three packages with its dependencies
both_signals = pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked"])
both_places = pytest.mark.parametrize("in_registry", [False, True], ids=["folder", "registry"])
make_parser()  # imports all commands here, and not in every child


@dataclass
class World:
    """`place` holds the folders that are worked on, `state` is what Mirrordeck keeps for itself."""

    sample: Path
    place: Path
    state: Path
    registry: FakeRegistry
    _scene: list[tuple[Path, Path]] = field(default_factory=list)
    _held: Any = None

    @property
    def url(self) -> str:
        return f"oci+http://{self.registry.host}/{REPOSITORY}"

    def act(self, *words: str) -> None:
        """A command in this process, which it ends: for children only."""
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
        status = main(["--instance", str(self.sample), *words])
        if status:
            raise RuntimeError(f"{words}: exit status {status}")

    def run(self, *words: str) -> None:
        """A command that nobody kills."""
        completed(lambda: self.act(*words))

    def keep_scene(self, *folders: str) -> None:
        """What there is now in `folders` and in the registry is what `set_scene` brings back."""
        self._scene = []
        for name in folders:
            path, kept = self.place / name, self.place / f"{name}.kept"
            shutil.copytree(path, kept) if path.exists() else None
            self._scene.append((path, kept))
        with self.registry.lock:
            held = (self.registry.blobs, self.registry.manifests, self.registry.tags)
            self._held = copy.deepcopy(held)

    def set_scene(self) -> None:
        for path, kept in self._scene:
            shutil.rmtree(path, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, path)
        shutil.rmtree(self.state, ignore_errors=True)
        (self.state / "state/journal").mkdir(parents=True)
        with self.registry.lock:
            self.registry.blobs, self.registry.manifests, self.registry.tags = copy.deepcopy(self._held)
            self.registry.requests.clear()
            self.registry.uploads.sessions.clear()

    # ---- what is there ----

    def offered(self) -> int:
        """How many packages a process that died left for others to go on with."""
        found = unfinished(tidy=False)
        assert found.problems == ()
        return sum(offer.waiting for offer in found.offers)

    def packages(self, target: str) -> set[str]:
        """Hashes of what is in a folder or in the registry."""
        if target == self.url:
            return registry_hashes(self.registry, REPOSITORY)
        root = self.place / target
        return {entry.hash for entry in folder_entries(root)} if root.exists() else set()

    def indexed(self, target: str) -> set[str]:
        if target == self.url:
            return registry_indexed(self.registry, REPOSITORY)
        return folder_indexed(self.place / target)

    def check(self, target: str) -> None:
        if target == self.url:
            check_registry(self.registry, REPOSITORY)
        elif (self.place / target).exists():
            check_folder(self.place / target)


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
            if number is signal.SIGTERM:
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
