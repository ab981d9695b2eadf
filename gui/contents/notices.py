# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one notice at the top of the page: what is wrong with what is shown, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.foundation.errors import ErrorInfo
from core.services.values import ContentsView
from gui import messages
from gui.contents import words


@dataclass(frozen=True, slots=True)
class Told:
    """A notice, with a button if there is one."""

    title: str
    text: str = ""
    tone: str = "ok"
    button: str = ""
    action: Callable[[], object] | None = None


def notice_of(view: ContentsView | None, error: ErrorInfo | None, *, old_layout: int) -> Told | None:
    """What to say about a listing, None for nothing; with an `error` only what was known last is shown. `old_layout`
    are packages in the format of Spack before 1.0."""
    if error is not None:
        known = words.last_known(view) if view is not None else ""
        return Told(error.title, messages.sentences(error.why, known, *error.remedies), "bad")
    if view is None:
        return None
    if view.problems:
        first, *others = view.problems
        more = messages.problems(len(others)) if others else ""
        return Told(first.title, messages.sentences(first.why, *first.remedies, more), "warn")
    if old_layout:
        return Told(*words.old_layout(old_layout), "info", words.MIGRATE)
    if view.not_in_index and view.has_index is False:
        return Told(words.NO_INDEX_TITLE, words.NO_INDEX_TEXT, "warn", words.UPDATE_INDEX)
    if view.not_in_index:
        return Told(*words.not_in_index(view.not_in_index), "warn", words.UPDATE_INDEX)
    return None
