# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
from contents_samples import IMAGE, READ_AT, details, entry, rows, view, without_facts
from fake_client import FakeClient
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot
from samples import INSTANCE, mirror, mirrors_view

from core.caches.protocol import IndexUpdate
from core.engine.calls.contents import DescribeEntry, ListContents, ListRepositories, UpdateIndex
from core.engine.calls.mirrors import ListMirrors
from core.foundation.errors import EngineGone, ErrorInfo, NetworkDown, NotFound
from core.services.values import MirrorRow, MirrorsView, RepositoriesView
from gui import messages
from gui.actions import Actions
from gui.contents import words
from gui.contents.page import ContentsPage
from gui.contents.rows import Column
from gui.engine_client import CallFailed
from gui.widgets.cell import Role

OCI = mirror("site-oci", f"oci://{IMAGE}")


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[ContentsPage]:
    listed = mirrors_view().rows
    client.answers[ListMirrors] = MirrorsView((MirrorRow(OCI), *listed))
    client.answers[ListContents] = view()
    client.rows[ListContents] = [without_facts(rows()), rows()]
    client.answers[DescribeEntry] = lambda call: details(call.key)
    page = ContentsPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.leave()


def load(page: ContentsPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.reader.busy)


def open_place(page: ContentsPage, qtbot: QtBot, text: str = "site-oci") -> None:
    if not page.instance_id:
        load(page, qtbot)
    page.open_place(text)
    qtbot.waitUntil(lambda: not page.reader.busy and not page.reading)


def titles(page: ContentsPage) -> list[str]:
    model = page.model
    return [str(model.index(row, Column.NAME).data()) for row in range(model.rowCount())]


def choose(page: ContentsPage, qtbot: QtBot, *path: str) -> None:
    """Open the group and select the entry below it."""
    group = titles(page).index(path[0])
    if len(path) == 1:
        page.table.select_row(group)
    else:
        page.model.set_open(group, wanted=True)
        page.table.select_row(titles(page).index(path[1], group))
    qtbot.waitUntil(lambda: not page.chooser.busy)


# ---- reading ----


