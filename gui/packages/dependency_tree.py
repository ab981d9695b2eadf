# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dependencies and dependents as a tree that learns a level when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QTreeView, QWidget

from core.foundation.text import short_hash
from core.services.package_values import PackageLink
from gui import icons, theme
from gui.packages import words
from gui.widgets.cell import Index, Role
from gui.widgets.package_delegate import PackageDelegate

_ItemRole = Qt.ItemDataRole
_NO_PARENT = QModelIndex()
_INDENT = 22
_FOCUS_BAR = 3


@dataclass(eq=False, slots=True)
class Branch:
    """A package on the way from the root, or one of the two directions, which have no link."""

    parent: Branch | None
    row: int
    dependents: bool
    link: PackageLink | None = None
    children: list[Branch] | None = field(default=None)  # None: not asked yet
    asked: bool = False


class DependencyModel(QAbstractItemModel):
    """`wanted(branch)` asks for the children of a branch, which `fill` brings."""

    wanted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._roots: list[Branch] = []

    def show_package(self) -> None:
        """Two directions, nothing known yet."""
        self.beginResetModel()
        self._roots = [Branch(None, row, dependents=bool(row)) for row in range(2)]
        self.endResetModel()

    def fill(self, branch: Branch, links: Sequence[PackageLink]) -> None:
        """`links` are the children of `branch`."""
        if self._root_of(branch) not in self._roots or branch.children:
            return  # of a package shown before
        if links:
            self.beginInsertRows(self._index_of(branch), 0, len(links) - 1)
        branch.children = [Branch(branch, row, branch.dependents, link) for row, link in enumerate(links)]
        if links:
            self.endInsertRows()
        else:
            self.layoutChanged.emit()  # what looked as if it could be opened cannot

    def branch_at(self, index: Index) -> Branch | None:
        branch = index.internalPointer() if index.isValid() else None
        return branch if isinstance(branch, Branch) else None

    def _root_of(self, branch: Branch) -> Branch:
        while branch.parent is not None:
            branch = branch.parent
        return branch

    def _index_of(self, branch: Branch | None) -> QModelIndex:
        return QModelIndex() if branch is None else self.createIndex(branch.row, 0, branch)

    # ---- Qt ----

    def _children(self, parent: Index) -> list[Branch]:
        branch = self.branch_at(parent)
        return self._roots if branch is None else branch.children or []

    def index(self, row: int, column: int, parent: Index = _NO_PARENT) -> QModelIndex:
        children = self._children(parent)
        if column or not 0 <= row < len(children):
            return QModelIndex()
        return self.createIndex(row, 0, children[row])

    def parent(self, child: Index = _NO_PARENT) -> QModelIndex:  # type: ignore[override]
        branch = self.branch_at(child)
        return self._index_of(branch.parent) if branch is not None else QModelIndex()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        return 0 if parent.column() > 0 else len(self._children(parent))

    def columnCount(self, _parent: Index = _NO_PARENT) -> int:
        return 1

    def hasChildren(self, parent: Index = _NO_PARENT) -> bool:
        branch = self.branch_at(parent)
        return bool(self._roots) if branch is None else branch.children is None or bool(branch.children)

    def canFetchMore(self, parent: Index) -> bool:
        branch = self.branch_at(parent)
        return branch is not None and branch.children is None and not branch.asked

    def fetchMore(self, parent: Index) -> None:
        branch = self.branch_at(parent)
        if branch is not None and not branch.asked:
            branch.asked = True
            self.wanted.emit(branch)

    def data(self, index: Index, role: int = _ItemRole.DisplayRole) -> object:
        branch = self.branch_at(index)
        if branch is None:
            return None
        link = branch.link
        if link is None:
            title = words.NEEDED_BY if branch.dependents else words.NEEDS
            count = len(branch.children) if branch.children is not None else None
            if role in (_ItemRole.DisplayRole, _ItemRole.AccessibleTextRole):
                return title
            return (f"{count:,}",) if role == Role.DETAIL and count is not None else None
        if role == _ItemRole.DisplayRole:
            return link.name
        if role == Role.DETAIL:
            return (link.version, words.link_words(link))
        if role == Role.TONE:
            return "text" if link.state == "installed" else "faint"
        if role in (_ItemRole.AccessibleTextRole, _ItemRole.ToolTipRole):
            return f"{words.link_sentence(link)}, {short_hash(link.hash)}"
        return None


class DependencyTree(QTreeView):
    """`package_chosen(hash)` follows Return and a double click on a package."""

    package_chosen = Signal(str)

    def __init__(self, model: DependencyModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._links = model
        self.setModel(model)
        self.setAccessibleName(words.TREE_NAME)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        theme.density_changed.connect(self._fit_text_size)
        self._fit_text_size()
        self.setExpandsOnDoubleClick(False)
        self.setVerticalScrollMode(QTreeView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QTreeView.EditTrigger.NoEditTriggers)
        self.viewport().setAutoFillBackground(False)
        self.setItemDelegate(PackageDelegate(self))
        self.activated.connect(self._on_activated)
        self.doubleClicked.connect(self._on_activated)

    def _fit_text_size(self) -> None:
        self.setIndentation(theme.scaled(_INDENT))

    def _on_activated(self, index: QModelIndex) -> None:
        branch = self._links.branch_at(index)
        if branch is not None and branch.link is not None and branch.link.state:
            self.package_chosen.emit(branch.link.hash)
        elif branch is not None and branch.link is None:
            self.setExpanded(index, not self.isExpanded(index))

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:
        selection = self.selectionModel()
        if selection is not None and selection.isSelected(index):
            painter.fillRect(rect, theme.color("selection"))
        painter.setPen(theme.color("line"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        if not self._links.hasChildren(index):
            return
        name = "chevron-down" if self.isExpanded(index) else "chevron-right"
        left = rect.right() - (self.indentation() + theme.icon_size()) // 2
        icons.paint(painter, QRect(left, rect.top(), theme.icon_size(), rect.height()), name, "dim")

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self.model().index(0, 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        current = self.currentIndex()
        if self.hasFocus() and current.isValid():
            row = self.visualRect(current)
            QPainter(self.viewport()).fillRect(0, row.top(), _FOCUS_BAR, row.height() - 1, theme.color("accent"))
