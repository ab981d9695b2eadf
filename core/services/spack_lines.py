# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs of the instance's own Spack for the window: its lines as they come, understood as far as they tell something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.text import visible
from core.services.child_environment import child_environment
from core.services.login_values import SpackEnd, SpackLine
from core.services.spack_process import run_spack
from core.spack.instance import Instance

Understand = Callable[[str], SpackLine]


def follow_spack(
    instance: Instance, access: CacheAccess, arguments: Sequence[str], understand: Understand, token: CancelToken
) -> Iterator[list[SpackLine] | SpackEnd]:
    """Run Spack with the logins of the mirrors: its lines as `understand` makes them, then how it ended. Raises as
    `run_spack` does."""
    started = time.monotonic()
    environment = child_environment(instance, access)
    if environment.problems:
        yield [SpackLine(f"==> Warning: {visible(problem.sentence())}") for problem in environment.problems]
    begun: set[str] = set()
    done: set[str] = set()
    failed: set[str] = set()
    with closing(run_spack(instance, arguments, environment, token)) as running:
        while True:
            try:
                lines = [understand(text) for text in next(running)]
            except StopIteration as end:
                status: int = end.value
                break
            for line in lines:
                if line.package:
                    (failed if line.failed else done if line.done else begun).add(line.package)
            yield lines
    yield SpackEnd(status, time.monotonic() - started, len((done or begun) - failed), len(failed))
