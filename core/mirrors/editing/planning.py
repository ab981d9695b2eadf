# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Working out an edit completely before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.foundation.errors import Conflict, ErrorInfo, NotFound, PermissionDenied, UsageError
from core.mirrors.editing.checks import check_form, check_passwords, check_result, secret_warnings
from core.mirrors.editing.consequences import meanings, with_leftovers, with_order, with_shadows, with_shared_hosts
from core.mirrors.editing.content import changed_entry, completed, form_of, new_entry, without_secrets
from core.mirrors.editing.document import Document, Entry
from core.mirrors.editing.files import owner_note
from core.mirrors.editing.landscape import Landscape, is_explicit_only
from core.mirrors.editing.plan import PlannedEdit
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    CopyMirror,
    MirrorEdit,
    MirrorForm,
    MoveMirror,
    MoveSecrets,
    RemoveMirror,
)
from core.mirrors.schema import plain_secrets
from core.spack.config import Scope

_SECRETS_FIRST = ("Move the secret to the keyring first, which leaves the names of variables in the file.",)


def plan_edit(edit: MirrorEdit, landscape: Landscape) -> PlannedEdit:
    """What an edit would write and what would follow from that; nothing is changed.

    Raises UsageError, NotFound, Conflict, PermissionDenied, or ConfigError where the file cannot be edited safely.
    """
    match edit:
        case AddMirror():
            return with_shared_hosts(_plan_add(edit, landscape), landscape, edit.form.name)
        case ChangeMirror():
            return with_shared_hosts(_plan_change(edit, landscape), landscape, edit.form.name)
        case RemoveMirror():
            plan = _plan_remove(edit, landscape)
        case MoveMirror():
            plan = _plan_move(edit, landscape)
        case CopyMirror():
            plan = _plan_copy(edit, landscape)
        case MoveSecrets():
            plan = _plan_secrets(edit, landscape)
    return with_shared_hosts(plan, landscape, edit.name)


def _plan_add(edit: AddMirror, landscape: Landscape) -> PlannedEdit:
    check_form(edit.form)
    name = edit.form.name
    form = completed(edit.form, MirrorForm(name, ConnectionForm("")))
    entry = new_entry(form)
    check_passwords(None, entry)
    document = _to_write(landscape, _scope_or_default(landscape, edit.scope))
    plan = _adding(landscape, document, f"Add {name} to {document.scope.name}", name, entry, last=edit.last)
    return with_shadows(plan, landscape, form)


def _plan_copy(edit: CopyMirror, landscape: Landscape) -> PlannedEdit:
    document = _to_write(landscape, landscape.scope(edit.to_scope))
    entry = _entry_elsewhere(landscape, edit.name, document)
    plan = _adding(landscape, document, f"Copy {edit.name} to {edit.to_scope}", edit.name, entry, last=False)
    return with_order(plan, landscape)


def _plan_change(edit: ChangeMirror, landscape: Landscape) -> PlannedEdit:
    name, new_name = edit.name, edit.form.name
    merged = landscape.merged(name)
    if merged is None:
        raise NotFound(f"No mirror found with name {name}.")
    base = edit.base or form_of(name, merged.plain())
    check_form(edit.form, base)
    form = completed(edit.form, base)
    scope = landscape.scope(edit.scope) if edit.scope else _holder_to_write(landscape, name)
    document = _to_write(landscape, scope)
    value = document.value(name)
    if value is None:
        old = _entry_elsewhere(landscape, name, document)
        entry = changed_entry(old, base, form, below=None)
        check_passwords(old, entry)
        plan = _adding(landscape, document, f"Change {name} in {scope.name}", new_name, entry, last=False)
        return with_shadows(with_order(plan, landscape), landscape, form)
    below = landscape.merged(name, below=scope)
    entry = changed_entry(value.plain(), base, form, below=below.plain() if below is not None else None)
    check_passwords(value.plain(), entry)
    _keep_secrets(edit, form, value.plain(), entry)
    if new_name != name and new_name in document.entries:
        raise Conflict(f"Mirror with name {new_name} already exists.", f"in {document.path}")

    def operation(document: Document) -> str:
        text = document.changed(name, entry)
        return Document(text, scope).renamed(name, new_name) if new_name != name else text

    title = f"Change {name} in {scope.name}" if new_name == name else f"Rename {name} to {new_name} in {scope.name}"
    plan = _planned(landscape, document, title, name=name, operation=operation, entry=entry, new_name=new_name)
    return with_shadows(plan, landscape, form)


def _plan_remove(edit: RemoveMirror, landscape: Landscape) -> PlannedEdit:
    name = edit.name
    if edit.scope and landscape.entry(landscape.scope(edit.scope), name) is None:
        landscape.document(landscape.scope(edit.scope))
        raise NotFound(f"No mirror with name {name} in {edit.scope} scope")
    scope = landscape.scope(edit.scope) if edit.scope else _holder_to_write(landscape, name)
    document = _to_write(landscape, scope)
    title = f"Remove {name} from {scope.name}"
    plan = _planned(landscape, document, title, name=name, operation=lambda found: found.removed(name))
    left = landscape.merged(name, instead=plan.after)
    remains = f"No scope has a mirror {name} any more."
    if left is not None:
        form = form_of(name, left.plain())
        scopes = " and ".join(other.name for other in landscape.holders(name) if other != scope)
        remains = f"{name} is still there: {scopes} has it too, as {form.fetch.url or form.name}."
    return replace(plan, remains=remains)


