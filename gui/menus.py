# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The menu bar: the actions once more, by subject."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from gui import messages
from gui.actions import Actions


def fill_menu_bar(bar: QMenuBar, a: Actions) -> None:
    """Add all menus to `bar`. Disabled entries say why in their tooltips."""
    _add(bar, "&File", [a.open_instance, None, a.quit])
    view = _add(
        bar,
        "&View",
        [
            *(a.show_mirrors, a.show_packages, a.show_transfers, a.show_contents, None),
            *(a.filter, a.refresh, None),
            *(a.next_pane, a.previous_pane, None),
            *(a.toggle_navigation, a.compact_rows),
        ],
    )
    look = view.addMenu(messages.APPEARANCE)
    look.addActions([a.appearance_system, a.appearance_light, a.appearance_dark])
    _add(bar, "&Mirror", [a.push_to_mirror, a.browse_contents, None, a.copy_address, a.open_mirror_folder])
    _add(
        bar,
        "&Package",
        [
            *(a.push_packages, None, a.select_shown, a.select_none, None),
            *(a.copy_spec, a.copy_hash, a.copy_prefix, a.open_prefix),
        ],
    )
    _add(
        bar,
        "&Transfers",
        [
            *(a.pause_all, a.stop_all, a.retry_failed, a.clear_ended, None),
            *(a.stop_transfer, a.retry_transfer, None, a.copy_error, a.copy_image_name, a.copy_digest),
        ],
    )
    _add(
        bar,
        "&Contents",
        [
            *(a.stop_reading, a.update_index, None, a.open_groups, a.close_groups, None),
            *(a.copy_tag, a.copy_entry_digest, a.copy_pull_line, None, a.show_installed),
        ],
    )
    _add(bar, "&Help", [a.restart_engine, None, a.about])


def _add(bar: QMenuBar, title: str, entries: list[QAction | None]) -> QMenu:
    menu = bar.addMenu(title)
    menu.setToolTipsVisible(True)
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        else:
            menu.addAction(entry)
    return menu
