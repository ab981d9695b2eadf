# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installing packages of a build cache with the instance's own Spack: what will happen, then its output."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.engine.calls.installs import InstallPackages, LookAtInstall
from core.engine.messages import Call
from core.foundation.errors import MirrordeckError
from core.services.install_values import InstallOutlook, InstallRequest, SpackEnd
from core.services.values import CopyLine
from gui import messages, theme
from gui.contents import install_words as words
from gui.engine_client import EngineClient
from gui.mirrors.spack_run import RunDialog
from gui.widgets.command_line import CommandLine
from gui.widgets.controls import CheckBox
from gui.widgets.labels import WrappedLabel
from gui.widgets.mono_text import MonoText

_LIST_LINES = 8


class InstallDialog(RunDialog):
    """`hashes` of a configured mirror, with all they need to run."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirror: str,
        hashes: tuple[str, ...],
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(client, words.TITLE, words.INSTALL, parent)
        self._instance = instance
        self._mirror = mirror
        self._hashes = hashes
        self.outlook: InstallOutlook | None = None
        self.summary = WrappedLabel(words.LOOKING, tone="dim")
        self.list = MonoText(words.PACKAGES)
        self.list.fit_lines(_LIST_LINES)
        self.list.hide()
        self.unchecked_box = CheckBox(words.UNCHECKED)
        self.unchecked_box.hide()
        self.command_line = CommandLine()
        column = QVBoxLayout(self.fields)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        for widget in (self.summary, self.list, self.unchecked_box, self.command_line):
            column.addWidget(widget)
        column.addStretch(1)
        self.unchecked_box.clicked.connect(self._on_unchecked)
        self._allow()

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.tasks.start(self._look())

    def _request(self) -> InstallRequest:
        return InstallRequest(self._mirror, self._hashes, unchecked=self.unchecked_box.isChecked())

    async def _look(self) -> None:
        self.busy_line.set_running(True)
        self.outlook = None
        self._allow()
        try:
            outlook = await self.client.call(LookAtInstall(self._instance, self._request()))
        except MirrordeckError as error:
            self.summary.setText("")
            self.show_error(error.info())
        else:
            self._show_outlook(outlook)
        finally:
            self.busy_line.set_running(False)
        self._allow()

    def _show_outlook(self, outlook: InstallOutlook) -> None:
        self.outlook = outlook
        self.summary.setText(words.summary(outlook))
        self.list.setPlainText(words.package_lines(outlook))
        self.list.setVisible(bool(outlook.packages))
        self.unchecked_box.setVisible(outlook.needs_unchecked or self.unchecked_box.isChecked())
        self.command_line.show_line(CopyLine(words.COMMAND, outlook.command))
        problems = outlook.blockers or outlook.warnings
        if problems:
            first, *others = problems
            lines = (messages.sentences(first.why, *first.remedies), *(each.sentence() for each in others))
            text = "\n".join(line for line in lines if line)
            tone = "bad" if outlook.blockers else "warn"
            self.notice.show_notice(first.title, text, tone=tone, closable=False)
        else:
            self.notice.clear()

    def _on_unchecked(self) -> None:
        self.tasks.start(self._look())

    def _allow(self) -> None:
        why = words.why_not(self.outlook, unchecked=self.unchecked_box.isChecked())
        self.start_button.setEnabled(not why)
        self.start_button.setToolTip(why)

    def command(self) -> Call[SpackEnd]:
        return InstallPackages(self._instance, self._request())
