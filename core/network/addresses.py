# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which addresses a server may send us to.

Servers name other addresses: where one logs in, where a file is really stored, where an upload goes on. None of them
may weaken the encryption, and a server out in the world has no business inside our network.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from enum import Enum
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from core.foundation.errors import BadAnswer, UsageError
from core.foundation.text import visible
from core.network.endpoints import Endpoint
from core.network.limits import LOCATION_BYTES

_PORTS = {"http": 80, "https": 443}
_ODD = re.compile(r"[^\x21-\x7e]|\\")


class Reach(Enum):
    """From where an address can be reached."""

    MACHINE = "this machine"
    LINK = "the local link"
    NETWORK = "a private network"
    WORLD = "anywhere"


def reach_of(host: str) -> Reach:
    """The narrowest reach among the addresses of a name or address; names that cannot be resolved are anywhere."""
    try:
        found = [ipaddress.ip_address(host.partition("%")[0])]
    except ValueError:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return Reach.WORLD
        found = [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]
    reaches = {_reach(address) for address in found}
    return next(reach for reach in Reach if reach in reaches)


def _reach(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Reach:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback or address.is_unspecified:
        return Reach.MACHINE
    if address.is_link_local:
        return Reach.LINK
    return Reach.WORLD if address.is_global else Reach.NETWORK


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what has to be equal for credentials to be sent. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)


def without_query(url: str) -> str:
    """For people and logs: queries may hold signatures."""
    return visible(url.partition("?")[0])[:500]


class Guard:
    """Judges addresses that one server names. Any thread."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._own = str(endpoint)
        self._own_host = origin(self._own)[1]
        self._reaches: dict[str, Reach] = {}

    def own(self, url: str) -> bool:
        """True if `url` is on the server itself: same scheme, host and port."""
        return origin(url) == origin(self._own)

    def target(self, path_or_url: str) -> str:
        """The address to send a request to: a path of the server, or a complete address it named.

        Raises UsageError for a path that would not arrive as it is written, BadAnswer for a forbidden address.
        """
        if path_or_url.startswith("/") and not path_or_url.startswith("//"):
            segments = unquote(path_or_url.partition("?")[0]).split("/")
            if _ODD.search(path_or_url) or "#" in path_or_url or {".", ".."} & set(segments):
                raise UsageError("That cannot be asked for", f"{visible(path_or_url)[:200]} is no proper address")
            return self._own + path_or_url
        self.check(path_or_url)
        return path_or_url

    def resolve(self, base: str, location: str) -> tuple[str, bool]:
        """The address that a Location or Link in an answer from `base` means, and if its scheme was put right.

        Servers behind a proxy that ends TLS believe to be http: on our host that is taken for https. Raises
        BadAnswer.
        """
        if len(location) > LOCATION_BYTES or _ODD.search(location.strip()):
            raise BadAnswer("The server sent an address that cannot be", visible(location)[:200])
        try:
            url = urljoin(base, location.strip())
            parts = urlsplit(url)
        except ValueError as error:
            raise BadAnswer("The server sent an address that cannot be", visible(location)[:200]) from error
        repaired = self._endpoint.scheme == "https" and parts.scheme == "http" and parts.hostname == self._own_host
        if repaired:
            url = parts._replace(scheme="https", netloc=self._endpoint.host).geturl()
        self.check(url)
        return url, repaired

    def check(self, url: str, *, encrypted: bool = False, private: bool = False) -> None:
        """Raise BadAnswer unless the server may send us to `url`.

        `encrypted` insists on https unless the server itself is http and `url` on its host; `private` lifts the
        ban on private networks.
        """
        parts = _split(url)
        host = (parts.hostname or "").rstrip(".")
        plain_here = self._endpoint.scheme == "http" and (not encrypted or host == self._own_host)
        if parts.scheme == "http" and not plain_here:
            raise BadAnswer("The server sends us to an unencrypted address", without_query(url))
        if host != self._own_host and not self._may_reach(self._reach(host), private):
            where = self._reach(host).value
            raise BadAnswer("The server sends us where it has no business", f"{without_query(url)} is on {where}")

    def _may_reach(self, there: Reach, private: bool) -> bool:
        here = self._reach(self._own_host)
        if there is Reach.WORLD or there is here:
            return True
        # A tunnel: the server is reached through this machine but lives in the network.
        return there is Reach.NETWORK and (private or here is Reach.MACHINE)

    def _reach(self, host: str) -> Reach:
        if host not in self._reaches:
            self._reaches[host] = reach_of(host)
        return self._reaches[host]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in _PORTS and parts.hostname and parts.username is None and parts.password is None
        if fine and (parts.port or 1) > 0 and not _ODD.search(url):
            return parts
    except ValueError:
        pass
    raise BadAnswer("The server sent an address that cannot be", without_query(url))
