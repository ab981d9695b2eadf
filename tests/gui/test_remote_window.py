# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The whole window on an instance of another computer, by a real sshd: every page works, and no secret stays there."""

# ruff: noqa: F811 - fixtures are imported

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.gnupg_home import gnupg_home
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QPushButton
from pytestqt.qtbot import QtBot
from qasync import QEventLoop
from registry.servers import RunningRegistry
from remote.conftest import HOST, Node, node, running_node  # noqa: F401 - fixtures
from remote.far_window import processes_with, traces_of, wait_until

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.push import PlanPush, StartPush
from core.remote.address import HERE, Address, Place
from core.services.login_values import Keep
from core.services.sample import make_sample_instance
from core.transfers.plan import PushOptions, PushRequest, Signing
from gui.contents.download_dialog import DownloadDialog
from gui.contents.sign_dialog import SignDialog
from gui.contents.verify_dialog import VerifyDialog
from gui.engine_client import EngineClient, engine_command
from gui.keys.dialogs import UnlockDialog
from gui.main_window import MainWindow, WindowOptions
from gui.mirrors.editor import MirrorEditor
from gui.push.dialog import PushDialog
from gui.remote import words
from gui.remote.install_dialog import InstallDialog
from gui.settings import remembered
from gui.side_bar import Offer

FAR = Place(HOST)
WAIT_MS = 40_000
PASSPHRASE = "c4nary-passphrase"
PACKAGE = "zlib-ng"


@pytest.fixture
def instance(node: Node) -> Iterator[Path]:
    """Over there, with a key that has a passphrase."""
    root = node.home / "shared"
    make_sample_instance(root)
    with gnupg_home() as keys:
        options = ("--pinentry-mode", "loopback", "--passphrase", PASSPHRASE)
        keys.run(*options, "--quick-generate-key", "far <far@example.invalid>", "ed25519", "sign", "never")
        shutil.copytree(keys.path, root / "opt/spack/gpg", ignore=shutil.ignore_patterns("S.*"))
    yield root
    shutil.rmtree(root)


@pytest.fixture
def window(
    loop: QEventLoop, themed: object, node: Node, instance: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> Iterator[MainWindow]:
    """Started for the instance over there; whatever the engine needs is copied."""
    gc.collect()  # loops of earlier tests may not be collected in a thread of this one
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    remembered().setValue("window/welcomed", "yes")
    window = MainWindow(EngineClient(engine_command(read_only=False)), WindowOptions(instance=f"{HOST}:{instance}"))
    window.show()
    life = loop.create_task(window.run())
    qtbot.waitUntil(lambda: window.instance is not None or bool(dialogs(InstallDialog)), timeout=WAIT_MS)
    for dialog in dialogs(InstallDialog):
        click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: window.instance is not None, timeout=WAIT_MS)
    settle(window, qtbot)
    yield window
    window.close()
    qtbot.waitUntil(life.done, timeout=WAIT_MS)
    window.deleteLater()
    wait_until(lambda: not processes_with("--detach", home=node.home))


def dialogs(kind: type[QDialog]) -> list[Any]:
    return [each for each in QApplication.topLevelWidgets() if isinstance(each, kind) and each.isVisible()]


def shown(kind: type[QDialog], qtbot: QtBot) -> Any:
    qtbot.waitUntil(lambda: bool(dialogs(kind)), timeout=WAIT_MS)
    return dialogs(kind)[0]


def click(button: QPushButton, qtbot: QtBot) -> None:
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(window: MainWindow, qtbot: QtBot) -> None:
    owners = (window.tasks, window.opening.tasks, window.idle_text.tasks, *(page.tasks for page in window.pages))
    qtbot.waitUntil(lambda: not any(owner.busy for owner in owners), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not window.packages.loader.busy, timeout=WAIT_MS)


def mirrors(window: MainWindow) -> list[str]:
    return [row.mirror.name for row in window.mirrors.model.rows]


def choose(window: MainWindow, text: str) -> None:
    combo = window.side_bar.combo
    combo.activated.emit(next(row for row in range(combo.count()) if combo.itemText(row).startswith(text)))


