# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person can do with packages besides looking at them: select related ones, copy, export, compare, push."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QPoint, Qt, QUrl
from PySide6.QtGui import QActionGroup, QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QMenu

from core.engine.calls.packages import ListRelatives
from core.engine.calls.presence import FindMissing
from core.engine.messages import Call
from core.foundation.errors import MirrordeckError
from core.foundation.files import atomic_write
from core.services.package_values import MissingOn
from core.services.values import PackageRow
from gui import icons, messages
from gui.packages import words
from gui.packages.compare import CompareDialog, Side
from gui.packages.export import as_csv, as_json
from gui.packages.grouping import Group
from gui.packages.reuse import ReuseDialog
from gui.packages.rows import Column, spec_text
from gui.packages.spack_commands import command_lines, find_command
from gui.packages.versus import VersusDialog
from gui.remote.words import why_not_here
from gui.widgets.choosing import Choice, local_dialog, local_title
from gui.widgets.commands_dialog import CommandsDialog
from gui.widgets.dialogs import ask
from gui.widgets.page import TaskOwner

if TYPE_CHECKING:
    from gui.packages.page import PackagesPage


class PackageCommands(QObject):
    """The page's actions, connected; `update` says which of them make sense now."""

    def __init__(self, page: PackagesPage) -> None:
        super().__init__(page)
        self.tasks = TaskOwner()
        self._page = page
        self._model = page.model
        self._commands = page.commands
        self._connect()
        self._build_menus()

    def _connect(self) -> None:
        a = self._commands
        page, model = self._page, self._model
        page.table.customContextMenuRequested.connect(self._on_context_menu)
        a.push_packages.triggered.connect(self._on_push)
        a.select_shown.triggered.connect(model.check_shown)
        a.select_none.triggered.connect(model.check_none)
        a.select_dependencies.triggered.connect(lambda: self._select_relatives(dependents=False))
        a.select_dependents.triggered.connect(lambda: self._select_relatives(dependents=True))
        a.copy_spec.triggered.connect(lambda: self._copy(spec_text))
        a.copy_hash.triggered.connect(lambda: self._copy(lambda row: f"/{row.hash}"))
        a.copy_prefix.triggered.connect(lambda: self._copy(lambda row: row.prefix))
        a.copy_package_command.triggered.connect(lambda: self._copy(find_command))
        a.open_prefix.triggered.connect(self._on_open_prefix)
        a.show_package_commands.triggered.connect(lambda: self._open(self._commands_dialog()))
        a.export_packages.triggered.connect(lambda: self.tasks.start(self._export()))
        a.compare_packages.triggered.connect(lambda: self._open(self._compare_dialog()))
        a.why_not_used.triggered.connect(lambda: self._open(self._reuse_dialog()))
        a.compare_with_mirror.triggered.connect(lambda: self._open(self._versus_dialog()))

    def _build_menus(self) -> None:
        a = self._commands
        for action, fill in (
            (a.select_missing_on, self._fill_missing_on),
            (a.select_environment, self._fill_environments),
            (a.group_packages, self._fill_groups),
            (a.sort_packages, self._fill_sorting),
        ):
            menu = QMenu(action.text(), self._page)
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(partial(fill, menu))
            action.setMenu(menu)
        a.choose_columns.setMenu(self._page.table.columns.menu)

    # ---- which make sense ----

    def update(self, pushable_shown: int, *, listing: bool) -> None:
        """Allow or forbid every action; `listing` while the list is shown, not the coverage."""
        a, page, model = self._commands, self._page, self._model
        elsewhere = "" if listing else words.WHY_COVERAGE
        a.select_shown.setText(messages.select_shown(pushable_shown))
        a.allow(a.select_shown, elsewhere or ("" if pushable_shown else messages.WHY_NOTHING_SHOWN))
        a.allow(a.select_none, elsewhere or ("" if model.checked else messages.WHY_NOTHING_CHECKED))
        why = elsewhere or ("" if model.checked else messages.WHY_NO_PACKAGES)
        a.allow(a.push_packages, page.why_no_push() or why)
        row = page.current()
        no_row = elsewhere or ("" if row else messages.WHY_NO_ROW)
        for action in (a.copy_spec, a.copy_hash, a.copy_package_command, a.compare_packages, a.why_not_used):
            a.allow(action, no_row)
        for action in (a.select_dependencies, a.select_dependents):
            a.allow(action, no_row)
        no_prefix = no_row or ("" if row and row.prefix else messages.WHY_NO_PREFIX)
        a.allow(a.copy_prefix, no_prefix)
        a.allow(a.open_prefix, no_prefix or why_not_here(page.client.place))
        if not no_row and page.table.selected_count() > 2:
            a.allow(a.compare_packages, words.WHY_NO_TWO)
        a.allow(a.show_details, elsewhere)
        facts = model.facts
        a.allow(a.select_missing_on, elsewhere or ("" if facts.mirrors else words.WHY_NO_MIRRORS))
        a.allow(a.compare_with_mirror, "" if facts.mirrors else words.WHY_NO_MIRRORS)
        a.allow(a.select_environment, elsewhere or ("" if facts.environments else words.WHY_NO_ENVIRONMENTS))
        for action in (a.show_package_commands, a.group_packages, a.sort_packages, a.choose_columns, a.measure_sizes):
            a.allow(action, elsewhere)
        a.allow(a.export_packages, elsewhere or ("" if model.found else messages.WHY_NOTHING_SHOWN))

    def _on_context_menu(self, place: QPoint) -> None:
        a = self._commands
        menu = QMenu(self._page)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions([a.push_packages, a.show_details])
        menu.addSeparator()
        menu.addActions([a.select_dependencies, a.select_dependents, a.select_missing_on, a.select_environment])
        menu.addActions([a.select_shown, a.select_none])
        menu.addSeparator()
        menu.addActions([a.copy_spec, a.copy_hash, a.copy_prefix, a.copy_package_command, a.open_prefix])
        menu.addSeparator()
        menu.addActions([a.compare_packages, a.why_not_used])
        menu.addSeparator()
        menu.addActions([a.sort_packages, a.group_packages, a.choose_columns])
        menu.popup(self._page.table.viewport().mapToGlobal(place))

    # ---- menus that are filled when they open ----

    def _fill_missing_on(self, menu: QMenu) -> None:
        menu.clear()
        for name in self._model.facts.mirrors:
            menu.addAction(name.replace("&", "&&")).triggered.connect(
                lambda _on=False, mirror=name: self.tasks.start(self._select_missing(mirror))
            )

    def _fill_environments(self, menu: QMenu) -> None:
        menu.clear()
        for row in self._model.facts.environments:
            menu.addAction(row.name.replace("&", "&&")).triggered.connect(
                lambda _on=False, hashes=row.hashes: self._check(hashes)
            )

    def _fill_groups(self, menu: QMenu) -> None:
        menu.clear()
        group = QActionGroup(menu)
        for value, text in words.GROUPS:
            wanted = Group(value)
            action = menu.addAction(text)
            icons.bind_check(action)
            action.setChecked(self._model.group is wanted)
            action.setActionGroup(group)
            action.triggered.connect(partial(self._model.set_group, wanted))

    def _fill_sorting(self, menu: QMenu) -> None:
        """The header's clicks for those without a mouse: choosing the sorted column again turns the order around."""
        menu.clear()
        table = self._page.table
        header = table.horizontalHeader()
        for column in tuple(Column)[Column.PACKAGE :]:
            sorted_here = header.sortIndicatorSection() == column
            turned = sorted_here and header.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder
            order = Qt.SortOrder.DescendingOrder if turned else Qt.SortOrder.AscendingOrder
            action = menu.addAction(words.COLUMNS[column])
            icons.bind_check(action)
            action.setChecked(sorted_here)
            action.triggered.connect(lambda _on=False, at=column, by=order: table.sortByColumn(at, by))

    # ---- selecting ----

    def _select_relatives(self, *, dependents: bool) -> None:
        hashes = tuple(row.hash for row in self._page.table.chosen())
        self.tasks.start(self._select(ListRelatives(self._page.instance_id, hashes, dependents), lambda found: found))

    async def _select_missing(self, mirror: str) -> None:
        self._page.target = mirror
        await self._select(FindMissing(self._page.instance_id, mirror), _missing_hashes)

    async def _select(self, call: Call[Any], hashes_of: Callable[[Any], tuple[str, ...]]) -> None:
        try:
            answer = await self._page.client.call(call)
        except MirrordeckError as error:
            self._page.show_error(error)
            return
        self._check(hashes_of(answer))

    def _check(self, hashes: tuple[str, ...]) -> None:
        added = self._model.check(hashes)
        self._page.banner.show_notice(words.selected_more(added), "")

    # ---- pushing, copying, files ----

    def _on_push(self) -> None:
        self._page.push_requested.emit(self._model.checked_hashes(), self._page.target)

    def _copy(self, text_of: Callable[[PackageRow], str]) -> None:
        QGuiApplication.clipboard().setText("\n".join(map(text_of, self._page.table.chosen())))

    def _on_open_prefix(self) -> None:
        row = self._page.current()
        if row is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(row.prefix))))

    async def _export(self) -> None:
        dialog = local_dialog(
            self._page,
            local_title(words.EXPORT_TITLE, self._page.client),
            Choice.NEW_FILE,
            filters=words.EXPORT_FILTERS,
            suffix="csv",
        )
        dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix("json" if "json" in kind else "csv"))
        chosen: list[str] = []
        dialog.filesSelected.connect(chosen.extend)
        if await ask(dialog) and chosen:
            self.export_to(Path(chosen[0]))

    def export_to(self, file: Path) -> None:
        """Write what is shown to `file`: JSON if its name says so, else CSV. A failure is told on the page."""
        header = self._page.table.horizontalHeader()
        order = sorted(tuple(Column)[Column.PACKAGE :], key=header.visualIndex)
        columns = [column for column in order if self._page.table.wants_column(column)]
        write = as_json if file.suffix.lower() == ".json" else as_csv
        try:
            atomic_write(file, write(self._model.found_rows(), columns, self._model.facts).encode())
        except MirrordeckError as error:
            self._page.show_error(error)
            return
        self._page.banner.show_notice(words.exported(self._model.found, str(file)), "", tone="ok")

    # ---- dialogs ----

    def _open(self, dialog: QDialog) -> None:
        self.tasks.start(ask(dialog))

    def _mirrors(self) -> tuple[str, ...]:
        return tuple(self._model.facts.mirrors)

    def _commands_dialog(self) -> QDialog:
        choice = self._page.filters.choice
        mirror = self._page.target or choice.missing_on or next(iter(self._mirrors()), "")
        return CommandsDialog(command_lines(choice, self._page.table.chosen(), mirror), self._page)

    def _compare_dialog(self) -> QDialog:
        return self._comparison(*[(f"{row.name}/{row.hash}", "") for row in self._page.table.chosen()[:2]])

    def _reuse_dialog(self) -> QDialog:
        row = self._page.current()
        dialog = ReuseDialog(
            self._page.client,
            self._page.instance_id,
            self._mirrors(),
            (f"/{row.hash}", spec_text(row)) if row is not None else ("", ""),
            self._page,
        )
        dialog.compare_requested.connect(lambda left, right: self._open(self._comparison(left, right)))
        return dialog

    def _comparison(self, *sides: Side) -> QDialog:
        return CompareDialog(self._page.client, self._page.instance_id, self._mirrors(), sides, self._page)

    def _versus_dialog(self) -> QDialog:
        chosen = self._page.target or self._page.filters.choice.missing_on
        first = chosen if chosen in self._mirrors() else self._mirrors()[0]
        dialog = VersusDialog(self._page.client, self._page.instance_id, self._mirrors(), first, self._page)
        dialog.push_requested.connect(self._page.push_requested)
        return dialog


def _missing_hashes(missing: MissingOn) -> tuple[str, ...]:
    return missing.hashes
