# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether a build cache is sound: quick at once, full on request, findings as they come."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.engine.calls.checks import VerifyCache
from core.services.verify_values import Examined, Finding, Remedy, VerifyView
from gui import messages, theme
from gui.contents import verify_words as words
from gui.contents.findings import FindingsModel, FindingsTable
from gui.contents.repair_dialog import RepairDialog
from gui.engine_client import EngineClient
from gui.widgets.controls import Button, ComboBox
from gui.widgets.dialogs import ask
from gui.widgets.empty_state import EmptyState
from gui.widgets.labels import Label, WrappedLabel
from gui.widgets.table import TablePane
from gui.widgets.task_dialog import TaskDialog

_LIMIT_WIDTH = 72
_MEGA = 1e6


class VerifyDialog(TaskDialog):
    """Begins when it is opened. Nothing can be repaired where `why_no_change` says why; `changed` tells afterwards that
    something was."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirror: str,
        *,
        why_no_change: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words.title(mirror), words.REPAIR, parent)
        self._client = client
        self._instance = instance
        self._mirror = mirror
        self._why_no_change = why_no_change
        self._examined = Examined()
        self.view: VerifyView | None = None
        self.changed = False
        self.model = FindingsModel(self)
        self._build()
        self.confirm_button.clicked.connect(lambda: self.tasks.start(self._repair()))
        self.verify_button.clicked.connect(self._on_verify)
        self.depth_combo.currentIndexChanged.connect(lambda _index: self._allow())
        self.limit_edit.textChanged.connect(lambda _text: self._allow())
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_current())
        self._allow()

    def _build(self) -> None:
        self.depth_combo = ComboBox()
        self.depth_combo.setAccessibleName(words.DEPTH)
        self.depth_combo.addItem(words.QUICK, False)
        self.depth_combo.addItem(words.FULL, True)
        self.limit_edit = QLineEdit()
        self.limit_edit.setAccessibleName(words.LIMIT_NAME)
        self.limit_edit.setPlaceholderText(words.LIMIT_ANY)
        self.limit_edit.setFixedWidth(theme.scaled(_LIMIT_WIDTH))
        self._limit = QWidget()
        limit = QHBoxLayout(self._limit)
        limit.setContentsMargins(0, 0, 0, 0)
        limit.setSpacing(theme.SPACE_XS)
        for part in (Label(words.LIMIT, tone="dim"), self.limit_edit, Label(words.LIMIT_UNIT, tone="dim")):
            limit.addWidget(part)
        self.verify_button = Button(words.VERIFY)
        top = QHBoxLayout()
        top.setSpacing(theme.SPACE_S)
        top.addWidget(self.depth_combo)
        top.addWidget(self._limit)
        top.addStretch(1)
        top.addWidget(self.verify_button)
        self.status = WrappedLabel(words.NOT_RUN, tone="dim")
        self.table = FindingsTable(self.model)
        self.pane = TablePane(self.table)
        self.nothing = EmptyState("empty-search", words.NOTHING_YET)
        self.pane.show_instead(self.nothing)
        self.current = WrappedLabel(tone="dim")
        self.body.addLayout(top)
        self.body.addWidget(self.status)
        self.body.addWidget(self.pane, 1)
        self.body.addWidget(self.current)

    def open(self) -> None:
        super().open()
        self.verify_button.setFocus()
        self.work(self._verify)

    @property
    def close_text(self) -> str:
        return messages.CLOSE

    @property
    def full(self) -> bool:
        return bool(self.depth_combo.currentData())

    @property
    def repairable(self) -> tuple[Finding, ...]:
        """What the engine may know a remedy for."""
        return tuple(finding for finding in self.model.findings if finding.remedy is not Remedy.NOTHING)

    # ---- verifying ----

    def _on_verify(self) -> None:
        self.notice.clear()
        self.work(self._verify)

    def _bytes_per_s(self) -> float | None:
        """Raises ValueError for what is no number."""
        text = self.limit_edit.text().strip()
        if not self.full or not text:
            return None
        wanted = float(text.replace(",", "."))
        if not 0 < wanted < 1e9:
            raise ValueError(text)
        return wanted * _MEGA

    async def _verify(self) -> None:
        self.view, self._examined = None, Examined()
        self.model.clear()
        self.nothing.show_message("empty-search", words.NOTHING_YET)
        self.pane.show_instead(self.nothing)
        self._show_progress()
        call = VerifyCache(self._instance, self._mirror, self.full, self._bytes_per_s())
        self.view = await self._client.call(call, self._on_rows)
        text, tone = words.result(self.view)
        self.status.setText(text)
        self.status.set_tone(tone)
        if not self.model.findings:
            self.nothing.show_message("empty-sound", words.SOUND)

    def _on_rows(self, rows: list[Finding | Examined]) -> None:
        findings = [row for row in rows if isinstance(row, Finding)]
        self._examined = next((row for row in reversed(rows) if isinstance(row, Examined)), self._examined)
        self.model.add(findings)
        if findings:
            self.pane.show_table()
        self._show_progress()

    def _show_progress(self) -> None:
        self.status.setText(words.progress(self._examined, len(self.model.findings)))
        self.status.set_tone("dim")

    def on_stopped(self) -> None:
        self.status.setText(words.STOPPED)

    def on_working(self) -> None:
        self.verify_button.setText(words.VERIFY if self.view is None else words.VERIFY_AGAIN)
        self._allow()

    async def _repair(self) -> None:
        dialog = RepairDialog(self._client, self._instance, self._mirror, self.repairable, self)
        if not await ask(dialog):
            return
        self.changed = True
        self.work(self._verify)
        self.notice.show_notice(words.REPAIRED, words.repaired(dialog.update_done), tone="ok", closable=False)

    # ---- showing ----

    def _allow(self) -> None:
        self._limit.setVisible(self.full)
        for control in (self.depth_combo, self.limit_edit):
            control.setEnabled(not self.working)
        try:
            self._bytes_per_s()
            wrong = ""
        except ValueError:
            wrong = words.WHY_NO_LIMIT
        self.verify_button.setEnabled(not self.working and not wrong)
        self.verify_button.setToolTip(wrong)
        nothing = "" if self.repairable else words.WHY_NOTHING_TO_REPAIR
        self.forbid(self._why_no_change or (words.WHY_VERIFYING if self.working else nothing))

    def _show_current(self) -> None:
        index = self.table.currentIndex()
        self.current.setText(words.detail(self.model.findings[index.row()]) if index.isValid() else "")
