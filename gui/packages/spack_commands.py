# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The same with Spack itself: commands to learn from and to put into scripts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from core.services.values import CopyLine, PackageRow
from gui.packages import words
from gui.packages.completion import is_spec
from gui.packages.filter_bar import NO_MIRROR, FilterChoice
from gui.packages.rows import Show
from gui.widgets.commands_dialog import spack_line

_FIND_FLAGS = {
    Show.EXPLICIT: ("--explicit",),
    Show.IMPLICIT: ("--implicit",),
    Show.MISSING: ("--only-missing",),
    Show.DEPRECATED: ("--only-deprecated",),
    Show.EXTERNAL: ("--external",),
    Show.ALL: ("--missing", "--deprecated"),
}
_MOST_PACKAGES = 40


def command_lines(choice: FilterChoice, chosen: Sequence[PackageRow], mirror: str) -> list[CopyLine]:
    """What is shown, and what one would do with the packages chosen; `mirror` is where they would go."""
    environment = ("-e", choice.environment) if choice.environment else ()
    spec = shlex.split(choice.text) if is_spec(choice.text) and _can_split(choice.text) else []
    lines = [
        CopyLine(words.COMMAND_LIST, spack_line(*environment, "find", "-lv", *_FIND_FLAGS.get(choice.show, ()), *spec))
    ]
    hashes = [f"/{row.hash[:7]}" for row in chosen[:_MOST_PACKAGES]]
    if hashes:
        lines.append(CopyLine(words.COMMAND_FIND, spack_line("find", "-ldv", *hashes)))
        lines.append(CopyLine(words.COMMAND_PREFIX, spack_line("find", "--format", "{prefix}", *hashes)))
    if mirror and mirror != NO_MIRROR:
        lines.append(
            CopyLine(words.COMMAND_CHECK, spack_line(*environment, "buildcache", "check", "-m", mirror, *hashes))
        )
        if hashes:
            lines.append(
                CopyLine(words.COMMAND_PUSH, spack_line("buildcache", "push", "--update-index", mirror, *hashes))
            )
    return lines


def find_command(row: PackageRow) -> str:
    return spack_line("find", "-ldv", f"/{row.hash}")


def _can_split(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True
