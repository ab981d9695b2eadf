# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Random work through the transfer queue: pushes to several mirrors, copies, migrations, with somebody at the window
who pauses, stops, reorders and retries meanwhile."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from cache_makers import PaperSigner
from registry.kit.fake_registry import FakeRegistry

from core.caches.folder_cache import FolderCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError
from core.services.access import open_access
from core.services.copying import plan_copy
from core.services.migration import Migration
from core.services.push import plan_push
from core.services.sample import make_sample_instance
from core.services.upkeep_values import CopyRequest, MigrateRequest
from core.spack.instance import find_instance
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.model import ItemState, Move, TransferLimits
from core.transfers.plan import PushOptions, PushRequest, Signing
from core.transfers.queue import TransferQueue

OLD_LAYOUT = Path(__file__).parents[1] / "data/spack-1.1/mirrors/v2-unsigned"
REPOSITORY = "soak/queue"
_QUERIES = ("zlib-ng", "openmpi", "libxml2", "ncurses", "xz", "openssl", "hwloc")
_LONGEST_S = 90.0
_PARALLEL = 3


@dataclass
class QueueWork:
    """`stuck` says what did not end."""

    chance: random.Random
    place: Path
    registry: FakeRegistry
    stuck: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        make_sample_instance(self.place / "spack")
        self.instance = find_instance(str(self.place / "spack"), environ=MappingProxyType({}))
        self.access = open_access(self.instance)
        self.access.use(staging=self.place / "kept", ca_file=None, tries=2)
        self.queue = TransferQueue(Journal(self.place / "journal"), workers=_PARALLEL, hold_mirrors=True)
        self.token = CancelToken()
        self._migrations = 0

    @property
    def url(self) -> str:
        return f"oci+http://{self.registry.host}/{REPOSITORY}"

    @property
    def folders(self) -> list[Path]:
        return [self.place / "one", self.place / "two"]

    @property
    def operations(self) -> list[Callable[[], None]]:
        return [self.push, self.push, self.copy, self.migrate, self.sign, self.trash_and_back]

    def close(self) -> None:
        self.queue.close(finish_s=5.0, timeout_s=30.0)
        self.access.close()

    def push(self) -> None:
        targets = [*map(str, self.folders), self.url]
        jobs: list[TransferJob] = []
        query = self.chance.choice(_QUERIES)
        for target in self.chance.sample(targets, self.chance.randrange(1, 4)):
            options = PushOptions(
                signing=Signing.UNSIGNED, force=self.chance.random() < 0.3, update_index=True, private=True
            )
            request = PushRequest(target, (query,), options=options)
            prepared = plan_push(self.instance, self.access, request, cwd=self.place, token=self.token)
            jobs.append(prepared.job)
        self._carry_out(jobs)

    def copy(self) -> None:
        source, target = self.chance.sample([*map(str, self.folders), self.url], 2)
        request = CopyRequest(source, target, force=self.chance.random() < 0.2)
        self._carry_out([plan_copy(self.instance, self.access, request, cwd=self.place, token=self.token).job])

    def migrate(self) -> None:
        self._migrations += 1
        old = self.place / f"old-{self._migrations}"
        shutil.copytree(OLD_LAYOUT, old)
        try:
            migration = Migration(self.instance, self.access, self.place)
            self._carry_out([migration.plan(MigrateRequest(str(old), unsigned=True), self.token).job])
        finally:
            shutil.rmtree(old)

    def sign(self) -> None:
        cache = FolderCache(self.chance.choice(self.folders))
        signer = PaperSigner() if self.chance.random() < 0.5 else None
        for _ in cache.change_signatures(signer, None, self.token):
            pass

    def trash_and_back(self) -> None:
        trash = FolderCache(self.chance.choice(self.folders)).upkeep().trash
        for batch in trash.batches()[:3]:
            if self.chance.random() < 0.5:
                trash.restore(batch.id, "", self.token)
            else:
                trash.empty([batch.id], self.token)

    def _carry_out(self, jobs: list[TransferJob]) -> None:
        """Until all have ended; at last nobody interferes any more and the network is well."""
        ids = [self.queue.add(job) for job in jobs]
        for _ in range(self.chance.randrange(6)):
            if all(self.queue.wait(push_id, self.chance.random() * 0.05) for push_id in ids):
                break
            self._interfere(ids)
        self.registry.faults.clear()
        rows = [row.id for push_id in ids for row in self.queue.outcome(push_id).rows]
        self.queue.pause(False)
        self.queue.pause_rows(rows, False)
        self.queue.set_limits(TransferLimits(_PARALLEL))
        give_up = time.monotonic() + _LONGEST_S
        while not all(self.queue.wait(push_id, 0.02) for push_id in ids) and time.monotonic() < give_up:
            self._let_go()
        self.stuck += [push_id for push_id in ids if not self.queue.wait(push_id, 0)]
        failed = [
            row.error
            for push_id in ids
            for row in self.queue.outcome(push_id).in_state(ItemState.FAILED)
            if row.error is not None
        ]
        self.stuck += [error.sentence() for error in failed if error.code == "unexpected"]
        self.queue.clear()
        self.queue.snapshot()
        if failed:
            raise MirrordeckError(failed[0].title)

    def _interfere(self, ids: list[str]) -> None:
        rows = [row.id for push_id in ids for row in self.queue.outcome(push_id).rows]
        some = self.chance.sample(rows, min(len(rows), 4))
        actions: list[Callable[[], object]] = [
            lambda: self.queue.pause(self.chance.random() < 0.5),
            lambda: self.queue.pause_rows(some, self.chance.random() < 0.5),
            lambda: self.queue.move(some, self.chance.choice(list(Move))),
            lambda: self.queue.stop(some),
            self.queue.stop,
            lambda: self.queue.retry(some),
            lambda: self.queue.set_limits(TransferLimits(self.chance.randrange(1, 5))),
            self.queue.watch,
            self.queue.snapshot,
            self._let_go,
        ]
        self.chance.choice(actions)()

    def _let_go(self) -> None:
        for hold in self.queue.snapshot().holds:
            self.queue.release(hold.mirror, give_up=hold.tries > 3)
