# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The contents page with a real engine and caches that Spack wrote."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mirrors.credential_kit import script
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPushButton
from pytestqt.qtbot import QtBot
from qasync import QEventLoop

from core.engine.calls.instances import OpenInstance
from core.engine.calls.transfers import WatchTransfers
from core.services.sample import make_sample_instance
from core.services.verify_values import FindingKind
from core.transfers.model import PushStatus, QueueSnapshot
from gui.actions import Actions
from gui.contents.copy_dialog import CopyDialog
from gui.contents.details import _FILES, _PICTURE
from gui.contents.download_dialog import DownloadDialog
from gui.contents.install_dialog import InstallDialog
from gui.contents.migrate_dialog import MigrateDialog, OldLayoutDialog
from gui.contents.page import ContentsPage
from gui.contents.removal_dialog import DeleteDialog
from gui.contents.repair_dialog import RepairDialog
from gui.contents.trash_dialog import TrashDialog
from gui.contents.verify_dialog import VerifyDialog
from gui.engine_client import EngineClient, engine_command
from gui.mirrors import run_words
from gui.widgets.dialogs import MessageDialog

WAIT_MS = 30_000
LONG_AGO = 1_700_000_000


@pytest.fixture
def caches(golden: Path, tmp_path: Path) -> Path:
    """Two mirrors of a sample instance: `cache` in the present layout, `old` in the one before."""
    make_sample_instance(tmp_path / "spack")
    for name, source in (("cache", "unsigned"), ("old", "v2-unsigned")):
        shutil.copytree(golden / "mirrors" / source, tmp_path / name)
        for path in (tmp_path / name).rglob("*"):
            os.utime(path, (LONG_AGO, LONG_AGO))  # what is young would be left alone
    file = tmp_path / "spack/etc/spack/user/mirrors.yaml"
    file.parent.mkdir(exist_ok=True)
    mirrors = "".join(f"  {name}:\n    url: {tmp_path}/{name}\n    signed: false\n" for name in ("cache", "old"))
    file.write_text(f"mirrors:\n{mirrors}  other: {tmp_path}/other\n")
    return tmp_path


@pytest.fixture
def page(loop: QEventLoop, themed: object, commands: Actions, caches: Path, qtbot: QtBot) -> Iterator[ContentsPage]:
    client = EngineClient(engine_command(read_only=False))
    with qtbot.waitSignal(client.engine_ready, timeout=WAIT_MS):
        client.start()
    opening = loop.create_task(client.call(OpenInstance(str(caches / "spack"))))
    qtbot.waitUntil(opening.done, timeout=WAIT_MS)
    watching = loop.create_task(client.call(WatchTransfers()))
    qtbot.waitUntil(watching.done, timeout=WAIT_MS)
    page = ContentsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1200, 800)
    page.show()
    commands.enter_page(page.title)
    page.start(page.load(opening.result().id))
    qtbot.waitUntil(lambda: bool(page.model.rowCount()) and not page.reader.busy, timeout=WAIT_MS)
    yield page
    page.leave()
    qtbot.waitUntil(lambda: not page.work.tasks.busy, timeout=WAIT_MS)
    closing = loop.create_task(client.close())
    qtbot.waitUntil(closing.done, timeout=WAIT_MS)


def shown(page: ContentsPage, kind: type[QDialog], qtbot: QtBot) -> Any:
    qtbot.waitUntil(lambda: any(each.isVisible() for each in page.findChildren(kind)), timeout=WAIT_MS)
    return next(each for each in page.findChildren(kind) if each.isVisible())


