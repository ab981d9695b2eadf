# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Mirrors on the web and in object stores: the way there, and as much of what lies there as can be opened."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from core.caches.opening import CacheAccess
from core.caches.protocol import ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.foundation.text import format_age, plural
from core.mirrors.credentials.identity import host_of
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror, MirrorKind
from core.network.endpoints import Endpoint
from core.services.login_values import StepKey, TestStep
from core.services.mirror_test.steps import Finding, failure, skipped, step, warning
from core.services.mirror_test.way import Way
from core.storage.web import server_of

_PORTS = {MirrorKind.FTP: 21, MirrorKind.SFTP: 22}
_NO_PUSH = {
    MirrorKind.WEB: "Spack cannot push to http and https",
    MirrorKind.FTP: "Spack cannot push to ftp",
    MirrorKind.SFTP: "Spack cannot push to sftp",
}


@dataclass(frozen=True, slots=True)
class ElsewhereTest:
    """What `connection` of `mirror` leads to, neither a folder nor a registry."""

    access: CacheAccess
    mirror: Mirror
    connection: Connection
    token: CancelToken
    wants_push: bool = True
    wants_fetch: bool = True

    def steps(self) -> Iterator[TestStep]:
        """Raises Cancelled."""
        kind = self.connection.kind
        try:
            endpoint = self._endpoint()
        except UsageError as error:
            problem = error.info().sentence()
            yield step(StepKey.RESOLVE, "Address", lambda: failure(problem, "Correct the mirror's address."))
            return
        port = _PORTS.get(kind, 0) if kind is not None else 0
        way = Way(endpoint, self.access.options(endpoint.host).ca_file, self.token, port=port)
        yield from way.steps()
        if not way.open:
            return
        if self.wants_fetch:
            yield from self._reading()
        if self.wants_push and kind is not None:
            yield skipped(StepKey.PUSH, "Push", _NO_PUSH.get(kind, "this version does not write to such mirrors"))

    def _reading(self) -> Iterator[TestStep]:
        try:
            cache = self.access.open(self.mirror, Direction.FETCH)
        except UsageError as error:
            yield skipped(StepKey.READ, "Read", error.why)
            return
        yield step(StepKey.INDEX, "Index", lambda: self._index(cache))
        if self.connection.kind is MirrorKind.WEB:
            yield skipped(StepKey.READER, "Others", "it is the same for everybody: Spack sends no login there")
        elif self.connection.secret_variable or self.connection.profile:
            yield skipped(StepKey.READER, "Others", "only what everybody may read was tried, without any login")

    def _index(self, cache: ReadableCache) -> Finding | str:
        index = cache.read_index(token=self.token)
        if index is None:
            return warning("there is none: Spack finds no package here", "Whoever fills the mirror has to update it.")
        known = plural(sum(record.in_buildcache for record in index.records.values()), "package")
        return f"{known}, written {format_age(time.time() - index.written_at)}" if index.written_at else known

    def _endpoint(self) -> Endpoint:
        """The server that is asked. Raises UsageError."""
        if self.connection.kind in _PORTS:
            return Endpoint(str(self.connection.kind), host_of(self.connection))
        return server_of(self.access.web_address(self.connection))
