# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What may be written about a mirror at all, and what a person should know about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple

from core.foundation.errors import ConfigError, ErrorInfo, UsageError
from core.foundation.text import visible
from core.mirrors.editing.content import effective, has_password
from core.mirrors.editing.document import Document, Entry
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.model import PLAIN_SECRET
from core.mirrors.schema import first_breach, plain_secrets
from core.spack.config import Value

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_name(name: str) -> None:
    """Raise UsageError if a mirror of that name could not be written, or not be told from an address."""
    reason = ""
    if not name or name != name.strip() or visible(name) != name:
        reason = "it must be visible text without spaces around it"
    elif "/" in name or "\\" in name or name in (".", ".."):
        reason = "Spack takes what has a slash for an address"
    elif name.endswith(":") or name == "<<":
        reason = "in Spack's files this is a sign, not a name"
    if reason:
        raise UsageError(f"{visible(name) or 'An empty text'} cannot be the name of a mirror", reason)


def check_form(form: MirrorForm, base: MirrorForm | None = None) -> None:
    """Raise UsageError naming the field that cannot be saved; what is as in `base` was there before."""
    if base is None or form.name != base.name:
        check_name(form.name)
    if not form.fetch.url:
        raise UsageError("The mirror has no address", "packages must be fetched from somewhere")
    known = (base.fetch, base.push) if base is not None else ()
    for direction, connection in (("", form.fetch), ("for pushing ", form.push)):
        if connection is not None and connection not in known:
            _check_connection(connection, direction)


def addresses(entry: Entry) -> Iterator[str]:
    """All addresses an entry says, each once, that for fetching first."""
    found = (effective(entry, "url", direction) for direction in ("fetch", "push"))
    yield from dict.fromkeys(str(url) for url in found if url)


def check_passwords(before: Entry | None, after: Entry) -> None:
    """Raise UsageError if an edit would write an address with a password, even one that was blanked before."""
    known = set(_all_addresses(before)) if before is not None else set()
    if any(has_password(address) and address not in known for address in _all_addresses(after)):
        raise UsageError(
            "The address holds a password",
            "everybody who can read the file could read it",
            remedies=("Leave it out of the address and give user and password as the login of this mirror.",),
        )


def check_result(before: Value | None, after: Document, name: str) -> None:
    """Raise ConfigError if an edit left an entry that Spack would reject and did not reject before."""
    value = after.value(name)
    breach = first_breach(value) if value is not None else None
    if value is None or breach is None or (before is not None and first_breach(before) is not None):
        return
    line = breach.value.origin.line
    raise ConfigError(f"{after.path}:{line}: mirror {name} would not be accepted by Spack", breach.why)


def secret_warnings(document: Document, name: str) -> list[ErrorInfo]:
    """A warning if an entry still holds a secret that everybody who reads the file can read."""
    value = document.value(name)
    if value is None or not plain_secrets(value):
        return []
    why = "Spack 1.0 and later do not run with it, and everyone who can read the file can read the secret."
    remedy = "Move it to the keyring, which leaves the names of variables in the file."
    return [ErrorInfo(PLAIN_SECRET, f"{name} holds a secret in plain text", why, (remedy,))]


def _all_addresses(entry: Entry) -> Iterator[str]:
    yield from addresses(entry)
    for direction in ("fetch", "push"):
        yield str(effective(entry, "endpoint_url", direction) or "")


def _check_connection(form: ConnectionForm, direction: str) -> None:
    if any(visible(text) != text or text != text.strip() for text in astuple(form)):
        raise UsageError(f"The details {direction}have invisible characters", "spaces around them, or line ends")
    if form.user and form.user_variable:
        raise UsageError(f"The user {direction}is given twice", "as a name and as a variable")
    for variable in (form.user_variable, form.secret_variable, form.token_variable):
        if variable and not _VARIABLE.fullmatch(variable):
            why = "letters, digits and underscores make the name of a variable; the secret itself is never written"
            raise UsageError(f"A variable {direction}cannot have this name", why)
