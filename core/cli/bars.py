# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Progress of a push in a terminal: live bars where there is one, Spack's lines elsewhere. Both only read snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from core.foundation.text import format_bytes, format_duration, format_rate, short_hash
from core.transfers.model import ItemState, QueueSnapshot, RowKind, TransferRow

_WORDS = {
    ItemState.PACKING: "packing",
    ItemState.COPYING: "copying",
    ItemState.UPLOADING: "uploading",
    ItemState.FINALISING: "finalising",
    ItemState.INDEXING: "updating the index",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What happens, what was done to a package, and what was not."""

    doing: str
    done: str
    failed: str


class PlainLines:
    """One line for each package that ended, as Spack prints them."""

    def __init__(self, packages: int, print_line: Callable[[str], None], words: Words) -> None:
        self._packages = packages
        self._words = words
        self._print = print_line
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def show(self, snapshot: QueueSnapshot) -> None:
        for row in snapshot.rows:
            ended = row.kind is RowKind.PACKAGE and row.state in (ItemState.DONE, ItemState.FAILED)
            if ended and row.id not in self._seen:
                self._seen.add(row.id)
                self._print(self._ended_line(row))

    def _ended_line(self, row: TransferRow) -> str:
        """`[ 3/20] Pushed labzed@1.3/czfloom`."""
        word = self._words.done if row.state is ItemState.DONE else self._words.failed
        total = self._packages
        counter = f"[{len(self._seen):>{len(str(total))}}/{total}] " if total > 1 else ""
        return f"{counter}{word} {row.name}@{row.version}/{short_hash(row.hash)}"


class TerminalBars:
    """A bar for each package that moves and one for everything, redrawn in place on stderr."""

    def __init__(self, packages: int, words: Words) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[about]}", markup=False),
            console=self._console,
            transient=True,
        )
        self._overall = self._progress.add_task(words.doing, total=None, about="")
        self._bars: dict[str, TaskID] = {}
        self._lines = PlainLines(packages, lambda line: self._console.print(f"==> {line}", markup=False), words)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, snapshot: QueueSnapshot) -> None:
        self._lines.show(snapshot)
        for row in snapshot.rows:
            if row.state.moving:
                self._move(row)
            elif row.id in self._bars:
                self._progress.remove_task(self._bars.pop(row.id))
        overall = snapshot.overall
        parts = [f"{format_bytes(overall.done_bytes)} of {format_bytes(overall.total_bytes)}"]
        if overall.rate_bps is not None:
            parts.append(format_rate(overall.rate_bps))
        if overall.left_s is not None:
            parts.append(f"{format_duration(overall.left_s)} left")
        if overall.failed:
            parts.append(f"{overall.failed} failed")
        self._progress.update(
            self._overall, total=overall.total_bytes or None, completed=overall.done_bytes, about=", ".join(parts)
        )

    def _move(self, row: TransferRow) -> None:
        name = f"{row.name}@{row.version}" if row.kind is RowKind.PACKAGE else "index"
        about = _WORDS[row.state]
        if row.rate_bps is not None:
            about += f", {format_rate(row.rate_bps)}"
        if row.id not in self._bars:
            self._bars[row.id] = self._progress.add_task(name, total=row.total_bytes, about=about)
        self._progress.update(self._bars[row.id], total=row.total_bytes, completed=row.done_bytes, about=about)
