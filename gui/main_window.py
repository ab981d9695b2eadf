# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one window: pages, instance, status bar, and what connects them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from PySide6.QtCore import QByteArray, QSize, Qt
from PySide6.QtGui import QCloseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.engine.calls.instances import OpenInstance
from core.foundation.errors import ErrorInfo, MirrordeckError, UsageError
from core.foundation.text import visible
from core.remote.address import HERE, Address, parse_address
from core.services.values import InstanceInfo
from gui import appearance, messages, preferences, theme
from gui.actions import Actions
from gui.between_pages import BetweenPages
from gui.contents.page import ContentsPage
from gui.desktop import Desktop
from gui.engine_client import EngineClient
from gui.engine_notices import EngineNotices
from gui.first_run import FirstRun
from gui.general import General, IdleText
from gui.history.page import HistoryPage
from gui.history.report_dialog import ReportDialog
from gui.keys.page import KeysPage
from gui.menus import fill_menu_bar
from gui.mirrors.page import MirrorsPage
from gui.opening import Opening
from gui.packages.page import PackagesPage
from gui.remote.guide import RemoteGuide
from gui.settings import remembered
from gui.settings_page import SettingsPage
from gui.side_bar import SideBar
from gui.transfers.page import TransfersPage
from gui.transfers.state import TransfersState
from gui.transfers.status_bar import TransfersStatus
from gui.widgets.banner import Banner
from gui.widgets.controls import ActionButton
from gui.widgets.dialogs import MessageDialog, ask
from gui.widgets.empty_state import EmptyState
from gui.widgets.page import Page, TaskOwner

_MINIMUM = (900, 560)
_FOR_TEXT = (650, 380)  # what text of the usual size needs, with every button that may come
_FIRST_SIZE = (1240, 780)
_NARROW_BELOW = 1040
_CLOSE_TIMEOUT_S = 5.0
_WELCOMED_KEY = "window/welcomed"
_STOP, _KEEP = 1, 2


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """What was asked for on the command line."""

    instance: str | None = None
    environment: str | None = None
    environment_directory: str | None = None
    no_environment: bool = False
    read_only: bool = False
    demo: bool = False


