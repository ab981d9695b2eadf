# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One request and its answer, by requests: the only module that knows requests and urllib3.

Nothing is added or decided behind our back: addresses are sent as they are, no cookies, no .netrc, no redirects, no
decompression, no retries. Proxies come from the environment. Exceptions become our errors here; they are not chained,
because requests' own hold headers and addresses with signatures.
"""

from __future__ import annotations

import http.client
import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, resolve_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from core.foundation.cancel import CancelToken, LaterToken
from core.foundation.errors import BadAnswer, StorageFailed, from_os_error
from core.network.bodies import Body
from core.network.limits import LONGEST_FINALISING_S, PIECE_BYTES, SILENCE_S
from core.network.messages import Headers
from core.network.network_failures import network_failure
from core.network.offline import check_online
from core.network.tls import client_context
from core.network.watchdog import Watch, Watchdog

# urllib3 logs addresses with their queries, and those may hold signatures.
logging.getLogger("urllib3").setLevel(logging.ERROR)

# The watchdog ends an exchange long before; this is for the case that it does not live.
_SOCKET_S = LONGEST_FINALISING_S + 2 * SILENCE_S
_READ_BYTES = 256 << 10
_DRAIN_BYTES = 64 << 10
_PROXY_KINDS = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# In a CGI script HTTP_PROXY is what a visitor sent.
_PROXY_VARIABLES = (*_PROXY_KINDS, *map(str.upper, _PROXY_KINDS), "REQUEST_METHOD")

_watched = threading.local()


class _HeadReader:
    """Lines of an answer's head. http.client takes a head that was cut off for a complete one."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readline(self, limit: int) -> bytes:
        line: bytes = self._file.readline(limit)
        if not line.endswith(b"\n") and len(line) < limit:
            raise http.client.RemoteDisconnected("in the middle of the headers")
        return line

    def close(self) -> None:
        self._file.close()


class _WholeResponse(http.client.HTTPResponse):
    def begin(self) -> None:
        file = self.fp
        reader: Any = _HeadReader(file)
        self.fp = reader
        try:
            super().begin()
        finally:
            if self.fp is reader:
                self.fp = file


