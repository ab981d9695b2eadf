# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a mirror to the build cache behind it."""

from __future__ import annotations

from core.caches.folder_cache import FolderCache
from core.caches.protocol import BuildCache
from core.foundation.errors import UsageError
from core.mirrors.model import Connection, Mirror
from core.signing.gpg import Gnupg


def open_cache(mirror: Mirror, connection: Connection, *, gnupg: Gnupg) -> BuildCache:
    """The build cache at `connection` (the fetch or push side of `mirror`). Opens nothing on disk or network yet.

    Raises UsageError for an address without a cache that could be opened, with the reason.
    """
    name = mirror.name or connection.url
    if connection.problem:
        raise UsageError(f"{name} cannot be used", connection.problem)
    folder = connection.folder
    if folder is None:
        raise UsageError(
            f"{name} cannot be opened as a build cache",
            f"{connection.url}: this version reads and writes build caches in folders only",
        )
    return FolderCache(folder, verify=gnupg.verify_clearsigned)
