# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors of an instance from its configuration, resolved by Spack 1.1's rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from core.foundation.errors import ErrorInfo
from core.mirrors.model import PLAIN_SECRET, Connection, KeyOrigin, Mirror, MirrorList
from core.mirrors.schema import first_breach, plain_secrets
from core.spack.config import Value, merge, problem_at, section_values
from core.spack.instance import Instance
from core.spack.substitutions import PathContext, resolve_address


def mirrors_of(instance: Instance) -> MirrorList:
    """All mirrors of `instance`, read from its files and resolved now; any thread that may wait for a disk.

    Entries that Spack would reject are left out and named in the problems, the others load.
    """
    sections, problems = section_values(instance.scopes, "mirrors")
    found: list[ErrorInfo] = list(problems)
    merged = merge([_accepted(section, found) for section in sections])
    context = instance.path_context
    mirrors: list[Mirror] = []
    for name, entry in merged.content.items() if merged and isinstance(merged.content, Mapping) else ():
        mirrors.append(mirror_of(name, entry, context))
    return MirrorList(tuple(mirrors), tuple(found), context)


def _accepted(section: Value, problems: list[ErrorInfo]) -> Value:
    """One file's section without the entries that break a rule."""
    kept: dict[str, Value] = {}
    for name, entry in section.content.items() if isinstance(section.content, Mapping) else ():
        breach = first_breach(entry)
        if breach is not None:
            remedy = "Correct the entry: Spack itself stops with an error as long as it is there."
            problems.append(problem_at(breach.value.origin, f"mirror {name} is left out", breach.why, remedy))
            continue
        kept[name] = entry
        if entry.key_is:
            why = f"without quotes it is {entry.key_is} to YAML, at which Spack's commands stop or lose the name"
            remedy = f'Put the name into quotes: "{name}".'
            problems.append(problem_at(entry.origin, f"mirror {name} has a name Spack cannot use", why, remedy))
        for secret in plain_secrets(entry):
            why = "Spack 1.0 and later do not run with it; everyone who can read the file can read the secret"
            remedy = "Name environment variables instead: access_token_variable, or id and secret_variable."
            problem = problem_at(secret.origin, f"mirror {name} holds a secret in plain text", why, remedy)
            problems.append(replace(problem, code=PLAIN_SECRET))
    return replace(section, content=kept)


def mirror_of(name: str, entry: Value, context: PathContext) -> Mirror:
    """What a merged entry that breaks no rule means now."""
    signed = entry.find("signed")
    return Mirror(
        name=name,
        fetch=_connection(name, entry, "fetch", context),
        push=_connection(name, entry, "push", context),
        binary=_flag(entry, "binary", default=True),
        source=_flag(entry, "source", default=True),
        signed_setting=bool(signed.content) if signed is not None else None,
        autopush=_flag(entry, "autopush", default=False),
        scope=entry.origin.scope,
        origin=tuple(_origins(entry)),
    )


def _flag(entry: Value, key: str, *, default: bool) -> bool:
    value = entry.find(key)
    return bool(value.content) if value is not None else default


def _origins(value: Value, key: str = "") -> Iterator[KeyOrigin]:
    origin = value.origin
    yield KeyOrigin(key, origin.scope, str(origin.file), origin.line)
    if isinstance(value.content, Mapping):
        for name, child in value.content.items():
            yield from _origins(child, f"{key}.{name}" if key else name)


def _connection(name: str, entry: Value, direction: str, context: PathContext) -> Connection:
    def setting(key: str) -> Any:
        """The direction's own value if it has the key, even a null; else the entry's."""
        value = entry.find(direction, key) or entry.find(key)
        return value.plain() if value is not None else None

    url, raw, problem = _address(name, entry, direction, context)
    credentials = _credentials(setting("access_pair"), setting("access_token_variable"), context.environ)
    return replace(
        credentials,
        url=url,
        raw=raw,
        problem=problem,
        profile=setting("profile") or "",
        endpoint_url=setting("endpoint_url") or "",
        has_token=credentials.has_token or bool(setting("access_token")),
        plain_secret=credentials.plain_secret or bool(setting("access_token")) or _holds_password(url),
    )


def _address(name: str, entry: Value, direction: str, context: PathContext) -> tuple[str, str, str]:
    """URL, text as written, and the problem if there is no URL."""
    written = entry.find(direction)
    if written is None or not isinstance(written.content, str):
        written = entry.find(direction, "url") or entry.find("url")
    if isinstance(entry.content, str):
        written = entry
    if written is None or not isinstance(written.content, str) or not written.content:
        return "", "", f"Mirror {name} has no URL configured"
    try:
        return resolve_address(written.content, written.origin.file.parent, context), written.content, ""
    except ValueError as error:
        return "", written.content, f"Mirror {name} has no usable URL: {error}"


def _credentials(pair: Any, token_variable: str | None, environ: Mapping[str, str]) -> Connection:
    """A connection with only its credentials filled in."""
    connection = Connection(
        "",
        token_variable=token_variable or "",
        unset=(token_variable,) if token_variable and token_variable not in environ else (),
        has_token=bool(token_variable and environ.get(token_variable)),
    )
    if isinstance(pair, list):
        return replace(connection, user=str(pair[0] or ""), has_pair=all(pair), plain_secret=any(pair[1:]))
    if not isinstance(pair, dict):
        return connection
    user_variable, secret_variable = str(pair.get("id_variable", "")), str(pair.get("secret_variable", ""))
    user = "" if user_variable else str(pair.get("id", ""))
    named = [variable for variable in (user_variable, secret_variable) if variable]
    return replace(
        connection,
        user=user,
        user_variable=user_variable,
        secret_variable=secret_variable,
        unset=(*(variable for variable in named if variable not in environ), *connection.unset),
        has_pair=bool((user or environ.get(user_variable)) and environ.get(secret_variable)),
    )


def _holds_password(url: str) -> bool:
    return bool(urlsplit(url).password)
