# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packed once, noticed when something changes, and gone on with after a crash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.caches.folder_cache import FolderCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound, StorageFailed
from core.packing.model import Codec
from core.services.push import PreparedPush
from core.services.resuming import continue_unfinished, discard_unfinished
from core.spack.instance import find_instance
from core.storage.folder import Folder
from core.transfers import job as job_module
from core.transfers.journal import Journal
from core.transfers.journal_reader import JournalledPush, unfinished
from core.transfers.model import ItemState, PushOutcome
from core.transfers.plan import Decision, Only, Signing
from core.transfers.queue import TransferQueue

TOKEN = CancelToken()


@pytest.fixture
def packings(monkeypatch) -> list[str]:
    """Names of the prefixes that were packed."""
    packed: list[str] = []
    original = job_module.pack

    def pack(source, *arguments, **options):
        packed.append(Path(source.prefix).name)
        return original(source, *arguments, **options)

    monkeypatch.setattr(job_module, "pack", pack)
    return packed


@pytest.fixture
def run(tmp_path) -> Callable[..., list[PushOutcome]]:
    def run(*prepared: PreparedPush, workers: int = 2) -> list[PushOutcome]:
        queue = TransferQueue(Journal(tmp_path / "journal"), workers=workers)
        try:
            ids = [queue.add(each.job) for each in prepared]
            assert all(queue.wait(push_id, 60) for push_id in ids)
            return [queue.outcome(push_id) for push_id in ids]
        finally:
            queue.close()

    return run


def listed(folder: Path) -> set[str]:
    return {entry.entry.hash for entry in FolderCache(folder).entries(token=TOKEN)}


def states(outcome: PushOutcome) -> set[ItemState]:
    return {row.state for row in outcome.rows}


@contextmanager
def locked_by_another_process(path: Path, byte: int) -> Iterator[None]:
    """As Spack locks a prefix while it installs."""
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+'); "
        "fcntl.lockf(file, fcntl.LOCK_EX, 1, int(sys.argv[2])); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path), str(byte)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate(b"")


class TestPackedOnce:
    def test_two_mirrors_at_once_and_a_third_later(self, plan, run, packings, tmp_path):
        folders = [tmp_path / name for name in ("one", "two", "three")]
        plans = [plan("openmpi", to=str(folder), signing=Signing.UNSIGNED) for folder in folders]
        outcomes = run(*plans[:2], workers=4)
        wanted = {item.hash for item in plans[0].plan.of(Decision.PUSH)}
        assert sorted(packings) == sorted(set(packings))
        assert len(packings) == len(wanted)
        outcomes += run(plans[2])
        assert len(packings) == len(wanted)
        assert all(states(outcome) == {ItemState.DONE} for outcome in outcomes)
        assert all(listed(folder) == wanted for folder in folders)

    def test_force_packs_nothing_again_unless_the_archive_was_damaged(self, plan, run, packings, tmp_path):
        folder = tmp_path / "one"
        options = {"to": str(folder), "signing": Signing.UNSIGNED, "only": Only.PACKAGE, "force": True}
        (outcome,) = run(plan("zlib-ng", **options))
        (row,) = outcome.rows
        run(plan("zlib-ng", **options))
        assert len(packings) == 1
        digest = row.entry.blob_digest.removeprefix("sha256:")
        (folder / "blobs/sha256" / digest[:2] / digest).write_bytes(b"damaged")
        (outcome,) = run(plan("zlib-ng", **options))
        assert len(packings) == 2
        assert states(outcome) == {ItemState.DONE}

    def test_a_retry_packs_nothing_again(self, plan, packings, tmp_path, monkeypatch):
        prepared = plan("zlib-ng", to=str(tmp_path / "one"), signing=Signing.UNSIGNED, only=Only.PACKAGE)
        original, failures = FolderCache.store_entry, [StorageFailed("Cannot write")]

        def store_entry(*arguments):
            if failures:
                raise failures.pop()
            return original(*arguments)

        monkeypatch.setattr(FolderCache, "store_entry", store_entry)
        queue = TransferQueue(Journal(tmp_path / "journal"), workers=1)
        push_id = queue.add(prepared.job)
        assert queue.wait(push_id, 60)
        assert states(queue.outcome(push_id)) == {ItemState.FAILED}
        queue.retry()
        assert queue.wait(push_id, 60)
        assert states(queue.outcome(push_id)) == {ItemState.DONE}
        assert len(packings) == 1
        queue.close()

    def test_a_registry_after_a_folder(self, plan, run, packings, tmp_path, real_registries):
        run(plan("zlib-ng", to=str(tmp_path / "one"), signing=Signing.UNSIGNED))
        before = len(packings)
        host = real_registries["plain"].host
        (outcome,) = run(plan("zlib-ng", to=f"oci+http://{host}/lab/packed-once"))
        assert states(outcome) == {ItemState.DONE}
        assert len(packings) == before
        (outcome,) = run(plan("zlib-ng", to=f"oci+http://{host}/lab/packed-twice"))
        assert len(packings) == before


