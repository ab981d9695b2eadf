# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Large bodies. What breaks goes on where it broke, and no file appears before its digest is right."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer, from_os_error
from core.foundation.files import PIECE_BYTES, fsync_directory, temporary_name
from core.network.messages import Headers

_RANGE = re.compile(r"bytes\s+(\d{1,19})-(\d{1,19})/(\d{1,19}|\*)")


class Incoming(Protocol):
    """An answer whose body is read piece by piece."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Headers: ...

    def read(self, count: int) -> bytes: ...


class Source(Protocol):
    """Where a blob comes from: one GET of its address, and what repeats a failed step."""

    def stream(self, headers: Mapping[str, str], expect: Collection[int]) -> AbstractContextManager[Incoming]: ...

    def retrying(self, action: Callable[[], None], *, position: Callable[[], int]) -> None: ...


class ResumingReader:
    """A large body from its first byte on, of which `where` is the address for people; a broken connection goes on
    where it broke. Its digest is not checked. One thread; raises the RemoteError family and Cancelled."""

    def __init__(self, source: Source, where: str) -> None:
        self._source = source
        self._where = where
        self._position = 0
        self._stack = ExitStack()
        self._answer: Incoming | None = None
        self._piece = b""

    def __enter__(self) -> ResumingReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, count: int, /) -> bytes:
        """Up to `count` bytes, b"" at the end."""

        def once() -> None:
            try:
                self._piece = self._current().read(count)
            except BaseException:
                self._answer = None
                self._stack.close()
                raise
            self._position += len(self._piece)

        self._source.retrying(once, position=lambda: self._position)
        return self._piece

    def _current(self) -> Incoming:
        if self._answer is None:
            headers = {"Range": f"bytes={self._position}-"} if self._position else {}
            expect = {200, 206, 416} if self._position else {200}
            answer = self._stack.enter_context(self._source.stream(headers, expect))
            if self._position and answer.status == 200:
                self._skip(answer)
            elif self._position and range_start(answer.headers.get("content-range", "")) != self._position:
                raise BadAnswer(f"Cannot read {self._where}", "The server went on at another place")
            self._answer = answer
        return self._answer

    def _skip(self, answer: Incoming) -> None:
        """The server begins anew: leave out what was read before."""
        left = self._position
        while left and (piece := answer.read(left)):
            left -= len(piece)
        if left:
            raise BadAnswer(f"Cannot read {self._where}", "It is shorter than it was a moment ago")


def range_start(header: str) -> int | None:
    """First byte of a Content-Range, None if it is none."""
    found = _RANGE.fullmatch(header.strip()[:100])
    return int(found[1]) if found else None


def range_total(header: str) -> int | None:
    """Size of the whole by a Content-Range, None if it does not say."""
    found = _RANGE.fullmatch(header.strip()[:100])
    return int(found[3]) if found and found[3] != "*" else None


class Download:
    """One blob on its way into `target`, whose directory exists. `progress` gets bytes done since its last call."""

    def __init__(
        self,
        source: Source,
        digest: str,
        size: int,
        target: Path,
        *,
        token: CancelToken,
        progress: Callable[[int], None],
    ) -> None:
        self._source = source
        self._digest = digest
        self._size = size
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
                self._source.retrying(lambda: self._fill(file), position=lambda: self._reported)
                if f"sha256:{self._seen.hexdigest()}" != self._digest:
                    raise self._bad("What was sent has another digest")
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
        while self._done == 0 or self._done < self._size:
            before = self._done
            goes_on = self._read(file)
            if goes_on and self._done == self._size:
                return
            if (goes_on and self._done <= before) or (restarted and not goes_on):
                raise self._bad(f"Only {self._done:,} of {self._size:,} bytes came")
            restarted = restarted or not goes_on

    def _read(self, file: BinaryIO) -> bool:
        """One try, from where the last one ended; False, back at the start, if the server does not go on there."""
        headers = {"Range": f"bytes={self._done}-"} if self._done else {}
        expect = {200, 206, 416} if self._done else {200}
        with self._source.stream(headers, expect) as answer:
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

    def _take(self, answer: Incoming, file: BinaryIO) -> None:
        while piece := answer.read(PIECE_BYTES):
            self._token.raise_if_cancelled()
            if self._done + len(piece) > self._size:
                raise self._bad(f"The server sends more than the {self._size:,} bytes it should have")
            file.write(piece)
            self._seen.update(piece)
            self._done += len(piece)
            if self._done > self._reported:
                self._progress(self._done - self._reported)
                self._reported = self._done

    def _bad(self, why: str) -> BadAnswer:
        return BadAnswer(f"Cannot download {self._digest}", why)
