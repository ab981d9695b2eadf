# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From layout 2 to layout 3 in one folder: the same as Spack's, whatever is damaged, and nothing lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from caches.cache_makers import PaperSigner

from core.caches.folder_cache import FolderCache
from core.caches.migration import LayoutMigration, old_packages
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, EntryName, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.errors import BadSignature, MirrordeckError, NotFound, SigningError, UsageError
from core.services.contents import list_contents
from core.services.copying import PreparedCopy
from core.services.migration import Migration
from core.services.resuming import continue_unfinished
from core.services.upkeep_values import MigrateRequest
from core.signing.clearsign import signed_text
from core.spack.instance import Instance
from core.transfers.journal import Journal
from core.transfers.journal_reader import unfinished as unfinished_journals
from core.transfers.model import ItemState, PushOutcome
from core.transfers.plan import Decision
from core.transfers.queue import TransferQueue

TOKEN = CancelToken()
INDEX = "v3/manifests/index/index.manifest.json"
LABTOP = "mjbxaxrvnge27fbt3mdtse4ycthlg3dt"

CarryOut = Callable[[PreparedCopy], PushOutcome]


def copied(source: Path, target: Path) -> Path:
    """A copy that may be changed."""
    shutil.copytree(source, target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


@pytest.fixture
def unsigned(golden: Path, tmp_path: Path) -> Path:
    return copied(golden / "mirrors/v2-unsigned", tmp_path / "unsigned")


@pytest.fixture
def signed(golden: Path, tmp_path: Path) -> Path:
    return copied(golden / "mirrors/v2-signed", tmp_path / "signed")


@pytest.fixture
def service(instance: Instance, access: CacheAccess, tmp_path: Path) -> Migration:
    return Migration(instance, access, tmp_path)


@pytest.fixture
def migrate(service: Migration, carry_out: CarryOut) -> Callable[[Path], PushOutcome]:
    def migrate(mirror: Path) -> PushOutcome:
        return carry_out(service.plan(MigrateRequest(str(mirror), unsigned=True), TOKEN))

    return migrate


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_index(folder: Path) -> dict[str, bytes]:
    blob = json.loads((folder / INDEX).read_text())["data"][0]["checksum"]
    return {key: data for key, data in tree(folder).items() if key != INDEX and not key.endswith(blob)}


def index_of(folder: Path) -> dict[str, Any]:
    blob = json.loads((folder / INDEX).read_text())["data"][0]["checksum"]
    found: dict[str, Any] = json.loads((folder / "blobs/sha256" / blob[:2] / blob).read_text())
    return found


def old_file(folder: Path, name: str, suffix: str) -> Path:
    (path,) = folder.glob(f"build_cache/**/*-{name}-*{suffix}")
    return path


class TestLikeSpack:
    def test_every_byte_is_spacks_but_for_the_order_of_the_index(
        self, golden: Path, unsigned: Path, migrate: Callable[[Path], PushOutcome]
    ) -> None:
        theirs = golden / "mirrors/migrated-v2-to-v3-unsigned"
        outcome = migrate(unsigned)
        assert len(outcome.in_state(ItemState.DONE)) == 12
        assert without_index(unsigned) == without_index(theirs)
        assert index_of(unsigned) == index_of(theirs)

    def test_signatures_are_dropped_when_that_is_asked_for(
        self, service: Migration, signed: Path, carry_out: CarryOut
    ) -> None:
        prepared = service.plan(MigrateRequest(str(signed), unsigned=True), TOKEN)
        assert [one.title for one in prepared.plan.warnings] == ["12 signatures will be dropped"]
        carry_out(prepared)
        assert not any(path.read_bytes().startswith(b"-----") for path in signed.glob("v3/manifests/spec/*/*"))

    def test_the_old_index_is_not_needed(self, unsigned: Path, migrate: Callable[[Path], PushOutcome]) -> None:
        for name in ("index.json", "index.json.hash"):
            (unsigned / "build_cache" / name).unlink()
        assert len(migrate(unsigned).in_state(ItemState.DONE)) == 12


class TestArchives:
    def test_they_get_a_second_name(self, unsigned: Path, migrate: Callable[[Path], PushOutcome]) -> None:
        archive = old_file(unsigned, "labtop", ".spack")
        os.utime(archive, (1, 1))
        migrate(unsigned)
        assert archive.stat().st_nlink == 2
        assert archive.stat().st_mtime > 1, "a clean-up could take it before its manifest is there"

    def test_they_are_copied_where_there_are_no_hard_links(
        self, golden: Path, unsigned: Path, migrate: Callable[[Path], PushOutcome], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.ENOTSUP, "no")

        monkeypatch.setattr(os, "link", refuse)
        migrate(unsigned)
        assert old_file(unsigned, "labtop", ".spack").stat().st_nlink == 1
        assert without_index(unsigned) == without_index(golden / "mirrors/migrated-v2-to-v3-unsigned")


class TestTrouble:
    @pytest.mark.parametrize("no_links", [False, True])
    def test_a_damaged_archive_stops_only_its_package(
        self, unsigned: Path, migrate: Callable[[Path], PushOutcome], monkeypatch: pytest.MonkeyPatch, no_links: bool
    ) -> None:
        if no_links:
            monkeypatch.setattr("core.storage.folder.Folder.link", lambda *_: False)
        archive = old_file(unsigned, "labtop", ".spack")
        data = archive.read_bytes()
        archive.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
        outcome = migrate(unsigned)
        (failed,) = outcome.in_state(ItemState.FAILED)
        assert (failed.name, failed.error is not None) == ("labtop", True)
        assert len(outcome.in_state(ItemState.DONE)) == 11
        assert not index_of(unsigned)["database"]["installs"].get(LABTOP, {}).get("in_buildcache", False)
        assert not list(unsigned.rglob("*.tmp"))
        assert archive.stat().st_nlink == 1
        archive.write_bytes(data)
        assert [row.name for row in migrate(unsigned).in_state(ItemState.DONE) if row.name] == ["labtop"]
        assert index_of(unsigned)["database"]["installs"][LABTOP]["in_buildcache"]

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            (lambda folder: old_file(folder, "labtop", ".spack").unlink(), "Its archive is missing"),
            (lambda folder: old_file(folder, "labtop", ".spec.json").unlink(), "Its spec file is missing"),
            (lambda folder: old_file(folder, "labtop", ".spec.json").write_text("{"), "Cannot understand"),
            (lambda folder: change_spec(folder, buildcache_layout_version=1), "Its archive has a form that"),
            (lambda folder: change_spec(folder, binary_cache_checksum=None), "Cannot understand"),
        ],
    )
    def test_what_cannot_be_migrated_is_told_before(
        self,
        service: Migration,
        unsigned: Path,
        carry_out: CarryOut,
        damage: Callable[[Path], object],
        reason: str,
    ) -> None:
        damage(unsigned)
        prepared = service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN)
        (item,) = prepared.plan.of(Decision.NOT_INSTALLED)
        assert item.hash == LABTOP
        assert item.reason.startswith(reason)
        assert len(carry_out(prepared).in_state(ItemState.DONE)) == 11

    def test_planning_changes_nothing(self, service: Migration, unsigned: Path) -> None:
        before = tree(unsigned)
        service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN)
        assert tree(unsigned) == before

    def test_again_does_nothing_but_the_index(self, service: Migration, unsigned: Path, carry_out: CarryOut) -> None:
        carry_out(service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN))
        before = tree(unsigned)
        (unsigned / INDEX).unlink()  # as if it had been stopped right before
        prepared = service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN)
        assert {item.decision for item in prepared.plan.items} == {Decision.PRESENT}
        carry_out(prepared)
        assert tree(unsigned) == before

    def test_other_places_are_refused_with_the_reason(self, service: Migration, golden: Path, tmp_path: Path) -> None:
        for url, reason in (("https://mirror.lab/x", "only be read"), ("oci://reg.lab/x", "no older layout")):
            with pytest.raises(UsageError) as caught:
                service.plan(MigrateRequest(url, unsigned=True), TOKEN)
            assert reason in caught.value.why
        with pytest.raises(NotFound):
            service.plan(MigrateRequest(str(golden / "mirrors/unsigned"), unsigned=True), TOKEN)

    def test_a_signed_migration_needs_a_key(self, service: Migration, signed: Path) -> None:
        with pytest.raises(SigningError) as caught:
            service.plan(MigrateRequest(str(signed)), TOKEN)
        assert "Or migrate unsigned; then signatures are dropped." in caught.value.remedies


