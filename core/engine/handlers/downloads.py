# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about taking packages out of caches without installing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from core.caches.opening import CacheAccess
from core.engine.calls import downloads
from core.engine.messages import Call
from core.engine.progress import with_progress
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.mirrors.model import Mirror
from core.services.contents_specs import save_entry_spec
from core.services.contents_view import open_place
from core.services.download import chosen_mirrors, download, list_files, unpack_package
from core.services.download_values import Downloaded, FileRow, FilesView, UnpackedView
from core.services.values import Step


class DownloadHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            downloads.ListFiles: self.list_files,
            downloads.DownloadPackage: self.download,
            downloads.SaveSpec: self.save_spec,
            downloads.UnpackPackage: self.unpack,
        }

    def list_files(self, call: downloads.ListFiles, token: CancelToken) -> Iterator[list[FileRow] | FilesView]:
        access, mirrors = self._open(call)
        return list_files(access, call.package, mirrors, token=token)

    def download(self, call: downloads.DownloadPackage, token: CancelToken) -> Iterator[list[Step] | Downloaded]:
        self._state.check_may_change("Nothing was downloaded")
        access, mirrors = self._open(call)
        directory = Path(call.directory)
        save = partial(download, access, call.package, directory, mirrors, token=token)
        return with_progress(lambda step: save(progress=_summed(step)))

    def save_spec(self, call: downloads.SaveSpec, token: CancelToken) -> str:
        self._state.check_may_change("The spec was not saved")
        instance = self._state.instance(call.instance)
        place = open_place(instance, self._state.access(instance), call.mirror, cwd=Path.home())
        return str(save_entry_spec(place, self._state.contents, call.key, Path(call.directory), token))

    def unpack(self, call: downloads.UnpackPackage, token: CancelToken) -> Iterator[list[Step] | UnpackedView]:
        self._state.check_may_change("Nothing was unpacked")
        access, mirrors = self._open(call)
        directory = Path(call.directory)
        unpack = partial(unpack_package, access, call.package, directory, mirrors, token=token)
        return with_progress(lambda step: unpack(progress=_summed(step)))

    def _open(
        self, call: downloads.ListFiles | downloads.DownloadPackage | downloads.UnpackPackage
    ) -> tuple[CacheAccess, list[Mirror]]:
        instance = self._state.instance(call.instance)
        return self._state.access(instance), chosen_mirrors(instance, [call.mirror], cwd=Path.home())


def _summed(step: Callable[[int, int], None]) -> Callable[[int], None]:
    """Takes the size of each piece and tells `step` their sum."""
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        step(done, 0)

    return add
