# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What people do with mirrors: the dialogs, and the edits that need none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QWidget

from core.engine.calls.logins import DescribeLogin, MoveToKeyring, SignOut
from core.engine.calls.mirrors import ApplyMirrorEdit, DescribeMirror, PlanMirrorEdit, UndoMirrorEdit
from core.mirrors.credentials.states import Direction
from core.services.login_values import LoginOverview
from core.services.mirror_values import CopyMirror, MoveMirror, MoveSecrets, RemoveMirror, ScopeRow
from core.services.values import MirrorRow, UndoStep
from gui import messages
from gui.engine_client import EngineClient
from gui.mirrors import editor_words as words
from gui.mirrors import login_words
from gui.mirrors.editor import MirrorEditor
from gui.mirrors.plan_dialog import Choice, PlanDialog
from gui.mirrors.sign_in import SignInDialog
from gui.mirrors.spack_run import CreateDialog, DestroyDialog
from gui.widgets.commands import Commands
from gui.widgets.dialogs import MessageDialog, ask


@dataclass(frozen=True, slots=True)
class Edited:
    """A file that was saved, in words. `mirror` is the one to show, "" for none; `undo` "" if it cannot be undone."""

    sentence: str
    undo: str
    mirror: str = ""
    is_new: bool = False


class MirrorCommands(Commands):
    """Signals: `edited(Edited)`, and `done(sentence)` for what changed no file."""

    edited = Signal(object)
    done = Signal(str)

    def __init__(self, client: EngineClient, window: QWidget) -> None:
        super().__init__(client, window)
        self.scopes: tuple[ScopeRow, ...] = ()

    # ---- with a form ----

    async def add(self, address: str = "") -> None:
        editor = MirrorEditor(self._client, self.instance, parent=self._window)
        editor.fields.address.edit.setText(address)
        await self._edit(editor)

    async def add_folder(self) -> None:
        editor = MirrorEditor(self._client, self.instance, parent=self._window)
        editor.fields.address.choose()
        await self._edit(editor)

    async def edit(self, name: str) -> None:
        await self._edit(MirrorEditor(self._client, self.instance, name=name, parent=self._window), new=False)

    async def duplicate(self, name: str) -> None:
        await self._edit(MirrorEditor(self._client, self.instance, name=name, copy=True, parent=self._window))

    async def _edit(self, editor: MirrorEditor, *, new: bool = True) -> None:
        if await ask(editor) != QDialog.DialogCode.Accepted:
            return
        if editor.applied is None:
            self.done.emit(words.nothing_written(editor.name))
            return
        sentence = (words.added if new else words.changed)(editor.name, editor.applied.file)
        self.edited.emit(Edited(sentence, editor.applied.undo, editor.name, new))

    async def sign_in(self, name: str) -> None:
        dialog = SignInDialog(self._client, self.instance, name, self._window)
        if await ask(dialog) != QDialog.DialogCode.Accepted:
            return
        sentence = login_words.signed_in(dialog.overview.host) if dialog.overview is not None else ""
        if dialog.applied is not None:
            self.edited.emit(Edited(sentence, dialog.applied.undo, name))
        else:
            self.done.emit(sentence)

    # ---- with one question ----

    async def remove(self, names: Sequence[str]) -> None:
        """Where one mirror is in several scopes, a person chooses; of several mirrors the highest entries go."""
        choices = [Choice("", tuple(RemoveMirror(name) for name in names))]
        if len(names) == 1:
            places = [scope for scope in self.scopes if names[0] in scope.entries and scope.writable]
            places.sort(key=lambda scope: scope.explicit_only)  # what belongs to the checkout comes last
            choices = [
                Choice(words.entry_in(scope.name, scope.file), (RemoveMirror(names[0], scope.name),))
                for scope in places
            ] or choices
        title = words.remove_title(names)
        dialog = self._plan_dialog(title, choices, words.REMOVE, text=words.REMOVE_TEXT)
        await ask(dialog)
        self._tell(dialog, words.removed(names[: len(dialog.applied)]))

    async def copy_to(self, row: MirrorRow, scope: ScopeRow) -> None:
        name = row.mirror.name
        choices = [Choice("", (CopyMirror(name, scope.name),))]
        title, text = words.copy_title(name, scope.name), words.copy_text(row.mirror.scope)
        dialog = self._plan_dialog(title, choices, words.COPY_THERE, text=text)
        await ask(dialog)
        self._tell(dialog, words.copied(name, scope.name), name)

    async def move_to_keyring(self, name: str) -> None:
        details = await self._client.call(DescribeMirror(self.instance, name))
        scopes = [text.scope for text in details.texts if text.writable] or [""]
        choices = [Choice(scope, (MoveSecrets(name, scope),)) for scope in scopes]
        dialog = PlanDialog(
            self._client,
            self.instance,
            words.keyring_title(name),
            choices,
            words.MOVE,
            text=words.KEYRING_TEXT,
            apply=lambda plan: MoveToKeyring(self.instance, name, plan.scope),
            parent=self._window,
        )
        await ask(dialog)
        self._tell(dialog, words.moved_to_keyring(name), name)

    def _plan_dialog(self, title: str, choices: Sequence[Choice], confirm: str, *, text: str) -> PlanDialog:
        return PlanDialog(self._client, self.instance, title, choices, confirm, text=text, parent=self._window)

    def _tell(self, dialog: PlanDialog, sentence: str, mirror: str = "") -> None:
        """What was saved was saved, even if the rest was cancelled then."""
        if dialog.applied:
            self.edited.emit(Edited(sentence, dialog.applied[-1].undo, mirror))

    async def sign_out(self, name: str) -> None:
        """Where fetching has a login of its own, a person chooses which of the two."""
        logins = await self._logins_of(name)
        choices: list[tuple[str, tuple[Direction, ...]]] = [(login_words.SIGN_OUT, (logins[0].direction,))]
        if len(logins) > 1:
            both = tuple(login.direction for login in logins)
            choices = [(login_words.sign_out_only(each), (each,)) for each in both]
            choices.append((login_words.SIGN_OUT_BOTH, both))
        buttons = ((messages.CANCEL, 0), *((text, at) for at, (text, _) in enumerate(choices, 1)))
        title, text = login_words.sign_out_title(logins), login_words.sign_out_text(logins)
        chosen = await ask(MessageDialog(title, text, buttons, parent=self._window))
        if chosen:
            affected: dict[str, None] = {}
            for direction in choices[chosen - 1][1]:
                names = await self._client.call(SignOut(self.instance, name, direction))
                affected |= dict.fromkeys(names)
            self.done.emit(login_words.signed_out(tuple(affected) or (name,)))

    async def _logins_of(self, name: str) -> list[LoginOverview]:
        """The logins one can sign out of, that for pushing if there is none."""
        push = await self._client.call(DescribeLogin(self.instance, name, Direction.PUSH))
        fetch = await self._client.call(DescribeLogin(self.instance, name, Direction.FETCH))
        same = (push.host, push.user, push.variables) == (fetch.host, fetch.user, fetch.variables)
        found = [login for login in (push, fetch) if login_words.is_signed_in(login)]
        return found[:1] if same and found else found or [push]

    # ---- with Spack itself ----

    async def create(self) -> None:
        await ask(CreateDialog(self._client, self.instance, self._window))

    async def destroy(self, name: str) -> None:
        dialog = DestroyDialog(self._client, self.instance, name, self._window)
        if await ask(dialog) == QDialog.DialogCode.Accepted:
            self.done.emit("")

    # ---- at once, and undone if need be ----

    async def move(self, row: MirrorRow, before: str) -> None:
        """Put the mirror in front of the one called `before` in its scope, at the end of it with ""."""
        name = row.mirror.name
        plan = await self._client.call(PlanMirrorEdit(self.instance, MoveMirror(name, row.mirror.scope, before)))
        if plan.diff:
            applied = await self._client.call(ApplyMirrorEdit(self.instance, plan.id))
            self.edited.emit(Edited(words.moved(name, before, applied.file), applied.undo, name))

    async def undo(self, step: UndoStep) -> None:
        await self._client.call(UndoMirrorEdit(self.instance, step.id))
        self.edited.emit(Edited(words.undone(step.title), ""))
