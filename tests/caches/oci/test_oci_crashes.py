# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Killed at every step of its work on a registry: no tag leads to nothing, and doing it again completes it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.crashing import crashes
from helpers.invariants import check_registry
from oci_lab import NAME, Lab, open_repository, tag_of
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.names import is_spec_tag
from core.caches.removal import plan_deletion
from core.foundation.cancel import CancelToken

TOKEN = CancelToken()
OLD = ("labz", "labfmt")


def ignore(*_: int) -> None:
    pass


def update(lab: Lab) -> None:
    lab.cache.update_index(full=False, token=TOKEN, progress=ignore)


def run(
    registry: FakeRegistry, place: Path, start: Callable[[Lab], object], act: Callable[[Lab], object]
) -> Iterator[tuple[str, Lab]]:
    """Each crash with a lab of somebody who comes after it."""
    with open_repository(registry) as repository:
        start(Lab(registry, repository, place / "start"))
    scene = copy.deepcopy((registry.blobs, registry.manifests, registry.tags))

    def again() -> None:
        with registry.lock:
            registry.blobs, registry.manifests, registry.tags = copy.deepcopy(scene)

    def work() -> None:
        with open_repository(registry) as repository:
            act(Lab(registry, repository, place / "crashing"))

    for number, crash in enumerate(crashes(work, start=again, seed=21)):
        try:
            check_registry(registry, NAME)
            with open_repository(registry) as repository:
                yield crash.words, Lab(registry, repository, place / str(number))
            check_registry(registry, NAME)
        except Exception as error:
            raise AssertionError(f"after a crash: {crash.words}") from error


def listed(lab: Lab) -> set[str]:
    index = lab.cache.read_index()
    return {key for key, record in index.records.items() if record.in_buildcache} if index else set()


def hashes(lab: Lab) -> set[str]:
    return {tag.removesuffix(".spack")[-32:] for tag in lab.tags() if is_spec_tag(tag)}


@pytest.mark.parametrize("force", [False, True], ids=["new", "forced"])
def test_t32_i1_i7_a_push_and_its_index(registry: FakeRegistry, tmp_path: Path, force: bool) -> None:
    def start(lab: Lab) -> None:
        lab.push(*OLD)
        update(lab)

    def act(lab: Lab) -> None:
        # Packed anew, an archive has other bytes: the old image goes only when the new one is complete.
        lab.push("labfmt" if force else "labdata", force=force, codec_noise=b"again" if force else b"")
        update(lab)

    for words, lab in run(registry, tmp_path, start, act):
        assert {tag_of(name) for name in OLD} <= lab.tags(), words
        lab.push(*OLD, "labdata")
        update(lab)
        assert listed(lab) == hashes(lab), words
        assert {tag_of(name) for name in (*OLD, "labdata")} <= lab.tags(), words


def test_t32_i1_a_deletion(registry: FakeRegistry, tmp_path: Path) -> None:
    def start(lab: Lab) -> None:
        lab.push(*OLD)
        update(lab)

    def act(lab: Lab) -> None:
        upkeep = lab.cache.upkeep()
        found = upkeep.inventory(TOKEN, ignore)
        plan = plan_deletion(found, [tag_of("labfmt")], url=lab.cache.url, cutoff=found.read_at)
        upkeep.remove(plan, permanently=True, token=TOKEN, progress=ignore)

    for words, lab in run(registry, tmp_path, start, act):
        if tag_of("labfmt") in lab.tags():
            act(lab)
        update(lab)
        assert listed(lab) == hashes(lab), words
        assert tag_of("labfmt") not in lab.tags(), words
