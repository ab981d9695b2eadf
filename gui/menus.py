# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The menu bar: the actions once more, by subject."""

from __future__ import annotations

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from gui import messages
from gui.actions import Actions


def fill_menu_bar(bar: QMenuBar, a: Actions) -> None:
    """Add all menus to `bar`. Disabled entries say why in their tooltips."""
    _add(bar, "&File", [a.open_instance, a.open_sample, None, a.work_offline, a.show_settings, None, a.quit])
    _add(bar, "&Edit", [a.undo_edit])
    view = _add(
        bar,
        "&View",
        [
            *(a.show_mirrors, a.show_packages, a.show_transfers, a.show_contents, a.show_keys, a.show_history),
            *(a.show_settings, None),
            *(a.filter, a.refresh, None),
            *(a.next_pane, a.previous_pane, None),
            *(a.toggle_navigation, a.compact_rows, None),
            *(a.show_details, a.choose_columns, a.sort_packages, a.group_packages, a.measure_sizes),
        ],
    )
    look = view.addMenu(messages.APPEARANCE)
    fill(
        look,
        [
            *(a.appearance_system, a.appearance_light, a.appearance_dark, None),
            *(a.larger_text, a.smaller_text, a.usual_text),
        ],
    )
    _add(bar, "&Mirror", mirror_menu(a))
    _add(
        bar,
        "&Package",
        [
            *(a.push_packages, a.compare_with_mirror, None),
            *(a.select_shown, a.select_none, a.select_dependencies, a.select_dependents),
            *(a.select_missing_on, a.select_environment, None),
            *(a.copy_spec, a.copy_hash, a.copy_prefix, a.copy_package_command, a.open_prefix, None),
            *(a.compare_packages, a.why_not_used, None),
            *(a.export_packages, a.show_package_commands),
        ],
    )
    _add(
        bar,
        "&Transfers",
        [
            *(a.pause_all, a.stop_all, a.retry_failed, a.clear_ended, None),
            *transfer_menu(a),
        ],
    )
    _add(bar, "&Contents", [*cache_menu(a), None, *entry_menu(a), None, a.open_groups, a.close_groups])
    _add(bar, "&Keys", key_menu(a))
    _add(
        bar,
        "&Help",
        [
            *(a.show_help, a.show_palette, None),
            *(a.make_report, a.open_log, a.restart_engine, a.record_gaps, None),
            a.about,
        ],
    )


def mirror_menu(a: Actions) -> list[QAction | None]:
    """What can be done with mirrors; None is a line between groups."""
    return [
        *(a.add_mirror, a.edit_mirror, a.duplicate_mirror, a.copy_to_user, a.remove_mirrors, None),
        *(a.test_mirrors, a.push_to_mirror, a.show_missing, a.browse_contents, a.open_mirror_folder, None),
        *(a.sign_in, a.sign_out, a.move_to_keyring, None),
        *(a.move_mirror_up, a.move_mirror_down, None),
        *(a.copy_address, a.copy_mirror_yaml, a.show_mirror_command, None),
        *(a.create_mirror, a.destroy_mirror),
    ]


def key_menu(a: Actions) -> list[QAction | None]:
    """What can be done with keys; None is a line between groups."""
    return [
        *(a.create_key, a.trust_file, a.import_keys, None),
        *(a.publish_keys, a.export_keys, a.allow_keys, None),
        *(a.copy_fingerprint, a.show_key_commands, None),
        a.untrust_keys,
    ]


def transfer_menu(a: Actions) -> list[QAction | None]:
    """What can be done with transfers; None is a line between groups."""
    return [
        *(a.pause_transfer, a.stop_transfer, a.retry_transfer, None),
        *(a.push_next, a.move_transfer_up, a.move_transfer_down, a.pause_mirror, None),
        *(a.show_package, a.show_in_contents, None),
        *(a.copy_error, a.copy_image_name, a.copy_digest, a.copy_row_hash, None),
        a.open_log,
    ]


def cache_menu(a: Actions) -> list[QAction | None]:
    """What can be done with a build cache as a whole."""
    return [
        *(a.stop_reading, a.verify_cache, a.update_index, None),
        *(a.free_space, a.prune_cache, a.show_trash, None),
        *(a.export_bundle, a.import_bundle, None),
        *(a.add_as_mirror, None),
        *(a.migrate_cache, a.delete_old_layout),
    ]


def entry_menu(a: Actions) -> list[QAction | None]:
    """What can be done with entries of a build cache."""
    return [
        *(a.copy_entries, a.install_here, a.sign_entries, a.delete_entries, None),
        *(a.download_entries, a.unpack_entries, a.save_spec, None),
        *(a.copy_tag, a.copy_entry_digest, a.copy_pull_line, a.show_contents_commands, None),
        a.show_installed,
    ]


def fill(menu: QMenu, entries: list[QAction | None]) -> None:
    """Add `entries`; disabled ones say why in their tooltips."""
    menu.setToolTipsVisible(True)
    for entry in entries:
        if entry is None:
            menu.addSeparator()
        else:
            menu.addAction(entry)


def _add(bar: QMenuBar, title: str, entries: list[QAction | None]) -> QMenu:
    menu = bar.addMenu(title)
    fill(menu, entries)
    return menu
