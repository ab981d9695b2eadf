# SPDX-License-Identifier: Apache-2.0 OR MIT
"""200,000 packages, unicode, nothing, and what cannot be read."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from fake_client import FakeClient
from package_samples import fill_packages
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from samples import INSTANCE, package

from core.engine.calls.packages import FindPackages, ListPackages
from core.foundation.errors import DatabaseError
from core.services.package_values import FoundPackages
from core.services.values import PackageRow, PackagesView
from gui import messages
from gui.actions import Actions
from gui.packages.grouping import Group
from gui.packages.page import PackagesPage
from gui.packages.rows import Column

MANY = 200_000


def many_rows() -> list[PackageRow]:
    chance = random.Random(3)
    names = [f"{start}-{number}" for start in ("py", "r", "lib", "hdf5", "zlib") for number in range(400)]
    targets = ("zen4", "x86_64_v3", "skylake")
    rows = []
    for number in range(MANY):
        name, version = chance.choice(names), f"{chance.randrange(20)}.{chance.randrange(20)}"
        dag_hash = f"{number * 48271 % 2**31:x}".rjust(32, "q")
        rows.append(
            PackageRow(
                dag_hash, name, version, "c,cxx=gcc@13.3.0", "linux", "debian12", chance.choice(targets), "+shared",
                "builtin", number % 5 == 0, 1.7e9 + number, "installed", False, f"/opt/{name}-{dag_hash}",
            )
        )  # fmt: skip
    return rows


@pytest.fixture
def page(client: FakeClient, commands: Actions, qtbot: QtBot) -> Iterator[PackagesPage]:
    fill_packages(client, [])
    page = PackagesPage(client, commands)
    qtbot.addWidget(page)
    page.resize(1300, 800)
    page.show()
    qtbot.waitExposed(page)
    commands.measure_sizes.setChecked(False)
    yield page
    page.leave()


def load(page: PackagesPage, qtbot: QtBot) -> None:
    task = page.start(page.load(INSTANCE.id))
    qtbot.waitUntil(lambda: task.done() and not page.loader.busy and not page.model.busy, timeout=60_000)


def settle(page: PackagesPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not page.model.busy and not page.narrower.asking, timeout=30_000)


def test_two_hundred_thousand_packages(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    rows = many_rows()
    client.rows[ListPackages] = [rows[start : start + 2000] for start in range(0, MANY, 2000)]
    client.answers[ListPackages] = PackagesView(MANY, "v1")
    load(page, qtbot)
    model = page.model
    assert model.found == model.rowCount() == MANY
    assert page.sentence.text().startswith("200,000 packages.")
    assert model.row_at(0).name == "hdf5-0"
    page.filter_line.setText("hdf5-39")
    qtbot.waitUntil(lambda: 0 < model.found < MANY, timeout=30_000)
    assert {row.name for row in model.found_rows()} == {"hdf5-39", *(f"hdf5-39{digit}" for digit in range(10))}
    page.filters.clear()
    settle(page, qtbot)
    chosen = model.row_at(150_000)
    page.table.show_package(chosen.hash)
    page.table.sortByColumn(Column.VERSION, Qt.SortOrder.DescendingOrder)
    assert model.busy  # it goes on in steps
    assert model.rowCount() == MANY  # while the old rows stay
    settle(page, qtbot)
    versions = [tuple(map(int, row.version.split("."))) for row in model.found_rows()]
    assert versions == sorted(versions, reverse=True)
    current = page.current()
    assert current is not None
    assert current.hash == chosen.hash
    client.answers[FindPackages] = FoundPackages(tuple(row.hash for row in rows[: MANY // 2]))
    page.filter_line.setText("+shared")
    qtbot.waitUntil(lambda: model.found == MANY // 2, timeout=30_000)
    model.set_group(Group.TARGET)
    settle(page, qtbot)
    assert model.rowCount() == MANY // 2 + 3
    page.filters.clear()
    settle(page, qtbot)
    model.check_shown()
    assert model.checked == MANY
    assert model.checked_hidden() == 0


def test_unicode_and_control_characters_are_shown_not_obeyed(
    page: PackagesPage, client: FakeClient, qtbot: QtBot
) -> None:
    odd = package("zlib", "1.3", variants='label="größe 漢字 \u202e\x1b[31m" build_system=generic')
    client.rows[ListPackages] = [[odd, package("größe", "ünï")]]
    client.answers[ListPackages] = PackagesView(2, "v1")
    load(page, qtbot)
    page.filter_line.setText("漢字")
    qtbot.waitUntil(lambda: page.model.found == 1)
    shown = page.model.index(0, Column.VARIANTS).data()
    assert "größe 漢字" in shown
    assert "\\u202e" in shown
    assert "\x1b" not in shown
    assert not page.table.grab().isNull()
    page.filter_line.setText("GRÖSSE")
    qtbot.waitUntil(lambda: page.model.found == 0)
    page.filter_line.setText("GRÖßE@")
    client.answers[FindPackages] = FoundPackages(())
    qtbot.waitUntil(lambda: not page.narrower.asking and page.pane.shown is page.no_match)


def test_an_instance_without_packages(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = []
    client.answers[ListPackages] = PackagesView(0, "")
    load(page, qtbot)
    assert page.pane.shown is page.empty
    assert page.empty.sentence == messages.PACKAGES_EMPTY
    page.commands.show_details.setChecked(True)
    assert page.details.isHidden()


def test_an_instance_that_cannot_be_read(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    client.rows[ListPackages] = []
    client.answers[ListPackages] = DatabaseError("index.json cannot be read", "Permission denied")
    load(page, qtbot)
    assert page.pane.shown is page.failed
    assert page.failed.sentence == "index.json cannot be read"
    client.rows[ListPackages] = [[package("zlib", "1.9")]]
    client.answers[ListPackages] = PackagesView(1, "v1")
    load(page, qtbot)
    assert page.table.isVisible()


def test_nothing_that_matches_is_said_of_many_as_of_few(page: PackagesPage, client: FakeClient, qtbot: QtBot) -> None:
    """With many packages narrowing goes on in steps, and the last one has to tell."""
    rows = many_rows()[:30_000]
    client.rows[ListPackages] = [rows]
    client.answers[ListPackages] = PackagesView(len(rows), "v1")
    load(page, qtbot)
    page.filter_line.setText("nosuchname")
    qtbot.waitUntil(lambda: page.pane.shown is page.no_match)
    page.filter_line.setText("")
    qtbot.waitUntil(lambda: page.pane.shown is page.table and page.model.found == len(rows))
