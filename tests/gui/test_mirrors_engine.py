# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The mirrors page with a real engine, real files and a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from registry.servers import RunningRegistry

from core.engine.calls.instances import OpenInstance
from core.services.login_values import Keep, StepKey, StepState
from core.services.sample import make_sample_instance
from gui.actions import Actions
from gui.engine_client import EngineClient, engine_command
from gui.mirrors.details import CONNECTION
from gui.mirrors.editor import MirrorEditor
from gui.mirrors.page import MirrorsPage
from gui.mirrors.plan_dialog import PlanDialog
from gui.widgets.dialogs import MessageDialog

WRITTEN = "# kept by hand\nmirrors:\n  # the old one\n  old: /srv/old   # do not touch\n"
WAIT_MS = 30_000


@pytest.fixture
def mirrors_yaml(tmp_path: Path) -> Path:
    """What the user scope of the sample instance says."""
    make_sample_instance(tmp_path / "spack")
    file = tmp_path / "spack/etc/spack/user/mirrors.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(WRITTEN)
    return file


@pytest.fixture
def page(
    loop: QEventLoop, themed: object, commands: Actions, tmp_path: Path, mirrors_yaml: Path, qtbot: QtBot
) -> Iterator[MirrorsPage]:
    client = EngineClient(engine_command(read_only=False))
    with qtbot.waitSignal(client.engine_ready, timeout=WAIT_MS):
        client.start()
    opening = loop.create_task(client.call(OpenInstance(str(tmp_path / "spack"))))
    qtbot.waitUntil(opening.done, timeout=WAIT_MS)
    page = MirrorsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    commands.enter_page(page.title)
    page.start(page.load(opening.result().id))
    qtbot.waitUntil(lambda: bool(page.model.rows), timeout=WAIT_MS)
    yield page
    page.leave()
    settled(page, qtbot)
    closing = loop.create_task(client.close())
    qtbot.waitUntil(closing.done, timeout=WAIT_MS)


def names(page: MirrorsPage) -> list[str]:
    return [row.mirror.name for row in page.model.rows]


def shown(page: MirrorsPage, kind: type[QDialog], qtbot: QtBot) -> Any:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in page.findChildren(kind)), timeout=WAIT_MS)
    return next(each for each in page.findChildren(kind) if each.isVisible())


def settled(page: MirrorsPage, qtbot: QtBot) -> None:
    owners = (page.tasks, page.work.tasks)
    qtbot.waitUntil(lambda: not any(owner.busy for owner in owners), timeout=WAIT_MS)


def save(editor: MirrorEditor, qtbot: QtBot) -> None:
    with qtbot.waitSignal(editor.finished, timeout=WAIT_MS):
        qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)


