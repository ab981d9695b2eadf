# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Under which name a mirror's login is kept, found from the configuration alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror
from core.registry.references import ReferenceError as NoReference
from core.registry.references import parse_mirror_url

_NO_VARIABLE_LETTER = re.compile(r"[^A-Z0-9]+")


def connection_of(mirror: Mirror, direction: Direction) -> Connection:
    return mirror.push if direction is Direction.PUSH else mirror.fetch


def account_of(mirror: Mirror, direction: Direction) -> str:
    """`<variable>@<host[:port]>/<path>`; the variable is the one the configuration names, else one we invent."""
    connection = connection_of(mirror, direction)
    return _account(connection.secret_variable or invented_variable(mirror.name, "SECRET"), connection)


def token_account_of(mirror: Mirror, direction: Direction) -> str:
    """The same for the token of an object store, under its own variable; "" where the configuration names none."""
    connection = connection_of(mirror, direction)
    return _account(connection.token_variable, connection) if connection.token_variable else ""


def invented_variable(mirror: str, role: str) -> str:
    """A variable name for a mirror that has none: `role` is USER or SECRET."""
    return f"MIRRORDECK_{_NO_VARIABLE_LETTER.sub('_', mirror.upper())}_{role}"


def host_of(connection: Connection) -> str:
    """The server that gets the secret, with its port, in lower case; an S3 mirror's own endpoint if it has one."""
    return _place(connection)[0]


def repository_of(connection: Connection) -> str:
    """The path on that server."""
    return _place(connection)[1]


def hosts_of(mirror: Mirror) -> frozenset[str]:
    """The servers a mirror is fetched from and pushed to; none for folders."""
    return frozenset(host for side in (mirror.fetch, mirror.push) if (host := host_of(side)))


def shared_host_warnings(mirrors: Iterable[Mirror]) -> tuple[ErrorInfo, ...]:
    """One warning for each registry whose mirrors (in Spack's order) have different logins.

    Spack 1.1 goes through all mirrors, push before fetch, and uses the first login of a host everywhere there.
    """
    found: dict[str, dict[tuple[str, str, str], str]] = {}
    for mirror, direction in _in_spacks_order(mirrors):
        connection = connection_of(mirror, direction)
        if not connection.secret_variable or not connection.url.startswith(("oci://", "oci+http://")):
            continue
        login = (connection.user, connection.user_variable, connection.secret_variable)
        found.setdefault(host_of(connection), {}).setdefault(login, f"{mirror.name} ({direction})")
    return tuple(_warning(host, logins) for host, logins in found.items() if len(logins) > 1)


def _in_spacks_order(mirrors: Iterable[Mirror]) -> Iterator[tuple[Mirror, Direction]]:
    for mirror in mirrors:
        yield mirror, Direction.PUSH
        yield mirror, Direction.FETCH


def _warning(host: str, logins: dict[tuple[str, str, str], str]) -> ErrorInfo:
    first, *others = (
        f"{user or '$' + user_variable} with {secret_variable}, of {place}"
        for (user, user_variable, secret_variable), place in logins.items()
    )
    return ErrorInfo(
        "shared-host",
        f"The mirrors on {host} have different logins",
        f"Spack uses {first}, everywhere on that host, and never {' or '.join(others)}",
        ("Give all mirrors of that registry the same user and variables, or put the one that matters first.",),
    )


def _account(variable: str, connection: Connection) -> str:
    host, path = _place(connection)
    return f"{variable}@{host}/{path}"


def _place(connection: Connection) -> tuple[str, str]:
    """Host and path."""
    try:
        image = parse_mirror_url(connection.url)
    except NoReference:
        host, path = _host(connection.url), urlsplit(connection.url).path.strip("/")
    else:
        return image.domain.lower(), image.name
    endpoint = connection.endpoint_url
    if endpoint:
        return _host(endpoint if "://" in endpoint else f"https://{endpoint}"), f"{host}/{path}".rstrip("/")
    return host, path


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()