class TestChanges:
    def change(self, monkeypatch, action: Callable[[Path], None]) -> None:
        """Something happens to the prefix when its last file was just read."""
        original = job_module.walk

        def walk(source):
            yield from original(source)
            action(source)

        monkeypatch.setattr(job_module, "walk", walk)

    @pytest.mark.parametrize("action", [lambda prefix: (prefix / "new").touch(), shutil.rmtree])
    def test_t35_a_package_that_changes_is_not_published(self, plan, run, tmp_path, monkeypatch, action):
        self.change(monkeypatch, action)
        folder = tmp_path / "one"
        (outcome,) = run(plan("zlib-ng", to=str(folder), signing=Signing.UNSIGNED, only=Only.PACKAGE))
        (failed,) = outcome.in_state(ItemState.FAILED)
        assert failed.error.code in ("package-changed", "not-installed")
        assert listed(folder) == set()
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    def test_t35_a_package_that_spack_works_on_is_left_alone(self, plan, run, tmp_path, instance, monkeypatch):
        monkeypatch.setattr(job_module, "_LOCK_TIMEOUT_S", 0.2)
        lock = instance.install_root / ".spack-db/prefix_lock"
        lock.touch()
        prepared = plan("zlib-ng", to=str(tmp_path / "one"), signing=Signing.UNSIGNED, only=Only.PACKAGE)
        (item,) = prepared.plan.of(Decision.PUSH)
        with locked_by_another_process(lock, job_module.prefix_lock_byte(item.hash)):
            (outcome,) = run(prepared)
            (failed,) = outcome.in_state(ItemState.FAILED)
            assert "prefix_lock" in failed.error.why
        (outcome,) = run(plan("zlib-ng", to=str(tmp_path / "one"), signing=Signing.UNSIGNED, only=Only.PACKAGE))
        assert states(outcome) == {ItemState.DONE}

    def test_a_mirror_that_is_unmounted_is_not_made_anew(self, plan, tmp_path, monkeypatch):
        folder = tmp_path / "mounted"
        prepared = plan("openmpi", to=str(folder), signing=Signing.UNSIGNED)
        original = job_module.pack
        away = tmp_path / "away"

        def pack(source, *arguments, **options):
            if len(listed(folder)) == 2:
                folder.rename(away)
                folder.mkdir()
            return original(source, *arguments, **options)

        monkeypatch.setattr(job_module, "pack", pack)
        queue = TransferQueue(Journal(tmp_path / "journal"), workers=1, hold_mirrors=True)
        push_id = queue.add(prepared.job)
        while not queue.snapshot().holds:
            assert not queue.wait(push_id, 0.01)
        (hold,) = queue.snapshot().holds
        assert hold.error.code == "mirror-vanished"
        assert [path for path in folder.rglob("*") if path.is_file()] == []
        folder.rmdir()
        away.rename(folder)
        monkeypatch.setattr(job_module, "pack", original)
        queue.release(hold.mirror)
        assert queue.wait(push_id, 60)
        assert states(queue.outcome(push_id)) == {ItemState.DONE}
        queue.close()


