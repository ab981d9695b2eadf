# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Upload sessions of the fake registry: POST, PATCH, PUT, status, cancel, mount."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.kit.fake_auth import error
from registry.kit.faults import Reply
from registry.kit.wire import Request

if TYPE_CHECKING:
    from registry.kit.fake_registry import FakeRegistry


@dataclass
class Session:
    name: str
    chunks: list[bytes] = field(default_factory=list)
    state: int = 0  # of the newest Location

    @property
    def size(self) -> int:
        return sum(map(len, self.chunks))


class Uploads:
    """`sessions` holds the open ones by id: none should be left when a client is done."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self._count = 0
        self.sessions: dict[str, Session] = {}

    def answer(self, request: Request, name: str, rest: str) -> Reply:
        if request.method == "POST" and rest == "":
            return self._start(request, name)
        session = self.sessions.get(rest)
        behaviour = self._registry.behaviour
        if session is None or session.name != name:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        if behaviour.newest_location_only and request.argument("_state") != str(session.state):
            return error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
        if request.method == "DELETE":
            if not behaviour.cancel:
                return error(405, "UNSUPPORTED", "The operation is unsupported.")
            del self.sessions[rest]
            return Reply(204)
        if request.method == "GET":
            return self._progress(Reply(204), rest, session)
        if behaviour.largest_body is not None and len(request.body) > behaviour.largest_body:
            return self._too_large()
        if request.method == "PATCH":
            return self._append(request, rest, session)
        if request.method == "PUT":
            return self._commit(request, rest, session)
        return Reply(405)

    def _start(self, request: Request, name: str) -> Reply:
        registry, behaviour = self._registry, self._registry.behaviour
        digest, source = request.argument("mount"), request.argument("from")
        if digest and source and behaviour.mount and digest in registry.blobs[source]:
            if behaviour.mount_needs_pull and not self._may_pull(request, source):
                return error(401, "UNAUTHORIZED", "authentication required")
            registry.blobs[name][digest] = registry.blobs[source][digest]
            return self._created(name, digest)
        if behaviour.largest_body is not None and len(request.body) > behaviour.largest_body:
            return self._too_large()
        wanted = request.argument("digest")
        self._count += 1
        identity = f"session-{self._count}"
        session = Session(name)
        if wanted is not None and behaviour.single_post:
            self.sessions[identity] = session
            return self._commit(request, identity, session)
        self.sessions[identity] = session
        reply = self._progress(Reply(202), identity, session)
        return reply.having(OCI_Chunk_Min_Length=str(behaviour.least_chunk)) if behaviour.least_chunk else reply

    def _may_pull(self, request: Request, source: str) -> bool:
        authority = self._registry.authority
        return authority.refusal(request, frozenset({(source, "pull")})) is None

    def _append(self, request: Request, identity: str, session: Session) -> Reply:
        behaviour = self._registry.behaviour
        if not behaviour.chunked:
            return error(405, "UNSUPPORTED", "The operation is unsupported.")
        if behaviour.largest_patch is not None and len(request.body) > behaviour.largest_patch:
            text = f"chunk of {len(request.body)} bytes exceeds the maximum of {behaviour.largest_patch} bytes"
            return Reply(416, text.encode(), (("Content-Type", "text/plain"),))
        place = re.fullmatch(r"(?:bytes )?(\d+)-(\d+)", request.headers.get("content-range", ""))
        if place is not None and int(place[1]) != session.size and behaviour.check_ranges:
            return self._progress(Reply(416), identity, session)
        session.chunks.append(request.body)
        return self._progress(Reply(behaviour.patch_status), identity, session)

    def _commit(self, request: Request, identity: str, session: Session) -> Reply:
        registry, behaviour = self._registry, self._registry.behaviour
        if behaviour.empty_put is not None and session.chunks and not request.body:
            return error(behaviour.empty_put, "UNKNOWN", "unknown error")
        if request.body:
            session.chunks.append(request.body)
        data = b"".join(session.chunks)
        digest = request.argument("digest")
        from registry.kit.fake_registry import digest_of

        if digest is None or digest_of(data) != digest:
            if behaviour.failed_put_ends:
                del self.sessions[identity]
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        del self.sessions[identity]
        if behaviour.stores == "all":
            registry.blobs[session.name][digest] = data
        elif behaviour.stores == "last chunk":
            registry.blobs[session.name][digest] = session.chunks[-1]
        return self._created(session.name, digest)

    def _created(self, name: str, digest: str) -> Reply:
        path = f"/v2/{name}/blobs/{digest}"
        self._registry.written(path)
        return Reply(201).having(Location=path, Docker_Content_Digest=digest)

    def _progress(self, reply: Reply, identity: str, session: Session) -> Reply:
        registry, behaviour = self._registry, self._registry.behaviour
        session.state += 1
        shown = len(session.chunks[0]) if behaviour.stuck_range and session.chunks else session.size
        where = f"/v2/{session.name}/blobs/uploads/{identity}"
        if behaviour.newest_location_only or behaviour.location == "query":
            where += f"?_state={session.state}"
        if behaviour.location == "absolute":
            where = registry.url + where
        elif behaviour.location == "http":
            where = f"http://{registry.host}{where}"
        return reply.having(Location=where, Range=f"0-{max(0, shown - 1)}", Docker_Upload_UUID=identity)

    def _too_large(self) -> Reply:
        if not self._registry.behaviour.too_large_html:
            return error(413, "SIZE_INVALID", "request entity too large")
        page = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
        return Reply(413, page, (("Content-Type", "text/html"),))