class _Watched:
    """Mixed into connections: tells the watch of the running exchange which socket it is about."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        # urllib3 leaves the connect time-out on the socket while the body is sent.
        self.sock.settimeout(_SOCKET_S)
        _watched.watch.attach(self.sock)

    def request(self, *arguments: Any, **options: Any) -> None:
        if self.sock is not None:
            self.timeout = _SOCKET_S  # set anew by urllib3 before each request, to the connect time-out
            _watched.watch.attach(self.sock)
        super().request(*arguments, **options)  # type: ignore[misc]


class _PlainConnection(_Watched, HTTPConnection):
    response_class = _WholeResponse


class _SecureConnection(_Watched, HTTPSConnection):
    response_class = _WholeResponse


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def __init__(self, context: ssl.SSLContext, connections: int) -> None:
        self._context = context
        super().__init__(pool_connections=connections, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options, ssl_context=self._context)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        # The context says whom to trust; requests would add its own bundle to it.
        conn.cert_reqs = "CERT_REQUIRED"


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """In the place where requests would otherwise put what it finds in ~/.netrc."""
    return request


@lru_cache(maxsize=64)
def _looked_up(address: str, _environment: tuple[str | None, ...]) -> Mapping[str, str]:
    request = requests.PreparedRequest()
    request.url = address
    return resolve_proxies(request, {})


def _proxies_for(url: str) -> dict[str, str]:
    """The proxy of the environment for an address. requests would look it up for every request, among all variables and
    at a tenth of the time that a small request takes."""
    parts = urlsplit(url)
    return dict(_looked_up(f"{parts.scheme}://{parts.netloc}", tuple(map(os.environ.get, _PROXY_VARIABLES))))


class Session(requests.Session):
    """Connections to any number of hosts, kept open. Any thread; `close` when no exchange runs any more."""

    def __init__(
        self,
        watchdog: Watchdog,
        *,
        ca_file: Path | None = None,
        client_certificate: tuple[Path, Path] | None = None,
        connect_s: float = 10.0,
        header_s: float = SILENCE_S,
        connections: int = 8,
    ) -> None:
        super().__init__()
        self.trust_env = False
        self._watchdog = watchdog
        self._connect_s = connect_s
        self._header_s = header_s
        self.auth = _no_authentication
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = _Adapter(client_context(ca_file, client_certificate, DEFAULT_CA_BUNDLE_PATH), connections)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:  # noqa: ARG002
        """Credentials never move on to another address, and none are looked up for it."""
        prepared_request.headers.pop("Authorization", None)

    def get_redirect_target(self, resp: Any) -> str | None:  # noqa: ARG002
        """None: the transport follows by its own rules, and requests would read the whole body first."""
        return None

    @contextmanager
    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        token: CancelToken,
        body: Body | None = None,
        finalising_s: float = SILENCE_S,
        sending: Callable[[int], None] = lambda _count: None,
        patience_s: float = 0.0,
    ) -> Iterator[Answer]:
        """Send one request; the answer may be read while the block runs.

        `url` is sent as it is. `sending` gets the bytes of the body handed over since its last call. What was begun is
        given up `patience_s` after `token` is cancelled. Raises NetworkDown, WorkingOffline, TlsError,
        ProxyInterference, BadAnswer or Cancelled, and whatever reading the body raises (OSError as the family's storage
        errors).
        """
        check_online(urlsplit(url).hostname or url)
        request = requests.PreparedRequest()
        request.method = method
        request.url = url
        request.hooks = {"response": []}
        request.headers = requests.structures.CaseInsensitiveDict(headers)
        request.headers["Accept-Encoding"] = "identity"
        token.raise_if_cancelled()
        with self._watchdog.watching(LaterToken(token, patience_s) if patience_s else token) as watch:
            outgoing = _Outgoing(body, watch, finalising_s, sending) if body is not None else None
            if outgoing is not None or method in ("POST", "PUT", "PATCH"):
                request.headers["Content-Length"] = str(outgoing.size if outgoing else 0)
            request.body = outgoing if outgoing is not None and outgoing.size else None  # type: ignore[assignment]
            with Answer(self._sent(request, watch, outgoing), watch) as answer:
                yield answer

    def _sent(self, request: requests.PreparedRequest, watch: Watch, outgoing: _Outgoing | None) -> requests.Response:
        _watched.watch = watch
        # Until the body is on its way, or the answer has begun.
        watch.expect(self._connect_s + self._header_s)
        try:
            found = self.send(
                request,
                stream=True,
                verify=True,
                proxies=_proxies_for(request.url or ""),
                timeout=(self._connect_s, _SOCKET_S),
                allow_redirects=False,
            )
        except _FAILURES as error:
            _fail(error, watch, request.url or "", outgoing.sent if outgoing else 0)
        finally:
            if outgoing is not None:
                outgoing.close()
            _watched.watch = None
        watch.rest()
        return found


class _Outgoing:
    """A body as requests iterates over it. What goes wrong while reading it must not look like a network failure."""

    def __init__(self, body: Body, watch: Watch, finalising_s: float, sending: Callable[[int], None]) -> None:
        self.size = body.size
        self.sent = 0
        self._file = body.open()
        self._watch = watch
        self._finalising_s = finalising_s
        self._sending = sending

    def close(self) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        while self.sent < self.size:
            self._watch.token.raise_if_cancelled()
            self._watch.rest()
            try:
                piece = self._file.read(min(PIECE_BYTES, self.size - self.sent))
            except OSError as error:
                raise from_os_error(error, "What is to be uploaded cannot be read") from error
            if not piece:
                why = f"it ended after {self.sent} of {self.size} bytes"
                raise StorageFailed("What is to be uploaded changed meanwhile", why)
            self._watch.expect(SILENCE_S, paced=True)
            yield piece
            self.sent += len(piece)
            self._watch.moved(len(piece))
            self._sending(len(piece))
        self._watch.expect(self._finalising_s)


class Answer:
    """Status and headers of an answer, and its body while it arrives. One thread."""

    def __init__(self, response: requests.Response, watch: Watch) -> None:
        self.status = response.status_code
        self.for_head = response.request.method == "HEAD"
        self.url = response.url
        self._raw: urllib3.HTTPResponse = response.raw
        self.headers = Headers(self._raw.headers.items())
        self._watch = watch
        self._got = 0
        self._ended = False

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._ended:
            self._raw.release_conn()
        else:
            self._raw.close()

    def read(self, count: int) -> bytes:
        """Up to `count` bytes as they arrived, b"" at the end. Raises NetworkDown if that comes too early."""
        self._watch.token.raise_if_cancelled()
        self._watch.expect(SILENCE_S, paced=True)
        try:
            data: bytes = self._raw.read1(min(count, _READ_BYTES), decode_content=False) or b""
        except _FAILURES as error:
            _fail(error, self._watch, self.url)
        if not data:
            self._ended = True
            if self._watch.stalled or self._watch.token.cancelled:
                _fail(None, self._watch, self.url)
        self._watch.moved(len(data))
        self._watch.rest()
        self._got += len(data)
        return data

    def read_all(self, limit: int) -> bytes:
        """The whole body. Raises BadAnswer if it is longer than `limit`."""
        if self.for_head or (self.headers.length or 0) <= limit:
            data = self.read_some(limit + 1)
            if len(data) <= limit:
                return data
        raise BadAnswer("An answer is longer than it can be", f"more than {limit} bytes", status=self.status)

    def read_some(self, limit: int) -> bytes:
        """The first `limit` bytes, or fewer if there are no more."""
        pieces: list[bytes] = []
        left = limit
        while left > 0 and (piece := self.read(left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def drain(self) -> None:
        """Read a short body to its end, so that the connection can be used again."""
        if self.for_head or (self.headers.length or 0) < _DRAIN_BYTES:
            self.read_some(_DRAIN_BYTES)


_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


def _fail(error: Exception | None, watch: Watch, url: str, sent: int = 0) -> NoReturn:
    """Raise what `error` means, or why the watch ended the exchange."""
    watch.token.raise_if_cancelled()
    raise network_failure(error, url, stalled=watch.stalled, sent_bytes=sent) from None


def proxy_for(url: str) -> str:
    """The proxy that requests to `url` go through by the environment, "" for none."""
    proxies = requests.utils.get_environ_proxies(url, no_proxy=None)
    return requests.utils.select_proxy(url, proxies) or ""


def trust_in(ca_file: Path | None) -> ssl.SSLContext:
    """Whom a session with `ca_file` trusts. Raises TlsError."""
    return client_context(ca_file, None, DEFAULT_CA_BUNDLE_PATH)
