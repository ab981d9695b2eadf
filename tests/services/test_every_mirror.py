# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every mirror that real Spack made for these tests: listed, checked, verified and copied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home
from registry.kit.fake_registry import FakeRegistry

from core.caches.findings import Finding, FindingKind
from core.caches.folder_cache import FolderCache
from core.caches.index import spec_text
from core.caches.layout3 import entry_manifest
from core.caches.opening import CacheAccess
from core.caches.protocol import LAYOUT, CacheEntry
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.services.contents import list_contents
from core.services.copying import PreparedCopy, plan_copy
from core.services.migration import Migration
from core.services.sample import make_sample_instance
from core.services.upkeep import Upkeep
from core.services.upkeep_values import CopyRequest, FreeRequest, MigrateRequest
from core.services.verify import verify
from core.spack.instance import Instance
from core.transfers.model import ItemState, PushOutcome
from core.transfers.plan import Decision

TOKEN = CancelToken()
# How many packages they have, and of which layout.
MIRRORS = {
    "unsigned": (20, LAYOUT),
    "signed": (20, LAYOUT),
    "private": (2, LAYOUT),
    "padded": (6, LAYOUT),
    "auto-unsigned": (1, LAYOUT),
    "auto-signed": (1, LAYOUT),
    "migrated-v2-to-v3-unsigned": (12, LAYOUT),
    "v2-unsigned": (12, 2),
    "v2-signed": (12, 2),
}
SIGNED = {"signed", "auto-signed", "v2-signed"}
# What Spack leaves out when it pushes a package right after its installation.
OF_AUTOPUSH = {FindingKind.NO_INDEX, FindingKind.LAYOUT_MARK, FindingKind.KEY_INDEX_WRONG}

