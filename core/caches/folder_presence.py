# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking for very many packages in a folder: a directory is entered once for all that is wanted from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from core.caches.folder_objects import read_ahead
from core.caches.manifests import MANIFEST_LIMIT_BYTES
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound
from core.storage.folder import Folder
from core.storage.open_directory import OpenDirectory
from core.storage.reading import Stat

T = TypeVar("T")

_AT_ONCE = 256


def read_manifests(folder: Folder, keys: Iterable[str], token: CancelToken) -> Iterator[tuple[str, bytes, Stat]]:
    """Those of the manifests that are there, with their facts. Raises Cancelled and as `Folder`."""

    def read(directory: OpenDirectory, name: str) -> tuple[bytes, Stat] | None:
        try:
            return directory.fetch(name, MANIFEST_LIMIT_BYTES)
        except NotFound:
            return None

    for key, found in _looked(folder, keys, read, token):
        if found is not None:
            yield key, *found


def file_sizes(folder: Folder, keys: Iterable[str], token: CancelToken) -> dict[str, int]:
    """How many bytes those of the files have that are there. Raises Cancelled and as `Folder`."""
    return {key: facts.size for key, facts in _looked(folder, keys, OpenDirectory.stat, token) if facts is not None}


def _looked(
    folder: Folder, keys: Iterable[str], look: Callable[[OpenDirectory, str], T], token: CancelToken
) -> Iterator[tuple[str, T]]:
    """`look` at each of `keys` whose directory exists, in no order."""
    directories: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        directories[key.rpartition("/")[0]].append(key)
    jobs: dict[str, list[str]] = {}
    for wanted in directories.values():
        jobs |= {wanted[start]: wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)}

    def enter(first: str) -> list[tuple[str, T]]:
        token.raise_if_cancelled()
        try:
            with folder.open_parent(first) as (directory, _):
                return [(key, look(directory, key.rpartition("/")[2])) for key in jobs[first]]
        except NotFound:
            return []

    for found in read_ahead(enter, list(jobs)):
        yield from found
