# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Random work on a folder and a registry, with faults on the way, for as long as one likes.

`python tests/soak/run.py --seconds 7200 --seed 1` by hand; `test_soak.py` runs it for a moment. What was wrong is
printed with the seed and the number of the step, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
for _place in ("", "tests", "tests/caches", "tests/caches/oci"):
    sys.path.insert(0, str(ROOT / _place))

from cache_makers import Package, publish, update  # noqa: E402
from helpers.verifying import verify  # noqa: E402
from registry.kit.clock import FakeClock  # noqa: E402
from registry.kit.fake_registry import FakeRegistry  # noqa: E402

from core.caches.folder_cache import FolderCache  # noqa: E402
from core.caches.oci.blob_cache import BlobCache  # noqa: E402
from core.caches.oci.oci_cache import OciCache  # noqa: E402
from core.caches.protocol import BuildCache  # noqa: E402
from core.caches.removal import plan_deletion  # noqa: E402
from core.foundation.cancel import CancelToken  # noqa: E402
from core.foundation.errors import Cancelled, MirrordeckError  # noqa: E402
from core.registry.references import ImageReference  # noqa: E402
from core.registry.repository import Repository  # noqa: E402
from core.registry.transport import Transport  # noqa: E402

_MOST_PACKAGES = 40
_FAULTS = ("status", "cut", "nothing")
_TOKEN = CancelToken()


@dataclass
class Soak:
    """`violations` is what was wrong; `done` and `refused` count operations."""

    chance: random.Random
    place: Path
    violations: list[str] = field(default_factory=list)
    done: int = 0
    refused: int = 0

    def run(self, seconds: float) -> None:
        names = [Package(f"p{number}") for number in range(_MOST_PACKAGES)]
        until = time.monotonic() + seconds
        step = 0
        with FakeRegistry() as registry, _oci(registry, self.place) as oci:
            caches: list[BuildCache] = [FolderCache(self.place / "folder"), oci]
            caches[0].prepare(None)
            while time.monotonic() < until or step < 6:
                step += 1
                cache = self.chance.choice(caches)
                if cache is oci:
                    self._trouble(registry)
                work = self.chance.choice([self._push, self._push, self._index, self._delete, self._push_stopped])
                self._try(step, work, cache, names)
                registry.faults.clear()
                registry.requests.clear()
                if step % 10 == 0:
                    self._check(step, caches)
            self._check(step, caches)

    def _trouble(self, registry: FakeRegistry) -> None:
        kind = self.chance.choice(_FAULTS)
        if kind == "status":
            registry.faults.add(status=self.chance.choice([429, 500, 503]), times=self.chance.randrange(1, 9))
        elif kind == "cut":
            registry.faults.add(
                method=self.chance.choice(["PUT", "GET", "POST"]), cut_response=self.chance.randrange(200)
            )

    def _try(
        self, step: int, work: Callable[[BuildCache, list[Package]], object], cache: BuildCache, names: list[Package]
    ) -> None:
        try:
            work(cache, names)
            self.done += 1
        except (MirrordeckError, Cancelled):
            self.refused += 1
        except Exception as error:
            self.violations.append(f"step {step}: {work.__name__} raised {type(error).__name__}: {error}")

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
            wrong = [
                f
                for f in verify(cache, full=False)
                if not f.harmless and f.kind not in ("missing-in-index", "no-index")
            ]
            self.violations += [f"step {step}: {cache.url}: {finding.words}" for finding in wrong]


@contextmanager
def _oci(registry: FakeRegistry, place: Path) -> Iterator[OciCache]:
    clock = FakeClock()
    transport = Transport(registry.endpoint, None, clock=clock)
    repository = Repository(ImageReference("http", registry.host, "soak/cache"), transport, clock=clock)
    url = f"oci+http://{registry.host}/soak/cache"
    yield OciCache(repository, url=url, staging=place / "staging", blobs=BlobCache(place / "blobs"), clock=clock)
    transport.close()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    threads, files, before = threading.active_count(), open_files(), resident_bytes()
    with tempfile.TemporaryDirectory(prefix="mirrordeck-soak-") as place:
        soak = Soak(random.Random(options.seed), Path(place))
        soak.run(options.seconds)
    gc.collect()
    left = threading.active_count() - threads, open_files() - files
    print(f"seed {options.seed}: {soak.done} done, {soak.refused} refused, {len(soak.violations)} violations")
    print(f"threads left {left[0]}, files left {left[1]}, memory {before >> 20} MiB -> {resident_bytes() >> 20} MiB")
    print("\n".join(soak.violations))
    return 1 if soak.violations or any(count > 0 for count in left) else 0


if __name__ == "__main__":
    sys.exit(main())
