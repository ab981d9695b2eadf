# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Python's collector of reference cycles, kept from stopping the window.

It runs whenever some hundred objects more were made than let go of, and looks at everything made so far again and
again: with tables of 100,000 rows that takes a noticeable part of a second each time.
"""

from __future__ import annotations

import gc

_YOUNG = 10_000  # objects that are looked at in a millisecond or two
_MIDDLE, _OLD = 100, 100


def calm_collector() -> None:
    """Leave what is loaded by now alone for good, and the rest for much longer. Call it once, before the window."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
