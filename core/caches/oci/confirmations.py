# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Images that were found whole a short time ago, so that a push with little to do need not ask for every blob again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from core.caches.oci.survey import FoundImage
from core.foundation.clock import Clock
from core.foundation.decoding import json_decoder
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write

BELIEVED_S = 24 * 3600.0


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """`image` without its layers: `layers` are their places in the list of all digests, as images share most."""

    at: float
    image: FoundImage
    layers: tuple[int, ...]


class _File(msgspec.Struct, frozen=True):
    digests: list[str]
    images: list[_Kept]


_decoder = json_decoder(_File)
_Confirmed = dict[str, tuple[float, FoundImage]]


class Confirmations:
    """What is believed of the images in repositories, as files in `directory`; without one nothing outlives the
    process. Any thread, several processes; trouble with the files is never an error: then images are looked at again.
    """

    def __init__(self, directory: Path | None, clock: Clock | None = None) -> None:
        self._directory = directory
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        self._known: dict[str, _Confirmed] = {}

    def get(self, url: str) -> dict[str, FoundImage]:
        """By hash, the images of the last 24 hours."""
        with self._lock:
            return {dag_hash: image for dag_hash, (_, image) in self._read(url).items()}

    def put(self, url: str, images: Iterable[FoundImage]) -> None:
        """These were found whole just now."""
        now = self._clock.now()
        new = {image.entry.entry.hash: (now, image) for image in images}
        if new:
            with self._lock:
                self._write(url, {**self._read(url), **new})

    def forget(self, url: str, hashes: Collection[str] | None = None) -> None:
        """These images are about to change, or all of them are to be looked at again."""
        with self._lock:
            known = self._read(url)
            left = {key: found for key, found in known.items() if hashes is not None and key not in hashes}
            if len(left) < len(known):
                self._write(url, left)

    def _read(self, url: str) -> _Confirmed:
        known = self._known.get(url, {})
        if self._directory is not None:
            with suppress(OSError, ValueError, RecursionError, IndexError):
                file = _decoder.decode(_file_of(self._directory, url).read_bytes())
                known = {
                    kept.image.entry.entry.hash: (
                        kept.at,
                        replace(kept.image, layers=tuple([file.digests[place] for place in kept.layers])),
                    )
                    for kept in file.images
                }
        now = self._clock.now()
        return {key: found for key, found in known.items() if 0 <= now - found[0] < BELIEVED_S}

    def _write(self, url: str, known: _Confirmed) -> None:
        if self._directory is None:
            self._known[url] = known
            return
        places: dict[str, int] = {}
        images = [
            _Kept(at, replace(image, layers=()), tuple([places.setdefault(one, len(places)) for one in image.layers]))
            for at, image in known.values()
        ]
        with suppress(MirrordeckError, OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            atomic_write(_file_of(self._directory, url), msgspec.json.encode(_File(list(places), images)))


def _file_of(directory: Path, url: str) -> Path:
    return directory / f"{hashlib.sha256(url.encode()).hexdigest()}.json"