class MainWindow(QMainWindow):
    """`run` is its life: from the start of the engine until everything has ended after a close."""

    def __init__(self, client: EngineClient, options: WindowOptions) -> None:
        super().__init__()
        self.client = client
        self.options = options
        self.commands = Actions(self)
        self.tasks = TaskOwner()
        self.state = TransfersState(client, self)
        self.guide = RemoteGuide(self, read_only=options.read_only)
        client.connector = self.guide.connect_to
        self._closed: asyncio.Future[None] | None = None
        self._closing = False
        self._build()
        self._connect()
        if options.demo:
            self.commands.allow(self.commands.open_sample, messages.WHY_SAMPLE)
        self._restore()

    # Building

    def _build(self) -> None:
        self._show_title()
        self.setMinimumSize(*_MINIMUM)
        a = self.commands
        self.mirrors = MirrorsPage(self.client, a)
        self.packages = PackagesPage(self.client, a)
        self.transfers = TransfersPage(self.client, a, self.state)
        self.contents = ContentsPage(self.client, a)
        self.keys = KeysPage(self.client, a)
        self.history = HistoryPage(self.client, a)
        self.settings = SettingsPage(self.client, a)
        self.pages: tuple[Page, ...] = (
            *(self.mirrors, self.packages, self.transfers, self.contents, self.keys, self.history, self.settings),
        )
        for page in self.pages:
            page.read_only = self.options.read_only
        self._page_actions = (
            *(a.show_mirrors, a.show_packages, a.show_transfers, a.show_contents, a.show_keys, a.show_history),
            a.show_settings,
        )
        icons = ("mirrors", "packages", "transfers", "contents", "keys", "history", "settings")
        self.side_bar = SideBar(a, tuple(zip(self._page_actions, icons, strict=True)))
        self.opening = Opening(self.client, self.side_bar, self)
        self.between_pages = BetweenPages(
            self.client, self.opening, self,
            mirrors=self.mirrors, packages=self.packages, transfers=self.transfers, contents=self.contents,
        )  # fmt: skip
        self.no_instance = EmptyState("empty-folder", messages.OPENING_INSTANCE)
        self.no_instance.add_button(ActionButton(a.open_sample))
        self.no_instance.add_button(ActionButton(a.open_instance, primary=True))
        self.stack = QStackedWidget()
        self.stack.addWidget(self.no_instance)
        self.first_run = FirstRun(self.client, a, read_only=self.options.read_only)
        self.stack.addWidget(self.first_run)
        for page in self.pages:
            self.stack.addWidget(page)
        self.banner = Banner()
        self.engine_notices = EngineNotices(self.client, self.opening, self.state, a, self.banner)
        self.status = TransfersStatus(self.state, a)
        self.idle_text = IdleText(self.client, self.status)
        self.desktop = Desktop(self, self.state, a)
        self.general = General(self.client, a, self.state, self)
        self.general.page_wanted.connect(self._show_page_titled)
        fill_menu_bar(self.menuBar(), a)
        self._lay_out()

    def _lay_out(self) -> None:
        notice = QVBoxLayout()
        notice.setContentsMargins(theme.PAGE_MARGIN, theme.SPACE_M, theme.PAGE_MARGIN, 0)
        notice.addWidget(self.banner)
        self._notice = QWidget()
        self._notice.setLayout(notice)
        self._notice.hide()
        bottom = QFrame()
        bottom.setObjectName("status")
        row = QHBoxLayout(bottom)
        row.setContentsMargins(0, 1, 0, 0)
        row.addWidget(self.status)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self._notice)
        right.addWidget(self.stack, 1)
        right.addWidget(bottom)
        centre = QWidget()
        layout = QHBoxLayout(centre)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.side_bar)
        layout.addLayout(right, 1)
        self.setCentralWidget(centre)

    def _connect(self) -> None:
        a = self.commands
        for row, action in enumerate(self._page_actions):
            action.triggered.connect(lambda _checked=False, at=row: self._go_to_page(at))
        self.side_bar.pages.page_chosen.connect(self._on_page_chosen)
        self.side_bar.pages.clicked.connect(self._leave_first_run)
        a.open_instance.triggered.connect(self.opening.choose)
        self.opening.begun.connect(self.idle_text.say)
        self.opening.begun.connect(self.first_run.show_opening)
        self.opening.opened.connect(self._on_opened)
        self.opening.failed.connect(self._on_open_failed)
        a.quit.triggered.connect(self.close)
        a.refresh.triggered.connect(self._on_refresh)
        a.filter.triggered.connect(self._on_filter)
        a.next_pane.triggered.connect(lambda: self._walk_panes(1))
        a.previous_pane.triggered.connect(lambda: self._walk_panes(-1))
        a.toggle_navigation.triggered.connect(self._fit_navigation)
        appearance.connect(a)
        theme.density_changed.connect(self._fit_minimum)
        self.first_run.finished.connect(self._on_first_run_finished)
        self.first_run.checkout_chosen.connect(lambda path: self.opening.open(OpenInstance(path)))
        self.desktop.show_wanted.connect(self._come_back)
        a.make_report.triggered.connect(lambda: self.tasks.start(self._report()))
        self.between_pages.page_wanted.connect(self._show_page_titled)
        self.transfers.history_wanted.connect(a.show_history.trigger)
        self.settings.instances.show_wanted.connect(self.opening.open_known)
        self.settings.instances.changed.connect(self.opening.list_again)
        self.settings.presets.pushed.connect(lambda: self.show_page(2))
        self.status.transfers_wanted.connect(lambda: self.show_page(2))
        self.state.request_failed.connect(self._on_request_failed)
        self.client.engine_lost.connect(self._on_engine_lost)
        self.client.place_changed.connect(self._on_place_changed)
        self.client.push_ended_elsewhere.connect(self.desktop.tell_push_elsewhere)
        self.engine_notices.shown.connect(self._notice.setVisible)
        self.engine_notices.told.connect(self.status.set_notice)
        self.state.changed.connect(self._on_transfers_changed)

    def _restore(self) -> None:
        memory = remembered()
        self._fit_minimum()
        self.resize(*_FIRST_SIZE)
        geometry = memory.value("window/geometry")
        if isinstance(geometry, QByteArray):
            self.restoreGeometry(geometry)
        self.commands.toggle_navigation.setChecked(memory.value("window/narrow") == "yes")
        self.side_bar.pages.setFocus()
        row = int(str(memory.value("window/page") or 0))
        self.side_bar.pages.choose(row if row < len(self.pages) else 0)

    # Life

    async def run(self) -> None:
        """Start the engine, open the instance, and return once the window has been closed and the engine has ended."""
        self._closed = asyncio.get_running_loop().create_future()
        self.client.start()
        self._open_first()
        await self._closed

    def _open_first(self) -> None:
        options = self.options
        wanted = options.instance or preferences.now().first_instance
        try:
            address = parse_address(wanted) if wanted else Address(HERE, "")
        except UsageError as error:
            self._on_open_failed(error)
            return
        call = OpenInstance(
            address.path or None, options.environment, options.environment_directory, options.no_environment
        )
        self.opening.open_first(address.place, call)

    @property
    def instance(self) -> InstanceInfo | None:
        """The one that is open."""
        return self.opening.current

    def _on_opened(self, info: InstanceInfo) -> None:
        self.idle_text.show_instance(info)
        if not self._welcomed:
            self.first_run.show_instance(info)
        self._show_chosen_page()
        for page in self.pages:
            page.start(page.load(info.id))

    def _on_open_failed(self, error: MirrordeckError) -> None:
        info = error.info()
        if self.instance is not None:
            self.idle_text.show_instance(self.instance)
            self._show_notice(info.title, info.why, "bad")
            return
        self.opening.show_none()
        self.idle_text.say(messages.NO_INSTANCE)
        detail = messages.sentences(info.sentence(), messages.NO_INSTANCE_DETAIL)
        self.no_instance.show_message("empty-folder", messages.NO_INSTANCE_SENTENCE, detail)
        if not self._welcomed:
            self.first_run.show_no_instance(info.sentence())
        self._show_chosen_page()

    def _show_title(self) -> None:
        # The name comes last: where it does not, Qt appends it once more.
        options, place = self.options, visible(self.client.place.title)
        names = [place, messages.DEMO * options.demo, messages.READ_ONLY * options.read_only, messages.APP_NAME]
        self.setWindowTitle(" – ".join(name for name in names if name))

    def _on_place_changed(self) -> None:
        self._show_title()
        for page in self.pages:
            page.forget()

    def _show_notice(self, title: str, text: str, tone: str) -> None:
        self._notice.show()
        self.banner.show_notice(title, text, tone=tone)

    # Pages

    @property
    def page(self) -> Page:
        """The page that is chosen."""
        return self.pages[max(self.side_bar.pages.chosen, 0)]

    def show_page(self, row: int) -> None:
        self.side_bar.pages.choose(row)

    def _go_to_page(self, row: int) -> None:
        """Show it, and let the keyboard work there at once."""
        self.show_page(row)
        self._leave_first_run()
        self.page.take_focus()

    def _show_page_titled(self, title: str) -> None:
        self.show_page(next(row for row, page in enumerate(self.pages) if page.title == title))

    def _on_page_chosen(self) -> None:
        if not self._leave_first_run():
            self._show_chosen_page()

    def _leave_first_run(self) -> bool:
        """Choosing a page is a way to go on, once there is an instance to look at."""
        leaves = not self._welcomed and self.instance is not None and self.page is not self.settings
        if leaves:
            remembered().setValue(_WELCOMED_KEY, "yes")
            self._show_chosen_page()
        return leaves

    def _show_chosen_page(self) -> None:
        page = self.page
        shown: QWidget = page
        if page is not self.settings and not self._welcomed:
            shown = self.first_run
        elif page is not self.settings and self.instance is None:
            shown = self.no_instance
        focus = self.focusWidget()  # also while a dialog that has just been answered is still the active window
        leaves = focus is not None and self.stack.isAncestorOf(focus) and shown is not self.stack.currentWidget()
        if leaves:
            self.side_bar.pages.setFocus()  # or Qt gives it to whatever comes first in the page, which forgets its own
        self.stack.setCurrentWidget(shown)
        if leaves:
            page.take_focus()
        self.commands.enter_page(page.title if self.instance is not None else "")
        page.update_actions()

    @property
    def _welcomed(self) -> bool:
        """Whether the first-run page was left, now or long ago."""
        return self.options.demo or remembered().value(_WELCOMED_KEY) == "yes"

    def _on_first_run_finished(self) -> None:
        self._leave_first_run()
        self.side_bar.pages.setFocus()

    def _on_filter(self) -> None:
        self.page.focus_filter()

    def _on_refresh(self) -> None:
        if self.instance is not None and self.client.running:
            self.page.start(self.page.load(self.instance.id))

    def _walk_panes(self, step: int) -> None:
        inside = self.page.panes() if self.instance is not None else []
        known = (self.side_bar.pages, self.banner.button, *inside)
        panes = [pane for pane in known if pane.isVisible() and pane.isEnabled()]
        focus = QApplication.focusWidget()
        here = next((at for at, pane in enumerate(panes) if focus and (pane is focus or pane.isAncestorOf(focus))), 0)
        panes[(here + step) % len(panes)].setFocus(Qt.FocusReason.TabFocusReason)

    def _fit_navigation(self) -> None:
        narrow = self.commands.toggle_navigation.isChecked() or self.width() < theme.scaled(_NARROW_BELOW)
        self.side_bar.set_narrow(narrow)

    def _fit_minimum(self) -> None:
        """Large text needs more room than the usual least size, beside icons alone."""
        self.side_bar.set_narrow(True)
        least = self.minimumSizeHint().expandedTo(QSize(*_MINIMUM))
        self.setMinimumSize(least.expandedTo(QSize(*map(theme.scaled, _FOR_TEXT))))
        self._fit_navigation()

    def _on_request_failed(self, error: ErrorInfo) -> None:
        self.page.show_error(error)

    def _on_transfers_changed(self) -> None:
        self.side_bar.pages.set_count(2, self.state.overall.waiting + self.state.overall.moving)

    def _on_engine_lost(self, reason: str) -> None:
        self.no_instance.show_message("empty-engine", messages.ENGINE_GONE, reason)
        self.page.update_actions()

    # Closing

    async def _report(self) -> None:
        instance = self.instance.id if self.instance is not None else ""
        await ask(ReportDialog(self.client, instance, read_only=self.options.read_only, parent=self))

    async def _close(self) -> None:
        try:
            unfinished = self._unfinished()
            if unfinished:
                buttons: tuple[tuple[str, int], ...] = ((messages.CANCEL, 0), (messages.STOP_AND_QUIT, _STOP))
                if self.desktop.keeps_running:
                    buttons += ((messages.KEEP_RUNNING, _KEEP),)
                answer = await ask(MessageDialog(messages.CLOSE_TITLE, unfinished, buttons, parent=self))
                if answer == _KEEP:
                    self.hide()
                    self.desktop.notify(messages.STILL_RUNNING, messages.STILL_RUNNING_TEXT)
                if answer != _STOP:
                    return
            await self._shut_down()
        finally:
            self._closing = False

    def _unfinished(self) -> str:
        """What would be stopped now, at every place."""
        places = self.client.unfinished()
        if self.state.overall.active and self.client.running:
            places = {self.client.place: self.state.overall, **places}
        return "\n".join(
            messages.facts(place.title, messages.unfinished_transfers(totals.moving, totals.waiting))
            for place, totals in places.items()
        )

    async def _shut_down(self) -> None:
        memory = remembered()
        memory.setValue("window/geometry", self.saveGeometry())
        memory.setValue("window/page", self.side_bar.pages.chosen)
        memory.setValue("window/narrow", "yes" if self.commands.toggle_navigation.isChecked() else "no")
        self.tasks.cancel_all()
        self.opening.tasks.cancel_all()
        for page in self.pages:
            page.leave()
        self.state.leave()
        self.between_pages.tasks.cancel_all()
        self.first_run.leave()
        self.desktop.leave()
        self.general.leave()
        self.idle_text.tasks.cancel_all()
        self.idle_text.say(messages.STOPPING)
        self.setEnabled(False)
        await self.client.close(_CLOSE_TIMEOUT_S)
        self.guide.leave()
        self.hide()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def _come_back(self) -> None:
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        if not self._closing:
            self._closing = True
            self.tasks.start(self._close())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_navigation()
