# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keeping a push to do it again: as a preset, a plan or a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from core.engine.calls.presets import SavePreset, WritePushScript
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write
from core.services.values import SavedPush, ScriptKind
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.push import words
from gui.theme import FontRole
from gui.widgets.choosing import Choice, local_dialog, local_title
from gui.widgets.controls import Button
from gui.widgets.dialogs import ask
from gui.widgets.labels import Label, WrappedLabel
from gui.widgets.page import TaskOwner

_WIDTH = 440
_EXECUTABLE = 0o755
_FILE_NAMES = {
    ScriptKind.SHELL: "push.sh",
    ScriptKind.SLURM: "push.slurm",
    ScriptKind.GITLAB: ".gitlab-ci.yml",
    ScriptKind.GITHUB: "push.yml",
}


class KeepButton(Button):
    """A menu of what the push of `saved_push()` can be kept as. `told(title, text, tone)` says what became of it."""

    told = Signal(str, str, str)

    def __init__(
        self, client: EngineClient, saved_push: Callable[[], SavedPush], parent: QWidget | None = None
    ) -> None:
        super().__init__(words.KEEP, parent=parent)
        self._client = client
        self._saved_push = saved_push
        self.tasks = TaskOwner()
        self.menu_of_kinds = QMenu(self)
        preset = self.menu_of_kinds.addAction(words.KEEP_PRESET)
        preset.triggered.connect(lambda: self.tasks.start(self._keep_preset()))
        self.menu_of_kinds.addSeparator()
        for kind, text in words.KEEP_KINDS.items():
            action = self.menu_of_kinds.addAction(text)
            action.triggered.connect(lambda _checked=False, wanted=kind: self.tasks.start(self._keep_script(wanted)))
        self.clicked.connect(lambda: self.menu_of_kinds.popup(self.mapToGlobal(self.rect().bottomLeft())))

    async def _keep_preset(self) -> None:
        saved = self._saved_push()
        dialog = PresetName(self.window())
        while await ask(dialog):
            name, replace = dialog.name, dialog.replace
            try:
                await self._client.call(SavePreset(name, saved, replace=replace))
            except MirrordeckError as error:
                dialog = PresetName(self.window(), name, error)
            else:
                self.told.emit(words.PRESET_KEPT, words.preset_command(name), "ok")
                return

    async def _keep_script(self, kind: ScriptKind) -> None:
        title = local_title(words.KEEP_KINDS[kind], self._client)
        dialog = local_dialog(self.window(), title, Choice.NEW_FILE, name=_FILE_NAMES[kind])
        saved = self._saved_push()
        chosen: list[str] = []
        dialog.filesSelected.connect(chosen.extend)
        if not await ask(dialog) or not chosen:
            return
        mode = _EXECUTABLE if kind in (ScriptKind.SHELL, ScriptKind.SLURM) else None
        try:
            text = await self._client.call(WritePushScript(kind, saved))
            atomic_write(Path(chosen[0]), text.encode(), mode=mode)
        except MirrordeckError as error:
            info = error.info()
            self.told.emit(info.title, messages.sentences(info.why, *info.remedies), "bad")
            return
        self.told.emit(words.SCRIPT_WRITTEN, chosen[0], "ok")


class PresetName(QDialog):
    """Asks for a name: again after `error` with `name`, and whether one that is taken may be replaced."""

    def __init__(
        self,
        parent: QWidget | None = None,
        name: str = "",
        error: MirrordeckError | None = None,
        *,
        title: str = words.KEEP_PRESET,
        text: str = words.PRESET_TEXT,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(theme.scaled(_WIDTH))
        self._taken = ""
        self.edit = QLineEdit()
        self.edit.setAccessibleName(words.PRESET_NAME)
        self.edit.setPlaceholderText(words.PRESET_PLACEHOLDER)
        self.problem = WrappedLabel("", tone="bad")
        self.save_button = Button(words.SAVE, primary=True)
        self.save_button.setDefault(True)
        self.save_button.setEnabled(False)
        self.save_button.clicked.connect(self.accept)
        cancel = Button(messages.CANCEL)
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.save_button)
        column = QVBoxLayout(self)
        margin = theme.PAGE_MARGIN
        column.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_L)
        column.setSpacing(theme.SPACE_M)
        column.addWidget(Label(title, FontRole.BIG))
        sentence = Label(text, tone="dim")
        sentence.setWordWrap(True)
        column.addWidget(sentence)
        column.addWidget(self.edit)
        column.addWidget(self.problem)
        column.addLayout(row)
        self.edit.setText(name)
        self.save_button.setEnabled(bool(name))
        if error is not None:
            self._show_error(error)
        self.edit.textChanged.connect(self._on_text)
        self.edit.returnPressed.connect(lambda: self.accept() if self.name else None)

    @property
    def name(self) -> str:
        return self.edit.text().strip()

    @property
    def replace(self) -> bool:
        """Whether the person was told that this name is taken, and saved nevertheless."""
        return bool(self.name) and self.name == self._taken

    def _show_error(self, error: MirrordeckError) -> None:
        info = error.info()
        if info.code == "conflict":
            self._taken = self.name
            self.save_button.setText(words.REPLACE_PRESET)
        self.problem.setText(info.sentence())

    def _on_text(self) -> None:
        self.problem.setText("")
        self.save_button.setText(words.SAVE)
        self.save_button.setEnabled(bool(self.name))