def test_the_first_folder_is_looked_into_and_nothing_on_the_network(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    load(page, qtbot)
    assert [call.mirror for call in client.asked(ListContents)] == ["scratch"]
    assert page.place_box.currentText() == "scratch"
    assert page.pane.shown is page.table


def test_nothing_is_read_while_the_page_is_hidden(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    page.hide()
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(task.done)
    assert client.calls == []
    page.show()
    qtbot.waitUntil(lambda: bool(page.model.rowCount()) and not page.reader.busy)
    assert [call.refresh for call in client.asked(ListContents)] == [False]


def test_a_mirror_is_chosen_by_name_and_remembered(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    assert client.asked(ListContents)[-1] == ListContents(INSTANCE.id, "site-oci", False)
    assert page.sentence.text().startswith("As of ")
    assert page.sentence.text().endswith("3 days ago, 6 tags.")
    assert page.footer.status.text() == "6 tags 4 packages  ·  200\u2009MB"
    again = ContentsPage(client, page.commands)
    qtbot.addWidget(again)
    again.show()
    load(again, qtbot)
    assert again.place == "site-oci"
    again.leave()


def test_return_opens_what_was_typed_and_typing_alone_does_not(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    load(page, qtbot)
    page.place_box.setFocus()
    page.place_box.edit.selectAll()
    qtbot.keyClicks(page.place_box.edit, "registry.site/hpc/cache")
    assert len(client.asked(ListContents)) == 1
    qtbot.keyClick(page.place_box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(client.asked(ListContents)) == 2 and not page.reader.busy)
    assert client.asked(ListContents)[-1].mirror == "oci://registry.site/hpc/cache"


def test_names_first_then_facts(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.rows[ListContents] = [without_facts(rows())]
    client.hold(ListContents)
    page.open_place("site-oci")
    qtbot.waitUntil(lambda: page.refresh_line.running)
    assert page.empty.sentence == words.READING
    assert page.stop_button.isVisible()
    client.release(ListContents)
    qtbot.waitUntil(lambda: not page.reader.busy)
    assert titles(page) == ["openmpi", "zlib", "Other images", "Index and keys"]
    assert not page.refresh_line.running
    assert not page.stop_button.isVisible()


def test_a_refresh_keeps_groups_selection_and_drops_what_is_gone(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.10")
    client.rows[ListContents] = [[row for row in rows() if row.name != "openmpi"]]
    load(page, qtbot)
    assert client.asked(ListContents)[-1].refresh
    assert titles(page) == ["zlib", "1.10", "1.9", "1.2", "Other images", "Index and keys"]
    current = page.current()
    assert current is not None
    assert current.version == "1.10"
    assert page.table.selected_rows() == [1]


def test_folders_are_read_anew_after_what_is_remembered(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListContents] = lambda call: view(from_memory=not call.refresh, image="")
    load(page, qtbot)
    qtbot.waitUntil(lambda: not page.reader.busy)
    assert [call.refresh for call in client.asked(ListContents)] == [False, True]
    open_place(page, qtbot)
    assert [call.refresh for call in client.asked(ListContents)][2:] == [False], "a registry only when asked to"


def test_reading_can_be_stopped(page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.hold(ListContents)
    page.open_place("site-oci")
    qtbot.waitUntil(lambda: len(client.asked(ListContents)) == 2)
    commands.stop_reading.trigger()
    assert page.sentence.text() == words.STOPPED
    assert not page.refresh_line.running
    assert not commands.stop_reading.isEnabled()
    client.release(ListContents)
    open_place(page, qtbot)
    assert page.model.rowCount()


def test_another_place_makes_the_first_answer_stale(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    load(page, qtbot)
    client.hold(ListContents)
    page.open_place("site-oci")
    qtbot.waitUntil(lambda: len(client.asked(ListContents)) == 2)
    client.rows[ListContents] = [[entry("other")]]
    page.open_place("nfs")
    client.release(ListContents)
    qtbot.waitUntil(lambda: not page.reader.busy and page.model.rowCount() > 0)
    assert titles(page) == ["other"]


# ---- states ----


def test_an_empty_cache_says_so(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListContents] = []
    client.answers[ListContents] = view(count=0)
    load(page, qtbot)
    assert page.pane.shown is page.empty
    assert page.empty.sentence == "This build cache is empty."
    assert page.footer.isHidden()


def test_unreachable_without_memory_is_the_error(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListContents] = []
    client.answers[ListContents] = NetworkDown("registry.site cannot be reached", "No route to host")
    load(page, qtbot)
    assert page.empty.sentence == "registry.site cannot be reached"
    assert page.banner.isHidden()


def test_unreachable_with_memory_shows_it_greyed_with_the_reason(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    error = ErrorInfo("network-down", "registry.site cannot be reached", "No route to host")
    client.answers[ListContents] = view(from_memory=True, error=error)
    load(page, qtbot)
    assert page.pane.shown is page.table
    assert page.banner.title == "registry.site cannot be reached"
    assert page.banner.accessibleName().endswith("3 days ago.")
    assert page.model.index(0, 0).data(Role.TONE) == "faint"
    client.answers[ListContents] = view()
    load(page, qtbot)
    assert page.banner.isHidden()
    assert page.model.index(0, 0).data(Role.TONE) == "text"


def test_an_engine_that_ends_leaves_what_came(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListContents] = EngineGone(messages.ENGINE_GONE)
    load(page, qtbot)
    assert page.model.rowCount()
    assert page.banner.title == messages.ENGINE_GONE


def test_without_any_place_one_is_asked_for(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListMirrors] = MirrorsView((MirrorRow(OCI),))
    load(page, qtbot)
    assert client.asked(ListContents) == []
    assert page.empty.sentence == words.CHOOSE


def test_mirrors_that_cannot_be_read_leave_typing(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListMirrors] = CallFailed(ErrorInfo("config", "mirrors.yaml cannot be read"))
    load(page, qtbot)
    open_place(page, qtbot, "/some/folder")
    assert page.model.rowCount()


def test_the_filter_narrows_and_offers_a_way_back(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    page.filter_line.setText("zlib 1.1")
    qtbot.waitUntil(lambda: titles(page) == ["zlib", "1.10"])
    page.filter_line.setText("nonsense")
    qtbot.waitUntil(lambda: page.pane.shown is page.no_match)
    qtbot.mouseClick(page.clear_button, Qt.MouseButton.LeftButton)
    assert page.pane.shown is page.table


# ---- keyboard ----


def test_arrow_keys_open_and_close(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    table = page.table
    table.setFocus()
    choose(page, qtbot, "zlib")
    qtbot.keyClick(table, Qt.Key.Key_Right)
    assert titles(page)[2:5] == ["1.10", "1.9", "1.2"]
    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert table.currentIndex().row() == 3
    qtbot.keyClick(table, Qt.Key.Key_Left)
    assert table.currentIndex().row() == 1
    qtbot.keyClick(table, Qt.Key.Key_Left)
    assert len(titles(page)) == 4
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        qtbot.keyClick(table, key)
    assert len(titles(page)) == 4


def test_clicks_open_and_close(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    view_port = page.table.viewport()
    rect = page.table.visualRect(page.model.index(1, Column.NAME))
    chevron = rect.topLeft() + page.table.rect().topLeft()
    chevron.setX(rect.left() + 16)
    chevron.setY(rect.center().y())
    qtbot.mouseClick(view_port, Qt.MouseButton.LeftButton, pos=chevron)
    assert page.model.is_open(1)
    qtbot.mouseDClick(view_port, Qt.MouseButton.LeftButton, pos=rect.center())
    assert not page.model.is_open(1)
    qtbot.mouseClick(view_port, Qt.MouseButton.LeftButton, pos=rect.center())
    assert not page.model.is_open(1)


def test_all_groups_at_once(page: ContentsPage, commands: Actions, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    commands.open_groups.trigger()
    assert len(titles(page)) == 10
    commands.close_groups.trigger()
    assert len(titles(page)) == 4


def test_panes_lead_through_the_page(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    assert page.panes()[:3] == [page.place_box, page.filter_line, page.table]
    page.focus_filter()
    assert page.filter_line.hasFocus()
    qtbot.keyClick(page.filter_line, Qt.Key.Key_Down)
    assert page.table.hasFocus()


# ---- selection and details ----


def test_the_selection_is_summed_up(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib")
    assert page.footer.status.text() == "3 selected  ·  6\u2009kB of all 6 tags  ·  4 packages  ·  200\u2009MB"
    page.table.selectAll()
    qtbot.waitUntil(lambda: page.footer.status.text().startswith("6 selected"))


def test_details_of_an_entry(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    assert page.details.isHidden()
    choose(page, qtbot, "zlib", "1.10")
    row = page.current()
    assert row is not None
    qtbot.waitUntil(lambda: page.details.details is not None)
    assert client.asked(DescribeEntry) == [DescribeEntry(INSTANCE.id, "site-oci", row.key)]
    card = page.details
    assert card.fact(words.ENTRY) == row.key
    assert card.fact(words.DIGEST) == f"sha256:{'d' * 64}"
    assert card.fact(words.IN_INDEX) == words.IN_THE_INDEX
    lines = card.layers.toPlainText().splitlines()
    assert "only here" in lines[0]
    assert lines[1].split("  ")[:3] == ["3\u2009MB", "gcc@13", "in 12 entries"]
    assert lines[-1].strip() == "org.opencontainers.image.description: zlib@1.10"
    spec = card.spec.toPlainText()
    assert spec.startswith("zlib@=1.10+shared")
    assert [line.split()[0] for line in spec.splitlines() if line.startswith("  ")] == [
        "gcc@13.3.0/ggggggg", "glibc@2.36/ccccccc", "zstd@1.5/zzzzzzz",
    ]  # fmt: skip
    assert "not in this cache" in spec.splitlines()[-1]
    choose(page, qtbot, "zlib")
    assert page.details.isHidden()


def test_commands_have_copy_buttons(page: ContentsPage, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.10")
    qtbot.waitUntil(lambda: page.details.details is not None)
    page.details.tabs.setCurrentIndex(1)
    shown = [line for line in page.details.lines if line.isVisible()]
    assert len(shown) == 2
    assert shown[0].copy_button.accessibleName() == "Copy: Install with Spack"
    qtbot.mouseClick(shown[1].copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith(f"docker pull {IMAGE}:zlib-1.10-")


def test_walking_through_entries_asks_only_where_one_stays(
    page: ContentsPage, client: FakeClient, qtbot: QtBot
) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.10")
    qtbot.keyClick(page.table, Qt.Key.Key_Down)
    qtbot.keyClick(page.table, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: page.details.details is not None)
    assert len(client.asked(DescribeEntry)) == 1


def test_details_that_cannot_be_had(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[DescribeEntry] = NotFound("Cannot read it", "It is not there any more")
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.10")
    qtbot.waitUntil(lambda: "any more" in page.details.spec.toPlainText())
    assert page.details.fact(words.MEDIA_TYPE) == messages.NONE


def test_incomplete_images_name_what_is_missing(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[DescribeEntry] = lambda call: replace(details(call.key), missing=("ucx@1.17/abcdefg",))
    open_place(page, qtbot)
    choose(page, qtbot, "openmpi", "5.0.6")
    qtbot.waitUntil(lambda: "ucx@1.17/abcdefg" in page.details.problem)
    assert "not runnable until" in page.details.problem


def test_copying(page: ContentsPage, commands: Actions, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    clipboard = QGuiApplication.clipboard()
    choose(page, qtbot, "zlib")
    commands.copy_tag.trigger()
    assert len(clipboard.text().splitlines()) == 3
    choose(page, qtbot, "zlib", "1.10")
    row = page.current()
    assert row is not None
    commands.copy_entry_digest.trigger()
    assert clipboard.text() == row.manifest_digest
    commands.copy_pull_line.trigger()
    assert clipboard.text() == f"docker pull {IMAGE}:{row.key}"
    choose(page, qtbot, "Index and keys", "Index")
    assert commands.copy_pull_line.toolTip() == words.WHY_NO_IMAGE


def test_installed_packages_are_shown_on_their_page(page: ContentsPage, commands: Actions, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.9")
    assert commands.show_installed.toolTip() == words.WHY_NOT_INSTALLED
    choose(page, qtbot, "zlib", "1.10")
    row = page.current()
    assert row is not None
    with qtbot.waitSignal(page.package_wanted) as wanted:
        commands.show_installed.trigger()
    assert wanted.args == [row.hash]


# ---- the index ----


def button_of(page: ContentsPage) -> QPushButton:
    return page.banner.button


def test_an_index_that_is_behind_can_be_updated(
    page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    client.answers[ListContents] = lambda call: view(not_in_index=0 if call.refresh else 12)
    client.answers[UpdateIndex] = IndexUpdate(1204, 12, 0, (), "sha256:x")
    open_place(page, qtbot)
    assert page.banner.title == "12 packages are not in the index"
    qtbot.mouseClick(button_of(page), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.banner.title == "The index is up to date")
    assert client.asked(UpdateIndex) == [UpdateIndex(INSTANCE.id, "site-oci")]
    assert "12 added" in page.banner.accessibleName()
    qtbot.waitUntil(lambda: not page.reader.busy)
    assert client.asked(ListContents)[-1].refresh
    assert page.banner.title == "The index is up to date"


def test_one_package_is_it(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListContents] = view(not_in_index=1)
    open_place(page, qtbot)
    assert page.banner.accessibleName() == (
        "1 package is not in the index. Spack will not find it until the index is updated."
    )


def test_no_index_at_all(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListContents] = view(has_index=False, not_in_index=4)
    open_place(page, qtbot)
    assert page.banner.title == words.NO_INDEX_TITLE


def test_entries_an_update_could_not_read_are_told(
    page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    problem = ErrorInfo("cache", "Cannot understand zlib", "not JSON")
    client.answers[UpdateIndex] = IndexUpdate(3, 1, 0, (problem, problem), "sha256:x")
    open_place(page, qtbot)
    commands.update_index.trigger()
    qtbot.waitUntil(lambda: page.banner.title == "The index was updated")
    assert "2 entries could not be read: Cannot understand zlib: not JSON" in page.banner.accessibleName()
    qtbot.waitUntil(lambda: not page.reader.busy)


def test_an_update_that_fails_says_why(page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot) -> None:
    client.answers[UpdateIndex] = NotFound("Cannot update the index", "no such folder")
    open_place(page, qtbot)
    commands.update_index.trigger()
    qtbot.waitUntil(lambda: page.banner.title == "Cannot update the index")
    assert not page.refresh_line.running


def test_what_may_not_be_changed_offers_no_update(
    page: ContentsPage, client: FakeClient, commands: Actions, qtbot: QtBot
) -> None:
    client.answers[ListContents] = view(not_in_index=12)
    open_place(page, qtbot, f"oci://{IMAGE}")
    assert not button_of(page).isVisible()
    assert commands.update_index.toolTip() == words.WHY_NOT_CONFIGURED
    page.read_only = True
    open_place(page, qtbot)
    assert not button_of(page).isVisible()
    assert commands.update_index.toolTip() == messages.WHY_READ_ONLY


def test_problems_of_reading_are_told(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    problem = ErrorInfo("cache", "Cannot understand the index", "not JSON")
    client.answers[ListContents] = view(problems=(problem, problem))
    open_place(page, qtbot)
    assert page.banner.title == "Cannot understand the index"
    assert "1 more problem" in page.banner.accessibleName()


# ---- registries ----


def test_a_registry_lists_its_repositories(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    addresses = ("oci://registry.site/hpc/cache", "oci://registry.site/lab/images")
    client.answers[ListRepositories] = RepositoriesView("oci://registry.site", addresses)
    open_place(page, qtbot, "registry.site")
    assert client.asked(ListRepositories) == [ListRepositories(INSTANCE.id, "oci://registry.site")]
    assert page.pane.shown is page.repositories
    assert page.sentence.text().startswith("2 repositories on oci://registry.site.")
    page.filter_line.setText("images")
    qtbot.waitUntil(lambda: page.repositories.count == 1)
    page.repositories.select_row(0)
    qtbot.keyClick(page.repositories, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.place == "oci://registry.site/lab/images" and not page.reader.busy)
    assert client.asked(ListContents)[-1].mirror == "oci://registry.site/lab/images"


def test_registries_that_do_not_tell_and_that_fail(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    client.answers[ListRepositories] = RepositoriesView("oci://registry.site", None)
    open_place(page, qtbot, "registry.site")
    assert page.empty.sentence == words.CATALOGUE_CLOSED
    client.answers[ListRepositories] = NetworkDown("registry.site cannot be reached")
    open_place(page, qtbot, "registry.site")
    assert page.empty.sentence == "registry.site cannot be reached"
    client.answers[ListRepositories] = RepositoriesView("oci://registry.site", ())
    open_place(page, qtbot, "registry.site")
    assert page.empty.sentence == words.NO_REPOSITORIES
    assert page.footer.isHidden()


@pytest.mark.parametrize(
    ("typed", "place", "registry"),
    [
        ("site-oci", "site-oci", False),
        ("host.org", "oci://host.org", True),
        ("localhost:5000", "oci://localhost:5000", True),
        ("host.org/hpc/cache", "oci://host.org/hpc/cache", False),
        ("oci+http://127.0.0.1:5000", "oci+http://127.0.0.1:5000", True),
        ("https://host.org/", "https://host.org/", True),
        ("oci://host.org/x", "oci://host.org/x", False),
        ("./cache", "./cache", False),
        ("/scratch/cache", "/scratch/cache", False),
        ("~/cache", "~/cache", False),
        ("..", "..", False),
        ("dotted.name", "dotted.name", False),
    ],
)
def test_what_is_typed_means_what_people_expect(typed: str, place: str, registry: bool) -> None:
    assert words.place_of(typed, {"site-oci", "dotted.name"}) == place
    assert words.is_registry(place) == registry


def test_ages_are_told_with_their_day() -> None:
    assert words.as_of(READ_AT, READ_AT + 60).startswith("As of ")
    assert "ago" not in words.as_of(READ_AT, READ_AT)
    assert words.as_of(READ_AT, READ_AT + 3 * 86400).endswith(", 3 days ago")


def test_an_unchanged_digest_asks_for_details_once(page: ContentsPage, client: FakeClient, qtbot: QtBot) -> None:
    open_place(page, qtbot)
    choose(page, qtbot, "zlib", "1.10")
    qtbot.waitUntil(lambda: page.details.details is not None)
    load(page, qtbot)
    qtbot.waitUntil(lambda: not page.chooser.busy)
    row = page.current()
    assert row is not None
    assert len({(call.key) for call in client.asked(DescribeEntry)}) == 1
    changed = msgspec.structs.replace(row, manifest_digest=f"sha256:{'9' * 64}")
    client.rows[ListContents] = [[changed if each.key == row.key else each for each in rows()]]
    before = len(client.asked(DescribeEntry))
    load(page, qtbot)
    page.table.select_row(0)
    choose(page, qtbot, "zlib", "1.10")
    qtbot.waitUntil(lambda: len(client.asked(DescribeEntry)) == before + 1)
