# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Work in a process of its own that is killed in the middle of it."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

_MOST_STEPS = 2000
_EVERY_STEP = 20
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
    yield from random_crashes(act, start=start, seed=seed, whole_s=time.monotonic() - began)


def crashes_of_each_kind(
    act: Callable[[], object],
    *,
    start: Callable[[], object],
    seed: int = 0,
    number: signal.Signals = signal.SIGKILL,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Crash]:
    """As `crashes`, for work of many steps that are alike: at the first and the last step of each kind, at every step
    when many random moments are asked for. Work that ends in order after another signal than SIGKILL counts as crashed.
    `act` runs `within` that."""
    start()
    began = time.monotonic()
    whole = _run(act, {"MIRRORDECK_KILL_AT": "0"})
    whole_s = time.monotonic() - began
    assert whole.done, whole.words
    names = [line.removeprefix("step: ") for line in whole.words.splitlines() if line.startswith("step: ")]
    assert names, "there is no step at all"
    for step in _chosen(names):
        start()
        crash = _run(act, {"MIRRORDECK_KILL_AT": f"{step} {number.name}"}, number=number, within=within)
        assert "Traceback" not in crash.words, crash.words
        yield crash
    yield from random_crashes(act, start=start, seed=seed, whole_s=whole_s, number=number, within=within)


def _chosen(names: list[str]) -> list[int]:
    if MOMENTS >= _EVERY_STEP:
        return list(range(1, len(names) + 1))
    steps: dict[str, list[int]] = {}
    for step, name in enumerate(names, start=1):
        steps.setdefault(name.partition(":")[0], []).append(step)
    return sorted({step for alike in steps.values() for step in (alike[0], alike[-1])})


def completed(
    act: Callable[[], object],
    *,
    killed_at: int | None = None,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> None:
    """`act` in a process of its own, up to its end, or to a step where it is killed."""
    crash = _run(act, {} if killed_at is None else {"MIRRORDECK_KILL_AT": str(killed_at)}, within=within)
    assert crash.done is (killed_at is None), crash.words


def random_crashes(
    act: Callable[[], object],
    *,
    start: Callable[[], object],
    seed: int,
    whole_s: float,
    number: signal.Signals = signal.SIGKILL,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Iterator[Crash]:
    chance = random.Random(seed)
    for _ in range(MOMENTS):
        start()
        yield _run(act, {}, after_s=chance.uniform(0.0, whole_s), number=number, within=within)


def _run(
    act: Callable[[], object],
    variables: dict[str, str],
    *,
    after_s: float | None = None,
    number: signal.Signals = signal.SIGKILL,
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Crash:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work(act, variables, writing, within)
    os.close(writing)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, number)
    with os.fdopen(reading, "rb") as pipe:
        words = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == number
    killed |= os.WIFEXITED(status) and os.WEXITSTATUS(status) == 128 + number
    assert killed or status == 0, words
    return Crash(not killed, words.strip() or (f"at {after_s} s" if killed else "it ended"))


def _work(
    act: Callable[[], object],
    variables: dict[str, str],
    writing: int,
    within: Callable[[], AbstractContextManager[object]],
) -> None:
    """The child's part; never returns."""
    status = 1
    try:
        os.dup2(writing, 2)
        os.environ.update(variables)
        with within():
            act()
        status = 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)
