# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The cyclic garbage collector, kept out of the way of work that makes very many objects and no cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting_collector() -> Iterator[None]:
    """Keep the collector from walking over what grows again and again, which can take more than the work itself.

    Any thread; blocks may overlap, then the first one that ends lets it collect again.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
