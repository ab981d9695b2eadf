# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The table as a file for other programs: the columns that are shown, the rows that are shown, in their order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence

from core.services.values import PackageRow
from gui.packages import cells, words
from gui.packages.facts import Facts
from gui.packages.rows import Column

Value = str | int | float | bool | None
# A spreadsheet takes cells that begin so for formulas; nothing of Spack's does but switched variants.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Iterable[PackageRow], columns: Sequence[Column], facts: Facts) -> str:
    """A header line and a line for each row; texts no spreadsheet mistakes for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([_key(column) for column in columns])
    for row in rows:
        writer.writerow([_harmless(cells.plain(row, column, facts)) for column in columns])
    return file.getvalue()


def as_json(rows: Iterable[PackageRow], columns: Sequence[Column], facts: Facts) -> str:
    """A list of objects, one for each row, always with the whole hash."""
    wanted = dict.fromkeys((*columns, Column.HASH))
    objects = [{_key(column): cells.plain(row, column, facts) for column in wanted} for row in rows]
    return json.dumps(objects, indent=1, ensure_ascii=False) + "\n"


def _key(column: Column) -> str:
    return words.COLUMNS[column].lower().replace(" ", "_")


def _harmless(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
