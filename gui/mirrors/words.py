# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about a mirror, without Qt."""

from __future__ import annotations

import time
from urllib.parse import urlsplit, urlunsplit

from core.foundation.errors import ErrorInfo
from core.foundation.text import format_age, visible
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import Mirror, MirrorKind
from core.services.login_values import StepKey, StepState, TestView
from core.services.mirror_values import MirrorDetails, OriginLine
from core.services.values import MirrorRow
from gui import messages
from gui.mirrors import testing_words
from gui.widgets.cell import Look

USERS = "For users"
USERS_SENTENCE = "What other people do once to use this mirror:"
COPY_ALL = "Copy all"
CI_PURPOSE = "Destination of spack ci"
IN_FORCE = "in force"
NOT_USED = "not used:"

_REGISTRIES = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_READABLE = (MirrorKind.FOLDER, MirrorKind.WEB, MirrorKind.S3, MirrorKind.GS, *_REGISTRIES)
_DELETABLE = (MirrorKind.FOLDER, MirrorKind.S3, MirrorKind.GS)
_WITH_LOGIN = (*_REGISTRIES, MirrorKind.S3)
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


def short_fetch_address(mirror: Mirror) -> str:
    """For a table: as `short_push_address`."""
    address = fetch_address(mirror)
    return address.partition("://")[2] if mirror.fetch.kind in _REGISTRIES else address


def fetch_address(mirror: Mirror) -> str:
    folder = mirror.fetch.folder
    return str(folder) if folder else shown_address(mirror.fetch.url)


def signed_text(mirror: Mirror) -> str:
    if mirror.kind in _REGISTRIES:
        return messages.NOT_APPLICABLE
    if mirror.signed_setting is None:
        return messages.SIGNED_DEFAULT
    return messages.YES if mirror.signed_setting else messages.NO


def signed_tip(mirror: Mirror) -> str:
    if mirror.kind in _REGISTRIES:
        return messages.NOT_SIGNED_TIP
    return messages.SIGNED_DEFAULT_TIP if mirror.signed_setting is None else ""


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


def status_look(
    row: MirrorRow, test: TestView | None = None, *, running: bool = False, failure: ErrorInfo | None = None
) -> Look:
    """The state in a word: what the configuration and the disk say comes before what a test said. `failure` is why the
    last test could not be made."""
    mirror = row.mirror
    if running:
        return Look("half", "accent", testing_words.TESTING)
    if row.status is not None:
        return Look("cross", "bad", messages.STATUS_OF_CODE.get(row.status.code, row.status.title))
    if _login_problem(row):
        return Look("triangle", "warn", messages.STATUS_NO_LOGIN)
    if mirror.push.plain_secret or mirror.fetch.plain_secret:
        return Look("triangle", "warn", messages.STATUS_PLAIN_SECRET)
    if test is not None:
        return testing_words.verdict_look(test)
    if failure is not None:
        return Look("cross", "bad", testing_words.NOT_POSSIBLE)
    if not mirror.binary:
        return Look("circle", "dim", messages.STATUS_SOURCES, quiet=True)
    if row.writable is None:
        return Look("circle", "dim", messages.STATUS_NOT_CHECKED, quiet=True)
    if not row.writable:
        return Look("triangle", "warn", messages.STATUS_NOT_WRITABLE)
    if row.free_bytes is None:
        return Look("info", "warn", messages.STATUS_NO_FOLDER)
    return Look("check", "ok", messages.STATUS_OK if row.packages is not None else messages.STATUS_NO_INDEX)


def status_tip(row: MirrorRow, test: TestView | None = None, failure: ErrorInfo | None = None) -> str:
    """More about the status: the reason of a problem."""
    if row.status is not None:
        return messages.sentences(row.status.sentence(), *row.status.remedies)
    if problem := _login_problem(row):
        return problem
    if row.mirror.push.plain_secret or row.mirror.fetch.plain_secret:
        return messages.STATUS_PLAIN_SECRET_TIP
    if test is not None:
        return testing_words.verdict_tip(test)
    if failure is not None:
        return failure.sentence()
    if row.writable is False:
        return messages.STATUS_NOT_WRITABLE_TIP
    if row.writable and row.free_bytes is None:
        return messages.STATUS_NO_FOLDER_TIP
    return messages.STATUS_NOT_CHECKED_TIP if row.writable is None and row.mirror.binary else ""


def index_text(row: MirrorRow) -> str:
    if row.packages is None:
        return messages.NO_INDEX if row.writable is not None else messages.STATUS_NOT_CHECKED
    age = format_age(time.time() - row.index_written_at) if row.index_written_at else ""
    return messages.index_of(row.packages, age)


def may_push_text(row: MirrorRow, test: TestView | None = None) -> str:
    pushed = next((step for step in test.steps if step.key is StepKey.PUSH), None) if test is not None else None
    if pushed is not None and pushed.state is not StepState.SKIPPED:
        return messages.YES if pushed.state is StepState.OK else visible(pushed.detail)
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
    return "" if mirror.fetch.kind in _READABLE else messages.WHY_NOT_READABLE


def why_not_sign_in(mirror: Mirror) -> str:
    """ "" if there is a place to sign in to."""
    kinds = (mirror.push.kind, mirror.fetch.kind)
    return "" if any(kind in _WITH_LOGIN for kind in kinds) else messages.WHY_NO_LOGIN


def why_not_destroy(mirror: Mirror) -> str:
    """ "" where Spack can delete what a mirror holds."""
    return "" if mirror.push.kind in _DELETABLE else messages.WHY_NOT_DELETABLE


def is_plain(row: MirrorRow) -> bool:
    """True if a file holds a secret of this mirror."""
    return row.mirror.push.plain_secret or row.mirror.fetch.plain_secret


def yaml_text(details: MirrorDetails) -> str:
    """The entry of each scope as it is written, then where each value that counts comes from."""
    blocks = [f"# {messages.origin(text.scope, text.file, text.line)}\n{text.text.rstrip()}" for text in details.texts]
    if len(details.texts) > 1:
        lines = [f"# {line.key}: {line.value}  ({_origin_text(line)})" for line in details.origins if line.value]
        blocks.append("\n".join((f"# {IN_FORCE}", *lines)))
    return "\n".join(visible(line) for line in "\n\n".join(blocks).splitlines())


def entry_text(details: MirrorDetails | None) -> str:
    """The entry that counts, as it is written."""
    return details.texts[0].text if details is not None and details.texts else ""


def _origin_text(line: OriginLine) -> str:
    hidden = f", {NOT_USED} {', '.join(line.shadowed)}" if line.shadowed else ""
    return f"{messages.origin(line.scope, line.file, line.line)}{hidden}"


def origins_text(details: MirrorDetails) -> str:
    """`url from user, signed from site`; only the scope where there is one."""
    by_scope: dict[str, list[str]] = {}
    for line in details.origins:
        if line.key and line.value:
            by_scope.setdefault(line.scope, []).append(line.key)
    if len(by_scope) < 2:
        return visible(next(iter(by_scope), details.texts[0].scope if details.texts else ""))
    parts = [f"{', '.join(keys)} from {scope}" for scope, keys in by_scope.items()]
    return visible(", ".join(parts))


def origins_tip(details: MirrorDetails) -> str:
    return "\n".join(visible(f"{line.key}: {_origin_text(line)}") for line in details.origins if line.key)


def users_block(details: MirrorDetails) -> str:
    """All commands as one block, each below what it is for."""
    return "\n".join(f"# {line.purpose}\n{line.text}" for line in details.users_must_do)
