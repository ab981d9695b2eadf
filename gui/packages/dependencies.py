# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a package needs and what needs it: a tree of both, and a picture of the one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget

from core.engine.calls.packages import ListLinks
from core.foundation.errors import MirrordeckError
from core.services.package_values import Graph
from core.services.values import PackageRow
from gui import theme
from gui.engine_client import EngineClient
from gui.packages.dependency_tree import Branch, DependencyModel, DependencyTree
from gui.packages.graph_pane import GraphPane
from gui.widgets.page import TaskOwner

_TREE_WIDTH, _PICTURE_WIDTH = 320, 680  # as shares of what there is


class DependenciesTab(QWidget):
    """`package_wanted(hash)` asks to go to another package."""

    package_wanted = Signal(str)

    def __init__(self, client: EngineClient, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._instance = ""
        self._hash = ""
        self.model = DependencyModel(self)
        self.tree = DependencyTree(self.model)
        self.picture = GraphPane()
        frame = QFrame()
        frame.setObjectName("table-frame")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.tree)
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(theme.SPACE_S)
        splitter.addWidget(frame)
        splitter.addWidget(self.picture)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 2)
        splitter.setSizes([_TREE_WIDTH, _PICTURE_WIDTH])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, theme.SPACE_S, 0)
        column.addWidget(splitter)
        self.model.wanted.connect(self._on_wanted)
        self.tree.package_chosen.connect(self.package_wanted)
        self.picture.package_wanted.connect(self.package_wanted)

    def show_graph(self, instance_id: str, row: PackageRow, graph: Graph) -> None:
        """Show the package and its picture; the tree asks for what is opened."""
        self._instance, self._hash = instance_id, row.hash
        self.model.show_package()
        for number in range(2):
            self.tree.expand(self.model.index(number, 0))
        self.picture.show_graph(graph)

    def show_instead(self, text: str) -> None:
        self.picture.show_instead(text)

    def _on_wanted(self, branch: Branch) -> None:
        self.tasks.start(self._fill(branch))

    async def _fill(self, branch: Branch) -> None:
        dag_hash = branch.link.hash if branch.link is not None else self._hash
        try:
            links = await self._client.call(ListLinks(self._instance, dag_hash, branch.dependents))
        except MirrordeckError as error:
            branch.asked = False  # opening it again asks again
            self.picture.say(error.info().sentence())
            return
        self.model.fill(branch, links)