def _plan_move(edit: MoveMirror, landscape: Landscape) -> PlannedEdit:
    document = _to_write(landscape, landscape.scope(edit.scope))
    for name in (edit.name, *([edit.before] if edit.before else [])):
        if name not in document.entries:
            raise NotFound(f"No mirror with name {name} in {edit.scope} scope")
    where = f"before {edit.before}" if edit.before else "to the end"
    title = f"Move {edit.name} {where} in {edit.scope}"
    entry = document.entries[edit.name]

    def operation(found: Document) -> str:
        return found.moved(edit.name, edit.before)

    return _planned(landscape, document, title, name=edit.name, operation=operation, entry=entry)


def _plan_secrets(edit: MoveSecrets, landscape: Landscape) -> PlannedEdit:
    name = edit.name
    holders = [landscape.scope(edit.scope)] if edit.scope else landscape.holders(name)
    values = [(scope, landscape.entry(scope, name)) for scope in holders]
    scope, value = next(
        ((scope, value) for scope, value in values if value is not None and plain_secrets(value)), (None, None)
    )
    if scope is None or value is None:
        raise NotFound(f"No secret of {name} stands in a file in plain text")
    entry = without_secrets(name, value.plain())
    title = f"Replace the secrets of {name} in {scope.name} by names of variables"

    def operation(found: Document) -> str:
        return found.changed(name, entry)

    plan = _planned(landscape, _to_write(landscape, scope), title, name=name, operation=operation, entry=entry)
    return with_leftovers(plan)


def _adding(
    landscape: Landscape, document: Document, title: str, name: str, entry: Entry, *, last: bool
) -> PlannedEdit:
    if name in document.entries:
        raise Conflict(f"Mirror with name {name} already exists.", f"in {document.path}")

    def operation(found: Document) -> str:
        return found.added(name, entry, before=None if last else next(iter(found.entries), None))

    return _planned(landscape, document, title, name=name, operation=operation, entry=entry)


def _planned(
    landscape: Landscape,
    document: Document,
    title: str,
    *,
    name: str,
    operation: Callable[[Document], str],
    entry: Entry | None = None,
    new_name: str = "",
) -> PlannedEdit:
    after = Document(operation(document), document.scope)
    check_result(document.value(name), after, new_name or name)
    warnings = secret_warnings(after, new_name or name)
    note = owner_note(document.path)
    if note:
        warnings.append(ErrorInfo("owner", "The owner of the file changes", note))
    return PlannedEdit(
        title=title,
        name=name,
        document=document,
        before=landscape.contents[document.scope.name],
        after=after,
        operation=operation,
        entry=entry,
        warnings=tuple(warnings),
        meanings=meanings(landscape, entry, document.path),
    )


def _keep_secrets(edit: ChangeMirror, form: MirrorForm, old: Entry, new: Entry) -> None:
    """A login in plain text is not replaced by variables nobody asked for: the secret would be lost."""
    if not isinstance(old, dict) or not isinstance(new, dict) or form == edit.form:
        return
    for place in ("", "fetch", "push"):
        tables = [entry.get(place) if place else entry for entry in (old, new)]
        pairs = [table.get("access_pair") if isinstance(table, dict) else None for table in tables]
        if isinstance(pairs[0], list) and pairs[0] != pairs[1]:
            why = "its secret stands in the file in plain text and would be lost"
            raise UsageError(f"The login of {edit.name} was not changed", why, remedies=_SECRETS_FIRST)


def _entry_elsewhere(landscape: Landscape, name: str, document: Document) -> Entry:
    """The mirror as it holds now, as it is written in another file."""
    merged = landscape.merged(name)
    if merged is None:
        raise NotFound(f"No mirror found with name {name}.")
    if plain_secrets(merged):
        why = "its secret stands in a file in plain text and would be written into another one"
        raise UsageError(f"{name} was not copied", why, remedies=_SECRETS_FIRST)
    return landscape.moved_entry(merged, document.path)


def _scope_or_default(landscape: Landscape, name: str) -> Scope:
    scope = landscape.scope(name) if name else landscape.default_scope()
    if scope is None:
        raise PermissionDenied("No mirror can be saved", "no configuration of this instance can be written")
    return scope


def _holder_to_write(landscape: Landscape, name: str) -> Scope:
    """The highest scope that has the entry and can be written, Spack's own files left alone."""
    holders = landscape.holders(name)
    if not holders:
        known = ["_builtin", *(scope.name for scope in reversed(landscape.scopes) if scope.place.exists())]
        raise NotFound(f"No mirror with name {name} in {', '.join(known)}, or command_line scope")
    reasons = []
    for scope in holders:
        reason = "it belongs to Spack itself" if is_explicit_only(scope) else landscape.obstacle(scope)
        if not reason:
            return scope
        reasons.append(f"{scope.name}: {reason}")
    raise PermissionDenied(
        f"{name} was not changed",
        "; ".join(reasons),
        remedies=("Copy it to a scope of your own, or name the scope with --scope.",),
    )


def _to_write(landscape: Landscape, scope: Scope) -> Document:
    reason = landscape.obstacle(scope)
    if reason:
        raise PermissionDenied(f"Nothing can be saved in {scope.name}", reason)
    return landscape.document(scope)
