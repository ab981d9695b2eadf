# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the transfer queue."""

from __future__ import annotations

from core.engine.messages import Call
from core.transfers.model import Continued, Move, TransferLimits, Unfinished


class WatchTransfers(Call[None], frozen=True):
    """Send a full snapshot next; others follow whenever something changes. All come one after another from one place,
    so that an older one never arrives after a newer one."""

    method = "transfers.watch"
    answer = None


class StopTransfers(Call[None], frozen=True):
    """Stop the rows named, or everything when none is."""

    method = "transfers.stop"
    answer = None
    rows: tuple[str, ...] = ()


class RetryTransfers(Call[None], frozen=True):
    """Retry the rows named, or all failed and cancelled ones when none is."""

    method = "transfers.retry"
    answer = None
    rows: tuple[str, ...] = ()


class PauseTransfers(Call[None], frozen=True):
    """Pause rows, mirrors, or the whole queue when neither is named; or let them go on.

    Of a queue and a mirror no further rows are started and those that move are finished; rows named stop moving and
    begin again later.
    """

    method = "transfers.pause"
    answer = None
    paused: bool
    rows: tuple[str, ...] = ()
    mirrors: tuple[str, ...] = ()


class MoveTransfers(Call[None], frozen=True):
    """Reorder waiting rows; others are left alone."""

    method = "transfers.move"
    answer = None
    rows: tuple[str, ...]
    to: Move


class ReleaseMirror(Call[None], frozen=True):
    """End the hold of a mirror: what waits there is tried again. `give_up` fails it with the error of the hold."""

    method = "transfers.release"
    answer = None
    mirror: str
    give_up: bool = False


class SetTransferLimits(Call[None], frozen=True):
    """From now on; what moves already is finished. Raises UsageError for numbers that make no sense."""

    method = "transfers.limits"
    answer = None
    limits: TransferLimits


class ClearTransfers(Call[None], frozen=True):
    """Forget pushes that have ended."""

    method = "transfers.clear"
    answer = None


class ListUnfinished(Call[Unfinished], frozen=True):
    """What processes that died left behind."""

    method = "transfers.unfinished"
    answer = Unfinished


class ContinueUnfinished(Call[Continued], frozen=True):
    """Plan the rest of a journal again and queue it, `paused` so that nothing moves before the person resumes its rows.

    What is done is looked for in the caches before it is believed. Instances of its pushes have to be open.
    """

    method = "transfers.continue"
    answer = Continued
    journal: str
    paused: bool = False


class DiscardUnfinished(Call[None], frozen=True):
    """Forget a journal; what its process left half-written is deleted. Raises NotFound, Conflict if it lives."""

    method = "transfers.discard"
    answer = None
    journal: str
