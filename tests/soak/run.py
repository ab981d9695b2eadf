# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Random work on folders and a registry, alone and through the transfer queue, with faults on the way, for as long as
one likes.

`python tests/soak/run.py --seconds 7200 --seed 1` by hand; `test_soak.py` runs it for a moment. What was wrong is
printed with the seed and the number of the step, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
for _place in ("", "tests", "tests/caches", "tests/caches/oci", "tests/soak"):
    sys.path.insert(0, str(ROOT / _place))

from cache_makers import Package, publish, update  # noqa: E402
from helpers.verifying import verify  # noqa: E402
from queue_work import REPOSITORY, QueueWork  # noqa: E402
from registry.kit.clock import FakeClock  # noqa: E402
from registry.kit.fake_registry import FakeRegistry  # noqa: E402

from core.caches.findings import FindingKind  # noqa: E402
from core.caches.folder_cache import FolderCache  # noqa: E402
from core.caches.oci.blob_cache import BlobCache  # noqa: E402
from core.caches.oci.oci_cache import OciCache  # noqa: E402
from core.caches.protocol import BuildCache  # noqa: E402
from core.caches.removal import plan_deletion  # noqa: E402
from core.foundation.cancel import CancelToken  # noqa: E402
from core.foundation.errors import Cancelled, MirrordeckError  # noqa: E402
from core.foundation.process import keep_heap_small  # noqa: E402
from core.registry.references import ImageReference  # noqa: E402
from core.registry.repository import Repository  # noqa: E402
from core.registry.transport import Transport  # noqa: E402

_MOST_PACKAGES = 40
_FAULTS = ("status", "cut", "nothing")
_TOKEN = CancelToken()
_LEAST_STEPS = 12
_TIDY_STEPS = 100
# An image lacks the layers of dependencies that somebody stopped; that is marked on it, and Spack installs from it.
_EXPECTED = (FindingKind.MISSING_IN_INDEX, FindingKind.NO_INDEX, FindingKind.INCOMPLETE_IMAGE)
# Of runs this long memory is judged: by then all caches are full.
_LONG_S = 1200.0
_MOST_GROWTH = 1.15


@dataclass
class Soak:
    """`violations` is what was wrong; `done` and `refused` count operations."""

    chance: random.Random
    place: Path
    violations: list[str] = field(default_factory=list)
    done: int = 0
    refused: int = 0
    abandoned: int = 0  # uploads whose opening or closing the faults hid from one side
    memory: array[int] = field(default_factory=lambda: array("q"))  # bytes, after every step
    most_files: int = 0
    most_threads: int = 0

    def run(self, seconds: float) -> None:
        names = [Package(f"p{number}") for number in range(_MOST_PACKAGES)]
        until = time.monotonic() + seconds
        step = 0
        with (
            FakeRegistry() as registry,
            _oci(registry, self.place) as oci,
            _oci(registry, self.place, REPOSITORY) as queued,
            closing(QueueWork(self.chance, self.place, registry)) as queue,
        ):
            caches: list[BuildCache] = [FolderCache(self.place / "folder"), oci]
            caches[0].prepare(None)
            everything = [*caches, queued, *map(FolderCache, queue.folders)]
            for cache in everything:
                cache.prepare(None)
            alone = [self._push, self._push, self._index, self._delete, self._push_stopped]
            while time.monotonic() < until or step < _LEAST_STEPS:
                step += 1
                troubled = self.chance.random() < 0.5
                if troubled:
                    self._trouble(registry)
                if self.chance.random() < 0.3:
                    self._try(step, self.chance.choice(queue.operations))
                else:
                    cache = self.chance.choice(caches if self.chance.random() < 0.7 else everything)
                    self._try(step, partial(self.chance.choice(alone), cache, names))
                registry.faults.clear()
                self._look(step, registry, troubled=troubled)
                if step % 10 == 0:
                    self._check(step, everything)
                    _collect(registry)
                if step % _TIDY_STEPS == 0:
                    self._try(step, partial(_tidy, [cache for cache in everything if isinstance(cache, FolderCache)]))
            self._check(step, everything)
            self.violations += [f"never ended: {words}" for words in queue.stuck]

    def _look(self, step: int, registry: FakeRegistry, *, troubled: bool) -> None:
        """Uploads are not left open, at least where both sides heard what the other said."""
        registry.requests.clear()
        with registry.lock:
            left = len(registry.uploads.sessions)
            registry.uploads.sessions.clear()
        self.abandoned += left
        if left and not troubled:
            self.violations.append(f"step {step}: {left} uploads were left open")
        self.memory.append(resident_bytes())
        self.most_files = max(self.most_files, open_files())
        self.most_threads = max(self.most_threads, threading.active_count())

    def _trouble(self, registry: FakeRegistry) -> None:
        kind = self.chance.choice(_FAULTS)
        if kind == "status":
            registry.faults.add(status=self.chance.choice([429, 500, 503]), times=self.chance.randrange(1, 9))
        elif kind == "cut":
            registry.faults.add(
                method=self.chance.choice(["PUT", "GET", "POST"]), cut_response=self.chance.randrange(200)
            )

    def _try(self, step: int, work: Callable[[], object]) -> None:
        try:
            work()
            self.done += 1
        except (MirrordeckError, Cancelled):
            self.refused += 1
        except Exception as error:
            name = getattr(getattr(work, "func", work), "__name__", "")
            self.violations.append(f"step {step}: {name} raised {type(error).__name__}: {error}")

    def _push(self, cache: BuildCache, names: list[Package]) -> None:
        package = self.chance.choice(names)
        publish(cache, package, content=self.chance.randbytes(self.chance.randrange(100, 20_000)))

    def _push_stopped(self, cache: BuildCache, names: list[Package]) -> None:
        token = CancelToken()
        token.cancel()
        cache.update_index(full=False, token=token, progress=lambda *_: None)

    def _index(self, cache: BuildCache, names: list[Package]) -> None:
        update(cache, full=self.chance.random() < 0.2)

    def _delete(self, cache: BuildCache, names: list[Package]) -> None:
        upkeep = cache.upkeep()
        found = upkeep.inventory(_TOKEN, lambda *_: None)
        keys = [thing.key for thing in found.packages()]
        if keys:
            plan = plan_deletion(found, [self.chance.choice(keys)], url=cache.url, cutoff=found.read_at - 86_400)
            upkeep.remove(plan, permanently=self.chance.random() < 0.5, token=_TOKEN, progress=lambda *_: None)

    def _check(self, step: int, caches: list[BuildCache]) -> None:
        """No entry is broken, and the index names nothing that is gone."""
        for cache in caches:
            wrong = [f for f in verify(cache, full=False) if not f.harmless and f.kind not in _EXPECTED]
            self.violations += [f"step {step}: {cache.url}: {finding.words}" for finding in wrong]