def push(window: MainWindow, mirror: str, qtbot: QtBot) -> None:
    """Push one package by the dialog, and watch it on the Transfers page until it has ended."""
    wanted = next(row.hash for row in window.packages.model.packages.rows if row.name == PACKAGE)
    window.packages.push_requested.emit((wanted,), mirror)
    dialog: PushDialog = shown(PushDialog, qtbot)
    with qtbot.waitSignal(dialog.push_started, timeout=WAIT_MS) as started:
        click(dialog.push_button, qtbot)
    (push_id,) = started.args
    state = window.state
    qtbot.waitUntil(lambda: push_id in state.pushes and state.pushes[push_id].ended, timeout=WAIT_MS)
    totals = state.pushes[push_id].totals
    assert (totals.failed, totals.done > 0) == (0, True)
    assert window.page is window.transfers
    assert window.transfers.model.rowCount() > 0
    settle(window, qtbot)


def add_mirror_with_login(window: MainWindow, registry: RunningRegistry, qtbot: QtBot) -> None:
    window.commands.show_mirrors.trigger()
    window.commands.add_mirror.trigger()
    editor: MirrorEditor = shown(MirrorEditor, qtbot)
    qtbot.waitUntil(lambda: not editor.tasks.busy, timeout=WAIT_MS)
    fields = editor.fields
    fields.scope_box.setCurrentIndex(fields.scope_box.findData("user"))
    qtbot.keyClicks(fields.name_edit, "lab")
    qtbot.keyClicks(fields.address.edit, f"oci://{registry.host}/team/far")
    qtbot.waitUntil(fields.login.isVisible, timeout=WAIT_MS)
    qtbot.keyClicks(fields.login.user_edit, registry.user)
    qtbot.keyClicks(fields.login.secret.edit, registry.password)
    fields.login.choose(Keep.SESSION)
    fields.more.ca_file.edit.setText(str(registry.authority))
    fields.push_only_box.setChecked(False)  # nobody may read it without a login
    qtbot.waitUntil(lambda: not editor.tasks.busy, timeout=WAIT_MS)
    click(editor.save_button, qtbot)
    qtbot.waitUntil(lambda: "lab" in mirrors(window), timeout=WAIT_MS)
    settle(window, qtbot)


def open_contents(window: MainWindow, mirror: str, qtbot: QtBot) -> None:
    page = window.contents
    window.commands.show_contents.trigger()
    page.open_mirror(mirror)
    qtbot.waitUntil(lambda: bool(page.model.rowCount()) and not page.reader.busy, timeout=WAIT_MS)


def sign(window: MainWindow, qtbot: QtBot) -> None:
    """With the key over there; its passphrase is asked here."""
    page = window.contents
    window.commands.sign_entries.trigger()
    dialog: SignDialog = shown(SignDialog, qtbot)
    qtbot.waitUntil(lambda: not dialog.working, timeout=WAIT_MS)
    click(dialog.confirm_button, qtbot)
    unlock: UnlockDialog = shown(UnlockDialog, qtbot)
    qtbot.keyClicks(unlock.passphrase.edit, PASSPHRASE)
    with qtbot.waitSignal(dialog.finished, timeout=WAIT_MS):
        click(unlock.confirm_button, qtbot)
    qtbot.waitUntil(lambda: not page.work.tasks.busy and not page.reader.busy, timeout=WAIT_MS)
    assert all(row.signed for row in page.model.contents.rows.values() if row.name)


def verify(window: MainWindow, qtbot: QtBot) -> None:
    window.commands.verify_cache.trigger()
    dialog: VerifyDialog = shown(VerifyDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.view is not None and not dialog.working, timeout=WAIT_MS)
    assert dialog.view is not None
    assert dialog.view.sound, [finding.words for finding in dialog.model.findings]
    click(dialog.cancel_button, qtbot)
    qtbot.waitUntil(lambda: not window.contents.work.tasks.busy, timeout=WAIT_MS)


