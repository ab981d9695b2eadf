# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Work in a process of its own that is killed in the middle of it."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_MOST_STEPS = 500
# How many random moments are tried: more by hand and in the nightly run.
MOMENTS = int(os.environ.get("MIRRORDECK_CRASHES", "3"))


@dataclass(frozen=True)
class Crash:
    """`done` if the work ended before it was killed; `words` say where it was."""

    done: bool
    words: str


def crashes(act: Callable[[], object], *, start: Callable[[], object], seed: int = 0) -> Iterator[Crash]:
    """A crash at every step that `act` passes, and at a few random moments; `start` makes the scene anew each time."""
    for step in range(1, _MOST_STEPS):
        start()
        crash = _run(act, {"MIRRORDECK_KILL_AT": str(step)})
        yield crash
        if crash.done:
            assert step > 1, "there is no step at all"
            break
    else:
        raise AssertionError("this never ends")
    start()
    began = time.monotonic()
    assert _run(act, {}).done
    whole = time.monotonic() - began
    chance = random.Random(seed)
    for _ in range(MOMENTS):
        start()
        yield _run(act, {}, after_s=chance.uniform(0.0, whole))


def _run(act: Callable[[], object], variables: dict[str, str], *, after_s: float | None = None) -> Crash:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(act, variables, writing)
    os.close(writing)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or status == 0, words
    return Crash(not killed, words.strip() or f"at {after_s} s" if killed else "it ended")


def _work(act: Callable[[], object], variables: dict[str, str], writing: int) -> None:
    """The child's part; never returns."""
    status = 1
    try:
        os.dup2(writing, 2)
        os.environ.update(variables)
        act()
        status = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)
