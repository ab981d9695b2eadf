# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files below a web address, read by key. Nothing can be listed there, and nothing is ever written.

What is not there is told apart from what may not be read and from what somebody else answered: a page for people in
the place of data is the work of a proxy or a login page, and never taken for content.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from core.foundation.cancel import CancelToken
from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
    BadAnswer,
    RemoteError,
    RemoteNotFound,
    UsageError,
)
from core.foundation.text import visible
from core.network.calls import NO_HEADERS, beginning
from core.network.client import Client
from core.network.downloads import Download, ResumingReader, range_total
from core.network.endpoints import Endpoint
from core.network.failures import clipped, interference, is_page
from core.network.messages import Headers
from core.network.session import Answer
from core.storage.reading import Stat, parts_of

_MISSING = frozenset({404, 410})
_REFUSED = frozenset({401, 403})
_NO_HEAD = frozenset({405, 501})
_REMEMBERED_BYTES = 32 << 20
_LARGEST_REMEMBERED = 1 << 20
_PAGE_BYTES = 1024
_S3_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A small file as it came, and by what the server recognises that it is still the same."""

    validators: Mapping[str, str]
    data: bytes
    facts: Stat


class WebStore:
    """What lies below `base`, an http or https address. Any thread; `client` is for its server and is not closed here.

    With `hides_missing` the server answers 403 for what does not exist, as S3 does unless everybody may list the
    bucket: as soon as anything could be read, that means "not there".
    """

    def __init__(self, client: Client, base: str, *, hides_missing: bool = False) -> None:
        self.base = base.rstrip("/")
        self.client = client
        self.hides_missing = hides_missing
        self.readable = False
        self._path = urlsplit(self.base).path
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._remembered_bytes = 0

    def files(self, token: CancelToken) -> WebFiles:
        """The files, read until `token` is cancelled."""
        return WebFiles(self, token)

    def path(self, key: str) -> str:
        return f"{self._path}/{quote('/'.join(parts_of(key)), safe='/')}"

    def known(self, key: str) -> _Remembered | None:
        with self._lock:
            found = self._remembered.get(key)
            if found is not None:
                self._remembered.move_to_end(key)
            return found

    def remember(self, key: str, headers: Headers, data: bytes, facts: Stat) -> None:
        """Keep a small file, so that it need not come again as long as the server says that it is the same."""
        names = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
        validators = {asked: headers[told] for told, asked in names if headers.get(told)}
        if not validators or len(data) > _LARGEST_REMEMBERED:
            return
        with self._lock:
            self._forget(key)
            self._remembered[key] = _Remembered(validators, data, facts)
            self._remembered_bytes += len(data)
            while self._remembered_bytes > _REMEMBERED_BYTES:
                self._forget(next(iter(self._remembered)))

    def _forget(self, key: str) -> None:
        old = self._remembered.pop(key, None)
        if old is not None:
            self._remembered_bytes -= len(old.data)


class WebFiles:
    """The `Files` of a store, for one operation that may be cancelled."""

    def __init__(self, store: WebStore, token: CancelToken) -> None:
        self._store = store
        self._token = token

    def where(self, key: str) -> str:
        return f"{self._store.base}/{key}"

    def exists(self, key: str) -> bool:
        return self.stat(key) is not None

    def fetch(self, key: str, limit: int) -> tuple[bytes, Stat]:
        known = self._store.known(key)
        headers = known.validators if known is not None else NO_HEADERS
        expect = {200, 304} if known is not None else {200}

        def once() -> tuple[bytes, Stat]:
            with self._answer("GET", key, headers, expect) as answer:
                if answer.status == 304 and known is not None:
                    return known.data, known.facts
                data = answer.read_all(limit)
                if is_page(Headers(), data):
                    raise self._page(key, answer.status)
                facts = Stat(len(data), _modified(answer.headers))
                self._store.remember(key, answer.headers, data, facts)
                return data, facts

        return self._store.client.retrying(once, token=self._token)

    def stat(self, key: str) -> Stat | None:
        def once() -> Stat | None:
            with self._answer("HEAD", key, NO_HEADERS, {200, *_NO_HEAD}) as answer:
                if answer.status == 200 and answer.headers.length is not None:
                    return Stat(answer.headers.length, _modified(answer.headers))
            with self._answer("GET", key, {"Range": "bytes=0-0"}, {200, 206, 416}) as answer:
                headers = answer.headers
                size = range_total(headers.get("content-range", "")) if answer.status == 206 else headers.length
                if answer.status == 416:
                    size = 0
            if size is None:
                raise BadAnswer(f"Cannot tell the size of {key}", f"{self.where(key)}: the server does not say it")
            return Stat(size, _modified(headers))

        try:
            return self._store.client.retrying(once, token=self._token)
        except RemoteNotFound:
            return None

    def open(self, key: str) -> ResumingReader:
        return ResumingReader(_WebSource(self, key, self._store.client, self._token), self.where(key))

    def save(self, key: str, digest: str, target: Path, *, token: CancelToken, progress: Callable[[int], None]) -> None:
        facts = self.stat(key)
        if facts is None:
            raise self._missing(key)
        source = _WebSource(self, key, self._store.client, token)
        Download(source, digest, facts.size, target, token=token, progress=progress).run()

    def scan(self, prefix: str) -> None:  # noqa: ARG002  nothing can be listed
        return None

    @contextmanager
    def answer(self, key: str, headers: Mapping[str, str], expect: Collection[int]) -> Iterator[Answer]:
        """One GET of a large file; what is no content becomes an error."""
        with self._answer("GET", key, headers, expect, transfer=True) as answer:
            yield answer

    @contextmanager
    def _answer(
        self, method: str, key: str, headers: Mapping[str, str], expect: Collection[int], *, transfer: bool = False
    ) -> Iterator[Answer]:
        store = self._store
        with store.client.answer(
            method,
            store.path(key),
            headers=headers,
            expect={*expect, *_MISSING, *_REFUSED},
            token=self._token,
            transfer=transfer,
        ) as answer:
            if answer.status in _REFUSED:
                raise self._refusal(key, answer)
            if answer.status in _MISSING:
                answer.drain()
                raise self._missing(key, answer.status)
            store.readable = store.readable or answer.status in (200, 206)
            yield answer

    def _missing(self, key: str, status: int = 404) -> RemoteNotFound:
        return RemoteNotFound(f"Cannot read {key}", f"{self.where(key)}: there is no such file", status=status)

    def _refusal(self, key: str, answer: Answer) -> RemoteError:
        store = self._store
        if answer.status == 403 and store.hides_missing and store.readable:
            return self._missing(key, answer.status)
        body = beginning(answer)
        message = _S3_MESSAGE.search(body)
        words = clipped(message[1].decode(errors="replace")) if message else ""
        why = f"{self.where(key)}: HTTP {answer.status}" + (f", {words}" if words else "")
        host = store.client.endpoint.host
        if answer.status == 401:
            return AuthRequired(f"{host} wants a login", why, remedies=_ANONYMOUS, status=401)
        return AccessDenied(f"{host} does not let everybody read this", why, remedies=_ANONYMOUS, status=403)

    def _page(self, key: str, status: int) -> RemoteError:
        host = self._store.client.endpoint.host
        return interference(host, f"a web page came for {visible(self.where(key))}", status)

    def check_is_data(self, key: str, answer: Answer) -> None:
        """Raise ProxyInterference if a large file is about to be a page for people."""
        if answer.status == 200 and answer.headers.media_type in ("text/html", "application/xhtml+xml"):
            raise self._page(key, answer.status)


_ANONYMOUS = ("Such mirrors are read without a login; make the address public, or use a folder or a registry",)


class _WebSource:
    """A large file as `core.network.downloads` takes it."""

    def __init__(self, files: WebFiles, key: str, client: Client, token: CancelToken) -> None:
        self.key = key
        self._files = files
        self._client = client
        self._token = token

    @contextmanager
    def stream(self, headers: Mapping[str, str], expect: Collection[int]) -> Iterator[Answer]:
        with self._files.answer(self.key, headers, expect) as answer:
            self._files.check_is_data(self.key, answer)
            yield answer

    def retrying(self, action: Callable[[], None], *, position: Callable[[], int]) -> None:
        self._client.retrying(action, token=self._token, position=position)


def server_of(base: str) -> Endpoint:
    """The server of a web address. Raises UsageError for one that cannot be read from."""
    try:
        parts = urlsplit(base)
        port = parts.port
    except ValueError as error:
        raise UsageError("That is not a web address", str(error)) from error
    if parts.username is not None or parts.password is not None:
        raise UsageError("Addresses with a user or password cannot be used", f"the one on {parts.hostname} has them")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError("That is not the address of a mirror on the web", visible(base)[:300])
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Endpoint(parts.scheme, f"{host}:{port}" if port is not None else host)


def _modified(headers: Headers) -> float:
    try:
        return parsedate_to_datetime(headers.get("last-modified", "")).timestamp()
    except (ValueError, IndexError, OverflowError, TypeError):
        return 0.0
