# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What can be done with a build cache, in Spack's own commands."""

from __future__ import annotations

from collections.abc import Sequence

from core.services.values import ContentsRow, CopyLine
from gui.contents import words
from gui.widgets.commands_dialog import spack_line

_MOST_PACKAGES = 40


def cache_lines(mirror: str, chosen: Sequence[ContentsRow], *, migrate: bool) -> list[CopyLine]:
    """For the cache at `mirror` (a name or an address) and the packages `chosen`; `migrate` for an older format."""
    hashes = [f"/{row.hash}" for row in chosen[:_MOST_PACKAGES] if row.hash]
    lines = [
        CopyLine(words.COMMAND_LIST, spack_line("buildcache", "list", "--allarch", "-lv")),
        CopyLine(words.COMMAND_INDEX, spack_line("buildcache", "update-index", mirror)),
        CopyLine(words.COMMAND_PRUNE, spack_line("buildcache", "prune", "--dry-run", mirror)),
        CopyLine(words.COMMAND_SYNC, spack_line("-e", words.SOME_ENVIRONMENT, *_sync(mirror))),
    ]
    if hashes:
        lines.append(CopyLine(words.COMMAND_INSTALL, spack_line("buildcache", "install", *hashes)))
        download = (spack_line("buildcache", "download", "--spec", spec, "--path", ".") for spec in hashes)
        lines.append(CopyLine(words.COMMAND_DOWNLOAD, "\n".join(download)))
    if migrate:
        lines.append(CopyLine(words.COMMAND_MIGRATE, spack_line("buildcache", "migrate", mirror)))
    return lines


def _sync(mirror: str) -> tuple[str, ...]:
    return ("buildcache", "sync", mirror, words.SOME_MIRROR)
