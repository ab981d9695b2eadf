# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The single requests of an upload (OCI distribution spec, Pushing a blob). When to make which: uploads.py."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote

from core.foundation.cancel import CancelToken, LaterToken
from core.foundation.errors import (
    AccessDenied,
    BadAnswer,
    Cancelled,
    MirrordeckError,
    Refused,
    RemoteError,
    RemoteNotFound,
    ServerError,
    TooLarge,
)
from core.foundation.kill_points import reached
from core.network.limits import ERROR_BYTES, finalising_s
from core.network.messages import Response
from core.registry.chunks import Part, stated_limit
from core.registry.hosts import access_remedies, missing_remedies, with_remedies
from core.registry.media_types import OCTETS
from core.registry.paths import mount_path, uploads_path
from core.registry.references import ImageReference
from core.registry.scopes import Scope
from core.registry.transport import Transport

_RANGE = re.compile(r"(?:bytes[= ])?0-(\d{1,18})")
_NO_PIECES = frozenset({405, 501})
# Whoever stops an upload waits until it has a name and can be ended, and for its end; not for a registry that hangs or
# wants a pause.
_OPENING_S = 5.0
_CANCEL_S = 5.0


class SessionLost(ServerError):
    """The registry does not know the upload session (any more), or not what it holds."""


class PiecesRefused(Refused):
    """The registry takes uploads in one request only."""


@dataclass(slots=True)
class Session:
    """An open upload: its newest Location (older ones are void), how much it holds, the least size of a piece."""

    location: str
    offset: int = 0
    least: int = 0


class UploadSessions:
    """Of one repository. Any thread; a session belongs to one of them. Nothing is repeated here."""

    def __init__(self, transport: Transport, reference: ImageReference) -> None:
        self._transport = transport
        self._reference = reference
        self._name = reference.name
        self._scope = Scope(reference.name, ("pull", "push"))

    def open(self, token: CancelToken) -> Session:
        """Raises what the transport does, with advice where a registry is known for it."""
        path = uploads_path(self._name)
        try:
            answer = self._transport.request(
                "POST",
                path,
                scope=self._scope,
                expect={202},
                limit=ERROR_BYTES,
                token=token,
                retry=False,
                patience_s=_OPENING_S,
            )
        except RemoteNotFound as error:
            raise with_remedies(error, missing_remedies(self._reference)) from error
        except AccessDenied as error:
            raise with_remedies(error, access_remedies(self._reference)) from error
        reached(f"upload begun: {self._name}")
        return self._session(answer)

    def mount(self, digest: str, source: str, token: CancelToken) -> Session | bool:
        """Ask for the blob of the repository `source`: True if it is here now, else perhaps a session to use."""
        scope = Scope(self._name, ("pull", "push"), extra=(Scope(source, ("pull",)),))
        path = mount_path(self._name, digest, source)
        try:
            answer = self._transport.request(
                "POST",
                path,
                scope=scope,
                expect={201, 202},
                limit=ERROR_BYTES,
                token=token,
                retry=False,
                patience_s=_OPENING_S,
            )
        except RemoteError:
            # A source we may not read is no reason not to upload; other trouble will be met again there.
            return False
        return True if answer.status == 201 else self._session(answer)

    def append(self, session: Session, part: Part, token: CancelToken) -> None:
        """Send a piece. Raises SessionLost, PiecesRefused or TooLarge besides what the transport raises."""
        last = part.start + part.size - 1
        headers = {"Content-Type": OCTETS, "Content-Range": f"{part.start}-{last}"}
        answer = self._send(
            "PATCH", session.location, part, headers=headers, expect={201, 202, 204, *_NO_PIECES}, token=token
        )
        if answer.status in _NO_PIECES:
            raise PiecesRefused("The registry takes no uploads in pieces", status=answer.status)
        counted, stated = session.offset + part.size, _held(answer)
        # Amazon's registry repeats the first piece's Range for ever, so only growth is believed.
        session.offset = stated if stated is not None and session.offset < stated < counted else counted
        self._move(session, answer)

    def commit(self, session: Session, digest: str, part: Part, token: CancelToken) -> None:
        """Send the last piece, or everything, and make it the blob `digest`. Raises SessionLost or TooLarge, too."""
        headers = {"Content-Type": OCTETS}
        if part.start:
            headers["Content-Range"] = f"{part.start}-{part.start + part.size - 1}"
        separator = "&" if "?" in session.location else "?"
        address = f"{session.location}{separator}digest={quote(digest, safe='')}"
        self._send("PUT", address, part, headers=headers, expect={201, 204}, token=token)

    def resume(self, session: Session, size: int, token: CancelToken) -> bool:
        """Ask how much of `size` bytes the session holds; False if it cannot be continued."""
        answer = self._transport.request(
            "GET",
            session.location,
            scope=self._scope,
            expect={200, 204, 400, 404, 405, 416},
            limit=ERROR_BYTES,
            token=token,
            retry=False,
        )
        held = _held(answer)
        if answer.status not in (200, 204) or held is None or not session.offset <= held <= size:
            return False
        session.offset = held
        self._move(session, answer)
        return True

    def cancel(self, session: Session) -> None:
        """Let the registry forget the session, in a few seconds at most. Any answer is fine: many cannot."""
        over = CancelToken()
        over.cancel()
        with suppress(MirrordeckError, Cancelled):
            self._transport.request(
                "DELETE",
                session.location,
                # Pushing alone is not enough for distribution 2.8.
                scope=Scope(self._name, ("pull", "push", "delete")),
                expect={204},
                limit=ERROR_BYTES,
                token=LaterToken(over, _CANCEL_S),  # the work's own may be what ended it
                retry=False,
            )

    def _send(
        self,
        method: str,
        address: str,
        part: Part,
        *,
        headers: dict[str, str],
        expect: set[int],
        token: CancelToken,
    ) -> Response:
        """One try: a session that broke is never repeated blindly."""
        answer = self._transport.request(
            method,
            address,
            scope=self._scope,
            headers=headers,
            body=part,
            expect={*expect, 404, 416},
            limit=ERROR_BYTES,
            token=token,
            progress=part.meter.sent,
            retry=False,
            transfer=True,
            finalising_s=finalising_s(part.start + part.size),
        )
        if answer.status == 416:
            words = answer.body.decode(errors="replace")[:500]
            if stated_limit(words, part.size) is not None:
                raise TooLarge("The registry does not take so much at once", words, status=416)
        if answer.status in (404, 416):
            raise SessionLost(
                "The registry lost the upload",
                f"It answered {answer.status} to the upload session it had opened",
                status=answer.status,
                remedies=("Several back ends behind one address need the same http.secret; ask the administrator",),
            )
        return answer

    def _session(self, answer: Response) -> Session:
        session = Session(self._address(answer))
        least = answer.headers.get("oci-chunk-min-length", "").strip()
        if least.isascii() and least.isdecimal() and len(least) < 16:
            session.least = int(least)
        return session

    def _move(self, session: Session, answer: Response) -> None:
        if "location" in answer.headers:
            session.location = self._address(answer)

    def _address(self, answer: Response) -> str:
        location = answer.headers.get("location", "").strip()
        if not location:
            raise BadAnswer("The registry opened no upload", "Its answer names no Location", status=answer.status)
        return self._transport.resolve(answer, location)


def _held(answer: Response) -> int | None:
    """How many bytes a session holds by its Range. `0-0` is how an empty one is written."""
    found = _RANGE.fullmatch(answer.headers.get("range", "").strip()[:40])
    if found is None:
        return None
    return int(found[1]) + 1 if int(found[1]) else 0
