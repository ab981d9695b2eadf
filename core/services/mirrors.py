# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors of an instance, with what a look at the disk can tell."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from core.caches.layout3 import LAYOUT_KEY, SPEC_PREFIX
from core.caches.opening import CacheAccess
from core.caches.stored_layers import mark_problem
from core.foundation.errors import ErrorInfo, MirrordeckError, from_os_error
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.services.values import LoginFacts, MirrorRow, MirrorsView
from core.spack.instance import Instance
from core.storage.folder import Folder

_AT_ONCE = 8


def view_mirrors(instance: Instance, access: CacheAccess) -> MirrorsView:
    """All mirrors in Spack's order. Folder mirrors are looked at, side by side, so that a dead mount delays only itself
    and those behind it; nothing is asked over the network. A keyring that does not answer delays it as long as it is
    given, 10 s, however many mirrors have logins."""
    listing = mirrors_of(instance)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="look") as pool:
        rows = tuple(pool.map(lambda mirror: _look(mirror, access), listing.mirrors))
    return MirrorsView(rows, listing.problems)


def _look(mirror: Mirror, access: CacheAccess) -> MirrorRow:
    row = MirrorRow(mirror)
    folder = mirror.push.folder
    if folder is None:
        return replace(row, login=_login(mirror, access))
    if not mirror.binary:
        return row
    try:
        if folder.is_dir():
            index = access.open(mirror, Direction.PUSH).read_index()
            if index is not None:
                packages = sum(record.in_buildcache for record in index.records.values())
                row = replace(row, packages=packages, index_written_at=index.written_at)
            row = replace(row, free_bytes=shutil.disk_usage(folder).free, status=_damage(Folder(folder)))
        existing = next(path for path in (folder, *folder.parents) if path.exists())
    except MirrordeckError as error:
        return replace(row, status=error.info())
    except OSError as error:
        return replace(row, status=from_os_error(error, f"{mirror.name} cannot be looked at", folder).info())
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return replace(row, writable=writable)


def _damage(folder: Folder) -> ErrorInfo | None:
    """What makes Spack take a mirror that has been pushed to for one of another layout."""
    problem = mark_problem(folder)
    if not problem or (folder.stat(LAYOUT_KEY) is None and next(folder.list(SPEC_PREFIX), None) is None):
        return None
    remedies = ("Push anything, or verify and repair the mirror: both write it anew",)
    return ErrorInfo("damaged", "Damaged", f"{LAYOUT_KEY} {problem}", remedies)


def _login(mirror: Mirror, access: CacheAccess) -> LoginFacts:
    login = access.login(mirror, Direction.PUSH)
    return LoginFacts(login.state, login.user, login.source, login.note)
