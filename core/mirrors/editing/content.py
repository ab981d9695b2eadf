# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the content of an entry to what a form shows, and from a changed form to the least change of the content.

Which value counts for a direction is Spack 1.1's rule: the direction's own if it is a mapping that has the key, else
the entry's.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

from core.mirrors.credentials.identity import invented_variable
from core.mirrors.editing.document import Entry
from core.mirrors.forms import ConnectionForm, MirrorForm

_DIRECTIONS = ("fetch", "push")
_FLAGS = {"binary": True, "source": True, "autopush": False}
_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^/@:]*):[^/]*@")
_ABSENT: Any = object()
_KEEP: Any = object()
# Keys of a file with the field of a form; of a login there are several.
_FIELDS = {
    "url": "url",
    "access_token_variable": "token_variable",
    "profile": "profile",
    "endpoint_url": "endpoint_url",
}
_KEYS = ("url", "access_pair", "access_token_variable", "profile", "endpoint_url")


def form_of(name: str, entry: Entry) -> MirrorForm:
    """What a form shows of an entry; secrets in plain text are left out, and passwords in addresses blanked."""
    fetch, push = (_connection(entry, direction) for direction in _DIRECTIONS)
    table: Mapping[str, Any] = {} if isinstance(entry, str) else entry
    return MirrorForm(
        name=name,
        fetch=fetch,
        push=push if push != fetch else None,
        binary=bool(table.get("binary", True)),
        source=bool(table.get("source", True)),
        signed=bool(table["signed"]) if "signed" in table else None,
        autopush=bool(table.get("autopush", False)),
    )


def completed(form: MirrorForm, base: MirrorForm) -> MirrorForm:
    """The form with names for variables that a login needs and nobody has named, where it differs from `base`."""
    push = form.push
    return replace(
        form,
        fetch=_completed(form.name, form.fetch, base.fetch),
        push=_completed(form.name, push, base.push or base.fetch) if push is not None else None,
    )


def new_entry(form: MirrorForm) -> Entry:
    """The least content that says what the form says: a plain address where that is enough."""
    entry = changed_entry({}, MirrorForm(form.name, ConnectionForm("")), form, below=None)
    return entry["url"] if isinstance(entry, dict) and list(entry) == ["url"] else entry


def changed_entry(entry: Entry, base: MirrorForm, form: MirrorForm, *, below: Entry | None) -> Entry:
    """`entry` with what differs between two forms; all else stays as it is, unknown keys too.

    `below` is what lower scopes say: their flags have to be contradicted, where otherwise a key can just go.
    """
    result: Any = copy.deepcopy(entry)
    for key in _KEYS:
        changed = [d for d in _DIRECTIONS if _setting(_of(base, d), key) != _setting(_of(form, d), key)]
        if changed:
            # What a form shows of the other direction may be less than what is there, so that is taken as it is.
            wanted = [_setting(_of(form, d), key) if d in changed else effective(entry, key, d) for d in _DIRECTIONS]
            result = _with_setting(result, key, wanted)
    inherited: Mapping[str, Any] = below if isinstance(below, dict) else {}
    for flag, default in _FLAGS.items():
        value = getattr(form, flag)
        if value != getattr(base, flag):
            result = _with_flag(result, flag, None if value == inherited.get(flag, default) else value)
    if form.signed != base.signed:
        result = _with_flag(result, "signed", form.signed)
    return cast(Entry, result)