def change_spec(folder: Path, **values: object) -> None:
    path = old_file(folder, "labtop", ".spec.json")
    document = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))


class TestSigning:
    def migration(self, folder: Path, verify: Callable[[bytes], bytes]) -> tuple[LayoutMigration, dict[str, EntryName]]:
        cache, signer = FolderCache(folder), PaperSigner()
        packages = {one.entry.hash: one for one in old_packages(cache.folder, TOKEN)}
        entries = {dag_hash: one.entry for dag_hash, one in packages.items()}
        push = cache.open_push(list(entries.values()), signer=signer, token=TOKEN)
        push.begin(PushScope({}, frozenset(entries), frozenset(entries)))
        return LayoutMigration(cache.folder, push, packages, signer=signer, verify=verify), entries

    def copy(self, migration: LayoutMigration, entry: EntryName) -> CacheEntry:
        migration.prepare(TOKEN)
        migration.copy(entry, token=TOKEN, progress=lambda _: None, upload=lambda _: None)
        return migration.complete(entry.hash, token=TOKEN).entry

    def test_what_was_verified_is_signed_anew(self, golden: Path, signed: Path) -> None:
        migration, entries = self.migration(signed, signed_text)
        assert self.copy(migration, entries[LABTOP]).signed
        (manifest,) = signed.glob("v3/manifests/spec/labtop/*")
        assert b"d29ydGhsZXNz" in manifest.read_bytes()
        theirs = next((golden / "mirrors/migrated-v2-to-v3-unsigned/v3/manifests/spec/labtop").iterdir())
        assert signed_text(manifest.read_bytes()) == theirs.read_bytes()

    def test_nothing_is_taken_from_a_spec_whose_signature_is_bad(self, signed: Path) -> None:
        def refuse(_: bytes) -> bytes:
            raise BadSignature("The signature is not good", "forged")

        migration, entries = self.migration(signed, refuse)
        with pytest.raises(BadSignature):
            self.copy(migration, entries[LABTOP])
        assert not list(signed.glob("v3/manifests/spec/*/*"))
        assert not list(signed.rglob("*.tmp"))

    def test_what_is_not_signed_is_left_out(self, unsigned: Path) -> None:
        migration, entries = self.migration(unsigned, signed_text)
        with pytest.raises(MirrordeckError, match="not signed"):
            self.copy(migration, entries[LABTOP])

    def test_the_signed_one_of_two_spec_files_counts(self, unsigned: Path, signed: Path) -> None:
        path = old_file(signed, "labtop", ".spec.json.sig")
        shutil.copy(path, unsigned / "build_cache" / path.name)
        found = {one.entry.hash: one.signed for one in old_packages(FolderCache(unsigned).folder, TOKEN)}
        assert len(found) == 12
        assert [dag_hash for dag_hash, is_signed in found.items() if is_signed] == [LABTOP]


