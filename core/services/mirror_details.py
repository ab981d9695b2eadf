# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A configured mirror explained: what is written where, what of it counts, and what follows for other people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from core.caches.opening import OCI_KINDS
from core.foundation.errors import ErrorInfo, MirrordeckError, NotFound
from core.mirrors.editing.content import effective, form_of, new_entry
from core.mirrors.editing.document import Entry, blanked
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.rendering import block, in_brackets
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.model import MirrorKind, kind_of
from core.services.mirror_commands import add_command
from core.services.mirror_edits import read_landscape
from core.services.mirror_values import EntryText, MirrorDetails, OriginLine
from core.services.values import CopyLine
from core.signing.gpg import Gnupg
from core.spack.config import Value
from core.spack.instance import Instance
from core.spack.substitutions import folder_of

# Paths that are written here mean the same in every file, except for placeholders.
_ANYWHERE = Path("/mirrors.yaml")
_CI_NAME = "buildcache-destination"
_CAN_BE_PUSHED_TO = (MirrorKind.FOLDER, MirrorKind.S3, MirrorKind.GS, *OCI_KINDS)


def describe_mirror(instance: Instance, gnupg: Gnupg, name: str) -> MirrorDetails:
    """Everything about one mirror that files, and the keys there are, can tell. Raises NotFound."""
    landscape = read_landscape(instance)
    merged = landscape.merged(name)
    if merged is None:
        raise NotFound(f"There is no mirror {name} any more", remedies=("Look at the list of mirrors again.",))
    form = form_of(name, merged.plain())
    secrets = frozenset[str]().union(*(landscape.document(scope).secrets() for scope in landscape.holders(name)))
    portable = landscape.moved_entry(merged, _ANYWHERE)
    return MirrorDetails(
        name=name,
        form=form,
        texts=tuple(_texts(landscape, name)),
        origins=tuple(_origins(merged, secrets)),
        users_must_do=tuple(_users_must_do(form_of(name, portable), landscape)),
        autopush_warnings=autopush_warnings(form, gnupg),
        ci_snippet=blanked(_ci_snippet(portable, landscape), secrets),
    )


def _texts(landscape: Landscape, name: str) -> Iterator[EntryText]:
    for scope in landscape.holders(name):
        document = landscape.document(scope)
        value = document.value(name)
        if value is not None:
            writable = not landscape.obstacle(scope)
            text = document.shown(name) or "\n".join(_rendered(name, value, document.secrets())) + "\n"
            yield EntryText(scope.name, str(document.path), value.origin.line, text, writable)


def _rendered(name: str, value: Value, secrets: frozenset[str]) -> list[str]:
    """An entry that is not written out in its place."""
    return [blanked(line, secrets) for line in block({name: value.plain()}, 0, 2)]


def _origins(value: Value, secrets: frozenset[str], key: str = "") -> Iterator[OriginLine]:
    if isinstance(value.content, Mapping):
        for name, child in value.content.items():
            yield from _origins(child, secrets, f"{key}.{name}" if key else name)
        return

    def shown(found: Value) -> str:
        plain = found.plain()
        return blanked(plain if isinstance(plain, str) else in_brackets(plain), secrets)

    origin = value.origin
    shadowed = tuple(f"{other.origin.scope}: {shown(other)}" for other in value.shadowed)
    yield OriginLine(key or "url", shown(value), origin.scope, str(origin.file), origin.line, shadowed)


def _users_must_do(form: MirrorForm, landscape: Landscape) -> Iterator[CopyLine]:
    """`form` has addresses that mean the same everywhere."""
    kind = kind_of(form.fetch.url) or MirrorKind.FOLDER
    if not form.fetch.url:
        return
    reader = replace(form, push=None, autopush=False, fetch=_absolute(form.fetch, landscape))
    command = add_command(form.name, new_entry(reader))
    if command:
        yield CopyLine("Add the mirror", command)
    for variable, what in ((form.fetch.user_variable, "user name"), (form.fetch.secret_variable, "password or token")):
        if variable:
            quiet = "s" * (variable == form.fetch.secret_variable)
            yield CopyLine(f"Give the {what} for reading", f"IFS= read -r{quiet} {variable} && export {variable}")
    if form.binary and form.signed is not False and kind not in OCI_KINDS:
        yield CopyLine("Trust the keys its packages are signed with", "spack buildcache keys --install --trust")
    if form.binary:
        yield CopyLine("See what it holds, for all targets", "spack buildcache list --allarch")
        yield CopyLine("Use its packages where they fit", "spack config add concretizer:reuse:true")


def _absolute(connection: ConnectionForm, landscape: Landscape) -> ConnectionForm:
    """Placeholders and home directories of this person are somewhere else for others."""
    if kind_of(connection.url) is not None:
        return connection
    folder = folder_of(landscape.meaning(connection.url, _ANYWHERE))
    return replace(connection, url=str(folder or connection.url))


def autopush_warnings(form: MirrorForm, gnupg: Gnupg) -> tuple[ErrorInfo, ...]:
    """What Spack's automatic push to such a mirror would not do, whether it is on or not. Lists keys."""
    return tuple(_autopush_warnings(form, gnupg))


def _autopush_warnings(form: MirrorForm, gnupg: Gnupg) -> Iterator[ErrorInfo]:
    written = (form.push or form.fetch).url
    kind = kind_of(written) or MirrorKind.FOLDER
    if kind not in _CAN_BE_PUSHED_TO:
        why = f"Spack cannot push to {kind.value} addresses."
        yield ErrorInfo("autopush", "Nothing would be pushed", why)
        return
    if form.signed is not False and kind not in OCI_KINDS:
        try:
            keys = len(gnupg.secret_keys()) if gnupg.home.is_dir() else 0
        except MirrordeckError as error:
            yield replace(error.info(), code="autopush-key")
            keys = 1
        if keys != 1:
            title = "Autopush needs exactly one key to sign with" if keys else "There is no key to sign with"
            why = f"there are {keys} in {gnupg.home}; installing would end with an error after the build"
            yield ErrorInfo("autopush-key", title, why, ("Make one, or let the mirror be unsigned.",))
    yield ErrorInfo(
        "autopush-index",
        "Autopush does not update the index",
        "what it pushed is not found by others",
        ("Update the index from time to time.",),
    )
    yield ErrorInfo(
        "autopush-private",
        "Autopush ignores redistribution limits",
        "packages whose licence forbids passing them on are pushed like all others",
    )


def _ci_snippet(entry: Entry, landscape: Landscape) -> str:
    """The lines in an environment's spack.yaml that make this the cache `spack ci` pushes to."""
    url = effective(entry, "url", "push")
    kind = kind_of(landscape.meaning(str(url), _ANYWHERE)) if url else None
    if kind not in _CAN_BE_PUSHED_TO:
        return ""
    return "\n".join(block({"spack": {"mirrors": {_CI_NAME: entry}}}, 0, 2)) + "\n"
