# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One step of a test: an action, timed, whose failure becomes words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.foundation.errors import MirrordeckError, from_os_error
from core.services.login_values import StepKey, StepState, TestStep

_WORST_FIRST = (StepState.FAILED, StepState.WARNING, StepState.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """What an action found out."""

    detail: str
    state: StepState = StepState.OK
    remedy: str = ""


def warning(detail: str, remedy: str = "") -> Finding:
    return Finding(detail, StepState.WARNING, remedy)


def failure(detail: str, remedy: str = "") -> Finding:
    return Finding(detail, StepState.FAILED, remedy)


def skipped(key: StepKey, title: str, why: str) -> TestStep:
    return TestStep(key, title, StepState.SKIPPED, why)


def step(key: StepKey, title: str, action: Callable[[], Finding | str]) -> TestStep:
    """Run `action`; errors of the family and of the operating system become its failure. Raises Cancelled."""
    started = time.monotonic()
    try:
        found = action()
    except MirrordeckError as error:
        found = failure(error.info().sentence(), " ".join(_sentence(remedy) for remedy in error.remedies))
    except TimeoutError:
        found = failure("no answer in time", "Look whether the file server is up; a dead mount hangs like this.")
    except OSError as error:
        found = failure(from_os_error(error, "The operating system refused").info().sentence())
    if isinstance(found, str):
        found = Finding(found)
    return TestStep(key, title, found.state, found.detail, found.remedy, time.monotonic() - started)


def verdict(steps: Iterable[TestStep]) -> StepState:
    """The worst of all states; a skipped step is no fault."""
    states = {one.state for one in steps}
    return next((state for state in _WORST_FIRST if state in states), StepState.OK)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
