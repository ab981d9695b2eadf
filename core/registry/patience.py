# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Asking again for what must be there: stores behind registries are not always consistent at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock

T = TypeVar("T")

_PAUSES_S = (0.3, 0.6, 1.2)


def asked_again(ask: Callable[[], T], missing: Callable[[T], bool], clock: Clock, token: CancelToken) -> T:
    """The first answer that is not `missing`, or the last of four. Raises what `ask` raises, and Cancelled."""
    answer = ask()
    for pause_s in _PAUSES_S:
        if not missing(answer):
            break
        clock.sleep(pause_s, token)
        answer = ask()
    return answer
