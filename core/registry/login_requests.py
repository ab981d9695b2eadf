# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The two kinds of requests that logging in needs: the registry's root, and its token server."""

from __future__ import annotations

from urllib.parse import urlsplit

from core.foundation.cancel import CancelToken
from core.network.bodies import BytesBody
from core.network.calls import NO_HEADERS, Call, Caller, beginning
from core.network.endpoints import Endpoint
from core.network.failures import clipped, interference, is_page
from core.network.messages import Headers, Response
from core.network.pace import Pace

_TOKEN_BYTES = 1 << 20
_ROOT_STATUSES = frozenset({200, 401, 403, 404, 405})


class LoginRequests:
    """Any thread. Raises the RemoteError family and Cancelled. One try each: they are part of a request's try."""

    def __init__(self, endpoint: Endpoint, caller: Caller, pace: Pace) -> None:
        self._endpoint = endpoint
        self._caller = caller
        self._pace = pace

    def ping(self, token: CancelToken) -> tuple[str, ...]:
        """The WWW-Authenticate headers of `GET /v2/`. Raises ProxyInterference if that is no registry."""
        call = Call("GET", f"{self._endpoint}/v2/", NO_HEADERS, _ROOT_STATUSES)
        self._pace.wait(token)
        with self._caller.followed(call, None, token) as answer:
            self._caller.accepted(call, answer, None, token)
            body = beginning(answer)
            if is_page(answer.headers, body) or (answer.status == 200 and not _is_root(answer.headers, body)):
                words = clipped(body.decode(errors="replace"))[:200]
                why = f"{call.url} is not the root of a registry: {words}"
                raise interference(self._endpoint.host, why, answer.status)
            return tuple(answer.headers.all("www-authenticate"))

    def ask(
        self, method: str, url: str, headers: dict[str, str], body: BytesBody | None, token: CancelToken
    ) -> Response:
        """A token server's answer with status 200; `headers` hold credentials, so redirects are refused."""
        call = Call(method, url, headers, {200}, body)
        host = urlsplit(url).netloc
        self._pace.wait(token)
        with self._caller.direct(call, url, headers, token) as answer:
            self._caller.accepted(call, answer, None, token)
            found = Response(answer.status, answer.headers, answer.read_all(_TOKEN_BYTES), url)
        if is_page(found.headers, found.body):
            raise interference(host, "a web page came instead of a token", found.status)
        return found


def _is_root(headers: Headers, body: bytes) -> bool:
    """True if a 200 to `GET /v2/` can be a registry's: it says so, or it is JSON or nothing at all."""
    return "docker-distribution-api-version" in headers or body.strip()[:1] in (b"", b"{")