def without_secrets(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """`entry` with names of variables where it holds secrets in plain text."""
    result = copy.deepcopy(entry)
    for direction, table in (("", result), *((d, result.get(d)) for d in _DIRECTIONS)):
        if not isinstance(table, dict):
            continue
        owner = f"{name}_{direction}" if direction else name
        pair = table.get("access_pair")
        if isinstance(pair, list):
            user = {"id": str(pair[0])} if pair[0] else {"id_variable": invented_variable(owner, "USER")}
            table["access_pair"] = {**user, "secret_variable": invented_variable(owner, "SECRET")}
        if "access_token" in table:
            table["access_token_variable"] = invented_variable(owner, "TOKEN")
            del table["access_token"]
    return result


def effective(entry: Entry, key: str, direction: str) -> Any:
    """What holds for a direction; None for nothing."""
    if isinstance(entry, str):
        return entry if key == "url" else None
    own = entry.get(direction)
    if isinstance(own, str):
        return own if key == "url" else entry.get(key)
    if isinstance(own, Mapping) and key in own:
        return own[key]
    return entry.get(key)


def _connection(entry: Entry, direction: str) -> ConnectionForm:
    pair = effective(entry, "access_pair", direction)
    table: Mapping[str, Any] = pair if isinstance(pair, Mapping) else {}
    user = str(pair[0] or "") if isinstance(pair, list) and pair else str(table.get("id") or "")
    return ConnectionForm(
        url=without_password(str(effective(entry, "url", direction) or "")),
        user=user,
        user_variable=str(table.get("id_variable") or ""),
        secret_variable=str(table.get("secret_variable") or ""),
        token_variable=str(effective(entry, "access_token_variable", direction) or ""),
        profile=str(effective(entry, "profile", direction) or ""),
        endpoint_url=str(effective(entry, "endpoint_url", direction) or ""),
    )


def _completed(name: str, form: ConnectionForm, base: ConnectionForm) -> ConnectionForm:
    login = form.user, form.user_variable, form.secret_variable
    if not any(login) or login == (base.user, base.user_variable, base.secret_variable):
        return form
    return replace(
        form,
        user_variable=form.user_variable or ("" if form.user else invented_variable(name, "USER")),
        secret_variable=form.secret_variable or invented_variable(name, "SECRET"),
    )


def _of(form: MirrorForm, direction: str) -> ConnectionForm:
    return form.fetch if direction == "fetch" or form.push is None else form.push


def _setting(form: ConnectionForm, key: str) -> Any:
    """What a form says about a key, as it is written; None for nothing."""
    if key != "access_pair":
        return getattr(form, _FIELDS[key]) or None
    if not (form.user or form.user_variable or form.secret_variable):
        return None
    user = {"id": form.user} if form.user else {"id_variable": form.user_variable}
    return {**user, "secret_variable": form.secret_variable}


def _with_setting(entry: Any, key: str, wanted: Sequence[Any]) -> Any:
    """`entry` with what both directions want, by the change that touches the fewest places.

    A value may stand in the entry itself and in each direction. All ways to fill these three places are tried.
    """
    current = {place: _at(entry, place, key) for place in ("", *_DIRECTIONS)}
    candidates = [
        _filled(entry, key, {"": top, "fetch": fetch, "push": push}, current)
        for top, fetch, push in product((_KEEP, None, *wanted), repeat=3)
    ]
    fitting = [
        (cost, candidate)
        for candidate, cost in candidates
        if [effective(candidate, key, direction) for direction in _DIRECTIONS] == list(wanted)
    ]
    return min(fitting, key=lambda found: found[0])[1]  # a value of its own for each direction always fits


def _at(entry: Any, place: str, key: str) -> Any:
    table = entry if not place else entry.get(place) if isinstance(entry, dict) else None
    if isinstance(table, str):
        return table if key == "url" else _ABSENT
    return table.get(key, _ABSENT) if isinstance(table, dict) else _ABSENT


def _filled(entry: Any, key: str, choice: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[Any, int]:
    """A copy of the entry with the chosen values, and what that costs: removing is best, a new place worst."""
    result = copy.deepcopy(entry)
    cost = 0
    for place, value in choice.items():
        if value is _KEEP or value == current[place] or (value is None and current[place] is _ABSENT):
            continue
        cost += 9 if value is None else 10 if current[place] is not _ABSENT else 12 if not place else 13
        result = _put(result, place, key, value)
    return result, cost


def _put(entry: Any, place: str, key: str, value: Any) -> Any:
    if not place:
        if isinstance(entry, str):
            if key == "url" and value is not None:
                return value
            entry = {"url": entry}
        return _assigned(entry, key, value)
    table: dict[str, Any] = {"url": entry} if isinstance(entry, str) else entry
    own = table.get(place)
    if key == "url" and value is not None and not isinstance(own, dict):
        table[place] = value
        return table
    inner = _assigned({"url": own} if isinstance(own, str) else dict(own or {}), key, value)
    if inner:
        table[place] = inner
    else:
        table.pop(place, None)
    return table


def _assigned(table: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    if key == "access_token_variable":
        table.pop("access_token", None)
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
    return table


def _with_flag(entry: Any, flag: str, value: bool | None) -> Any:
    if value is None:
        if isinstance(entry, dict):
            entry.pop(flag, None)
        return entry
    table = {"url": entry} if isinstance(entry, str) else entry
    table[flag] = value
    return table


def without_password(url: str) -> str:
    """An address with the password in it blanked."""
    return _PASSWORD.sub(r"\1:***@", url)


def has_password(url: str) -> bool:
    return _PASSWORD.match(url) is not None
