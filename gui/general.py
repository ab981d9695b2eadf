# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What belongs to no page: actions by name, the user guide, settings that the engine follows, the idle status bar."""

from __future__ import annotations

from PySide6.QtCore import QObject, QProcess, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from core.engine.calls.logins import KeyringState
from core.engine.calls.settings import SettingsChanged
from core.foundation.errors import EngineGone, MirrordeckError
from core.foundation.logs import log_dir
from core.foundation.settings import Settings
from core.services.values import InstanceInfo
from gui import messages, preferences
from gui.actions import Actions
from gui.engine_client import EngineClient, program_command
from gui.frame_gaps import FrameGaps
from gui.help.viewer import HelpViewer
from gui.palette import Palette
from gui.side_bar import instance_text
from gui.transfers.state import TransfersState
from gui.transfers.status_bar import TransfersStatus
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.page import TaskOwner


class General(QObject):
    """Carries out the actions of Help and of the settings, for a window; `leave` when it closes.

    `page_wanted(title)` comes before an action of another page is run.
    """

    page_wanted = Signal(str)

    def __init__(self, client: EngineClient, actions: Actions, state: TransfersState, window: QWidget) -> None:
        super().__init__(window)
        self._client = client
        self._commands = actions
        self._state = state
        self._window = window
        self._help: HelpViewer | None = None
        self._gaps = FrameGaps(self)
        self.tasks = TaskOwner()
        actions.record_gaps.toggled.connect(self._gaps.record)
        self._gaps.recorded.connect(lambda summary: self.tasks.start(self._show_gaps(summary)))
        actions.show_palette.triggered.connect(lambda: self.tasks.start(self._choose_action()))
        actions.show_help.triggered.connect(self._open_help)
        actions.open_sample.triggered.connect(_open_sample)
        actions.open_log.triggered.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(log_dir()))))
        actions.about.triggered.connect(lambda: self.tasks.start(self._about()))
        actions.work_offline.setChecked(preferences.now().offline)
        actions.work_offline.triggered.connect(lambda wanted: preferences.change(offline=wanted))
        preferences.changed.connect(self._on_settings_changed)

    def leave(self) -> None:
        self.tasks.cancel_all()
        if self._help is not None:
            self._help.close()

    async def _choose_action(self) -> None:
        palette = Palette(self._commands.all(), self._commands.page, self._window)
        if await ask(palette) and palette.chosen is not None:
            chosen = palette.chosen
            if palette.page:
                self.page_wanted.emit(palette.page)
            chosen.trigger()  # nothing where it is not possible there either; its tooltip says why

    def _open_help(self) -> None:
        if self._help is None:
            self._help = HelpViewer(self._window)
        self._help.show()
        self._help.raise_()
        self._help.activateWindow()

    async def _about(self) -> None:
        versions = "\n".join(f"{name} {number}" for name, number in self._client.versions.items())
        buttons = ((messages.CLOSE, 0),)
        await ask(MessageDialog(messages.APP_NAME, messages.ABOUT_TEXT, buttons, details=versions, parent=self._window))

    async def _show_gaps(self, summary: str) -> None:
        await ask(MessageDialog(messages.RECORD_GAPS, summary, ((messages.CLOSE, 0),), parent=self._window))

    def _on_settings_changed(self, settings: Settings) -> None:
        self._commands.work_offline.setChecked(settings.offline)
        if self._client.here.running:
            self.tasks.start(self._tell_engine())

    async def _tell_engine(self) -> None:
        try:
            await self._client.here.call(SettingsChanged())
        except EngineGone:
            return  # a new one reads them by itself
        except MirrordeckError as error:
            self._state.request_failed.emit(error.info())


def _open_sample() -> None:
    program, *words = program_command()
    QProcess.startDetached(program, [*words, "--demo"])


class IdleText(QObject):
    """What the status bar says while nothing moves: the instance, its keyring, and whether we work offline."""

    def __init__(self, client: EngineClient, status: TransfersStatus) -> None:
        super().__init__(status)
        self._client = client
        self._status = status
        self._words = ""
        self._keyring = ""
        self.tasks = TaskOwner()
        preferences.changed.connect(self._show)

    def say(self, words: str) -> None:
        """Instead of an instance, that there is none yet."""
        self._words, self._keyring = words, ""
        self._show()

    def show_instance(self, info: InstanceInfo) -> None:
        self._words = instance_text(info, self._client.place)
        self._show()
        self.tasks.start(self._ask_keyring(info))

    async def _ask_keyring(self, info: InstanceInfo) -> None:
        try:
            facts = await self._client.call(KeyringState(info.id))
        except MirrordeckError:
            return  # nothing is said of it then
        self._keyring = messages.KEYRING_FACTS[facts.state]
        self._show()

    def _show(self, _settings: Settings | None = None) -> None:
        offline = messages.OFFLINE if preferences.now().offline else ""
        self._status.set_idle_text(messages.facts(self._words, self._keyring, offline))