CarryOut = Callable[[PreparedCopy], PushOutcome]
Copy = Callable[[object, object], PreparedCopy]
each_mirror = pytest.mark.parametrize("name", MIRRORS)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: nothing here changes it."""
    root = tmp_path_factory.mktemp("instance") / "spack"
    make_sample_instance(root)
    return root


@pytest.fixture(scope="module")
def home(golden: Path) -> Iterator[GnupgHome]:
    with gnupg_home() as made:
        made.run("--import", data=(golden / "keys/lab-public.asc").read_bytes())
        yield made


@pytest.fixture
def environ(home: GnupgHome) -> dict[str, str]:
    return {"SPACK_GNUPGHOME": str(home.path)}


@pytest.fixture
def copy(instance: Instance, access: CacheAccess, tmp_path: Path) -> Copy:
    def copy(source: object, target: object) -> PreparedCopy:
        return plan_copy(instance, access, CopyRequest(str(source), str(target)), cwd=tmp_path, token=TOKEN)

    return copy


@pytest.fixture
def entries(instance: Instance, access: CacheAccess, tmp_path: Path) -> Callable[[object], dict[str, CacheEntry]]:
    def entries(place: object) -> dict[str, CacheEntry]:
        found = list_contents(instance, access, str(place), (), cwd=tmp_path, token=TOKEN)
        assert found.problems == ()
        return {one.entry.hash: one for one in found.entries}

    return entries


Entries = Callable[[object], dict[str, CacheEntry]]


def carried_out(outcome: PushOutcome) -> int:
    assert [(row.name, row.error) for row in outcome.rows if row.state is ItemState.FAILED] == []
    return len(outcome.in_state(ItemState.DONE))


def documents(place: Path, found: dict[str, CacheEntry]) -> dict[str, bytes]:
    """Spec documents of layout 3."""
    cache = FolderCache(place)
    blobs = {key: cache.package(one.entry, token=TOKEN).spec for key, one in found.items()}
    return {key: spec_text(cache.path_of(blob).read_bytes()) for key, blob in blobs.items()}


def packages_of(place: Path, found: dict[str, CacheEntry]) -> dict[str, bytes]:
    """Manifests and all they name, by key."""
    files = {}
    for one in found.values():
        key = entry_manifest(one.entry)
        files[key] = (place / key).read_bytes()
        stored = FolderCache(place).package(one.entry, token=TOKEN)
        for blob in (stored.archive, stored.spec):
            files[blob.key] = (place / blob.key).read_bytes()
    return files


def test_none_is_forgotten(golden: Path) -> None:
    assert {path.name for path in (golden / "mirrors").iterdir()} == {*MIRRORS, "source"}


@each_mirror
def test_listed(golden: Path, entries: Entries, name: str) -> None:
    count, layout = MIRRORS[name]
    found = entries(golden / "mirrors" / name)
    assert len(found) == count
    assert {one.layout for one in found.values()} == {layout}
    assert {one.signed for one in found.values()} == {name in SIGNED}
    assert all(one.stored_bytes > 0 for one in found.values())


@each_mirror
def test_checked(golden: Path, entries: Entries, name: str) -> None:
    """What is in the old layout only does not count: Spack would push it again."""
    place = golden / "mirrors" / name
    wanted = [one.entry for one in entries(place).values()]
    there = FolderCache(place).present(wanted, signed=False, token=TOKEN)
    assert len(there) == (len(wanted) if MIRRORS[name][1] == LAYOUT else 0)


@each_mirror
def test_verified(golden: Path, instance: Instance, access: CacheAccess, tmp_path: Path, name: str) -> None:
    *rows, view = verify(
        instance, access, str(golden / "mirrors" / name), full=True, checkpoints=None, cwd=tmp_path, token=TOKEN
    )
    findings = [row for row in rows if isinstance(row, Finding) and not row.harmless]
    assert {one.kind for one in findings} <= (OF_AUTOPUSH if name.startswith("auto") else set())
    assert view.examined.packages >= MIRRORS[name][0]


@each_mirror
def test_copied_to_a_folder(
    golden: Path, entries: Entries, copy: Copy, carry_out: CarryOut, tmp_path: Path, name: str
) -> None:
    source, target = golden / "mirrors" / name, tmp_path / "copy"
    count, layout = MIRRORS[name]
    assert carried_out(carry_out(copy(source, target))) == count
    ours, theirs = entries(target), entries(source)
    if layout == LAYOUT:
        assert packages_of(target, ours) == packages_of(source, theirs)
    else:
        migrated = golden / "mirrors/migrated-v2-to-v3-unsigned"
        assert packages_of(target, ours) == packages_of(migrated, entries(migrated))
    index = FolderCache(target).read_index()
    assert index is not None
    assert {key for key, record in index.records.items() if record.in_buildcache} == ours.keys() == theirs.keys()


@each_mirror
def test_copied_through_a_registry(
    golden: Path, entries: Entries, copy: Copy, carry_out: CarryOut, tmp_path: Path, name: str
) -> None:
    source, back = golden / "mirrors" / name, tmp_path / "back"
    count, layout = MIRRORS[name]
    with FakeRegistry() as registry:
        there = f"oci+http://{registry.host}/lab/{name}"
        assert carried_out(carry_out(copy(source, there))) == count
        assert carried_out(carry_out(copy(there, back))) == count
    ours, theirs = entries(back), entries(source)
    assert {key: one.blob_digest for key, one in ours.items()} == {key: one.blob_digest for key, one in theirs.items()}
    published = source if layout == LAYOUT else golden / "mirrors/migrated-v2-to-v3-unsigned"
    wanted = documents(published, entries(published))
    for key, document in documents(back, ours).items():
        assert json.loads(document)["spec"] == json.loads(wanted[key])["spec"]


class TestSources:
    """A mirror of sources has nothing that could be done with packages, and every answer says why."""

    @pytest.fixture
    def source(self, golden: Path) -> Path:
        return golden / "mirrors/source"

    def test_nothing_is_listed_verified_or_copied(
        self, source: Path, instance: Instance, access: CacheAccess, copy: Copy, entries: Entries, tmp_path: Path
    ) -> None:
        with pytest.raises(NotFound, match="sources of packages only"):
            entries(source)
        with pytest.raises(NotFound, match="sources of packages only"):
            list(verify(instance, access, str(source), full=True, checkpoints=None, cwd=tmp_path, token=TOKEN))
        with pytest.raises(NotFound, match="sources of packages only"):
            copy(source, tmp_path / "copy")
        with pytest.raises(NotFound, match="holds no package"):
            Migration(instance, access, tmp_path).plan(MigrateRequest(str(source), unsigned=True), TOKEN)
        with pytest.raises(NotFound, match="sources of packages only"):
            Upkeep(instance, access, tmp_path).plan_free(FreeRequest(str(source), goal_bytes=1), TOKEN, lambda *_: None)

    def test_packages_may_be_beside_the_sources(
        self, source: Path, golden: Path, copy: Copy, carry_out: CarryOut, entries: Entries, tmp_path: Path
    ) -> None:
        both = tmp_path / "both"
        (both / "_source-cache/archive/00").mkdir(parents=True)
        (both / "_source-cache/archive/00/00.tar.gz").write_bytes(b"a source")
        assert carried_out(carry_out(copy(golden / "mirrors/private", both))) == MIRRORS["private"][0]
        assert len(entries(both)) == MIRRORS["private"][0]
        assert {item.decision for item in copy(both, tmp_path / "copy").plan.items} == {Decision.PUSH}
