# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How much and how long at most, checked before anything is read or waited for. Sizes in bytes, times in seconds."""

from __future__ import annotations

ERROR_BYTES = 64 << 10
WORDS_BYTES = 2 << 10
LOCATION_BYTES = 8 << 10

REDIRECTS = 5
TRIES = 6
LONGEST_BACKOFF_S = 30.0
# What a server asks for beyond this is reported instead of waited for.
LONGEST_WAIT_S = 600.0

SILENCE_S = 60.0
SLOWEST_BYTES_PER_S = 1024
SLOW_WINDOW_S = 120.0
LONGEST_FINALISING_S = 1800.0
FINALISING_BYTES_PER_S = 10_000_000

# A piece has to go through within SILENCE_S even on the slowest link that is still waited for.
PIECE_BYTES = int(SILENCE_S) * SLOWEST_BYTES_PER_S


def finalising_s(size: int) -> float:
    """How long a server may take to assemble an upload of `size` bytes after the last one was sent."""
    return min(LONGEST_FINALISING_S, max(SILENCE_S, size / FINALISING_BYTES_PER_S))
