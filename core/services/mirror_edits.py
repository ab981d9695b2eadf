# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Editing mirrors in Spack's files: plan, look, save, undo."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

from core.foundation.errors import NotFound
from core.mirrors.editing.document import SECTION
from core.mirrors.editing.landscape import Landscape, is_explicit_only
from core.mirrors.editing.plan import PlannedEdit
from core.mirrors.editing.planning import plan_edit
from core.mirrors.editing.saving import SavedEdit, carry_out, put_back
from core.mirrors.forms import MirrorEdit
from core.services.mirror_commands import equivalent_command
from core.services.mirror_values import AppliedEdit, EditPlan, ScopeRow
from core.services.values import UndoStep
from core.spack.config import Scope
from core.spack.instance import Instance
from core.spack.scopes import read_scopes
from core.transfers.history import Action, noted, record

_PLANS_KEPT = 20
_UNDOS_KEPT = 50


def read_landscape(instance: Instance) -> Landscape:
    """All scopes of `instance` as they are on the disk now, with those that have yet to be made."""
    found = read_scopes(instance.root, environment=instance.environment, environ=instance.environ)
    return Landscape(found.places, instance.path_context)


def paths_start(instance: Instance, scope: str) -> Path:
    """The directory that relative paths in the mirrors of `scope` start from, "" for where Spack would write.

    Raises UsageError for an unknown scope.
    """
    landscape = read_landscape(instance)
    found = landscape.scope(scope) if scope else landscape.default_scope()
    return found.section_file(SECTION).parent if found is not None else Path.home()


def list_scopes(instance: Instance) -> tuple[ScopeRow, ...]:
    """Where mirrors can be written, highest first."""
    landscape = read_landscape(instance)
    default = landscape.default_scope()
    rows = []
    for scope in landscape.scopes:
        why_not = landscape.obstacle(scope) or landscape.failure(scope)
        rows.append(
            ScopeRow(
                name=scope.name,
                file=str(scope.section_file(SECTION)),
                writable=not why_not,
                why_not=why_not,
                entries=landscape.names(scope),
                audience=audience(scope, instance),
                explicit_only=is_explicit_only(scope),
                is_default=scope == default,
            )
        )
    return tuple(rows)


def audience(scope: Scope, instance: Instance) -> str:
    """For whom the configuration of `scope` counts."""
    if is_explicit_only(scope):
        return "everybody who uses this instance; part of Spack itself"
    if scope.name.startswith("env:") and instance.environment is not None:
        return f"environment {instance.environment.name}"
    if scope.name == "user" or scope.name.startswith(("user:", "user/")):
        return "only you"
    if scope.name.partition("/")[0] == "system":
        return "everybody on this machine"
    if scope.name.partition("/")[0] == "site" or (instance.root and scope.place.is_relative_to(instance.root)):
        return "everybody who uses this instance"
    home = instance.environ.get("HOME")
    if home and scope.place.is_relative_to(home):
        return "only you"
    return f"everybody whose Spack reads {scope.place}"


class MirrorEdits:
    """Plans that were made and edits that can be undone, as long as this process runs. Thread-safe.

    Both may hold file contents with secrets of old Spack versions; nothing of that leaves this object but to the file.
    """

    def __init__(self) -> None:
        self._plans: dict[str, tuple[str, PlannedEdit]] = {}
        self._done: dict[str, tuple[str, str, str, SavedEdit]] = {}
        self._lock = threading.Lock()

    def plan(self, instance: Instance, edit: MirrorEdit) -> EditPlan:
        """What `edit` would do. Raises as `plan_edit` does."""
        landscape = read_landscape(instance)
        planned = plan_edit(edit, landscape)
        plan_id = uuid.uuid4().hex
        with self._lock:
            self._plans[plan_id] = instance.id, planned
            while len(self._plans) > _PLANS_KEPT:
                del self._plans[next(iter(self._plans))]
        return EditPlan(
            id=plan_id,
            title=planned.title,
            scope=planned.scope.name,
            file=str(planned.path),
            diff=planned.diff,
            warnings=planned.warnings,
            command=equivalent_command(edit, planned, instance),
            remains=planned.remains,
            meanings=planned.meanings,
            creates_file=planned.before is None,
        )

    def apply(self, instance: Instance, plan_id: str) -> AppliedEdit:
        """Save a plan; the same plan can be tried again if that fails. Raises NotFound, or as `carry_out` does."""
        with self._lock:
            owner, planned = self._plans.get(plan_id, ("", None))
        if planned is None or owner != instance.id:
            raise NotFound("This change is no longer known", remedies=("Make the change again.",))
        if planned.after.text == planned.document.text:
            return AppliedEdit(planned.scope.name, str(planned.path), planned.title, "")
        saved = carry_out(planned)
        undo = "" if planned.takes_secrets_out else uuid.uuid4().hex
        with self._lock:
            self._plans.pop(plan_id, None)
            if undo:
                self._done[undo] = instance.id, planned.scope.name, planned.title, saved
                while len(self._done) > _UNDOS_KEPT:
                    del self._done[next(iter(self._done))]
        record([noted(Action.EDITED, str(planned.path), subject=planned.title)])
        return AppliedEdit(planned.scope.name, str(planned.path), planned.title, undo)

    def undo(self, instance: Instance, undo_id: str) -> AppliedEdit:
        """Put the file of a saved edit back as it was. Raises NotFound, or as `put_back` does."""
        with self._lock:
            owner, scope, title, saved = self._done.get(undo_id, ("", "", "", None))
        if saved is None or owner != instance.id:
            raise NotFound("This change can no longer be undone")
        put_back(saved)
        record([noted(Action.UNDONE, str(saved.path), subject=title)])
        with self._lock:
            self._done.pop(undo_id, None)
        return AppliedEdit(scope, str(saved.path), f"Undone: {title}", "")

    def undo_steps(self, instance: Instance) -> tuple[UndoStep, ...]:
        """The edits of `instance` that can be undone, newest first."""
        with self._lock:
            done = list(self._done.items())
        return tuple(
            UndoStep(undo_id, title, str(saved.path))
            for undo_id, (owner, _, title, saved) in reversed(done)
            if owner == instance.id
        )