class TestDeleting:
    def test_refused_while_anything_is_only_there(
        self, service: Migration, unsigned: Path, migrate: Callable[[Path], PushOutcome]
    ) -> None:
        old_file(unsigned, "labtop", ".spack").unlink()
        migrate(unsigned)
        before = tree(unsigned)
        assert service.look(str(unsigned), TOKEN).only_there == (f"labtop@3.1.4/{LABTOP[:7]}",)
        with pytest.raises(UsageError, match="would be lost"):
            service.delete_old(str(unsigned), TOKEN)
        assert tree(unsigned) == before

    def test_what_goes_and_what_stays(
        self, service: Migration, unsigned: Path, migrate: Callable[[Path], PushOutcome]
    ) -> None:
        migrate(unsigned)
        old = {key for key in tree(unsigned) if key.startswith("build_cache/")}
        specs = sum((unsigned / key).stat().st_size for key in old if not key.endswith(".spack"))
        expected = {key: data for key, data in tree(unsigned).items() if key not in old}
        gone = service.delete_old(str(unsigned), TOKEN)
        assert (gone.packages, gone.files, gone.freed_bytes) == (12, len(old), specs)
        assert tree(unsigned) == expected
        assert not (unsigned / "build_cache").exists()


@pytest.mark.parametrize("mirror", ["v2-unsigned", "migrated-v2-to-v3-unsigned"])
@pytest.mark.parametrize(("query", "found"), [("labtop%gcc@12", 1), ("labtop%gcc@13", 0), ("labtop%clang", 0)])
def test_compilers_of_old_specs_are_found(
    golden: Path, instance: Instance, access: CacheAccess, tmp_path: Path, mirror: str, query: str, found: int
) -> None:
    place = str(golden / "mirrors" / mirror)
    contents = list_contents(instance, access, place, [query], cwd=tmp_path, token=TOKEN)
    assert len(contents.entries) == found


def interrupted(prepared: PreparedCopy, *, stop_first: bool = False) -> None:
    """As a process leaves a migration that ends before anything is done."""
    queue = TransferQueue(Journal(), workers=1)
    queue.add(prepared.job, paused=True)
    if stop_first:
        queue.stop([queue.snapshot().rows[0].id])
    queue.close()


def test_an_interrupted_migration_is_continued(
    service: Migration, unsigned: Path, instance: Instance, access: CacheAccess, tmp_path: Path
) -> None:
    prepared = service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN)
    interrupted(prepared)
    (offer,) = unfinished_journals().offers
    queue = TransferQueue(Journal(), workers=1)
    try:
        found = continue_unfinished(
            offer.id, opened=lambda _id: (instance, access), add=queue.add, cwd=tmp_path, token=TOKEN
        )
        assert found.problems == ()
        assert queue.wait(found.pushes[0], 60)
    finally:
        queue.close()
    there = {entry.entry.hash for entry in FolderCache(unsigned).entries(token=TOKEN) if isinstance(entry, CacheEntry)}
    assert there == {item.hash for item in prepared.plan.of(Decision.PUSH)}
    assert unfinished_journals().offers == ()


def test_a_migration_that_was_stopped_in_part_says_what_to_start_again(
    service: Migration, unsigned: Path, instance: Instance, access: CacheAccess, tmp_path: Path
) -> None:
    interrupted(service.plan(MigrateRequest(str(unsigned), unsigned=True), TOKEN), stop_first=True)
    (offer,) = unfinished_journals().offers
    found = continue_unfinished(
        offer.id, opened=lambda _id: (instance, access), add=lambda _job: "", cwd=tmp_path, token=TOKEN
    )
    assert found.pushes == ()
    assert "migration again" in found.problems[0].remedies[0]
