# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The way to a server step by step, so that each can be told apart: name, connection, certificate.

Any thread. Everything is bounded in time and raises NetworkDown, TlsError, ProxyInterference and Cancelled.
"""

from __future__ import annotations

import base64
import os
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from core.foundation.bounded import within
from core.foundation.cancel import CancelToken
from core.foundation.errors import NetworkDown, ProxyInterference
from core.foundation.text import visible
from core.network.endpoints import Endpoint
from core.network.network_failures import network_failure
from core.network.offline import check_online
from core.network.session import proxy_for, trust_in

_PORTS = {"https": 443, "http": 80}
_STEP_S = 10.0
_POLL_S = 0.1
_HEAD_BYTES = 16 << 10

# Family, and what `connect` takes there.
Address = tuple[socket.AddressFamily, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Route:
    """Which host and port are connected to for `endpoint`: its own, or those of a `proxy` named by the environment
    (its address may hold a password, so the repr leaves it out)."""

    endpoint: Endpoint
    host: str
    port: int
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """A certificate that was accepted. `expires` is in unix seconds; `issuer` is who vouches for it."""

    version: str
    issuer: str
    subject: str
    expires: float


def route_to(endpoint: Endpoint, *, port: int = 0) -> Route:
    """`port` is for schemes that are not of the web. Raises ProxyInterference for a proxy that cannot be."""
    proxy = proxy_for(str(endpoint)) if endpoint.scheme in _PORTS else ""
    parts = urlsplit(proxy if "://" in proxy or not proxy else f"http://{proxy}") if proxy else urlsplit(str(endpoint))
    try:
        number = parts.port or port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        number = 0
    if not parts.hostname or not number:
        raise ProxyInterference(f"No way to {endpoint.host}", "the proxy named in the environment cannot be used")
    return Route(endpoint, parts.hostname, number, parts.geturl() if proxy else "")


def resolve(route: Route, token: CancelToken) -> tuple[Address, ...]:
    """The addresses of the host, in the order in which they are tried. Raises WorkingOffline, too."""
    check_online(route.host)
    try:
        rows = within(_STEP_S, token, lambda: socket.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM))
    except TimeoutError:
        why = f"no name server answered within {_STEP_S:g} s"
    except (OSError, UnicodeError) as error:
        why = visible(getattr(error, "strerror", None) or "that is not a host name")
    else:
        return tuple(dict.fromkeys((row[0], row[4]) for row in rows))
    raise NetworkDown(
        f"The name {route.host} cannot be resolved",
        why,
        remedies=("Check the host name, and that this machine is in the right network (VPN)",),
    )


@contextmanager
def connected(route: Route, addresses: tuple[Address, ...], token: CancelToken) -> Iterator[socket.socket]:
    """A connection to the first of `addresses` that takes one, within 10 s for all of them."""
    deadline = time.monotonic() + _STEP_S
    reasons: list[str] = []
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as found:
            found.setblocking(False)
            problem = _connected(found, address, deadline, token)
            if not problem:
                yield found
                return
            reasons.append(f"{address[0]}: {problem}")
    who = "The proxy" if route.proxy else "The server"
    raise NetworkDown(
        f"{who} {route.host} takes no connection at port {route.port}",
        "; ".join(reasons),
        remedies=("Check the port, and whether a firewall is in between",),
    )


def examine_certificate(route: Route, connection: socket.socket, ca_file: Path | None, token: CancelToken) -> TlsFacts:
    """Make `connection` encrypted, judged as for any request, and say who vouches for the server."""
    context = trust_in(ca_file)
    try:
        if route.proxy:
            _tunnel(route, connection)
        name = urlsplit(str(route.endpoint)).hostname
        with context.wrap_socket(connection, server_hostname=name, do_handshake_on_connect=False) as secure:
            _wait_for(secure.do_handshake, secure, time.monotonic() + _STEP_S, token)
            return _facts(secure)
    except OSError as error:  # ssl.SSLError and TimeoutError are such
        raise network_failure(error, str(route.endpoint)) from None


def _tunnel(route: Route, connection: socket.socket) -> None:
    """Have the proxy connect to the server (RFC 9110, CONNECT). Raises OSError in words that are understood here."""
    proxy, target = urlsplit(route.proxy), urlsplit(str(route.endpoint))
    place = f"{target.hostname}:{target.port or _PORTS['https']}"
    request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if proxy.username:
        login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        request += f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"
    connection.settimeout(_STEP_S)
    connection.sendall(f"{request}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_BYTES:
        piece = connection.recv(1)  # nothing of what follows the head may be taken from the encryption
        if not piece:
            break
        head += piece
    connection.setblocking(False)
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"]:
        number = status[0].decode(errors="replace") if status else ""
        raise OSError(f"Tunnel connection failed: {number if number.isdecimal() else '502'}")


def _connected(connection: socket.socket, address: tuple[Any, ...], deadline: float, token: CancelToken) -> str:
    """Why it cannot be connected, "" if it is."""
    with selectors.DefaultSelector() as selector:
        try:
            connection.connect(address)
        except BlockingIOError:
            selector.register(connection, selectors.EVENT_WRITE)
        except OSError as error:
            return error.strerror or str(error)
        else:
            return ""
        while not selector.select(_POLL_S):
            token.raise_if_cancelled()
            if time.monotonic() > deadline:
                return "no answer in time"
    number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return os.strerror(number) if number else ""


def _wait_for(step: Callable[[], None], secure: ssl.SSLSocket, deadline: float, token: CancelToken) -> None:
    with selectors.DefaultSelector() as selector:
        while True:
            token.raise_if_cancelled()
            try:
                step()
            except ssl.SSLWantReadError:
                wanted = selectors.EVENT_READ
            except ssl.SSLWantWriteError:
                wanted = selectors.EVENT_WRITE
            else:
                return
            if time.monotonic() > deadline:
                raise TimeoutError
            selector.register(secure, wanted)
            selector.select(_POLL_S)
            selector.unregister(secure)


def _facts(secure: ssl.SSLSocket) -> TlsFacts:
    certificate = secure.getpeercert() or {}
    return TlsFacts(
        secure.version() or "",
        _name(certificate.get("issuer", ())),
        _name(certificate.get("subject", ())),
        ssl.cert_time_to_seconds(str(certificate["notAfter"])),
    )


def _name(parts: object) -> str:
    """Common name and organisation, as people know an authority or server."""
    found = {key: value for group in parts if isinstance(parts, tuple) for key, value in group}  # type: ignore[attr-defined]
    wanted = (found.get("commonName"), found.get("organizationName"))
    return visible(", ".join(dict.fromkeys(text for text in wanted if text)))
