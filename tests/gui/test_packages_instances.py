# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Several instances side by side, and actions on the right one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from package_samples import fill_packages
from PySide6.QtCore import Qt
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from samples import INSTANCE, package, packages

from core.engine.calls.instances import ListInstances, OpenInstance
from core.engine.calls.packages import ListPackages
from core.foundation.errors import DatabaseError
from core.services.values import InstanceInfo, PackagesView
from gui.main_window import MainWindow, WindowOptions
from gui.packages import words
from gui.packages.instances_model import InstancesModel, Which

OTHER = InstanceInfo("spack-2", "/home/ann/spack2", "/home/ann/spack2/opt/spack", "1.0.2", "")
BROKEN = InstanceInfo("spack-3", "/old/spack", "/old/spack/opt/spack", "0.23.1", "")
ZLIB, HDF5, LLVM = package("zlib", "1.10"), package("hdf5", "1.14.5"), package("llvm", "19.1", explicit=False)
ELSEWHERE = [ZLIB, LLVM]
FIRST_INSTANCE = 4


@pytest.fixture
def window(client: FakeClient, loop: QEventLoop, qtbot: QtBot) -> Iterator[MainWindow]:
    """Three instances, one of which cannot be read."""
    fill_packages(client, packages())

    def listed(call: ListPackages) -> list[list[object]]:
        return {INSTANCE.id: [packages()], OTHER.id: [ELSEWHERE], BROKEN.id: []}[call.instance]  # type: ignore[return-value]

    def answer(call: ListPackages) -> PackagesView:
        if call.instance == BROKEN.id:
            raise DatabaseError("The database of /old/spack cannot be read", "index.json: line 1")
        return PackagesView(5 if call.instance == INSTANCE.id else 2, "v1")

    client.rows[ListPackages] = listed
    client.answers[ListPackages] = answer
    client.answers[ListInstances] = (INSTANCE, OTHER, BROKEN)
    client.answers[OpenInstance] = lambda call: OTHER if call.directory == OTHER.root else INSTANCE
    window = MainWindow(client, WindowOptions())
    window.show()
    life = loop.create_task(window.run())
    qtbot.waitUntil(lambda: window.packages.model.total == 5)
    window.show_page(1)
    yield window
    window.close()
    qtbot.waitUntil(life.done)
    window.deleteLater()


def side_by_side(window: MainWindow, qtbot: QtBot) -> InstancesModel:
    view = window.packages.instances
    window.packages.views.setCurrentIndex(2)
    qtbot.waitUntil(lambda: not view.tasks.busy and view.model.rowCount() == 6)
    return view.model


def line_of(model: InstancesModel, name: str, version: str = "") -> int:
    found = [row for row in range(model.rowCount()) if model.row_at(row).name == name]
    return next(row for row in found if version in model.row_at(row).version)


def test_the_model_keeps_qts_rules(qtmodeltester: ModelTester, qtbot: QtBot) -> None:
    model = InstancesModel()
    model.start_over((INSTANCE, OTHER))
    model.add(INSTANCE, packages())
    model.add(OTHER, ELSEWHERE)
    model.arrange()
    qtbot.waitUntil(lambda: model.rowCount() == 6)
    qtmodeltester.check(model)


def test_a_line_for_each_package_and_a_column_for_each_instance(window: MainWindow, qtbot: QtBot) -> None:
    model = side_by_side(window, qtbot)
    heads = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(FIRST_INSTANCE, model.columnCount())]
    assert heads == ["/opt/spack", "spack2", "/old/spack"]  # as much of the place as tells them apart

    def cells(name: str, version: str) -> list[object]:
        row = line_of(model, name, version)
        return [model.index(row, column).data() for column in range(FIRST_INSTANCE, model.columnCount())]

    assert cells("zlib", "1.10") == ["Explicit", "Explicit", words.NOT_READ]
    assert cells("zlib", "1.9") == ["Explicit", words.NOT_THERE, words.NOT_READ]
    assert cells("llvm", "19.1") == [words.NOT_THERE, "Dependency", words.NOT_READ]
    assert cells("cuda", "12.6")[0] == "External"
    assert model.row_at(0).name == "cuda"  # from A to Z
    sentence = window.packages.sentence.text()
    assert "6 packages of 3 instances" in sentence
    assert "The database of /old/spack cannot be read" in sentence


def test_narrowed_by_words_and_by_where_they_are(window: MainWindow, qtbot: QtBot) -> None:
    model, view = side_by_side(window, qtbot), window.packages.instances

    def shown() -> list[str]:
        return [f"{model.row_at(row).name}@{model.row_at(row).version}" for row in range(model.rowCount())]

    view.which_combo.setCurrentIndex(view.which_combo.findData(Which.ONE))
    qtbot.waitUntil(lambda: "zlib@1.10" not in shown())
    assert {"zlib@1.9", "llvm@19.1"} <= set(shown())
    view.line.setFocus()
    qtbot.keyClicks(view.line, "llvm")
    qtbot.waitUntil(lambda: shown() == ["llvm@19.1"])
    view.which_combo.setCurrentIndex(view.which_combo.findData(Which.EVERYWHERE))
    qtbot.waitUntil(lambda: view.pane.shown is view.no_match)


def test_pushing_is_from_the_instance_of_the_column(window: MainWindow, qtbot: QtBot) -> None:
    model, view = side_by_side(window, qtbot), window.packages.instances
    line = line_of(model, "llvm")
    view.table.setCurrentIndex(model.index(line, FIRST_INSTANCE))  # not installed there
    assert not view.push_button.isEnabled()
    assert view.push_button.toolTip() == words.NOT_INSTALLED_THERE
    view.table.setCurrentIndex(model.index(line, FIRST_INSTANCE + 1))
    assert view.push_button.text() == "Push from spack2…"
    with qtbot.waitSignal(view.push_requested) as pushed:
        qtbot.mouseClick(view.push_button, Qt.MouseButton.LeftButton)
    assert pushed.args == [OTHER, (LLVM.hash,)]
    from gui.push.dialog import PushDialog

    qtbot.waitUntil(lambda: any(each.isVisible() for each in window.findChildren(PushDialog)))
    dialog = next(each for each in window.findChildren(PushDialog) if each.isVisible())
    dialog.reject()
    qtbot.waitUntil(lambda: not window.tasks.busy)


def test_showing_a_package_opens_the_instance_that_has_it(window: MainWindow, client: FakeClient, qtbot: QtBot) -> None:
    model, view = side_by_side(window, qtbot), window.packages.instances
    view.table.setCurrentIndex(model.index(line_of(model, "llvm"), 0))  # the first instance that has it
    assert view.show_button.text() == "Show in spack2"
    qtbot.mouseClick(view.show_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.instance == OTHER)
    qtbot.waitUntil(lambda: window.packages.current() is not None and window.packages.current().name == "llvm")
    assert client.asked(OpenInstance)[-1].directory == OTHER.root
    assert window.packages.views.currentIndex() == 0


def test_one_instance_alone_says_what_to_do(window: MainWindow, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListInstances] = (INSTANCE,)
    window.packages.views.setCurrentIndex(2)
    view = window.packages.instances
    qtbot.waitUntil(lambda: view.empty.sentence == words.ONE_INSTANCE)
    assert view.pane.shown is view.empty
