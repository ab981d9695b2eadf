# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Putting blobs into a repository (OCI distribution spec, Pushing a blob).

Is it there? Does another repository have it? Else one PUT with everything: many registries do not do more, and none
does it better. Pieces only where one PUT is refused, or where a large blob is sent while it is still being made.
Whatever the registry says, its size is asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import BadAnswer, NetworkDown, RemoteError, TooLarge
from core.foundation.process import ending_by
from core.network.bodies import Body
from core.registry.blobs import blob_size
from core.registry.chunks import LEAST_CHUNK_BYTES, Meter, Part, smaller_chunk
from core.registry.early import EarlyUpload
from core.registry.patience import asked_again
from core.registry.references import ImageReference
from core.registry.transport import Transport
from core.registry.upload_sessions import PiecesRefused, Session, SessionLost, UploadSessions

_MOST_MOUNTS = 3
_MOST_LOST_SESSIONS = 4


class BlobOutcome(StrEnum):
    """How a blob came to be there."""

    PRESENT = "present"
    MOUNTED = "mounted"
    UPLOADED = "uploaded"


class _WrongSize(BadAnswer):
    """The registry said it stored the blob, but has something else under its name."""


@dataclass(slots=True)
class _Work:
    digest: str
    body: Body
    token: CancelToken
    meter: Meter
    chunk: int | None  # bytes at once; None is everything
    session: Session | None = None
    early: bool = False  # the session holds pieces that nobody asked for
    refusal: RemoteError | None = None  # why not everything at once
    cuts: list[int] = field(default_factory=list)  # where the connection broke
    tried: bool = False

    @property
    def left(self) -> int:
        return self.body.size - (self.session.offset if self.session else 0)

    @property
    def piece(self) -> int:
        """How many bytes the next request carries."""
        if self.chunk is None:
            return self.left
        return min(self.left, max(self.chunk, self.session.least if self.session else 0))

    def part(self) -> Part:
        return Part(self.body, self.body.size - self.left, self.piece, self.meter)


class Uploads:
    """Into one repository. Any thread. Remembers how much at once its registry takes."""

    def __init__(self, transport: Transport, reference: ImageReference, clock: Clock) -> None:
        self._transport = transport
        self._clock = clock
        self._name = reference.name
        self._sessions = UploadSessions(transport, reference)
        self._chunk: int | None = None
        self._pieces_work = True

    def early(self, token: CancelToken, report: Callable[[int], None]) -> EarlyUpload | None:
        """See `Repository.early_upload`."""
        return EarlyUpload(self._sessions, token, report, most_bytes=self._chunk) if self._pieces_work else None

    def upload(
        self,
        digest: str,
        body: Body,
        *,
        mount_from: Sequence[str] = (),
        token: CancelToken,
        progress: Callable[[int], None],
        chunk_bytes: int | None = None,
        early: EarlyUpload | None = None,
    ) -> BlobOutcome:
        """See `Repository.upload`."""
        work = _Work(digest, body, token, Meter(progress), chunk_bytes or self._chunk)
        if early is not None:
            work.session, work.meter = early.taken(progress), early.meter
            work.early = work.session is not None
            self._pieces_work &= not early.refused
        with ending_by(token):
            try:
                if self._stored(work):
                    return BlobOutcome.PRESENT
                if work.session is None and self._mounted(work, mount_from):
                    return BlobOutcome.MOUNTED
                self._deliver(work)
            finally:
                self._drop_session(work)
        return BlobOutcome.UPLOADED

    def _mounted(self, work: _Work, sources: Sequence[str]) -> bool:
        for source in [source for source in sources if source != self._name][:_MOST_MOUNTS]:
            outcome = self._sessions.mount(work.digest, source, work.token)
            if outcome is True:
                return self._stored(work)
            if isinstance(outcome, Session):
                self._drop_session(work)
                work.session = outcome
        return False

    def _deliver(self, work: _Work) -> None:
        lost = 0
        while True:
            try:
                self._transport.retrying(
                    lambda: self._attempt(work), token=work.token, position=lambda: work.meter.furthest
                )
                return
            except (TooLarge, PiecesRefused, _WrongSize) as error:
                self._change_pieces(work, error)
                self._drop_session(work)
            except SessionLost:
                lost += 1
                if lost == _MOST_LOST_SESSIONS:
                    raise

    def _attempt(self, work: _Work) -> None:
        if work.tried:
            # The answer that got lost may have been a success.
            if self._stored(work):
                return
            self._continue_session(work)
        work.tried = True
        try:
            self._send(work)
        except NetworkDown as error:
            self._note_cut(work, error)
            raise
        self._confirm(work)

    def _send(self, work: _Work) -> None:
        if work.session is None:
            work.session = self._sessions.open(work.token)
        while work.piece < work.left:
            self._sessions.append(work.session, work.part(), work.token)
        self._sessions.commit(work.session, work.digest, work.part(), work.token)
        work.session = None

    def _confirm(self, work: _Work) -> None:
        """Registries have said 201 to what they did not store, or stored the last piece only."""
        size = asked_again(lambda: self._size(work), lambda found: found is None, self._clock, work.token)
        if size != work.body.size:
            found = "has no such blob" if size is None else f"has {size:,} bytes"
            raise _WrongSize(
                "The registry did not keep what was uploaded",
                f"It confirmed {work.body.size:,} bytes of {work.digest}, but {found}",
            )

    def _change_pieces(self, work: _Work, error: RemoteError) -> None:
        """Choose another size of pieces after `error`, or raise it."""
        if work.early and not isinstance(error, TooLarge):
            work.early = self._pieces_work = False
        elif isinstance(error, TooLarge):
            sent = work.piece
            chunk = smaller_chunk(sent, error.why)
            if chunk is None or (work.session is not None and work.session.least >= sent):
                raise error
            work.refusal = error
            work.chunk = self._chunk = chunk
        elif work.refusal is not None or work.chunk is None:
            raise work.refusal if work.refusal is not None and isinstance(error, PiecesRefused) else error
        else:
            work.chunk = self._chunk = None

    def _note_cut(self, work: _Work, error: NetworkDown) -> None:
        """Some proxies break the connection instead of saying that a request is too large."""
        sent = work.piece
        if not 0 < error.sent_bytes < sent:
            return
        work.cuts.append(error.sent_bytes)
        chunk = smaller_chunk(sent, "")
        if len(work.cuts) > 1 and abs(work.cuts[-1] - work.cuts[-2]) <= LEAST_CHUNK_BYTES and chunk is not None:
            work.cuts.clear()
            work.refusal = error
            work.chunk = chunk

    def _continue_session(self, work: _Work) -> None:
        """Go on in the session if it holds something and still lives, else begin a new one."""
        session = work.session
        if session is not None and session.offset and self._sessions.resume(session, work.body.size, work.token):
            return
        self._drop_session(work)

    def _drop_session(self, work: _Work) -> None:
        if work.session is not None:
            self._sessions.cancel(work.session)
            work.session = None

    def _stored(self, work: _Work) -> bool:
        return self._size(work) == work.body.size

    def _size(self, work: _Work) -> int | None:
        return blob_size(self._transport, self._name, work.digest, work.token, retry=not work.tried)