def _tidy(caches: list[FolderCache]) -> None:
    """What an administrator does now and then, while nobody pushes; so the world stays of one size, and memory that
    grows has no excuse."""
    for cache in caches:
        upkeep = cache.upkeep()
        found = upkeep.inventory(_TOKEN, lambda *_: None)
        used = {digest for thing in found.things for digest in thing.blobs}
        plan = plan_deletion(found, sorted(found.blobs.keys() - used), url=cache.url, cutoff=found.read_at)
        upkeep.remove(plan, permanently=True, token=_TOKEN, progress=lambda *_: None)
        upkeep.trash.empty([batch.id for batch in upkeep.trash.batches()], _TOKEN)


def _collect(registry: FakeRegistry) -> None:
    """The registry's own clean-up, while nobody pushes."""
    with registry.lock:
        for name, manifests in registry.manifests.items():
            tagged = set(registry.tags[name].values())
            registry.manifests[name] = {digest: found for digest, found in manifests.items() if digest in tagged}
            wanted = set()
            for _, data in registry.manifests[name].values():
                document = json.loads(data)
                wanted |= {part["digest"] for part in (document["config"], *document["layers"])}
            registry.blobs[name] = {key: data for key, data in registry.blobs[name].items() if key in wanted}


@contextmanager
def _oci(registry: FakeRegistry, place: Path, name: str = "soak/cache") -> Iterator[OciCache]:
    clock = FakeClock()
    transport = Transport(registry.endpoint, None, clock=clock)
    repository = Repository(ImageReference("http", registry.host, name), transport, clock=clock)
    url = f"oci+http://{registry.host}/{name}"
    yield OciCache(repository, url=url, staging=place / "staging", blobs=BlobCache(place / "blobs"), clock=clock)
    transport.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def thirds(samples: Sequence[int]) -> tuple[float, float]:
    """Mean of the first third, after a beginning in which caches fill, and of the last third, in MiB."""
    samples = samples[len(samples) // 10 :]
    third = max(1, len(samples) // 3)
    return statistics.mean(samples[:third]) / 2**20, statistics.mean(samples[-third:]) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    keep_heap_small()  # as the engine does
    threads, files, before = threading.active_count(), open_files(), resident_bytes()
    with tempfile.TemporaryDirectory(prefix="mirrordeck-soak-") as place:
        os.environ.update({"MIRRORDECK_HOME": f"{place}/home", "HOME": place, "GNUPGHOME": f"{place}/gnupg"})
        soak = Soak(random.Random(options.seed), Path(place))
        soak.run(options.seconds)
    gc.collect()
    left = threading.active_count() - threads, open_files() - files
    print(f"seed {options.seed}: {soak.done} done, {soak.refused} refused, {len(soak.violations)} violations")
    print(f"threads left {left[0]}, files left {left[1]}, memory {before >> 20} MiB -> {resident_bytes() >> 20} MiB")
    first, last = thirds(soak.memory)
    print(f"memory: first third {first:.0f} MiB, last third {last:.0f} MiB, most {max(soak.memory) >> 20} MiB")
    print(f"most threads {soak.most_threads}, most files {soak.most_files}; {soak.abandoned} uploads cut off by faults")
    if options.seconds >= _LONG_S and last > first * _MOST_GROWTH:
        soak.violations.append(f"memory grew from {first:.0f} to {last:.0f} MiB")
    print("\n".join(soak.violations))
    return 1 if soak.violations or any(count > 0 for count in left) else 0


if __name__ == "__main__":
    sys.exit(main())
