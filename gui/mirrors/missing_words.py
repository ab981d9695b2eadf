# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about what a mirror lacks, without Qt."""

from __future__ import annotations

import time

from core.foundation.text import format_age, plural, visible
from core.services.package_values import MissingCount
from gui import messages

ASKING = "…"
NOTHING = "none"
NEVER_READ = "It has not been read yet: refresh to ask it."
READING = "The mirror is being read."
CLICK = "A click lists them, ready to push."


def missing_text(count: MissingCount | None, *, asked: bool) -> str:
    """`12`, `none`, or that nobody knows."""
    if count is None or count.cell is None:
        return ASKING if asked else messages.NONE
    return f"{count.cell.missing:,}" if count.cell.missing else NOTHING


def missing_sentence(count: MissingCount | None) -> str:
    """`12 missing`, for a screen reader; "" where nothing is known."""
    return "" if count is None or count.cell is None else f"{count.cell.missing:,} missing"


def has_missing(count: MissingCount | None) -> bool:
    return count is not None and count.cell is not None and count.cell.missing > 0


def missing_tip(count: MissingCount | None, *, asked: bool) -> str:
    """`12 of 412 packages are not there, dependencies counted. As of 2 hours ago.`"""
    if count is None:
        return READING if asked else ""
    mirror, cell = count.mirror, count.cell
    trouble = visible(mirror.error.sentence()) if mirror.error is not None else ""
    reading = READING if asked else ""
    if cell is None:
        return messages.sentences(trouble or reading or NEVER_READ)
    total = cell.have + cell.missing + cell.held_back
    what = f"{cell.missing:,} of {plural(total, 'package')} explicitly installed or needed by one not there"
    held = f"{cell.held_back:,} more may not be redistributed" if cell.held_back else ""
    age = f"As of {format_age(time.time() - mirror.read_at)}" if mirror.read_at is not None else ""
    index = f"its index is from {format_age(time.time() - mirror.index_written_at)}" if mirror.index_written_at else ""
    known = ", ".join(part for part in (age, index) if part)
    return messages.sentences(what, held, known, trouble, reading, CLICK if cell.missing else "")
