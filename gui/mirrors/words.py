# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about a mirror, without Qt."""

from __future__ import annotations

import time
from urllib.parse import urlsplit, urlunsplit

from core.foundation.text import format_age, visible
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Mirror, MirrorKind
from core.services.values import MirrorRow
from gui import messages
from gui.widgets.cell import Look

_REGISTRIES = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_LOGIN_LACKS = frozenset(
    {
        CredentialState.PLAIN_TEXT,
        CredentialState.MISSING,
        CredentialState.LOCKED,
        CredentialState.NO_KEYRING,
        CredentialState.WAITING,
    }
)
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


def short_push_address(mirror: Mirror) -> str:
    """For a table that names the kind beside it: a repository of a registry without its scheme."""
    address = push_address(mirror)
    return address.partition("://")[2] if mirror.push.kind in _REGISTRIES else address


def fetch_address(mirror: Mirror) -> str:
    folder = mirror.fetch.folder
    return str(folder) if folder else shown_address(mirror.fetch.url)


def signed_text(mirror: Mirror) -> str:
    if mirror.kind in _REGISTRIES:
        return messages.NOT_APPLICABLE
    return messages.YES if mirror.signed else messages.NO


def signed_tip(mirror: Mirror) -> str:
    return messages.NOT_SIGNED_TIP if mirror.kind in _REGISTRIES else ""


def login_word(row: MirrorRow) -> str:
    """Where the login comes from, or why there is none."""
    return messages.NONE if row.login is None else messages.LOGIN_WORDS[row.login.state]


def login_look(row: MirrorRow) -> Look | None:
    """What needs care has a shape of its own."""
    return Look("triangle", "warn", login_word(row)) if login_lacks(row) else None


def login_lacks(row: MirrorRow) -> bool:
    """True if a login is configured that cannot be used as it is."""
    return row.login is not None and row.login.state in _LOGIN_LACKS


def login_text(row: MirrorRow) -> str:
    """`hpcbot, stored (GNOME Keyring)`."""
    login = row.login
    if login is None:
        return messages.NONE
    source = f" ({login.source})" if login.source else ""
    return ", ".join(part for part in (login.user, login_word(row) + source) if part)


def login_tip(row: MirrorRow) -> str:
    if row.login is None:
        return ""
    tip, note = messages.LOGIN_TIPS[row.login.state], visible(row.login.note)
    note = note[:1].upper() + note[1:]
    return messages.sentences(tip, note if note != tip else "")


def _login_problem(row: MirrorRow) -> str:
    """What Spack says about variables that are not set, unless the login comes from somewhere else."""
    found = row.login is not None and not login_lacks(row) and not row.mirror.push.problem
    return "" if found else row.mirror.push_problem


def contains_text(mirror: Mirror) -> str:
    if mirror.binary and mirror.source:
        return messages.BINARIES_AND_SOURCES
    return messages.BINARIES if mirror.binary else messages.SOURCES if mirror.source else messages.NONE


def status_look(row: MirrorRow) -> Look:
    mirror = row.mirror
    if row.status is not None:
        return Look("cross", "bad", messages.STATUS_OF_CODE.get(row.status.code, row.status.title))
    if _login_problem(row):
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
    if problem := _login_problem(row):
        return problem
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
    return "" if mirror.push.folder or mirror.push.kind in _REGISTRIES else messages.WHY_NOT_PUSHABLE


def why_not_browse(mirror: Mirror) -> str:
    """ "" if what the mirror holds can be shown."""
    if not mirror.binary:
        return messages.WHY_NO_BINARIES
    readable = mirror.fetch.folder is not None or mirror.fetch.kind in _REGISTRIES
    return "" if readable else messages.WHY_NOT_READABLE


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
