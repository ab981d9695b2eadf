# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is missing over there, what would be copied, and the copying."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.engine.messages import Absent
from core.remote.engine_archive import EngineArchive, engine_archive, install_parts
from gui import theme
from gui.remote import words
from gui.remote.connection import RemoteConnection
from gui.threads import in_thread
from gui.widgets.bars import Bar
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import Label
from gui.widgets.task_dialog import TaskDialog

_HEIGHT, _LABELS = 340, 100


class InstallDialog(TaskDialog):
    """Open it with `ask`; accepted, the engine over there has greeted."""

    def __init__(self, connection: RemoteConnection, absent: Absent, parent: QWidget | None = None) -> None:
        title = words.copy_title(connection.place.title)
        super().__init__(title, words.COPY_ENGINE, parent, height=_HEIGHT)
        self._connection, self._folder = connection, absent.facts.get("folder", "")
        self._archive: EngineArchive | None = None
        self.why = Label(words.prompt(absent.why))
        self.what = Label(words.MEASURING)
        for label in (self.why, self.what):
            label.setWordWrap(True)
            self.body.addWidget(label)
        facts = FormRows(label_width=_LABELS)
        for name, caption in words.FACTS.items():
            if absent.facts.get(name):
                facts.add(caption, Label(words.prompt(absent.facts[name])).make_selectable())
        self.body.addWidget(facts)
        self.progress = Bar(theme.BAR_OVERALL)
        self.progress.setAccessibleName(title)
        self.progress.hide()
        self.body.addWidget(self.progress)
        self.body.addStretch(1)
        self.confirm_button.clicked.connect(lambda: self.work(self._copy))
        connection.greeted.connect(self.accept)
        connection.ended.connect(self.reject_at_once)
        connection.install_wanted.connect(self._on_refused)
        self.forbid(words.MEASURING)
        self.work(self._measure)

    async def _measure(self) -> None:
        self._archive = await in_thread(engine_archive, "engine-archive")
        self.what.setText(words.what_is_copied(self._archive.size_bytes, self._folder))
        self.forbid("")

    async def _copy(self) -> None:
        archive = self._archive
        if archive is None:
            return
        self.notice.clear()
        self.progress.show()
        self.forbid(words.COPYING_NOW)
        size = archive.size_bytes
        await self._connection.install(install_parts(archive), lambda sent: self._show_progress(sent, size))
        self.what.setText(words.STARTING)

    def _show_progress(self, sent: int, size: int) -> None:
        self.progress.set_share(sent / size)
        self.what.setText(words.copying(sent, size))

    def _on_refused(self, absent: Absent) -> None:
        self.progress.hide()
        self.notice.show_notice(words.prompt(absent.why), tone="bad", closable=False)
        self.forbid("" if absent.can_install else words.prompt(absent.why))

    def on_stopped(self) -> None:
        self.reject_at_once()  # half an engine was sent: nothing else can follow on this connection

    def reject_at_once(self) -> None:
        self.done(0)
