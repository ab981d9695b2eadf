# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The beginning of a blob is sent while the rest of its file is still being written.

A large package would else leave the line idle while it is packed, and the cores while it is sent. What is sent goes
into an upload session piece by piece (OCI distribution spec, Pushing a blob in chunks), which the upload proper goes on
with once the digest is known. This is an attempt: whatever goes wrong here only means that it begins at the first byte.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from core.foundation.cancel import CancelToken, LaterToken
from core.foundation.errors import Cancelled, MirrordeckError, TooLarge
from core.network.bodies import OpenFileBody
from core.registry.chunks import FIRST_CHUNK_BYTES, Meter, Part
from core.registry.upload_sessions import PiecesRefused, Session, UploadSessions

_log = logging.getLogger(__name__)
# Smaller blobs are packed too soon for it to matter; smaller pieces cost more in round trips than they win.
_LEAST_BYTES = 64 << 20
_LEAST_PIECE_BYTES = 8 << 20


class EarlyUpload:
    """Of one blob; a context manager, which gives up on leaving unless `taken` was called.

    `most_bytes` bounds a piece; `refused` tells that the registry takes none. `report` gets the bytes that went out
    since its last call until `taken` is called, from a thread that lives until then or until the end of the block.
    """

    def __init__(
        self, sessions: UploadSessions, token: CancelToken, report: Callable[[int], None], *, most_bytes: int | None
    ) -> None:
        self.meter = Meter(self._count)
        self.refused = False
        self._sessions = sessions
        self._token = LaterToken(token, 0.0)
        self._report = report
        self._most = min(most_bytes or FIRST_CHUNK_BYTES, FIRST_CHUNK_BYTES)
        self._changed = threading.Condition()
        self._file: int | None = None
        self._written = 0
        self._sent = 0
        self._ended = False
        self._session: Session | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> EarlyUpload:
        return self

    def __exit__(self, *_: object) -> None:
        self._token.cancel()
        self._end()
        if self._session is not None:
            self._sessions.cancel(self._session)
            self._session = None

    def follow(self, path: Path, size: int) -> None:
        """The first `size` bytes of the file are there and stay as they are. It may be moved later."""
        with self._changed:
            self._written = size
            if self._thread is None and size >= _LEAST_BYTES:
                try:
                    self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except OSError:
                    return  # too many open files, perhaps; it is sent later
                self._thread = threading.Thread(target=self._run, args=(self._file,), name="early-upload", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def taken(self, report: Callable[[int], None]) -> Session | None:
        """The session with what it holds, if any: from now on it is the caller's. The piece under way is waited for.

        `report` gets all that was sent, now and what is sent still; the `meter` goes on from there.
        """
        with self._changed:
            sent, self._report = self._sent, report
        report(sent)
        self._end()
        session, self._session = self._session, None
        return session

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _count(self, size: int) -> None:
        with self._changed:
            self._sent += size
            report = self._report
        report(size)

    def _run(self, file: int) -> None:
        try:
            while (size := self._next_piece()) is not None:
                if self._session is None:
                    self._session = self._sessions.open(self._token)
                else:
                    start = self._session.offset
                    part = Part(OpenFileBody(file, start + size), start, size, self.meter)
                    self._sessions.append(self._session, part, self._token)
        except Cancelled:
            pass  # whoever wanted that tells
        except MirrordeckError as error:
            _log.info("what was sent while packing is lost: %s", error)
            self.refused = isinstance(error, (PiecesRefused, TooLarge))
            if self._session is not None:
                self._sessions.cancel(self._session)
                self._session = None

    def _next_piece(self) -> int | None:
        """How many bytes to send next, as soon as there are enough; None at the end."""
        with self._changed:
            while not self._ended and not self._token.cancelled:
                session = self._session
                # Something is left for the closing request: Amazon's registry fails when it carries nothing.
                waiting = self._written - 1 - (session.offset if session else 0)
                if waiting >= max(_LEAST_PIECE_BYTES, session.least if session else 0):
                    return min(waiting, self._most)
                self._changed.wait()
            return None
