# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What each cell of the packages table says. Pure functions of a row and of what else is known about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from core.foundation.text import format_age, format_bytes, short_hash, visible
from core.services.values import PackageRow
from core.spack.specs import PackageState
from gui import messages
from gui.packages import words
from gui.packages.facts import Facts
from gui.packages.rows import Column, checkable, compiler_text, variants_text
from gui.widgets.cell import Look

RIGHT_ALIGNED = (Column.SIZE, Column.PREFIX_LENGTH)
_FOREIGN = frozenset(Column) - {Column.SIZE, Column.INSTALLED, Column.MIRRORS, Column.NOTE, Column.EXPLICIT}
_LOOKS = {
    PackageState.EXTERNAL: Look("external", "dim", messages.STATE_WORDS["external"], quiet=True),
    PackageState.MISSING: Look("triangle", "warn", messages.STATE_WORDS["missing"], quiet=True),
    PackageState.DEPRECATED: Look("slash", "dim", messages.STATE_WORDS["deprecated"], quiet=True),
}
_EXPLICIT = Look("check", "ok", messages.EXPLICIT)
_DEPENDENCY = Look("circle", "dim", messages.DEPENDENCY, quiet=True)
_HELD_BACK = Look("slash", "warn", words.HELD_BACK)
_NOWHERE = Look("circle", "dim", words.ON_NO_MIRROR, quiet=True)


def text(row: PackageRow, column: Column, facts: Facts) -> str:
    """What the cell shows, as text."""
    say = _TEXTS.get(column)
    found = say(row, facts) if say is not None else ""
    return visible(found) if column in _FOREIGN else found


def plain(row: PackageRow, column: Column, facts: Facts) -> str | int | float | bool | None:
    """The cell's whole value, for a file that other programs read."""
    value = _PLAIN.get(column)
    return value(row, facts) if value is not None else text(row, column, facts)


def look(row: PackageRow, column: Column, facts: Facts) -> Look | None:
    if column is Column.NOTE:
        return note_look(row, facts)
    if column is Column.MIRRORS and checkable(row) and facts.known_mirrors():
        return _mirrors_look(row, facts)
    return None


def note_look(row: PackageRow, facts: Facts) -> Look:
    other = _LOOKS.get(PackageState(row.state))
    if other is None and facts.held_back.get(row.hash):
        return _HELD_BACK
    return other or (_EXPLICIT if row.explicit else _DEPENDENCY)


def _mirrors_look(row: PackageRow, facts: Facts) -> Look:
    names = facts.mirrors_of(row.hash)
    if not names:
        return _NOWHERE
    everywhere = len(names) == len(facts.known_mirrors())
    return Look("check" if everywhere else "half", "ok" if everywhere else "accent", visible(", ".join(names)))


def tone(row: PackageRow, column: Column) -> str:
    if not checkable(row):
        return "faint"
    return "text" if column in (Column.PACKAGE, Column.VERSION) else "dim"


def detail(row: PackageRow, column: Column, facts: Facts) -> tuple[str, ...]:
    if column is not Column.PACKAGE:
        return ()
    marks = (messages.UPSTREAM * row.upstream, words.NEW * (row.hash in facts.new))
    return (short_hash(row.hash), *filter(None, marks))


def tip(row: PackageRow, column: Column, facts: Facts) -> str | None:
    if column in (Column.CHECK, Column.NOTE):
        usual = messages.EXPLICIT_TIP if row.explicit else messages.DEPENDENCY_TIP
        if row.deprecated_for:
            return words.deprecated_for(row.deprecated_for)
        if column is Column.NOTE and facts.held_back.get(row.hash):
            return words.held_back_because(visible(facts.held_back[row.hash]), usual)
        return messages.STATE_TIPS.get(row.state, usual if column is Column.NOTE else None)
    say = _TIPS.get(column)
    found = say(row, facts) if say is not None else ""
    return (visible(found) if column in _FOREIGN else found) or None


