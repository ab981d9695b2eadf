# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Two packages side by side, field by field over all their dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QWidget

from core.engine.calls.packages import ComparePackages
from core.foundation.text import visible
from core.services.package_values import Comparison, DifferenceLine, PackageRef
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.asking_dialog import AskingDialog
from gui.theme import FontRole
from gui.widgets.cell import Index, Role
from gui.widgets.controls import Button, CheckBox, ComboBox
from gui.widgets.labels import ElidedLabel, Label

_ItemRole = Qt.ItemDataRole
_NO_PARENT = QModelIndex()
Side = tuple[str, str]  # a query or hash, and where: a mirror's name or "" for installed here


class Column(IntEnum):
    WHERE = 0
    WHAT = 1
    LEFT = 2
    RIGHT = 3


class DifferencesModel(QAbstractTableModel):
    """The reason why hashes differ comes first and stands out."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[DifferenceLine] = ()
        self._only_causes = False
        self.lines: Sequence[DifferenceLine] = ()

    def show(self, lines: Sequence[DifferenceLine], *, only_causes: bool) -> None:
        self.beginResetModel()
        self._all = lines
        self.lines = [line for line in lines if line.is_cause or not only_causes]
        self.endResetModel()

    def show_causes(self, *, only_causes: bool) -> None:
        self.show(self._all, only_causes=only_causes)

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.isValid() else len(Column)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ItemRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Horizontal and role == _ItemRole.DisplayRole:
            return words.DIFFERENCE_COLUMNS[section]
        return None

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        line = self.lines[index.row()]
        where = words.difference_path(line.path)
        texts = (where, line.field, visible(line.left) or messages.NONE, visible(line.right) or messages.NONE)
        first = line is next((each for each in self.lines if each.is_cause), None)
        if role == _ItemRole.DisplayRole:
            return texts[index.column()]
        if role == Role.TONE:
            return "text" if line.is_cause else "dim"
        if role == Role.GROUND and first:
            return "accent_soft"
        if role == _ItemRole.AccessibleTextRole and index.column() == Column.WHERE:
            return words.difference_sentence(*texts, first=first)
        return None


class CompareDialog(AskingDialog):
    """`sides` are what is compared at first, at most two."""

    def __init__(
        self,
        client: EngineClient,
        instance_id: str,
        mirrors: Sequence[str],
        sides: Sequence[Side],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words.COMPARE_TITLE, words.DIFFERENCES, "differences", parent)
        self._client = client
        self._instance = instance_id
        self.model = DifferencesModel(self)
        self.specs = [QLineEdit(), QLineEdit()]
        self.places = [ComboBox(), ComboBox()]
        for spec, place, name in zip(self.specs, self.places, (words.LEFT, words.RIGHT), strict=True):
            spec.setAccessibleName(name)
            spec.setPlaceholderText(words.COMPARE_HINT)
            place.setAccessibleName(words.place_of(name))
            place.addItem(words.THIS_INSTANCE, "")
            for mirror in mirrors:
                place.addItem(words.as_on(mirror), mirror)
        for (text, where), spec, place in zip(sides, self.specs, self.places, strict=False):
            spec.setText(text)
            place.setCurrentIndex(max(0, place.findData(where)))
        self._build_result()
        self._lay_out()

    def _build_result(self) -> None:
        self.reason = Label("", FontRole.STRONG)
        self.reason.setWordWrap(True)
        self.reason.make_selectable()
        self.counts = ElidedLabel("", tone="dim")
        self.causes_box = CheckBox(words.ONLY_CAUSES)
        self.causes_box.toggled.connect(lambda wanted: self.model.show_causes(only_causes=wanted))
        self.table.setModel(self.model)
        self.table.arrange(((Column.WHERE, 160), (Column.WHAT, 130), (Column.LEFT, 210)), Column.RIGHT)
        self.compare_button = Button(words.COMPARE, primary=True)
        self.compare_button.setDefault(True)
        self.compare_button.clicked.connect(self.compare)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.SPACE_S)
        grid.setVerticalSpacing(theme.SPACE_S)
        grid.setColumnStretch(1, 1)
        for row, (spec, place, name) in enumerate(zip(self.specs, self.places, (words.LEFT, words.RIGHT), strict=True)):
            label = Label(name, tone="dim")
            label.setBuddy(spec)
            grid.addWidget(label, row, 0)
            grid.addWidget(spec, row, 1)
            grid.addWidget(place, row, 2)
        told = QHBoxLayout()
        told.addWidget(self.counts, 1)
        told.addWidget(self.causes_box)
        self.above.addLayout(grid)
        self.above.addWidget(self.reason)
        self.above.addLayout(told)
        self.buttons.addWidget(self.compare_button)

    def open(self) -> None:
        super().open()
        missing = next((spec for spec in self.specs if not spec.text()), None)
        self.show_instead(words.COMPARE_HINT)
        if missing is None:
            self.compare()
            self.table.setFocus()
        else:
            missing.setFocus()

    def sides(self) -> tuple[PackageRef, PackageRef]:
        left, right = (
            PackageRef(spec.text().strip(), str(place.currentData()))
            for spec, place in zip(self.specs, self.places, strict=True)
        )
        return left, right

    def compare(self) -> None:
        """Ask the engine for the differences of the two sides."""
        left, right = self.sides()
        if not left.hash or not right.hash:
            next(spec for spec in self.specs if not spec.text().strip()).setFocus()
            return
        self.ask_engine(self._compare(left, right), words.COMPARING)

    async def _compare(self, left: PackageRef, right: PackageRef) -> None:
        self._show(await self._client.call(ComparePackages(self._instance, left, right)))

    def _show(self, comparison: Comparison) -> None:
        if comparison.same_hash or not comparison.lines:
            self.show_instead(words.SAME_HASH if comparison.same_hash else words.differences(0, 0))
            return
        causes = sum(line.is_cause for line in comparison.lines)
        self.reason.setText(messages.sentences(comparison.first_reason))
        self.counts.setText(words.differences(len(comparison.lines), causes))
        self.model.show(comparison.lines, only_causes=self.causes_box.isChecked())
        self.causes_box.setVisible(causes < len(comparison.lines))
        self.pane.show_table()
        first = next((row for row, line in enumerate(self.model.lines) if line.is_cause), 0)
        self.table.select_row(first)
        self.table.setFocus()

    def show_instead(self, sentence: str, detail: str = "") -> None:
        self.reason.setText("")
        self.counts.setText("")
        self.causes_box.hide()
        super().show_instead(sentence, detail)
