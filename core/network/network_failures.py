# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an exception of the network means. Exceptions are judged by what they are made of, not by requests' wrappers."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from core.foundation.errors import BadAnswer, NetworkDown, ProxyInterference, RemoteError, TlsError
from core.foundation.text import visible

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
# The other side went away in the middle: no judgement about certificates.
_TLS_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def network_failure(error: BaseException | None, url: str, *, stalled: str = "", sent_bytes: int = 0) -> RemoteError:
    """The error of ours for `error`, raised while talking to the host of `url`. `stalled`: why we gave up ourselves."""
    host = urlsplit(url).netloc
    if stalled:
        return NetworkDown(f"The connection to {host} stalled", stalled, sent_bytes=sent_bytes)
    causes = list(_causes(error))
    kinds = {type(cause).__name__ for cause in causes}
    for cause in causes:
        if found := _TUNNEL.search(str(cause)):
            return _proxy_refuses(host, int(found[1]))
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, _TLS_ENDS):
            return _tls_failure(host, cause)
    if kinds & {"InvalidProxyURL", "InvalidSchema", "ProxySchemeUnknown"}:
        return ProxyInterference(f"No way to {host}", "the proxy named in the environment cannot be used")
    if kinds & {"InvalidHeader", "InvalidURL", "LocationParseError"}:
        return BadAnswer(f"{host} sent something that cannot be understood", "an address or a header is malformed")
    title = f"The proxy to {host} cannot be reached" if "ProxyError" in kinds else f"{host} cannot be reached"
    return NetworkDown(title, _words(causes), sent_bytes=sent_bytes)


def _proxy_refuses(host: str, status: int) -> ProxyInterference:
    remedies = ("Set user and password in HTTPS_PROXY, or except the host in NO_PROXY",) if status == 407 else ()
    why = "it wants a login of its own" if status == 407 else f"it answered {status}"
    return ProxyInterference(f"The proxy does not let us through to {host}", why, status=status, remedies=remedies)


def _tls_failure(host: str, error: ssl.SSLError) -> TlsError:
    title = f"No trustworthy connection to {host}"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not accepted: {visible(error.verify_message)}"
        return TlsError(title, why, remedies=("Name the file of its certificate authority in the mirror's settings",))
    reason = error.reason or str(error)
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return TlsError(title, "it does not speak TLS at this port", remedies=("Use oci+http:// if that is meant",))
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        why = f"it refuses us: {visible(reason.lower().replace('_', ' '))}"
        return TlsError(title, why, remedies=("It may want a client certificate",))
    return TlsError(title, visible(reason.lower().replace("_", " ")))


def _words(causes: list[BaseException]) -> str:
    """The innermost reason that has words for people."""
    for cause in reversed(causes):
        if isinstance(cause, socket.gaierror):
            return "its name cannot be resolved"
        if isinstance(cause, TimeoutError):
            return "no connection in time"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, ssl.SSLError):
            return cause.strerror
        if isinstance(cause, http.client.IncompleteRead):
            return "the answer ended too early"
        if isinstance(cause, http.client.RemoteDisconnected):
            return "the connection was closed without a complete answer"
    return "the connection broke"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and everything it wraps, outermost first: requests and urllib3 use causes, arguments and `reason`."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
