# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Transfers in a terminal: carried out to their end, with live bars where there is a terminal."""

from __future__ import annotations

import sys
from contextlib import nullcontext

from core.cli.bars import PlainLines, TerminalBars, Words
from core.cli.output import Output
from core.transfers.job import TransferJob
from core.transfers.journal import Journal
from core.transfers.model import PushOutcome
from core.transfers.plan import Decision
from core.transfers.queue import TransferQueue

PUSHING = Words("Pushing", "Pushed", "Failed to push")


def carry_out(job: TransferJob, jobs: int, output: Output, words: Words = PUSHING) -> tuple[PushOutcome, bool]:
    """What became of it, and whether the person stopped it: the first Ctrl+C stops it in order."""
    queue = TransferQueue(Journal(), workers=jobs)
    queue.set_limits(TransferLimits(jobs, bytes_per_s=load_settings().bytes_per_s))
    stopped = False
    try:
        push_id = queue.add(job)
        packages = sum(1 for _ in job.plan.of(Decision.PUSH, Decision.COMPLETE))
        bars = TerminalBars(packages, words) if sys.stderr.isatty() else PlainLines(packages, output.note, words)
        with nullcontext(None) if output.json else bars as view:
            while True:
                try:
                    ended = queue.wait(push_id, 0.1)
                    if view is not None:
                        view.show(queue.snapshot())
                    if ended:
                        break
                except KeyboardInterrupt:
                    stopped = True
                    queue.stop()
        return queue.outcome(push_id), stopped
    finally:
        queue.close()
