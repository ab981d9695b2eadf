# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Uses the window as somebody with a screen reader does: by names on the accessibility bus, and by keys.

For the system's Python, which has pyatspi. Pushes one package of the sample instance to the mirror `team` and finds it
there. Writes one JSON object to the file given: what can be heard in each place it went to, as [role, name] in order.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyatspi
from gi.repository.GLib import Error as BusError

DEADLINE_S = 60
SPACE = 0x20
PACKAGE, MIRROR = "hdf5", "team"
_DEEPEST = 30

heard: dict[str, list[list[str]]] = {}


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """What `look` finds; things may vanish from the bus while it looks."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except (BusError, AttributeError, StopIteration, ValueError):
            pass
        time.sleep(0.05)
    listen("when it failed")
    print(json.dumps(heard, indent=1))
    sys.exit(f"never seen: {what}")


def walk(node: Any, depth: int = 0) -> Iterator[Any]:
    """`node` and what shows below it. Menus are closed and so do not show; `menu_entry` looks into them."""
    yield node
    for at in range(node.childCount if depth < _DEEPEST else 0):
        child = node.getChildAtIndex(at)
        if child is not None and child.getState().contains(pyatspi.STATE_SHOWING):
            yield from walk(child, depth + 1)


def application() -> Any:
    desktop = pyatspi.Registry.getDesktop(0)
    return next(app for app in desktop if app is not None and app.name == "mirrordeck")


def shown(role: str, name: str) -> Any:
    """The visible, usable thing of this role whose name begins with `name`, in the window that came last."""
    for window in reversed(list(application())):
        for node in walk(window):
            usable = node.getState().contains(pyatspi.STATE_SENSITIVE)
            if usable and node.getRoleName() == role and node.name.startswith(name):
                return node
    return None


def menu_entry(menu: str, name: str) -> Any:
    (popup,) = shown("menu item", menu)
    return next(entry for entry in popup if entry.name == name)


def press(find: Callable[..., Any], *words: str) -> None:
    wait_for(" ".join(words), lambda: find(*words)).queryAction().doAction(0)


def listen(place: str) -> None:
    heard[place] = [[node.getRoleName(), node.name] for window in application() for node in walk(window)]


def focused(node: Any) -> bool:
    return bool(node.getState().contains(pyatspi.STATE_FOCUSED))


def check_only_row() -> None:
    table = shown("table", "Installed packages")
    wait_for("focus in the table", lambda: table.queryComponent().grabFocus() and focused(table))
    pyatspi.Registry.generateKeyboardEvent(SPACE, None, pyatspi.KEY_SYM)
    cell = table.queryTable().getAccessibleAt(0, 0)
    wait_for("the package checked", lambda: cell.getState().contains(pyatspi.STATE_CHECKED))


def main() -> None:
    wait_for("the window", lambda: shown("table cell", MIRROR))
    listen("Mirrors")
    press(menu_entry, "View", "Packages")
    wait_for("the packages", lambda: shown("table", "Installed packages").queryTable().nRows > 1)
    listen("Packages")
    line = wait_for("the filter", lambda: shown("text", "Filter packages"))
    line.queryEditableText().setTextContents(f"{PACKAGE}~mpi")
    wait_for("one package", lambda: shown("table", "Installed packages").queryTable().nRows == 1)
    check_only_row()
    press(shown, "push button", "Push…")
    wait_for("the plan", lambda: shown("push button", "Push 7 packages"))
    listen("Push")
    press(shown, "push button", "Push 7 packages")
    wait_for("the end of the push", lambda: shown("table cell", f"{PACKAGE} 1.14.5 to {MIRROR}, done"))
    wait_for("the sum of it", lambda: shown("panel", f"Push to {MIRROR}: 7 pushed"))
    listen("Transfers")
    press(menu_entry, "View", "Contents")
    wait_for("the package in the cache", lambda: shown("table cell", f"{PACKAGE}, 1 entry"))
    listen("Contents")
    for place in ("Keys", "History", "Settings"):
        press(menu_entry, "View", place)
        wait_for(place, lambda place=place: shown("label", place))
        listen(place)
    press(menu_entry, "File", "Quit")


if __name__ == "__main__":
    main()
    Path(sys.argv[1]).write_text(json.dumps(heard), encoding="utf-8")