class TestResuming:
    @pytest.fixture
    def killed(self, plan, tmp_path, monkeypatch) -> Callable[..., PreparedPush]:
        """A push that ended in the middle of its third package."""

        def killed(**options) -> PreparedPush:
            prepared = plan("openmpi", to=str(tmp_path / "one"), signing=Signing.UNSIGNED, **options)
            original, count, reached = job_module.pack, 0, threading.Event()

            def pack(source, target, codec, *, token, **others):
                nonlocal count
                count += 1
                if count == 3:
                    reached.set()
                    target.write_bytes(b"half")
                    token.wait(30)
                    token.raise_if_cancelled()
                return original(source, target, codec, token=token, **others)

            monkeypatch.setattr(job_module, "pack", pack)
            queue = TransferQueue(Journal(), workers=1)
            queue.add(prepared.job)
            assert reached.wait(30)
            queue.close()
            monkeypatch.setattr(job_module, "pack", original)
            return prepared

        return killed

    def resume(self, instance, access, tmp_path) -> tuple[list[PushOutcome], tuple]:
        (offer,) = unfinished().offers
        queue = TransferQueue(Journal(), workers=2)
        try:
            found = continue_unfinished(
                offer.id, opened=lambda _id: (instance, access), add=queue.add, cwd=tmp_path, token=TOKEN
            )
            assert all(queue.wait(push_id, 60) for push_id in found.pushes)
            return [queue.outcome(push_id) for push_id in found.pushes], found.problems
        finally:
            queue.close()

    def test_t32_the_rest_is_pushed_and_what_is_done_is_not(self, killed, instance, access, tmp_path, packings):
        prepared = killed()
        assert len(listed(tmp_path / "one")) == 2
        (outcome,), problems = self.resume(instance, access, tmp_path)
        assert problems == ()
        assert listed(tmp_path / "one") == {item.hash for item in prepared.plan.of(Decision.PUSH)}
        assert len(outcome.in_state(ItemState.PRESENT)) == 2
        assert len(packings) == len(set(packings)) == len(list(prepared.plan.of(Decision.PUSH)))
        assert unfinished().offers == ()

    def test_i4_a_done_that_is_not_there_is_done_again(self, killed, instance, access, tmp_path):
        prepared = killed()
        shutil.rmtree(tmp_path / "one")
        (outcome,), _ = self.resume(instance, access, tmp_path)
        assert states(outcome) == {ItemState.DONE}
        assert listed(tmp_path / "one") == {item.hash for item in prepared.plan.of(Decision.PUSH)}

    def test_how_often_the_journal_is_asked_grows_with_the_packages_only(
        self, killed, instance, access, tmp_path, monkeypatch
    ):
        asked = []
        state = JournalledPush.state
        monkeypatch.setattr(JournalledPush, "state", lambda push, item: asked.append(item.hash) or state(push, item))
        prepared = killed()
        self.resume(instance, access, tmp_path)
        assert set(asked) == {item.hash for item in prepared.plan.of(Decision.PUSH)}
        assert max(Counter(asked).values()) < 10

    def test_a_forced_push_does_not_begin_anew(self, killed, instance, access, tmp_path, run, plan):
        run(plan("openmpi", to=str(tmp_path / "one"), signing=Signing.UNSIGNED))
        prepared = killed(force=True, codec=Codec.FAST)
        done = unfinished().offers[0].pushes[0].done
        (outcome,), _ = self.resume(instance, access, tmp_path)
        assert len(outcome.in_state(ItemState.PRESENT)) == done
        assert len(outcome.in_state(ItemState.DONE)) == len(list(prepared.plan.of(Decision.PUSH))) - done

    def test_what_is_no_longer_installed_is_named(self, killed, checkout, access, tmp_path):
        prepared = killed()
        gone = next(item for item in prepared.plan.of(Decision.PUSH) if item.name == "openmpi")
        index = next(checkout.rglob(".spack-db/index.json"))
        index.write_text(index.read_text().replace(gone.hash, "z" * 32))
        (outcome,), problems = self.resume(find_instance(str(checkout), environ={}), access, tmp_path)
        assert [problem.code for problem in problems] == ["not-installed"]
        assert "openmpi" in problems[0].why
        assert states(outcome) == {ItemState.DONE, ItemState.PRESENT}

    def test_what_cannot_be_continued_stays_and_says_why(self, killed, tmp_path):
        killed()
        (offer,) = unfinished().offers

        def opened(instance_id):
            raise NotFound("This Spack instance is not open", instance_id)

        found = continue_unfinished(offer.id, opened=opened, add=lambda _job: "", cwd=tmp_path, token=TOKEN)
        assert (found.pushes, found.problems[0].title) == ((), "This Spack instance is not open")
        assert unfinished().offers == (offer,)

    def test_discarding_takes_away_what_was_left_half_written(self, killed, tmp_path):
        prepared = killed()
        left = {item.hash for item in prepared.plan.of(Decision.PUSH)} - listed(tmp_path / "one")
        folder = Folder(tmp_path / "one")
        old, young = (folder.temporary(f"blobs/sha256/{left.pop()}") for _ in range(2))
        others = folder.temporary(f"blobs/sha256/{'z' * 32}")
        for path in (old, young, others):
            path.write_bytes(b"half")
            if path != young:
                os.utime(path, (time.time() - 3600,) * 2)
        (offer,) = unfinished().offers
        discard_unfinished(offer.id)
        assert unfinished().offers == ()
        assert [path.exists() for path in (old, young, others)] == [False, True, True]