def click(button: QPushButton, qtbot: QtBot) -> None:
    qtbot.waitUntil(button.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def settle(page: ContentsPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.work.tasks.busy and not page.reader.busy, timeout=WAIT_MS)


def open_mirror(page: ContentsPage, name: str, qtbot: QtBot) -> None:
    page.open_mirror(name)
    qtbot.waitUntil(lambda: not page.reader.busy and bool(page.model.rowCount()), timeout=WAIT_MS)


def names(page: ContentsPage) -> set[str]:
    return {row.name for row in page.model.contents.rows.values() if row.name}


def choose(page: ContentsPage, name: str, qtbot: QtBot) -> str:
    """Select the package called `name`; its hash."""
    row = next(row for row in page.model.contents.rows.values() if row.name == name)
    line = page.model.find_hash(row.hash)
    assert line is not None
    page.table.select_row(line)
    qtbot.waitUntil(lambda: not page.chooser.busy, timeout=WAIT_MS)
    return row.hash


def ended(page: ContentsPage, act: Callable[[], None], qtbot: QtBot) -> PushStatus:
    """What became of the push that `act` starts."""
    found: list[PushStatus] = []

    def on_snapshot(snapshot: QueueSnapshot) -> None:
        found.extend(push for push in snapshot.pushes if push.ended)

    page.client.snapshot_received.connect(on_snapshot)
    act()
    qtbot.waitUntil(lambda: bool(found), timeout=WAIT_MS)
    page.client.snapshot_received.disconnect(on_snapshot)
    return found[-1]


def archive_of(cache: Path, dag_hash: str) -> Path:
    manifest = next(cache.glob(f"v3/manifests/spec/*/*{dag_hash}*.manifest.json"))
    digest = json.loads(manifest.read_text())["data"][-1]["checksum"]
    archive: Path = cache / "blobs/sha256" / digest[:2] / digest
    assert archive.is_file()
    return archive


def test_damage_is_found_and_what_nobody_can_use_is_repaired_away(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    before = names(page)
    archive = archive_of(caches / "cache", choose(page, "labsecret", qtbot))
    archive.chmod(0o644)
    archive.write_bytes(archive.read_bytes()[:-1])
    commands.verify_cache.trigger()
    dialog: VerifyDialog = shown(page, VerifyDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.view is not None and not dialog.working, timeout=WAIT_MS)
    assert FindingKind.WRONG_SIZE in {finding.kind for finding in dialog.model.findings}
    click(dialog.confirm_button, qtbot)
    repair: RepairDialog = shown(page, RepairDialog, qtbot)
    qtbot.waitUntil(lambda: repair.removal.plan is not None, timeout=WAIT_MS)
    assert "nobody can use" in repair.steps.text()
    assert not repair.confirm_button.isEnabled()
    click(repair.removal.permit.button, qtbot)
    with qtbot.waitSignal(repair.finished, timeout=WAIT_MS):
        click(repair.confirm_button, qtbot)
    qtbot.waitUntil(lambda: dialog.changed and not dialog.working, timeout=WAIT_MS)
    assert dialog.view is not None
    assert dialog.view.sound, [finding.words for finding in dialog.model.findings]
    click(dialog.cancel_button, qtbot)
    settle(page, qtbot)
    assert names(page) == before - {"labsecret"}


def test_deleting_goes_to_the_trash_and_comes_back(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    before = names(page)
    choose(page, "labsecret", qtbot)
    commands.delete_entries.trigger()
    dialog: DeleteDialog = shown(page, DeleteDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.removal.plan is not None, timeout=WAIT_MS)
    click(dialog.removal.permit.button, qtbot)
    click(dialog.confirm_button, qtbot)
    settle(page, qtbot)
    assert names(page) == before - {"labsecret"}
    assert page.banner.title == "1 entry moved to the trash"
    click(page.banner.button, qtbot)
    trash: TrashDialog = shown(page, TrashDialog, qtbot)
    qtbot.waitUntil(lambda: bool(trash.model.batches) and not trash.working, timeout=WAIT_MS)
    click(trash.confirm_button, qtbot)
    qtbot.waitUntil(lambda: trash.changed and not trash.working, timeout=WAIT_MS)
    click(trash.cancel_button, qtbot)
    settle(page, qtbot)
    assert names(page) == before


def test_the_trash_is_emptied(page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot) -> None:
    archive = archive_of(caches / "cache", choose(page, "labsecret", qtbot))
    commands.delete_entries.trigger()
    dialog: DeleteDialog = shown(page, DeleteDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.removal.plan is not None, timeout=WAIT_MS)
    click(dialog.removal.permit.button, qtbot)
    click(dialog.confirm_button, qtbot)
    settle(page, qtbot)
    commands.show_trash.trigger()
    trash: TrashDialog = shown(page, TrashDialog, qtbot)
    click(trash.empty_button, qtbot)
    question: MessageDialog = shown(page, MessageDialog, qtbot)
    click(next(each for each in question.findChildren(QPushButton) if "Empty" in each.text()), qtbot)
    qtbot.waitUntil(lambda: not trash.model.batches and not trash.working, timeout=WAIT_MS)
    assert not list((caches / "cache").rglob(archive.name))
    click(trash.cancel_button, qtbot)
    settle(page, qtbot)


def test_packages_are_copied_to_another_mirror(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    dag_hash = choose(page, "labwrap", qtbot)
    commands.copy_entries.trigger()
    dialog: CopyDialog = shown(page, CopyDialog, qtbot)
    dialog.target_box.set_target("other")
    dialog.replan()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=WAIT_MS)
    status = ended(page, lambda: click(dialog.confirm_button, qtbot), qtbot)
    assert status.totals.failed == 0
    assert list((caches / "other").glob(f"v3/manifests/spec/labwrap/*{dag_hash}*"))
    settle(page, qtbot)


def test_details_tell_dependencies_files_and_owner(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    choose(page, "labwrap", qtbot)
    card = page.details
    qtbot.waitUntil(lambda: card.details is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "rw-" in card.fact("Owner and mode"), timeout=WAIT_MS)
    card.tabs.setCurrentIndex(_PICTURE)
    qtbot.waitUntil(lambda: len(card.picture.view.keys) > 1, timeout=WAIT_MS)
    card.tabs.setCurrentIndex(_FILES)
    qtbot.waitUntil(lambda: bool(card.files.model.files) and not card.files.tasks.busy, timeout=WAIT_MS)
    assert any(file.path.startswith("bin/") or "spack" in file.path for file in card.files.model.files)


def test_specs_narrow_and_wrong_ones_are_told(page: ContentsPage, qtbot: QtBot) -> None:
    page.filter_line.setText("labzed@1.10:")
    qtbot.waitUntil(lambda: page.model.rowCount() == 2, timeout=WAIT_MS)
    page.filter_line.setText("labzed@@")
    qtbot.waitUntil(lambda: page.narrower.problem is not None, timeout=WAIT_MS)
    assert page.model.rowCount() == 2
    page.filter_line.reset()
    qtbot.waitUntil(lambda: page.model.rowCount() > 2, timeout=WAIT_MS)


def test_a_package_is_downloaded_unpacked_and_its_spec_saved(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    dag_hash = choose(page, "labwrap", qtbot)
    for action, folder in (
        (commands.download_entries, "stored"),
        (commands.unpack_entries, "files"),
        (commands.save_spec, "spec"),
    ):
        action.trigger()
        dialog: DownloadDialog = shown(page, DownloadDialog, qtbot)
        dialog.folder.edit.setText(str(caches / folder))
        click(dialog.confirm_button, qtbot)
        qtbot.waitUntil(dialog.confirm_button.isHidden, timeout=WAIT_MS)
        click(dialog.cancel_button, qtbot)
        settle(page, qtbot)
    assert archive_of(caches / "cache", dag_hash).name in {each.name for each in (caches / "stored").iterdir()}
    assert next((caches / "files").iterdir()).name.endswith(dag_hash)
    spec = json.loads((caches / "spec/labwrap.json").read_text())
    assert spec["spec"]["nodes"][0]["hash"] == dag_hash


def test_the_old_format_is_migrated_and_then_deleted(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    open_mirror(page, "old", qtbot)
    assert "Spack before 1.0" in page.banner.title
    click(page.banner.button, qtbot)
    dialog: MigrateDialog = shown(page, MigrateDialog, qtbot)
    dialog.unsigned_box.click()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=WAIT_MS)
    status = ended(page, lambda: click(dialog.confirm_button, qtbot), qtbot)
    assert status.totals.failed == 0
    settle(page, qtbot)
    page._read(refresh=True)
    settle(page, qtbot)
    assert page.model.contents.count_old_layout() == 0
    commands.delete_old_layout.trigger()
    leftover: OldLayoutDialog = shown(page, OldLayoutDialog, qtbot)
    qtbot.waitUntil(leftover.notice.isVisible, timeout=WAIT_MS)
    click(leftover.notice.button, qtbot)
    click(leftover.confirm_button, qtbot)
    settle(page, qtbot)
    assert not list((caches / "old/build_cache").rglob("*.spack"))


def fake_spack(caches: Path, body: str) -> None:
    """What stands in for the instance's own Spack."""
    program = caches / "spack/bin/spack"
    program.unlink()
    script(program, body)


def test_a_package_is_installed_here_with_the_instances_own_spack(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    fake_spack(
        caches,
        """echo "$@" > "$(dirname "$0")/asked"
echo '==> Installing labwrap-2024-06-01-x [1/1]'
echo '==> Error: half a line' >&2
echo '[+] /opt/t/linux-x86_64/labwrap-2024-06-01-x'""",
    )
    dag_hash = choose(page, "labwrap", qtbot)
    commands.install_here.trigger()
    dialog: InstallDialog = shown(page, InstallDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.outlook is not None, timeout=WAIT_MS)
    assert "will be installed in" in dialog.summary.text()
    assert "from this cache" in dialog.list.toPlainText()
    assert dialog.command_line.text.text() == f"spack install --cache-only /{dag_hash}"
    click(dialog.start_button, qtbot)
    qtbot.waitUntil(lambda: dialog.ended is not None, timeout=WAIT_MS)
    assert dialog.ended is not None
    assert (dialog.ended.status, dialog.ended.done) == (0, 1)
    assert "[+] /opt/t/linux-x86_64/labwrap-2024-06-01-x" in dialog.output.toPlainText()
    assert "half a line" in dialog.output.toPlainText()
    assert (caches / "spack/bin/asked").read_text().split() == ["-E", "install", "--cache-only", f"/{dag_hash}"]
    click(dialog.cancel_button, qtbot)
    settle(page, qtbot)


def test_an_installation_can_be_stopped(page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot) -> None:
    fake_spack(caches, "echo '==> Installing labwrap-2024-06-01-x [1/1]'; exec sleep 600")
    choose(page, "labwrap", qtbot)
    commands.install_here.trigger()
    dialog: InstallDialog = shown(page, InstallDialog, qtbot)
    click(dialog.start_button, qtbot)
    qtbot.waitUntil(lambda: "labwrap" in dialog.output.toPlainText(), timeout=WAIT_MS)
    assert dialog.cancel_button.text() == run_words.STOP
    click(dialog.cancel_button, qtbot)
    qtbot.waitUntil(lambda: dialog.status.text() == run_words.STOPPED, timeout=WAIT_MS)
    assert dialog.ended is None
    click(dialog.cancel_button, qtbot)
    settle(page, qtbot)


def test_what_is_not_the_package_it_should_be_is_not_installed(
    page: ContentsPage, commands: Actions, caches: Path, qtbot: QtBot
) -> None:
    """Spack itself would install it."""
    dag_hash = choose(page, "labwrap", qtbot)
    (ours,) = (caches / "cache").glob(f"v3/manifests/spec/labwrap/*{dag_hash}*")
    ours.chmod(0o644)
    ours.write_bytes(next((caches / "cache").glob("v3/manifests/spec/labmid/*")).read_bytes())
    commands.install_here.trigger()
    dialog: InstallDialog = shown(page, InstallDialog, qtbot)
    qtbot.waitUntil(lambda: dialog.outlook is not None, timeout=WAIT_MS)
    assert dialog.notice.title == "1 package of the mirror cannot be trusted"
    assert "damaged" in dialog.list.toPlainText()
    assert not dialog.start_button.isEnabled()
    dialog.reject()
    settle(page, qtbot)


def test_a_copy_from_the_old_format_says_what_is_lost(
    page: ContentsPage, commands: Actions, caches: Path, golden: Path, qtbot: QtBot
) -> None:
    shutil.rmtree(caches / "old")
    shutil.copytree(golden / "mirrors/v2-signed", caches / "old")
    open_mirror(page, "old", qtbot)
    choose(page, "labzed", qtbot)
    commands.copy_entries.trigger()
    dialog: CopyDialog = shown(page, CopyDialog, qtbot)
    dialog.target_box.set_target("other")
    dialog.replan()
    qtbot.waitUntil(lambda: dialog.plan is not None, timeout=WAIT_MS)
    assert dialog.notice.title == "1 signature will be dropped"
    status = ended(page, lambda: click(dialog.confirm_button, qtbot), qtbot)
    assert (status.totals.failed, len(list((caches / "other").glob("v3/manifests/spec/labzed/*")))) == (0, 1)
    settle(page, qtbot)
