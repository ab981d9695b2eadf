# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Making and deleting whole mirrors with the instance's own Spack, its output as it comes."""

from __future__ import annotations

import asyncio
import shlex

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.engine.calls.logins import CreateMirror, DestroyMirror, PlanDestroy
from core.engine.messages import Call
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.text import visible
from core.services.login_values import CreateOptions, DestroyPlan, SpackEnd, SpackLine
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.mirrors import run_words as words
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button, CheckBox
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.labels import Label, WrappedLabel
from gui.widgets.mono_text import MonoText
from gui.widgets.page import TaskOwner
from gui.widgets.path_edit import PathEdit
from gui.widgets.refresh_line import RefreshLine

_SIZE = (700, 480)
_OUTPUT_HEIGHT = 180
_MOST_LINES = 20_000


class RunDialog(QDialog):
    """Fields, then the output of a run of Spack in their place. Open it with `ask`; `ended` is how the run ended."""

    def __init__(self, client: EngineClient, title: str, start: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.client = client
        self.tasks = TaskOwner()
        self.ended: SpackEnd | None = None
        self._running: asyncio.Task[None] | None = None
        self._packages: set[str] = set()
        self.setWindowTitle(title)
        self.busy_line = RefreshLine()
        self.heading = Label(title, FontRole.TITLE)
        self.fields = QWidget()
        self.status = Label("", tone="dim")
        self.output = MonoText(words.OUTPUT, least_height=_OUTPUT_HEIGHT)
        self.output.setMaximumBlockCount(_MOST_LINES)
        self.output.hide()
        self.notice = Banner(stacked=True)
        self.cancel_button = Button(messages.CANCEL)
        self.cancel_button.clicked.connect(self.reject)
        self.start_button = Button(start, primary=True)
        self.start_button.clicked.connect(self._on_start)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.start_button)
        content = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        content.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_L)
        content.setSpacing(theme.SPACE_M)
        for part in (self.heading, self.fields, self.status):
            content.addWidget(part)
        content.addWidget(self.output, 1)
        content.addStretch(0)  # while there is no output yet
        content.addWidget(self.notice)
        content.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(content)
        self.resize(*_SIZE)

    def command(self) -> Call[SpackEnd]:
        """What is to be run, as entered."""
        raise NotImplementedError

    def _on_start(self) -> None:
        if self._running is None:
            self._running = self.tasks.start(self._run(self.command()))

    async def _run(self, call: Call[SpackEnd]) -> None:
        self.output.clear()
        self.output.show()
        self.notice.clear()
        self.status.setText(words.RUNNING)
        self._set_running(running=True)
        try:
            self.ended = await self.client.call(call, self._on_lines)
        except asyncio.CancelledError:
            self.status.setText(words.STOPPED)
            raise
        except MirrordeckError as error:
            self.status.setText("")
            self.show_error(error.info())
        else:
            self.status.setText(words.ended(self.ended))
            self.status.set_tone("ok" if self.ended.status == 0 else "bad")
        finally:
            self._running = None
            self._set_running(running=False)

    def _on_lines(self, lines: list[SpackLine]) -> None:
        self.output.appendPlainText("\n".join(visible(line.text) for line in lines))
        self._packages |= {line.package for line in lines if line.package}
        if self._packages:
            last = next((line.package for line in reversed(lines) if line.package), "")
            self.status.setText(words.progress(len(self._packages), last))

    def _set_running(self, *, running: bool) -> None:
        self.busy_line.set_running(running)
        self.fields.setEnabled(not running)
        self.start_button.setVisible(not running and self.ended is None)
        self.cancel_button.setText(words.STOP if running else messages.CLOSE if self.ended else messages.CANCEL)

    def show_error(self, error: ErrorInfo) -> None:
        self.notice.show_notice(error.title, messages.sentences(error.why, *error.remedies), tone="bad", closable=False)

    def reject(self) -> None:
        """Stop what runs, and close otherwise."""
        if self._running is not None:
            self._running.cancel()
        else:
            self.done(QDialog.DialogCode.Accepted if self.ended is not None else QDialog.DialogCode.Rejected)

    def done(self, result: int) -> None:
        self.tasks.cancel_all()
        self.busy_line.set_running(False)
        super().done(result)


