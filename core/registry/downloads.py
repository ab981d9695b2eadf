# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Large blobs into files. A broken download goes on where it broke, and nothing appears before its digest is right."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer, from_os_error
from core.foundation.files import fsync_directory, temporary_name
from core.registry.blobs import range_start
from core.registry.endpoints import Scope
from core.registry.manifests import Descriptor
from core.registry.paths import blob_path
from core.registry.transport import StreamedResponse, Transport

_PIECE_BYTES = 1 << 20


class Download:
    """One blob on its way into `target`, whose directory exists. `progress` gets bytes done since its last call."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        descriptor: Descriptor,
        target: Path,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
    ) -> None:
        self._transport = transport
        self._scope = Scope(name)
        self._path = blob_path(name, descriptor.digest)
        self._blob = descriptor
        self._target = target
        self._token = token
        self._progress = progress
        self._seen = hashlib.sha256()
        self._done = 0
        self._reported = 0

    def run(self) -> None:
        """Raises RemoteError, NoSpace, PermissionDenied, StorageFailed or Cancelled, leaving nothing behind."""
        temporary = self._target.with_name(temporary_name(self._target.name))
        try:
            with temporary.open("xb", buffering=0) as file:
                self._transport.retrying(lambda: self._fill(file), token=self._token, position=lambda: self._reported)
                if f"sha256:{self._seen.hexdigest()}" != self._blob.digest:
                    raise self._bad("What the registry sent has another digest")
                os.fsync(file.fileno())
            temporary.rename(self._target)
        except OSError as error:
            raise from_os_error(error, f"Cannot write {self._target.name}", self._target) from error
        finally:
            with suppress(OSError):
                temporary.unlink()
        fsync_directory(self._target.parent)

    def _fill(self, file: BinaryIO) -> None:
        restarted = False
        # What broke after the last byte has broken too late to matter; the digest decides.
        while self._done == 0 or self._done < self._blob.size:
            before = self._done
            goes_on = self._read(file)
            if goes_on and self._done == self._blob.size:
                return
            if (goes_on and self._done <= before) or (restarted and not goes_on):
                raise self._bad(f"The registry sent {self._done:,} of {self._blob.size:,} bytes")
            restarted = restarted or not goes_on

    def _read(self, file: BinaryIO) -> bool:
        """One try, from where the last one ended; False, back at the start, if the registry does not go on there."""
        headers = {"Range": f"bytes={self._done}-"} if self._done else {}
        expect = {200, 206, 416} if self._done else {200}
        with self._transport.stream(
            self._path, scope=self._scope, headers=headers, expect=expect, token=self._token
        ) as answer:
            exact = answer.status == 206 and range_start(answer.headers.get("content-range", "")) == self._done
            if not exact:
                self._start_over(file)
            if exact or answer.status == 200:
                self._take(answer, file)
                return True
            return False

    def _start_over(self, file: BinaryIO) -> None:
        file.seek(0)
        file.truncate()
        self._seen = hashlib.sha256()
        self._done = 0

    def _take(self, answer: StreamedResponse, file: BinaryIO) -> None:
        while piece := answer.read(_PIECE_BYTES):
            self._token.raise_if_cancelled()
            if self._done + len(piece) > self._blob.size:
                raise self._bad(f"The registry sends more than the {self._blob.size:,} bytes it should have")
            file.write(piece)
            self._seen.update(piece)
            self._done += len(piece)
            if self._done > self._reported:
                self._progress(self._done - self._reported)
                self._reported = self._done

    def _bad(self, why: str) -> BadAnswer:
        return BadAnswer(f"Cannot download {self._blob.digest}", why)