def sentence(row: PackageRow, facts: Facts, *, checked: bool) -> str:
    """The row as a screen reader says it."""
    size = facts.sizes.get(row.hash)
    parts = [f"{row.name} {row.version}", short_hash(row.hash), compiler_text(row.compilers), row.target]
    parts = [visible(part) for part in parts]
    parts += [note_look(row, facts).word.lower(), *detail(row, Column.PACKAGE, facts)[1:]]
    parts += ["" if size is None else format_bytes(size)]
    if facts.known_mirrors() and checkable(row):
        parts.append(words.on_mirrors(facts.mirrors_of(row.hash)))
    parts.append("selected" if checked else "")
    return ", ".join(part for part in parts if part)


def _size(row: PackageRow, facts: Facts) -> str:
    if row.hash not in facts.sizes:
        return "" if row.prefix and checkable(row) else messages.NONE
    size = facts.sizes[row.hash]
    return messages.NONE if size is None else format_bytes(size)


def _on_mirrors(row: PackageRow, facts: Facts) -> str:
    if not checkable(row):
        return messages.NONE
    found = _mirrors_look(row, facts) if facts.known_mirrors() else None
    return found.word if found is not None else messages.NONE


def _mirrors_tip(row: PackageRow, facts: Facts) -> str:
    if not checkable(row):
        return ""
    now = time.time()
    return "\n".join(words.presence_line(mirror, row.hash in mirror.hashes, now) for mirror in facts.mirrors.values())


_TEXTS: dict[Column, Callable[[PackageRow, Facts], str]] = {
    Column.PACKAGE: lambda row, _facts: row.name,
    Column.VERSION: lambda row, _facts: row.version,
    Column.COMPILER: lambda row, _facts: compiler_text(row.compilers) or messages.NONE,
    Column.TARGET: lambda row, _facts: row.target,
    Column.VARIANTS: lambda row, _facts: variants_text(row.variants),
    Column.SIZE: _size,
    Column.INSTALLED: lambda row, _facts: (
        format_age(time.time() - row.installed_at) if row.installed_at else messages.NONE
    ),
    Column.MIRRORS: _on_mirrors,
    Column.NOTE: lambda row, facts: note_look(row, facts).word,
    Column.EXPLICIT: lambda row, _facts: messages.YES if row.explicit else messages.NO,
    Column.NAMESPACE: lambda row, _facts: row.namespace,
    Column.ENVIRONMENTS: lambda row, facts: ", ".join(facts.environments_of(row.hash)) or messages.NONE,
    Column.PREFIX_LENGTH: lambda row, _facts: str(len(row.prefix)) if row.prefix else messages.NONE,
    Column.TREE: lambda row, _facts: row.install_root,
    Column.HASH: lambda row, _facts: row.hash,
}
_PLAIN: dict[Column, Callable[[PackageRow, Facts], str | int | float | bool | None]] = {
    Column.COMPILER: lambda row, _facts: row.compilers,
    Column.VARIANTS: lambda row, _facts: row.variants,
    Column.SIZE: lambda row, facts: facts.sizes.get(row.hash),
    Column.INSTALLED: lambda row, _facts: _moment(row.installed_at),
    Column.MIRRORS: lambda row, facts: " ".join(facts.mirrors_of(row.hash)),
    Column.NOTE: lambda row, _facts: row.state,
    Column.EXPLICIT: lambda row, _facts: row.explicit,
    Column.ENVIRONMENTS: lambda row, facts: " ".join(facts.environments_of(row.hash)),
    Column.PREFIX_LENGTH: lambda row, _facts: len(row.prefix),
}
_TIPS: dict[Column, Callable[[PackageRow, Facts], str]] = {
    Column.INSTALLED: lambda row, _facts: (
        datetime.fromtimestamp(row.installed_at).astimezone().strftime("%Y-%m-%d %H:%M") if row.installed_at else ""
    ),
    Column.COMPILER: lambda row, _facts: row.compilers,
    Column.TARGET: lambda row, _facts: f"{row.platform}-{row.os}-{row.target}",
    Column.VARIANTS: lambda row, _facts: row.variants,
    Column.MIRRORS: _mirrors_tip,
    Column.PREFIX_LENGTH: lambda row, _facts: row.prefix,
}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds") if seconds else ""