class CreateDialog(RunDialog):
    """`spack mirror create`: fetch sources of packages into a folder."""

    def __init__(self, client: EngineClient, instance: str, parent: QWidget | None = None) -> None:
        super().__init__(client, words.CREATE_TITLE, words.CREATE, parent)
        self._instance = instance
        self.specs_edit = QLineEdit()
        self.specs_edit.setPlaceholderText(words.SPECS_EXAMPLE)
        self.directory = PathEdit(words.CHOOSE_DIRECTORY, folder=True, engine=client)
        self.directory.edit.setPlaceholderText(words.SOURCE_CACHE)
        self.dependencies_box = CheckBox(words.DEPENDENCIES)
        self.dependencies_box.setChecked(True)
        rows = FormRows()
        for text, field, edit in (
            (words.SPECS, self.specs_edit, self.specs_edit),
            (words.DIRECTORY, self.directory, self.directory.edit),
        ):
            edit.setAccessibleName(text)
            rows.add(text, field)
        rows.add("", self.dependencies_box)
        column = QVBoxLayout(self.fields)
        column.setContentsMargins(0, 0, 0, 0)
        sentence = Label(words.CREATE_TEXT, tone="dim")
        sentence.setWordWrap(True)
        column.addWidget(sentence)
        column.addWidget(rows)
        self.start_button.setDefault(True)
        self.specs_edit.textChanged.connect(self._allow)
        self._allow()

    def _specs(self) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(self.specs_edit.text()))
        except ValueError:  # a quote is still open
            return ()

    def _allow(self) -> None:
        self.start_button.setEnabled(bool(self._specs()))
        self.start_button.setToolTip("" if self._specs() else words.NO_SPECS)

    def command(self) -> Call[SpackEnd]:
        flags = ("--dependencies",) if self.dependencies_box.isChecked() else ()
        return CreateMirror(self._instance, CreateOptions(self._specs(), self.directory.edit.text().strip(), flags))

    def done(self, result: int) -> None:
        self.directory.tasks.cancel_all()
        super().done(result)


class DestroyDialog(RunDialog):
    """`spack mirror destroy`: says what goes, and asks for the name to be typed."""

    def __init__(self, client: EngineClient, instance: str, mirror: str, parent: QWidget | None = None) -> None:
        super().__init__(client, words.destroy_title(mirror), words.DESTROY, parent)
        self._instance = instance
        self._mirror = mirror
        self.plan: DestroyPlan | None = None
        self.what_goes = WrappedLabel(words.COUNTING)
        self.strangers = WrappedLabel(tone="warn")
        self.name_edit = QLineEdit()
        self.name_edit.setAccessibleName(words.TYPE_NAME)
        self.name_edit.textChanged.connect(self._allow)
        rows = FormRows()
        self._name: FormRow = rows.add(words.TYPE_NAME, self.name_edit)
        column = QVBoxLayout(self.fields)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.what_goes, self.strangers, rows):
            column.addWidget(widget)
        self._allow()

    def open(self) -> None:
        super().open()
        self.name_edit.setFocus()
        self.tasks.start(self._plan())

    async def _plan(self) -> None:
        self.busy_line.set_running(True)
        try:
            self.plan = await self.client.call(PlanDestroy(self._instance, self._mirror))
        except MirrordeckError as error:
            self.what_goes.setText("")
            self.show_error(error.info())
        else:
            self.what_goes.setText(words.what_goes(self.plan))
            self.strangers.setText(words.strangers(self.plan))
            self._name.say(words.type_this(self.plan.name))
        finally:
            self.busy_line.set_running(False)
        self._allow()

    def _allow(self) -> None:
        typed = self.plan is not None and self.name_edit.text() == self.plan.name
        self.start_button.setEnabled(typed)
        self.start_button.setToolTip("" if typed else words.TYPE_NAME)

    def command(self) -> Call[SpackEnd]:
        return DestroyMirror(self._instance, self._mirror, self.name_edit.text())
