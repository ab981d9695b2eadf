# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Blobs: whether they are there, and reading small ones (OCI distribution spec, Pulling blobs)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer
from core.network.downloads import range_total
from core.registry.paths import blob_path
from core.registry.scopes import Scope
from core.registry.transport import StreamedResponse, Transport

_FIRST_BYTE = {"Range": "bytes=0-0"}


def blob_size(transport: Transport, name: str, digest: str, token: CancelToken, *, retry: bool = True) -> int | None:
    """Size in bytes that the registry states, None if it has no such blob."""
    path, scope = blob_path(name, digest), Scope(name)
    answer = transport.request("HEAD", path, scope=scope, expect={200, 404, 405}, limit=0, token=token, retry=retry)
    if answer.status == 404:
        return None
    if answer.status == 200 and answer.headers.length is not None:
        return answer.headers.length

    def ask_for_first_byte() -> int | None:
        with transport.stream(path, scope=scope, headers=_FIRST_BYTE, expect={200, 206, 404}, token=token) as body:
            if body.status == 404:
                return None
            size = body.headers.length if body.status == 200 else range_total(body.headers.get("content-range", ""))
        if size is None:
            raise BadAnswer(f"Cannot tell the size of {digest}", "The registry says it neither by HEAD nor by GET")
        return size

    return transport.retrying(ask_for_first_byte, token=token) if retry else ask_for_first_byte()


def is_readable(transport: Transport, name: str, digest: str, size: int, token: CancelToken) -> bool:
    """Whether the first byte of a blob of `size` bytes really comes: after a clean-up in the registry HEAD may lie."""
    if size == 0:
        return blob_size(transport, name, digest, token) == 0
    path, scope = blob_path(name, digest), Scope(name)

    def ask() -> bool:
        with transport.stream(path, scope=scope, headers=_FIRST_BYTE, expect={200, 206, 404}, token=token) as body:
            return body.status != 404 and len(body.read(1)) == 1

    return transport.retrying(ask, token=token)


def read_blob(transport: Transport, name: str, digest: str, limit: int, token: CancelToken) -> bytes:
    """A blob of at most `limit` bytes, its digest verified. Raises RemoteNotFound or BadAnswer."""
    answer = transport.request(
        "GET", blob_path(name, digest), scope=Scope(name), expect={200}, limit=limit, token=token
    )
    if digest_of(answer.body) != digest:
        raise BadAnswer(f"Cannot read {digest}", "What the registry sent has another digest")
    return answer.body


class BlobSource:
    """A blob as `core.network.downloads` takes it."""

    def __init__(self, transport: Transport, name: str, digest: str, token: CancelToken) -> None:
        self._transport = transport
        self._path = blob_path(name, digest)
        self._scope = Scope(name)
        self._token = token

    def stream(self, headers: Mapping[str, str], expect: Collection[int]) -> AbstractContextManager[StreamedResponse]:
        return self._transport.stream(self._path, scope=self._scope, headers=headers, expect=expect, token=self._token)

    def retrying(self, action: Callable[[], None], *, position: Callable[[], int]) -> None:
        self._transport.retrying(action, token=self._token, position=position)
