# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting is off for every build cache until a person has allowed it there once; the window remembers where."""

from __future__ import annotations

import json

from gui.settings import remembered

_KEY = "contents/may-delete"


def may_delete(place: str) -> bool:
    return place in _allowed()


def allow_deleting(place: str) -> None:
    remembered().setValue(_KEY, json.dumps(sorted({*_allowed(), place})))


def _allowed() -> set[str]:
    try:
        return set(json.loads(str(remembered().value(_KEY) or "[]")))
    except (ValueError, TypeError):
        return set()  # written by another version
