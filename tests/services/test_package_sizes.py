# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sizes of prefixes: measured right, once, and anew when a package was installed again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NotInstalled
from core.packing.measure import measure
from core.services import package_sizes
from core.services.package_sizes import SizeMemory, folder_sizes, summarize_selection
from core.services.package_values import SizeRow
from core.spack.instance import Instance
from core.spack.specs import PackageRecord


@pytest.fixture
def record(instance: Instance, tmp_path: Path) -> PackageRecord:
    """A package whose prefix holds 1000 bytes in `lib`, twice by a hard link, 10 in `bin`, and 1 beside them."""
    prefix = tmp_path / "prefix"
    for folder in ("lib/deep", "bin"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "lib/deep/one").write_bytes(b"x" * 1000)
    os.link(prefix / "lib/deep/one", prefix / "lib/two")
    (prefix / "bin/run").write_bytes(b"x" * 10)
    (prefix / "bin/link").symlink_to("run")
    (prefix / "readme").write_bytes(b"x")
    found = next(record for record in instance.database().records.values() if record.name == "bzip2")
    return msgspec.structs.replace(found, prefix=str(prefix))


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prefixes that were walked."""
    done: list[str] = []
    real = package_sizes.measure

    def watched(prefix: Path) -> object:
        done.append(str(prefix))
        return real(prefix)

    monkeypatch.setattr(package_sizes, "measure", watched)
    return done


def measured(memory: SizeMemory, *records: PackageRecord) -> list[SizeRow]:
    return list(memory.measure(records, CancelToken()))


def test_folders_largest_first_and_hard_links_once(record: PackageRecord) -> None:
    folders = folder_sizes(record, CancelToken())
    assert [(size.folder, size.bytes, size.files) for size in folders] == [("lib", 1000, 2), ("bin", 10, 2), ("", 1, 1)]


def test_the_sum_is_remembered_in_a_file_until_the_prefix_is_another(
    record: PackageRecord, tmp_path: Path, walks: list[str]
) -> None:
    memory = SizeMemory(tmp_path / "sizes", keep=True)
    assert measured(memory, record) == [SizeRow(record.hash, 1011)]
    assert measured(SizeMemory(tmp_path / "sizes", keep=True), record) == [SizeRow(record.hash, 1011)]
    assert len(walks) == 1
    shutil.copytree(str(record.prefix), tmp_path / "again", symlinks=True)
    shutil.rmtree(str(record.prefix))
    (tmp_path / "again").rename(str(record.prefix))
    (Path(str(record.prefix)) / "more").write_bytes(b"xx")
    assert measured(SizeMemory(tmp_path / "sizes", keep=True), record)[0].bytes == 2013
    assert len(walks) == 2


def test_without_keep_no_file_is_written_and_damaged_ones_do_no_harm(record: PackageRecord, tmp_path: Path) -> None:
    measured(SizeMemory(tmp_path / "sizes", keep=False), record)
    assert not (tmp_path / "sizes").exists()
    measured(SizeMemory(tmp_path / "sizes", keep=True), record)
    (file,) = (tmp_path / "sizes").iterdir()
    file.write_text("[")
    assert measured(SizeMemory(tmp_path / "sizes", keep=True), record)[0].bytes == 1011


def test_archives_are_measured_once_for_plans_and_tables(
    record: PackageRecord, tmp_path: Path, walks: list[str]
) -> None:
    memory = SizeMemory(tmp_path / "sizes", keep=True)
    sizes = memory.archives([record], CancelToken())
    assert sizes[0] == {record.hash: measure(Path(str(record.prefix))).archive_bytes}
    assert measured(memory, record) == [SizeRow(record.hash, 1011)]
    assert SizeMemory(tmp_path / "sizes", keep=True).archives([record], CancelToken()) == (sizes[0], 0)
    assert len(walks) == 1


def test_of_very_many_packages_only_some_are_looked_through(
    instance: Instance, tmp_path: Path, walks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_sizes, "_MOST_LOOKED_THROUGH", 3)
    records = [record for record in instance.database().records.values() if record.state == "installed"]
    measured, average = SizeMemory(tmp_path / "sizes", keep=False).archives(records, CancelToken())
    assert len(measured) == len(walks) <= 3 < len(records)
    assert measured.keys() < {record.hash for record in records}
    exact = sum(measure(Path(str(record.prefix))).archive_bytes for record in records)
    assert exact / 4 < sum(measured.values()) + average * (len(records) - len(measured)) < exact * 4


def test_what_has_no_files_has_no_size(instance: Instance, record: PackageRecord, tmp_path: Path) -> None:
    external = next(record for record in instance.database().records.values() if record.external)
    gone = msgspec.structs.replace(record, prefix=str(tmp_path / "gone"))
    memory = SizeMemory(tmp_path / "sizes", keep=False)
    assert measured(memory, external, gone) == [SizeRow(external.hash, None), SizeRow(gone.hash, None)]
    assert memory.known([gone]) is None
    with pytest.raises(NotInstalled):
        folder_sizes(external, CancelToken())


def test_cancelling_stops_and_keeps_what_was_measured(instance: Instance, tmp_path: Path) -> None:
    token = CancelToken()
    memory = SizeMemory(tmp_path / "sizes", keep=True)
    records = [record for record in instance.database().records.values() if record.state == "installed"]
    rows = memory.measure(records, token)
    first = next(rows)
    token.cancel()
    with pytest.raises(Cancelled):
        list(rows)
    again = SizeMemory(tmp_path / "sizes", keep=True)
    assert again.known([record for record in records if record.hash == first.hash]) == first.bytes


def test_a_selection_counts_what_a_push_would_take_along(instance: Instance, tmp_path: Path) -> None:
    database = instance.database()
    openmpi = next(record for record in database.records.values() if record.name == "openmpi")
    memory = SizeMemory(tmp_path / "sizes", keep=False)
    summary = summarize_selection(database, [openmpi.hash], memory, CancelToken())
    assert summary.selected == 1
    assert summary.with_dependencies > 5
    assert summary.size_bytes > folder_sizes(openmpi, CancelToken())[0].bytes