def test_a_folder_is_added_moved_removed_and_everything_undone(
    page: MirrorsPage, commands: Actions, mirrors_yaml: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    here = names(page)
    assert "old" in here
    commands.add_mirror.trigger()
    editor = shown(page, MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: editor.fields.scope is not None, timeout=WAIT_MS)
    editor.fields.scope_box.setCurrentIndex(editor.fields.scope_box.findData("user"))
    qtbot.keyClicks(editor.fields.name_edit, "cache")
    qtbot.keyClicks(editor.fields.address.edit, f"{tmp_path}/cache")
    qtbot.waitUntil(editor.diff.isVisible, timeout=WAIT_MS)
    assert f"+  cache: {tmp_path}/cache" in editor.diff.toPlainText()
    assert "spack mirror add" in editor.command.toPlainText()
    save(editor, qtbot)
    qtbot.waitUntil(lambda: "cache" in names(page), timeout=WAIT_MS)
    settled(page, qtbot)
    added = mirrors_yaml.read_text()
    assert added.replace(f"  cache: {tmp_path}/cache\n", "") == WRITTEN
    assert page.banner.title == f"cache was added to {mirrors_yaml}."
    assert names(page).index("cache") < names(page).index("old")

    commands.move_mirror_down.trigger()
    qtbot.waitUntil(lambda: names(page).index("cache") > names(page).index("old"), timeout=WAIT_MS)
    settled(page, qtbot)
    page.table.select_row(names(page).index("old"))
    commands.remove_mirrors.trigger()
    dialog = shown(page, PlanDialog, qtbot)
    qtbot.waitUntil(dialog.confirm_button.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(dialog.confirm_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "old" not in names(page), timeout=WAIT_MS)
    for _ in range(3):
        settled(page, qtbot)
        commands.undo_edit.trigger()
        settled(page, qtbot)
    assert mirrors_yaml.read_text() == WRITTEN
    assert names(page) == here
    assert not commands.undo_edit.isEnabled()


def test_a_change_made_elsewhere_meanwhile_is_not_overwritten(
    page: MirrorsPage, commands: Actions, mirrors_yaml: Path, qtbot: QtBot
) -> None:
    page.table.select_row(names(page).index("old"))
    commands.edit_mirror.trigger()
    editor = shown(page, MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: editor.fields.name == "old" and not editor.tasks.busy, timeout=WAIT_MS)
    editor.fields.autopush_box.click()
    qtbot.waitUntil(editor.diff.isVisible, timeout=WAIT_MS)
    assert "autopush" in editor.diff.toPlainText()
    assert editor.fields.contains_row.said
    elsewhere = mirrors_yaml.read_text().replace("old: /srv/old", "old: /srv/new")
    mirrors_yaml.write_text(elsewhere)
    qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not editor.isVisible() or editor.notice.isVisible(), timeout=WAIT_MS)
    assert "/srv/new" in mirrors_yaml.read_text()
    editor.reject()
    settled(page, qtbot)


def test_a_registry_with_a_login_is_tried_added_tested_and_signed_out_of(
    page: MirrorsPage,
    commands: Actions,
    mirrors_yaml: Path,
    real_registries: dict[str, RunningRegistry],
    qtbot: QtBot,
) -> None:
    registry = real_registries["basic"]
    commands.add_mirror.trigger()
    editor = shown(page, MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: not editor.tasks.busy, timeout=WAIT_MS)
    fields = editor.fields
    fields.scope_box.setCurrentIndex(fields.scope_box.findData("user"))
    qtbot.keyClicks(fields.name_edit, "lab")
    qtbot.keyClicks(fields.address.edit, f"oci://{registry.host}/team/cache")
    qtbot.waitUntil(fields.login.isVisible, timeout=WAIT_MS)
    assert f"will contact {registry.host}" in fields.address_row.said
    qtbot.keyClicks(fields.login.user_edit, registry.user)
    qtbot.keyClicks(fields.login.secret.edit, "wrong")
    fields.login.choose(Keep.SESSION)
    fields.more.ca_file.edit.setText(str(registry.authority))
    qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(editor.anyway_button.isVisible, timeout=WAIT_MS)
    assert mirrors_yaml.read_text() == WRITTEN
    fields.login.secret.edit.clear()
    qtbot.keyClicks(fields.login.secret.edit, registry.password)
    qtbot.mouseClick(editor.save_button, Qt.MouseButton.LeftButton)
    refused = "Fetching without a login does not work"
    qtbot.waitUntil(lambda: editor.anyway_button.isVisible() and editor.notice.title == refused, timeout=WAIT_MS)
    assert mirrors_yaml.read_text() == WRITTEN
    qtbot.waitUntil(lambda: not editor.tasks.busy, timeout=WAIT_MS)
    fields.push_only_box.click()
    save(editor, qtbot)
    qtbot.waitUntil(lambda: "lab" in names(page), timeout=WAIT_MS)
    settled(page, qtbot)
    text = mirrors_yaml.read_text()
    assert "secret_variable: MIRRORDECK_LAB_SECRET" in text
    assert registry.password not in text
    row = page.current()
    assert row is not None
    assert (row.mirror.name, row.login and row.login.state) == ("lab", "session")

    page.details.show_tab(CONNECTION)
    commands.test_mirrors.trigger()
    qtbot.waitUntil(lambda: page.tests.result("lab") is not None, timeout=WAIT_MS)
    found = page.tests.result("lab")
    assert found is not None
    assert {step.key: step.state for step in found.steps}[StepKey.PUSH] == StepState.OK
    commands.sign_out.trigger()
    question = shown(page, MessageDialog, qtbot)
    question.done(1)
    qtbot.waitUntil(lambda: page.banner.title == "Signed out: lab.", timeout=WAIT_MS)
    settled(page, qtbot)
