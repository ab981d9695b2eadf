# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every file of a mirror spoiled in every way, one at a time, and repaired: it is sound then, all else unchanged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from registry.kit.fake_registry import FakeRegistry

from core.caches.findings import Finding
from core.caches.layout3 import INDEX_MANIFEST, is_entry_manifest
from core.caches.oci.names import INDEX_TAG
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.mirrors.reading import mirrors_of
from core.services.access import open_access
from core.services.push import plan_push
from core.services.sample import make_sample_instance
from core.services.upkeep import Upkeep
from core.services.verify import finish_repair, plan_repair, verify
from core.spack.instance import Instance, find_instance
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.plan import PushOptions, PushRequest, Signing
from core.transfers.queue import TransferQueue

TOKEN = CancelToken()
REPOSITORY = "lab/damaged"

Spoil = Callable[[bytes, bytes], bytes | None]
WAYS: dict[str, Spoil] = {
    "removed": lambda _data, _other: None,
    "truncated": lambda data, _other: data[: len(data) // 2],
    "swapped": lambda _data, other: other,
    "flipped": lambda data, _other: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    ),
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """One for all: nothing here changes it."""
    root = tmp_path_factory.mktemp("instance") / "spack"
    make_sample_instance(root)
    return find_instance(str(root), environ={})


@pytest.fixture
def access(instance: Instance) -> Iterator[CacheAccess]:
    access = open_access(instance, keep=False)
    yield access
    access.close()


class Site:
    """An instance, and what people do with a mirror of it."""

    def __init__(self, instance: Instance, access: CacheAccess, cwd: Path, mirror: str) -> None:
        self.instance, self.access, self.cwd, self.mirror = instance, access, cwd, mirror

    def run(self, job: TransferJob) -> None:
        queue = TransferQueue(Journal(self.cwd / "journal"), workers=2)
        try:
            assert queue.wait(queue.add(job), 60)
        finally:
            queue.close()

    def push(self, request: PushRequest) -> None:
        self.run(plan_push(self.instance, self.access, request, cwd=self.cwd, token=TOKEN).job)

    def fill(self) -> None:
        options = PushOptions(with_build_dependencies=False, update_index=True, signing=Signing.UNSIGNED, private=True)
        self.push(PushRequest(self.mirror, ("libxml2",), options=options))
        assert self.findings() == []

    def findings(self) -> list[Finding]:
        *rows, _view = verify(
            self.instance, self.access, self.mirror, full=True, checkpoints=None, cwd=self.cwd, token=TOKEN
        )
        return [row for row in rows if isinstance(row, Finding) and not row.harmless]

    def repair(self, findings: list[Finding]) -> None:
        plan = plan_repair(self.instance, self.access, self.mirror, findings, cwd=self.cwd, token=TOKEN)
        assert plan.left == ()
        if plan.push is not None:
            self.push(plan.push)
        if plan.delete is not None:
            upkeep = Upkeep(self.instance, self.access, self.cwd)
            found = upkeep.plan_delete(plan.delete, TOKEN, lambda *_: None)
            upkeep.apply(self.mirror, found.plan, permanently=True, token=TOKEN, progress=lambda *_: None)
        finish_repair(self.instance, self.access, plan, cwd=self.cwd, token=TOKEN)


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def folder(instance: Instance, access: CacheAccess, tmp_path: Path) -> Iterator[tuple[Site, Path]]:
    """An unsigned mirror of the sample."""
    found = mirrors_of(instance).named("team")
    assert found is not None
    assert found.folder is not None
    site = Site(instance, access, tmp_path, found.name)
    site.fill()
    yield site, found.folder
    shutil.rmtree(found.folder)


@pytest.mark.parametrize("way", WAYS)
def test_in_a_folder(folder: tuple[Site, Path], way: str) -> None:
    site, root = folder
    sound = tree(root)
    keys = sorted(sound)
    assert len(keys) >= 9
    for key, neighbour in zip(keys, [*keys[1:], keys[0]], strict=True):
        spoiled = WAYS[way](sound[key], sound[neighbour])
        if spoiled is None:
            (root / key).unlink()
        else:
            (root / key).write_bytes(spoiled)
        findings = site.findings()
        assert findings, key
        site.repair(findings)
        assert site.findings() == [], key
        repaired = tree(root)
        changed = {one for one, data in sound.items() if repaired.get(one) != data}
        if is_entry_manifest(key) and spoiled is None:  # may have been taken away on purpose: no longer listed
            assert changed == {key, INDEX_MANIFEST}
        else:
            assert changed == set(), key
        for one in repaired.keys() - sound.keys():
            (root / one).unlink()
        for one in changed:
            (root / one).write_bytes(sound[one])


def test_in_a_registry(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        site = Site(instance, access, tmp_path, f"oci+http://{registry.host}/{REPOSITORY}")
        site.fill()
        blobs, manifests, tags = (part[REPOSITORY] for part in (registry.blobs, registry.manifests, registry.tags))
        sound = dict(blobs), dict(manifests), dict(tags)
        for digest in sound[0]:
            del blobs[digest]
            findings = site.findings()
            assert findings, digest
            site.repair(findings)
            assert site.findings() == [], digest
            assert blobs.items() >= sound[0].items(), digest
        for tag, digest in sound[2].items():
            del tags[tag], manifests[digest]
            site.repair(site.findings())
            assert site.findings() == [], tag
            changed = {one for one, wanted in sound[2].items() if tags.get(one) != wanted}
            assert changed == (set() if tag == INDEX_TAG else {tag, INDEX_TAG})
            manifests.update(sound[1])
            tags.update(sound[2])
