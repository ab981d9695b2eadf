# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transfers in a terminal: carried out to their end, with live bars where there is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from core.cli.bars import PlainLines, TerminalBars, Words
from core.cli.output import Output
from core.foundation.settings import load_settings
from core.foundation.text import format_duration, visible
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.model import MirrorHold, PushOutcome, TransferLimits
from core.transfers.plan import Decision, PushPlan
from core.transfers.queue import TransferQueue

PUSHING = Words("Pushing", "Pushed", "Failed to push")
_MOST_TRIES = 3
Add = Callable[[TransferJob], str]


def carry_out(job: TransferJob, jobs: int | None, output: Output, words: Words = PUSHING) -> tuple[PushOutcome, bool]:
    """`carry_out_all` of one."""
    (outcome,), stopped = carry_out_all([job], jobs, output, words)
    return outcome, stopped


def carry_out_all(
    transfers: Sequence[TransferJob], jobs: int | None, output: Output, words: Words = PUSHING
) -> tuple[list[PushOutcome], bool]:
    """`carry_out_added` of these."""

    def fill(add: Add) -> None:
        for job in transfers:
            add(job)

    return carry_out_added(fill, jobs, output, words)


def carry_out_added(
    fill: Callable[[Add], None], jobs: int | None, output: Output, words: Words = PUSHING
) -> tuple[list[PushOutcome], bool]:
    """What became of the transfers that `fill` adds, and whether the person stopped it: the first Ctrl+C stops it in
    order. `jobs` packages move at the same time; None: as in the settings.

    A mirror that cannot be reached is tried a few times more; what else is wrong with one fails all that goes there.
    """
    settings = load_settings()
    queue = TransferQueue(Journal(), workers=jobs or settings.parallel, hold_mirrors=True)
    stopped = False
    try:
        queue.set_limits(TransferLimits(jobs or settings.parallel, bytes_per_s=settings.bytes_per_s))
        plans: list[PushPlan] = []

        def add(job: TransferJob) -> str:
            plans.append(job.plan)
            return queue.add(job)

        fill(add)
        packages = sum(1 for plan in plans for _ in plan.of(Decision.PUSH, Decision.COMPLETE))
        bars = TerminalBars(packages, words) if sys.stderr.isatty() else PlainLines(packages, output.note, words)
        holds = _Holds(queue, output)
        with nullcontext(None) if output.json else bars as view:
            while True:
                try:
                    ended = all(queue.wait(plan.id, 0.1) for plan in plans)
                    snapshot = queue.snapshot()
                    holds.answer(snapshot.holds)
                    if view is not None:
                        view.show(snapshot)
                    if ended:
                        break
                except KeyboardInterrupt:
                    stopped = True
                    queue.stop()
        return [queue.outcome(plan.id) for plan in plans], stopped
    finally:
        queue.close()


class _Holds:
    """Nobody can be asked here."""

    def __init__(self, queue: TransferQueue, output: Output) -> None:
        self._queue = queue
        self._output = output
        self._told: set[tuple[str, int]] = set()

    def answer(self, holds: Sequence[MirrorHold]) -> None:
        for hold in holds:
            if hold.left_s is None or hold.tries > _MOST_TRIES:
                self._queue.release(hold.mirror, give_up=True)
            elif (hold.mirror, hold.tries) not in self._told:
                self._told.add((hold.mirror, hold.tries))
                why, left = visible(hold.error.sentence()), format_duration(hold.left_s)
                self._output.note(f"{visible(hold.mirror)} is tried again in {left}: {why}")
