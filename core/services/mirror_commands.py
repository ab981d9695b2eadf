# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The commands of Spack that do what an edit does. Flags as in `spack mirror add --help` of Spack 1.1."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from core.mirrors.editing.document import Entry
from core.mirrors.editing.plan import PlannedEdit
from core.mirrors.forms import AddMirror, ChangeMirror, CopyMirror, MirrorEdit, RemoveMirror
from core.spack.config import Scope
from core.spack.instance import Instance

_FLAGS = {
    "access_token_variable": "--s3-access-token-variable",
    "profile": "--s3-profile",
    "endpoint_url": "--s3-endpoint-url",
}
_PAIRS = {
    "id": ("--oci-username", "--s3-access-key-id"),
    "id_variable": ("--oci-username-variable", "--s3-access-key-id-variable"),
    "secret_variable": ("--oci-password-variable", "--s3-access-key-secret-variable"),
}


class _NoFlag(Exception):
    """Spack has no option for this."""


def equivalent_command(edit: MirrorEdit, plan: PlannedEdit, instance: Instance) -> str:
    """What to type to have the same done by Spack, a line for each command; "" if its commands cannot do it."""
    if not isinstance(edit, AddMirror | ChangeMirror | CopyMirror | RemoveMirror):
        return ""
    spack, scope = _spack(plan.scope, instance)
    if isinstance(edit, RemoveMirror):
        return shlex.join([*spack, "mirror", "remove", *scope, edit.name])
    if isinstance(edit, ChangeMirror) and edit.form.name != edit.name:
        return ""
    if isinstance(edit, AddMirror) and edit.last and plan.document.entries:
        return ""
    before = plan.document.entries.get(plan.name)
    try:
        return "\n".join(
            shlex.join([*spack, "mirror", verb, *scope, *words])
            for verb, words in _commands(plan.name, before, plan.entry or "")
        )
    except _NoFlag:
        return ""


def add_command(name: str, entry: Entry) -> str:
    """What other people type to have the mirror as well, a line for each command; "" if commands cannot do it."""
    try:
        return "\n".join(shlex.join(["spack", "mirror", verb, *words]) for verb, words in _commands(name, None, entry))
    except _NoFlag:
        return ""


def _spack(scope: Scope, instance: Instance) -> tuple[list[str], list[str]]:
    environment = instance.environment
    if environment is None or scope.name != environment.scope_name:
        return ["spack"], ["--scope", scope.name]
    option = ["-D", str(environment.path)] if "/" in environment.name else ["-e", environment.name]
    return ["spack", *option], []


def _commands(name: str, before: Entry | None, after: Entry) -> list[tuple[str, list[str]]]:
    """The verbs with their words."""
    old, new = _table(before), _table(after)
    commands: list[tuple[str, list[str]]] = []
    is_s3 = str(new.get("url") or "").startswith("s3://")
    top_old, top_new = ({k: v for k, v in table.items() if k not in ("fetch", "push")} for table in (old, new))
    if before is None:
        url = top_new.pop("url", None)
        if url is None:
            raise _NoFlag
        commands.append(("add", [*_options({}, top_new, is_s3=is_s3, verb="add"), name, str(url)]))
    elif top_old != top_new:
        options = _options(top_old, top_new, is_s3=is_s3, verb="set")
        commands.append(("set", [*options, name]))
    for direction in ("fetch", "push"):
        was, now = _table(old.get(direction)), _table(new.get(direction))
        if was != now:
            s3 = str(now.get("url") or new.get("url") or "").startswith("s3://")
            commands.append(("set", [f"--{direction}", *_options(was, now, is_s3=s3, verb="set"), name]))
    return commands


def _table(entry: Any) -> dict[str, Any]:
    if entry is None:
        return {}
    return {"url": entry} if isinstance(entry, str) else dict(entry)


def _options(old: Mapping[str, Any], new: Mapping[str, Any], *, is_s3: bool, verb: str) -> list[str]:
    if old.keys() - new.keys():
        raise _NoFlag  # nothing of Spack's takes a key away again
    changed = {key: value for key, value in new.items() if key not in old or old[key] != value}
    words: list[str] = []
    if "url" in changed:
        words += ["--url", str(changed["url"])]
    if changed.keys() & {"binary", "source"}:
        types = [kind for kind in ("binary", "source") if new.get(kind, True)]
        if not types:
            raise _NoFlag
        words += [word for kind in types for word in ("--type", kind)]
    if "signed" in changed:
        words.append("--signed" if changed["signed"] else "--unsigned")
    if "autopush" in changed:
        if not changed["autopush"] and verb == "add":
            raise _NoFlag
        words.append("--autopush" if changed["autopush"] else "--no-autopush")
    for key, flag in _FLAGS.items():
        if key in changed:
            words += [flag, str(changed[key])]
    pair = changed.get("access_pair")
    if isinstance(pair, Mapping):
        words += [word for key, value in pair.items() for word in (_PAIRS[key][is_s3], str(value))]
    elif pair is not None:
        raise _NoFlag
    if changed.keys() - {"url", "binary", "source", "signed", "autopush", "access_pair", *_FLAGS}:
        raise _NoFlag
    return words
