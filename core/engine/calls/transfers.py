# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the transfer queue."""

from __future__ import annotations

from core.engine.messages import Call


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
    """Start no further rows (those that move are finished), or go on."""

    method = "transfers.pause"
    answer = None
    paused: bool


class ClearTransfers(Call[None], frozen=True):
    """Forget pushes that have ended."""

    method = "transfers.clear"
    answer = None
