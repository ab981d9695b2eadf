# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences of the dialog that signs what lies in a folder."""

from __future__ import annotations

from core.foundation.text import plural, visible
from core.services.keys_values import Key, SigningStep
from gui import messages

TEXT = (
    "Each package is looked at before it is signed: a signature vouches for everything its manifest names. "
    "The public key is published there as well. What is signed already stays as it is."
)
SIGN = "Sign"
PACKAGES, KEY = "Packages", "Key"
ALL = "all that are not signed"
READING_KEYS = "Reading keys…"
WHY_NO_KEY = "There is no key that can sign: create one on the Keys page"
LOCKED = "Nothing more was signed: the key is locked."
STOPPED = "Stopped. What was signed stays signed."
NOTHING_LEFT = "Everything was signed already."
PROGRESS = "How far signing has come"
PROBLEMS = "What could not be signed"
TITLE_DONE = "Packages were signed"
WHY_NO_SIGNATURES = "Packages are signed in folders only"


def title(mirror: str) -> str:
    return f"Sign packages in {visible(mirror)}"


def selected(count: int) -> str:
    return plural(count, "selected package")


def key_line(key: Key) -> str:
    """`Ann Example <ann@example.org>  E3F83DC1DB12AB34`."""
    return f"{visible(key.user_id)}  {key.fingerprint[-16:]}"


def progress(step: SigningStep) -> str:
    return f"{step.done:,} of {plural(step.total, 'package')} looked at, {step.changed:,} signed"


def result(step: SigningStep) -> str:
    """What became of it."""
    left = f"{plural(len(step.problems), 'package')} could not be signed" if step.problems else ""
    if not step.changed and not left:
        return NOTHING_LEFT
    return messages.sentences(f"{plural(step.changed, 'package')} signed", left)
