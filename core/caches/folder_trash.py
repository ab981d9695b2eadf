# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What was deleted from a cache in a folder and can be had back: `.mirrordeck-trash/<batch>/<key>`, where nothing else
looks. Things get there by renaming, which takes no space and frees none."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import msgspec

from core.caches.folder_index import update_index
from core.caches.layout3 import BLOB_PREFIX, is_entry_manifest
from core.caches.removal import RemovalPlan
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.decoding import from_json
from core.foundation.errors import MirrordeckError, NotFound, UsageError
from core.storage.folder import Folder
from core.storage.reading import Stat

TRASH = ".mirrordeck-trash"
_ABOUT = "about.json"
_ABOUT_LIMIT_BYTES = 256 << 20


class TrashBatch(msgspec.Struct, frozen=True):
    """What one deletion moved to the trash. `labels` name packages; sizes are of what is there now."""

    id: str
    deleted_at: float
    labels: tuple[str, ...]
    files: int
    stored_bytes: int


class _About(msgspec.Struct, frozen=True):
    deleted_at: float = 0.0
    labels: tuple[str, ...] = ()


class RestoreOutcome(msgspec.Struct, frozen=True):
    """`skipped` are keys of manifests that were written again since."""

    restored: int
    skipped: tuple[str, ...]


class FolderTrash:
    """The trash of the cache in `folder`. Any thread; raises what the folder raises."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def open(self, plan: RemovalPlan) -> tuple[str, float]:
        """A new batch for what `plan` deletes, and the time by the file system's clock."""
        now = self._clock.now()
        batch = f"{time.strftime('%Y-%m-%dT%H%M%SZ', time.gmtime(now))}-{secrets.token_hex(3)}"
        about = _About(now, tuple(entry.label for entry in plan.entries))
        facts = self._folder.write(f"{TRASH}/{batch}/{_ABOUT}", msgspec.json.encode(about))
        return batch, facts.mtime

    def take(self, batch: str, key: str) -> Stat | None:
        """Move a file there; its facts, None if it is gone."""
        return self._folder.move(key, f"{TRASH}/{batch}/{key}")

    def read(self, batch: str, key: str, limit: int) -> bytes:
        return self._folder.read(f"{TRASH}/{batch}/{key}", limit)

    def put_back(self, batch: str, key: str) -> bool:
        """Move a file back, unless there is one again: then False."""
        return self._folder.move(f"{TRASH}/{batch}/{key}", key, replace=False) is not None

    def batches(self) -> list[TrashBatch]:
        """The newest first."""
        found: dict[str, list[tuple[str, Stat]]] = {}
        for key, facts in self._folder.scan(TRASH):
            _, batch, *rest = key.split("/")
            if rest:
                found.setdefault(batch, []).append(("/".join(rest), facts))
        return sorted((self._batch(name, files) for name, files in found.items()), key=_newest_first)

    def restore(self, batch: str, url: str, token: CancelToken) -> RestoreOutcome:
        """Put a batch back, blobs first, then what names them, then the index. What is there again is left alone.

        Blobs count as new from then on, so that the next clean-up does not take them while manifests follow. While a
        manifest could not be put back the batch stays.
        """
        keys = self._keys(batch)
        skipped: list[str] = []
        restored = 0
        for key in sorted(keys, key=lambda key: not key.startswith(f"{BLOB_PREFIX}/")):
            token.raise_if_cancelled()
            is_blob = key.startswith(f"{BLOB_PREFIX}/")
            if is_blob:
                self._folder.touch(f"{_prefix(batch)}/{key}")
            if self.put_back(batch, key):
                restored += 1
            elif is_blob:
                self._folder.touch(key)
            else:
                skipped.append(key)
        if self._about(batch).labels or any(map(is_entry_manifest, keys)):
            update_index(self._folder, url, full=False, token=token, progress=lambda _done, _total: None)
        if not skipped:
            self._folder.delete_tree(_prefix(batch))
        return RestoreOutcome(restored, tuple(skipped))

    def empty(self, batches: Sequence[str], token: CancelToken) -> int:
        """Delete batches for good, all of them if none is named; the bytes that freed."""
        freed = 0
        for batch in batches or [one.id for one in self.batches()]:
            token.raise_if_cancelled()
            prefix = _prefix(batch)
            freed += sum(facts.size for _, facts in self._folder.scan(prefix))
            self._folder.delete_tree(prefix)
        return freed

    def _keys(self, batch: str) -> list[str]:
        prefix = _prefix(batch)
        keys = [key.removeprefix(f"{prefix}/") for key in self._folder.list(prefix)]
        if not keys:
            raise NotFound("There is no such batch in the trash", batch)
        return [key for key in keys if key != _ABOUT]

    def _batch(self, name: str, files: list[tuple[str, Stat]]) -> TrashBatch:
        about = self._about(name)
        held = [facts for key, facts in files if key != _ABOUT]
        return TrashBatch(name, about.deleted_at, about.labels, len(held), sum(facts.size for facts in held))

    def _about(self, batch: str) -> _About:
        try:
            data = self._folder.read(f"{TRASH}/{batch}/{_ABOUT}", _ABOUT_LIMIT_BYTES)
            return from_json(data, _About)
        except (MirrordeckError, ValueError, RecursionError):
            return _About()  # what lies there can be restored all the same


def _prefix(batch: str) -> str:
    if not batch or "/" in batch or batch.startswith("."):
        raise UsageError("That is no batch of a trash", repr(batch[:100]))
    return f"{TRASH}/{batch}"


def _newest_first(batch: TrashBatch) -> tuple[float, str]:
    return (-batch.deleted_at, batch.id)
