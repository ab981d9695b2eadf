# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about a mirror, without Qt."""

from __future__ import annotations

import time
from urllib.parse import urlsplit, urlunsplit

from core.foundation.text import format_age
from core.mirrors.model import Mirror, MirrorKind
from core.services.values import MirrorRow
from gui import messages
from gui.widgets.cell import Look

_NO_SIGNATURES = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_HIDDEN_PASSWORD = "••••"  # noqa: S105


def kind_text(mirror: Mirror) -> str:
    return messages.KIND_WORDS[mirror.kind] if mirror.kind else messages.KIND_UNKNOWN


def shown_address(url: str) -> str:
    """An address for people: folders as paths, passwords hidden."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return parts.path or url
    user, at, host = parts.netloc.rpartition("@")
    if at and ":" in user:
        name = user.partition(":")[0]
        return urlunsplit(parts._replace(netloc=f"{name}:{_HIDDEN_PASSWORD}@{host}"))
    return url


def push_address(mirror: Mirror) -> str:
    folder = mirror.push.folder
    return str(folder) if folder else shown_address(mirror.push.url)


def fetch_address(mirror: Mirror) -> str:
    folder = mirror.fetch.folder
    return str(folder) if folder else shown_address(mirror.fetch.url)


def signed_text(mirror: Mirror) -> str:
    if mirror.kind in _NO_SIGNATURES:
        return messages.NOT_AVAILABLE
    return messages.YES if mirror.signed else messages.NO


def contains_text(mirror: Mirror) -> str:
    if mirror.binary and mirror.source:
        return messages.BINARIES_AND_SOURCES
    return messages.BINARIES if mirror.binary else messages.SOURCES if mirror.source else messages.NONE


def status_look(row: MirrorRow) -> Look:
    mirror = row.mirror
    if row.status is not None:
        return Look("cross", "bad", messages.STATUS_OF_CODE.get(row.status.code, row.status.title))
    if mirror.push_problem:
        return Look("triangle", "warn", messages.STATUS_NO_LOGIN)
    if mirror.push.plain_secret or mirror.fetch.plain_secret:
        return Look("triangle", "warn", messages.STATUS_PLAIN_SECRET)
    if not mirror.binary:
        return Look("circle", "dim", messages.STATUS_SOURCES, quiet=True)
    if row.writable is None:
        return Look("circle", "dim", messages.STATUS_NOT_CHECKED, quiet=True)
    if not row.writable:
        return Look("triangle", "warn", messages.STATUS_NOT_WRITABLE)
    return Look("check", "ok", messages.STATUS_OK if row.packages is not None else messages.STATUS_NO_INDEX)


def status_tip(row: MirrorRow) -> str:
    """More about the status: the reason of a problem."""
    if row.status is not None:
        return row.status.sentence()
    if row.mirror.push_problem:
        return row.mirror.push_problem
    if row.mirror.push.plain_secret or row.mirror.fetch.plain_secret:
        return messages.STATUS_PLAIN_SECRET_TIP
    if row.writable is False:
        return messages.STATUS_NOT_WRITABLE_TIP
    return messages.STATUS_NOT_CHECKED_TIP if row.writable is None and row.mirror.binary else ""


def index_text(row: MirrorRow) -> str:
    if row.packages is None:
        return messages.NO_INDEX if row.writable is not None else messages.STATUS_NOT_CHECKED
    age = format_age(time.time() - row.index_written_at) if row.index_written_at else ""
    return messages.index_of(row.packages, age)


def may_push_text(row: MirrorRow) -> str:
    if row.writable is None:
        return messages.MAY_PUSH_NOT_CHECKED
    return messages.MAY_PUSH_YES if row.writable else f"{messages.NO}, {status_look(row).word}"


def why_not_push(mirror: Mirror) -> str:
    """ "" if a push can be tried."""
    if not mirror.binary:
        return messages.WHY_NO_BINARIES
    return "" if mirror.push.folder else messages.WHY_NOT_PUSHABLE


def yaml_lines(mirror: Mirror) -> list[tuple[str, str]]:
    """The entry as Spack reads it, line by line, each with where it is written."""
    lines = []
    for origin in mirror.origin:
        parts = origin.key.split(".") if origin.key else []
        value = _value_of(mirror, origin.key)
        leaf = not any(other.key.startswith(f"{origin.key}.") for other in mirror.origin) if origin.key else False
        name = parts[-1] if parts else mirror.name
        if not parts and len(mirror.origin) == 1:
            value, leaf = shown_address(mirror.fetch.raw or mirror.push.raw), True
        text = f"{'  ' * len(parts)}{name}:" + (f" {value}" if leaf else "")
        lines.append((text, messages.origin(origin.scope, origin.file, origin.line)))
    return lines


def _value_of(mirror: Mirror, key: str) -> str:
    side = mirror.fetch if key.startswith("fetch") else mirror.push
    values: dict[str, object] = {
        "url": shown_address(side.raw),
        "fetch": shown_address(mirror.fetch.raw),
        "push": shown_address(mirror.push.raw),
        "binary": mirror.binary,
        "source": mirror.source,
        "signed": mirror.signed,
        "autopush": mirror.autopush,
        "id": side.user,
        "id_variable": side.user_variable,
        "secret_variable": side.secret_variable,
        "access_token_variable": side.token_variable,
        "profile": side.profile,
        "endpoint_url": side.endpoint_url,
    }
    value = values.get(key.rpartition(".")[2], _HIDDEN_PASSWORD)
    return str(value).lower() if isinstance(value, bool) else str(value)
