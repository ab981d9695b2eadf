# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about tests of mirrors, without Qt."""

from __future__ import annotations

import time

from core.foundation.text import format_age, plural, visible
from core.services.login_values import StepKey, StepState, TestStep, TestView
from gui import messages
from gui.widgets.cell import Look

CONNECTION = "Connection"
STEPS = "Steps of the test"
COLUMNS = ("Step", "Found", "Time")
AS_READER = "As an ordinary reader"
AS_READER_TIP = "Without a login, and as somebody who is not in your groups"
NOT_TESTED = "Not tested yet."
NOT_TESTED_DETAIL = "A test tries everything step by step and says what stands in the way."
TESTING = "testing…"
NOT_POSSIBLE = "test not possible"
WARNING = "warning"
STEP_LOOKS = {
    StepState.OK: Look("check", "ok", "ok"),
    StepState.FAILED: Look("cross", "bad", "failed"),
    StepState.WARNING: Look("triangle", "warn", "warning"),
    StepState.SKIPPED: Look("slash", "dim", "skipped", quiet=True),
}
_FAILED = {
    StepKey.RESOLVE: "unknown host",
    StepKey.CONNECT: "no connection",
    StepKey.TLS: "not trusted",
    StepKey.AUTHENTICATE: "login refused",
    StepKey.READ: "not readable",
    StepKey.LIST: "not readable",
    StepKey.PUSH: "no push",
    StepKey.SPACE: "no space",
    StepKey.INDEX: "index unusable",
    StepKey.LAYOUT: "unknown layout",
    StepKey.KEY: "key missing",
    StepKey.READER: "not for readers",
}


def verdict_look(test: TestView) -> Look:
    """`ok, 2 min ago`, or in a word what is wrong."""
    age = _short_age(test.at)
    match test.verdict:
        case StepState.FAILED:
            first = next((step for step in test.steps if step.state is StepState.FAILED), None)
            word = _FAILED.get(first.key, "test failed") if first is not None else "test failed"
            return Look("cross", "bad", f"{word}, {age}")
        case StepState.WARNING:
            return Look("triangle", "warn", f"{WARNING}, {age}")
    return Look("check", "ok", f"ok, {age}")


def _short_age(at: float) -> str:
    """For a table: `2 min ago`."""
    return format_age(time.time() - at).replace("minutes", "min").replace("minute", "min")


def verdict_tip(test: TestView) -> str:
    """What did not go well: what failed first, else the first warning."""
    failed = [step for step in test.steps if step.state is StepState.FAILED]
    warned = [step for step in test.steps if step.state is StepState.WARNING]
    if not failed and not warned:
        return ""
    first, *others = *failed, *warned
    return messages.sentences(
        step_sentence(first), f"{plural(len(others), 'more step')}: see Connection" if others else ""
    )


def step_sentence(step: TestStep) -> str:
    return messages.sentences(f"{visible(step.title)}: {found(step)}", visible(step.remedy))


def found(step: TestStep) -> str:
    return visible(step.detail) or STEP_LOOKS[step.state].word


def seconds(step: TestStep) -> str:
    """`12 ms`; nothing where nothing was done."""
    if step.state is StepState.SKIPPED or not step.seconds:
        return ""
    return f"{step.seconds:.1f}\u2009s" if step.seconds >= 1 else f"{max(1, round(step.seconds * 1000))}\u2009ms"


def tested(test: TestView) -> str:
    """`Tested 2 min ago in 1.2 s`."""
    total = sum(step.seconds for step in test.steps)
    return f"Tested {format_age(time.time() - test.at)} in {total:.1f}\u2009s."