def download(window: MainWindow, folder: Path, qtbot: QtBot) -> None:
    page = window.contents
    row = next(row for row in page.model.contents.rows.values() if row.name == PACKAGE)
    line = page.model.find_hash(row.hash)
    assert line is not None
    page.table.select_row(line)
    qtbot.waitUntil(lambda: not page.chooser.busy, timeout=WAIT_MS)
    window.commands.download_entries.trigger()
    dialog: DownloadDialog = shown(DownloadDialog, qtbot)
    dialog.folder.edit.setText(str(folder))
    click(dialog.confirm_button, qtbot)
    qtbot.waitUntil(lambda: dialog.taken.isVisible() and not dialog.working, timeout=WAIT_MS)
    assert dialog.open_button.isHidden()  # it is not on this computer
    click(dialog.cancel_button, qtbot)
    qtbot.waitUntil(lambda: not page.work.tasks.busy, timeout=WAIT_MS)


def test_every_page_works_there_and_no_secret_stays(
    window: MainWindow, node: Node, instance: Path, real_registries: dict[str, RunningRegistry], qtbot: QtBot
) -> None:  # fmt: skip
    registry = real_registries["basic"]
    assert window.client.place == FAR
    add_mirror_with_login(window, registry, qtbot)
    assert "MIRRORDECK_LAB_SECRET" in (instance / "etc/spack/user/mirrors.yaml").read_text()
    push(window, "lab", qtbot)
    push(window, "team", qtbot)
    open_contents(window, "team", qtbot)
    sign(window, qtbot)
    verify(window, qtbot)
    taken = node.home / "taken"
    taken.mkdir()
    download(window, taken, qtbot)
    assert len(list(taken.iterdir())) == 2  # the archive and the spec
    open_contents(window, "lab", qtbot)
    for show in (window.commands.show_keys, window.commands.show_history, window.commands.show_settings):
        show.trigger()
        settle(window, qtbot)
        assert window.page.banner.isHidden(), window.page.banner.title
    assert window.keys.model.rowCount() == 1
    assert window.history.model.rowCount() > 0
    assert [traces_of(secret, node.home) for secret in (registry.password, PASSPHRASE)] == [[], []]
    shutil.rmtree(taken)


def test_the_same_path_at_two_places_is_two_instances(
    window: MainWindow, node: Node, instance: Path, loop: QEventLoop, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    there = window.instance
    assert there is not None
    assert (there.root, mirrors(window)) == (str(instance), ["team", "scratch"])
    window.side_bar.instance_chosen.emit(Offer(Address(HERE, str(instance))))
    qtbot.waitUntil(lambda: window.client.place == HERE, timeout=WAIT_MS)
    settle(window, qtbot)
    here = window.instance
    assert here is not None
    assert (here.root, here.id != there.id) == (there.root, True)
    # No engine takes what is meant for another one.
    call = loop.create_task(window.client.call(ListMirrors(there.id)))
    qtbot.waitUntil(call.done, timeout=WAIT_MS)
    assert "not open" in str(call.exception())

    told: list[tuple[str, str]] = []
    monkeypatch.setattr(window.desktop, "notify", lambda *words: told.append(words))
    pushing = loop.create_task(push_unseen(window, there.id))
    qtbot.waitUntil(lambda: bool(told) and pushing.done(), timeout=WAIT_MS)
    assert told == [("Push finished", f"{HOST}: Push to team")]
    assert window.state.pushes == {}

    choose(window, words.disconnect(HOST))
    qtbot.waitUntil(lambda: not processes_with("--detach", home=node.home), timeout=WAIT_MS)
    settle(window, qtbot)
    assert (window.client.place, window.instance) == (HERE, here)
    choose(window, str(Address(FAR, str(instance))))
    qtbot.waitUntil(lambda: window.client.place == FAR, timeout=WAIT_MS)
    settle(window, qtbot)
    assert mirrors(window) == ["team", "scratch"]


async def push_unseen(window: MainWindow, instance_id: str) -> None:
    """At the other place."""
    connection = await window.client.reach(FAR)
    request = PushRequest("team", queries=(PACKAGE,), options=PushOptions(signing=Signing.UNSIGNED))
    plan = await connection.call(PlanPush(instance_id, request))
    await connection.call(StartPush(plan.id))
