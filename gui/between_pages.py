# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What one page asks of another: show this package there, push these to that mirror. GUI thread only."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from core.services.values import InstanceInfo
from gui.contents.page import ContentsPage
from gui.engine_client import EngineClient
from gui.mirrors.page import MirrorsPage
from gui.opening import Opening
from gui.packages.page import PackagesPage
from gui.push.dialog import PushDialog
from gui.transfers.page import TransfersPage
from gui.widgets.dialogs import ask
from gui.widgets.page import TaskOwner


class BetweenPages(QObject):
    """`page_wanted(title)` comes before the page is told what to show."""

    page_wanted = Signal(str)

    def __init__(
        self,
        client: EngineClient,
        opening: Opening,
        window: QWidget,
        *,
        mirrors: MirrorsPage,
        packages: PackagesPage,
        transfers: TransfersPage,
        contents: ContentsPage,
    ) -> None:
        super().__init__(window)
        self._client = client
        self._opening = opening
        self._window = window
        self._mirrors = mirrors
        self._packages = packages
        self._contents = contents
        self.tasks = TaskOwner()
        mirrors.push_requested.connect(self._push_to_mirror)
        mirrors.missing_requested.connect(self._show_missing)
        mirrors.edited.connect(packages.mirrors_edited)
        mirrors.contents_requested.connect(self._show_contents)
        packages.push_requested.connect(lambda hashes, mirror: self._push(mirror, hashes, opening.current))
        packages.instances.push_requested.connect(lambda info, hashes: self._push("", hashes, info))
        packages.instances.package_wanted.connect(self._show_package_of)
        transfers.packages_wanted.connect(lambda: self.page_wanted.emit(PackagesPage.title))
        transfers.package_wanted.connect(self._show_package)
        transfers.contents_wanted.connect(self._show_contents)
        transfers.sign_in_wanted.connect(self._sign_in)
        contents.package_wanted.connect(self._show_package)
        contents.mirror_wanted.connect(self._add_mirror)
        contents.transfers_wanted.connect(lambda: self.page_wanted.emit(TransfersPage.title))

    def _show_package(self, dag_hash: str) -> None:
        self.page_wanted.emit(PackagesPage.title)
        self._packages.show_package(dag_hash)

    def _show_package_of(self, info: InstanceInfo, dag_hash: str) -> None:
        """Show a package in the instance that has it, which becomes the one shown everywhere."""
        current = self._opening.current
        if current is not None and info.id == current.id:
            self._show_package(dag_hash)
            return
        self._packages.views.setCurrentIndex(0)
        self._packages.show_when_loaded(dag_hash)
        self._opening.open_known(info)

    def _show_missing(self, mirror: str) -> None:
        self.page_wanted.emit(PackagesPage.title)
        self._packages.show_missing(mirror)

    def _show_contents(self, mirror: str) -> None:
        self.page_wanted.emit(ContentsPage.title)
        self._contents.open_mirror(mirror)

    def _add_mirror(self, address: str) -> None:
        self.page_wanted.emit(MirrorsPage.title)
        self._mirrors.add_address(address)

    def _sign_in(self, mirror: str) -> None:
        self.page_wanted.emit(MirrorsPage.title)
        row = self._mirrors.model.find(mirror)
        if row is not None:
            self._mirrors.table.select_row(row)
            self._mirrors.commands.sign_in.trigger()

    def _push_to_mirror(self, mirror: str) -> None:
        current = self._opening.current
        hashes = self._packages.model.checked_hashes()
        if hashes or (current is not None and current.environment):
            self._push(mirror, hashes, current)
            return
        self.page_wanted.emit(PackagesPage.title)
        self._packages.choose_for(mirror)

    def _push(self, mirror: str, hashes: tuple[str, ...], source: InstanceInfo | None) -> None:
        if source is not None:
            self.tasks.start(self._ask_and_push(mirror, hashes, source))

    async def _ask_and_push(self, mirror: str, hashes: tuple[str, ...], source: InstanceInfo) -> None:
        dialog = PushDialog(self._client, source, mirror=mirror, hashes=hashes, parent=self._window)
        if await ask(dialog):
            self._packages.pushed()
            self.page_wanted.emit(TransfersPage.title)
