# SPDX-License-Identifier: Apache-2.0 OR MIT
"""All actions and shortcuts, built once; menus, buttons, context menus and shortcuts share them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence

from gui import icons, messages


@dataclass(frozen=True, slots=True)
class _Entry:
    text: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    page: str = ""
    tip: str = ""
    checkable: bool = False
    full: str = ""  # the name where no menu around it says what it is about


def _page(title: str, icon: str, *keys: str) -> _Entry:
    return _Entry(title, keys, icon, full=f"Go to {title}")


_ENTRIES: dict[str, _Entry] = {
    "open_instance": _Entry(messages.OPEN_INSTANCE, ("Ctrl+O",), "folder"),
    "open_sample": _Entry("Open sample instance", tip="A throw-away instance in a window of its own, without Spack"),
    "quit": _Entry("Quit", ("Ctrl+Q",)),
    "show_mirrors": _page(messages.MIRRORS, "mirrors", "Ctrl+1"),
    "show_packages": _page(messages.PACKAGES, "packages", "Ctrl+2"),
    "show_transfers": _page(messages.TRANSFERS, "transfers", "Ctrl+3", "Ctrl+J"),
    "show_contents": _page(messages.CONTENTS, "contents", "Ctrl+4"),
    "show_keys": _page(messages.KEYS, "keys", "Ctrl+5"),
    "show_history": _page(messages.HISTORY, "history", "Ctrl+6"),
    "appearance_system": _Entry("As the system", checkable=True, full="Colours as the system"),
    "appearance_light": _Entry("Light", checkable=True, full="Light colours"),
    "appearance_dark": _Entry("Dark", checkable=True, full="Dark colours"),
    "compact_rows": _Entry("Compact rows", ("Ctrl+D",), tip="More rows on the screen", checkable=True),
    "larger_text": _Entry("Larger text", ("Ctrl++", "Ctrl+=")),
    "smaller_text": _Entry("Smaller text", ("Ctrl+-",)),
    "usual_text": _Entry("Usual text size", ("Ctrl+0",)),
    "show_settings": _page(messages.SETTINGS, "settings", "Ctrl+7", "Ctrl+,"),
    "show_palette": _Entry("All actions…", ("Ctrl+Shift+P",), "search", tip="Find an action by its name"),
    "show_help": _Entry("User guide", ("F1",), "help"),
    "make_report": _Entry("Report for others…", (), "", tip="See, and save, what helps to understand a problem"),
    "open_log": _Entry("Open log folder", (), "folder"),
    "work_offline": _Entry("Work offline", tip="Contact no server", checkable=True),
    "toggle_navigation": _Entry("Narrow navigation", ("Ctrl+B",), checkable=True),
    "refresh": _Entry("Refresh", ("F5",), "retry"),
    "filter": _Entry("Filter", ("Ctrl+F",), "search", full="Filter this page"),
    "next_pane": _Entry("Next pane", ("F6",)),
    "previous_pane": _Entry("Previous pane", ("Shift+F6",)),
    "restart_engine": _Entry(messages.RESTART_ENGINE),
    "record_gaps": _Entry(messages.RECORD_GAPS, tip="Measure how long the window keeps from reacting", checkable=True),
    "about": _Entry(f"About {messages.APP_NAME}"),
    "push_to_mirror": _Entry("Push…", ("Ctrl+P", "P"), "arrow-up", messages.MIRRORS, "Push packages to this mirror"),
    "show_missing": _Entry("Show what is missing", ("M",), "", messages.MIRRORS, "List what this mirror lacks"),
    "browse_contents": _Entry("Browse contents", ("B",), "layers", messages.MIRRORS, "Show what this mirror holds"),
    "open_mirror_folder": _Entry("Open folder", (), "folder", messages.MIRRORS),
    "add_mirror": _Entry("Add mirror", ("Ctrl+N",), "plus", messages.MIRRORS),
    "edit_mirror": _Entry("Edit…", (), "", messages.MIRRORS, "Change this mirror (Enter)"),
    "duplicate_mirror": _Entry("Duplicate…", (), "", messages.MIRRORS, "Add a mirror like this one"),
    "copy_to_user": _Entry(messages.COPY_TO_USER, (), "", messages.MIRRORS),
    "remove_mirrors": _Entry("Remove…", ("Del",), "cross", messages.MIRRORS, "Remove from the configuration"),
    "create_mirror": _Entry("Create source mirror…", (), "", messages.MIRRORS, "Fetch sources with Spack"),
    "destroy_mirror": _Entry("Delete contents…", (), "", messages.MIRRORS, "Delete everything the mirror holds"),
    "test_mirrors": _Entry("Test", ("T",), "", messages.MIRRORS, "Try everything, step by step"),
    "sign_in": _Entry("Sign in…", (), "lock", messages.MIRRORS),
    "sign_out": _Entry("Sign out…", (), "", messages.MIRRORS),
    "move_to_keyring": _Entry(messages.MOVE_TO_KEYRING, (), "", messages.MIRRORS),
    "move_mirror_up": _Entry("Ask earlier", ("Alt+Up",), "", messages.MIRRORS, "Spack asks this mirror earlier"),
    "move_mirror_down": _Entry("Ask later", ("Alt+Down",), "", messages.MIRRORS, "Spack asks this mirror later"),
    "undo_edit": _Entry(messages.UNDO, ("Ctrl+Z",), "", messages.MIRRORS, "Undo the last change of a mirror"),
    "copy_address": _Entry("Copy address", ("Ctrl+C",), "copy", messages.MIRRORS),
    "copy_mirror_yaml": _Entry("Copy YAML", ("Ctrl+Shift+C",), "copy", messages.MIRRORS),
    "show_mirror_command": _Entry("Show equivalent command…", (), "", messages.MIRRORS),
    "push_packages": _Entry(
        "Push…", ("Ctrl+P",), "arrow-up", messages.PACKAGES, "Push the selected packages and what they need"
    ),
    "select_shown": _Entry("Select all", ("Ctrl+A",), "", messages.PACKAGES, "Select every package shown"),
    "select_none": _Entry("Select none", ("Ctrl+Shift+A",), "", messages.PACKAGES),
    "copy_spec": _Entry("Copy spec", ("Ctrl+C",), "copy", messages.PACKAGES),
    "copy_hash": _Entry("Copy hash", ("Ctrl+Shift+C",), "copy", messages.PACKAGES),
    "copy_prefix": _Entry("Copy prefix", (), "copy", messages.PACKAGES),
    "open_prefix": _Entry("Open prefix", (), "folder", messages.PACKAGES),
    "select_dependencies": _Entry("Select dependencies", (), "", messages.PACKAGES, "Select what these packages need"),
    "select_dependents": _Entry("Select dependents", (), "", messages.PACKAGES, "Select what needs these packages"),
    "select_missing_on": _Entry("Select everything not on", (), "", messages.PACKAGES),
    "select_environment": _Entry("Select environment", (), "", messages.PACKAGES),
    "copy_package_command": _Entry("Copy Spack command", (), "copy", messages.PACKAGES),
    "show_package_commands": _Entry("Show Spack commands…", (), "", messages.PACKAGES),
    "export_packages": _Entry("Export table…", ("Ctrl+E",), "", messages.PACKAGES, "Write the rows shown to a file"),
    "compare_packages": _Entry("Compare…", (), "", messages.PACKAGES, "Compare two packages field by field"),
    "why_not_used": _Entry("Why was this binary not used?…", (), "", messages.PACKAGES),
    "compare_with_mirror": _Entry(
        "Compare with a mirror…", (), "", messages.PACKAGES, "All installed against a mirror"
    ),
    "show_details": _Entry("Details", ("Alt+Return",), "", messages.PACKAGES, "Show the package in full", True),
    "measure_sizes": _Entry("Measure sizes", (), "", messages.PACKAGES, "Measure sizes in the background", True),
    "group_packages": _Entry("Group by", (), "", messages.PACKAGES),
    "sort_packages": _Entry(messages.SORT_BY, (), "", messages.PACKAGES),
    "choose_columns": _Entry(messages.COLUMNS, (), "", messages.PACKAGES),
    "stop_transfer": _Entry("Stop", ("Del",), "stop", messages.TRANSFERS),
    "stop_all": _Entry("Stop all", (), "stop", messages.TRANSFERS),
    "pause_all": _Entry("Pause all", ("Ctrl+Shift+Space",), "pause", messages.TRANSFERS),
    "pause_transfer": _Entry("Pause", ("Ctrl+Space",), "pause", messages.TRANSFERS, "Pause or resume what is selected"),
    "pause_mirror": _Entry("Pause all to this mirror", (), "", messages.TRANSFERS, "Begin nothing more there"),
    "push_next": _Entry("Push next", (), "", messages.TRANSFERS, "Before everything else that waits"),
    "move_transfer_up": _Entry("Move up", ("Alt+Up",), "", messages.TRANSFERS, "Push it earlier"),
    "move_transfer_down": _Entry("Move down", ("Alt+Down",), "", messages.TRANSFERS, "Push it later"),
    "retry_transfer": _Entry("Retry", ("Ctrl+R",), "retry", messages.TRANSFERS),
    "retry_failed": _Entry("Retry failed", ("Ctrl+Shift+R",), "retry"),
    "clear_ended": _Entry("Clear finished", (), "", messages.TRANSFERS),
    "copy_error": _Entry("Copy error", ("Ctrl+C",), "copy", messages.TRANSFERS),
    "copy_image_name": _Entry("Copy image name", (), "copy", messages.TRANSFERS),
    "copy_digest": _Entry("Copy digest", (), "copy", messages.TRANSFERS),
    "copy_row_hash": _Entry("Copy hash", ("Ctrl+Shift+C",), "copy", messages.TRANSFERS),
    "show_package": _Entry("Show package", (), "packages", messages.TRANSFERS),
    "show_in_contents": _Entry("Show in Contents", (), "contents", messages.TRANSFERS, "Show what its mirror holds"),
    "stop_reading": _Entry("Stop reading", ("Ctrl+.",), "stop", messages.CONTENTS),
    "update_index": _Entry("Update index", (), "retry", messages.CONTENTS, "Make the index agree with what is there"),
    "verify_cache": _Entry("Verify…", ("V",), "check", messages.CONTENTS, "Compare index, names, sizes and digests"),
    "delete_entries": _Entry("Delete…", ("Del",), "cross", messages.CONTENTS, "List all that goes, then delete it"),
    "free_space": _Entry("Free space…", (), "", messages.CONTENTS, "Find what can go, by a goal or by rules"),
    "prune_cache": _Entry("Prune…", (), "", messages.CONTENTS, "What spack buildcache prune would delete"),
    "show_trash": _Entry("Trash…", (), "", messages.CONTENTS, "What was deleted: restore it, or empty the trash"),
    "copy_entries": _Entry("Copy to another mirror…", (), "transfers", messages.CONTENTS),
    "add_as_mirror": _Entry("Add as a mirror…", (), "plus", messages.CONTENTS, "Make this address a mirror"),
    "export_bundle": _Entry("Export bundle…", (), "arrow-up", messages.CONTENTS, "For a site without network"),
    "import_bundle": _Entry("Import bundle…", (), "", messages.CONTENTS, "Bring a bundle into this mirror"),
    "install_here": _Entry("Install here…", (), "", messages.CONTENTS, "With this instance's own Spack"),
    "download_entries": _Entry("Download…", (), "", messages.CONTENTS, "Archive and spec, verified"),
    "unpack_entries": _Entry("Unpack…", (), "", messages.CONTENTS, "The files, to be looked at"),
    "save_spec": _Entry("Save spec…", (), "", messages.CONTENTS, "As a file that Spack takes in place of a spec"),
    "sign_entries": _Entry("Sign…", (), "", messages.CONTENTS, "What was pushed without a signature"),
    "migrate_cache": _Entry("Migrate…", (), "", messages.CONTENTS, "From the format of Spack before 1.0"),
    "delete_old_layout": _Entry("Delete old format…", (), "", messages.CONTENTS, "What is left after a migration"),
    "copy_tag": _Entry("Copy tag", ("Ctrl+C",), "copy", messages.CONTENTS, "Copy the tag, or the path in a folder"),
    "copy_entry_digest": _Entry("Copy digest", ("Ctrl+Shift+C",), "copy", messages.CONTENTS),
    "copy_pull_line": _Entry("Copy pull line", (), "copy", messages.CONTENTS, "Copy a docker pull command"),
    "show_installed": _Entry("Show installed package", (), "packages", messages.CONTENTS),
    "show_contents_commands": _Entry("Show Spack commands…", (), "", messages.CONTENTS),
    "open_groups": _Entry("Open all groups", ("Ctrl+Right",), "", messages.CONTENTS),
    "close_groups": _Entry("Close all groups", ("Ctrl+Left",), "", messages.CONTENTS),
    "create_key": _Entry("Create key…", ("Ctrl+N",), "plus", messages.KEYS),
    "trust_file": _Entry("Trust…", (), "", messages.KEYS, "Trust the keys in a file"),
    "import_keys": _Entry("Import from mirror…", (), "", messages.KEYS, "Trust keys that a mirror publishes"),
    "publish_keys": _Entry("Publish to mirror…", (), "arrow-up", messages.KEYS, "Put the public half on a mirror"),
    "allow_keys": _Entry("Only for a mirror…", (), "", messages.KEYS, "Choose whose signatures count on a mirror"),
    "export_keys": _Entry("Export…", ("Ctrl+E",), "", messages.KEYS, "Write the public half to a file"),
    "untrust_keys": _Entry(messages.UNTRUST_KEYS, ("Del",), "cross", messages.KEYS),
    "copy_fingerprint": _Entry("Copy fingerprint", ("Ctrl+C",), "copy", messages.KEYS),
    "show_key_commands": _Entry("Show Spack commands…", (), "", messages.KEYS),
    "export_history": _Entry("Export…", ("Ctrl+E",), "", messages.HISTORY, "Write what is shown to a file"),
}


class Actions(QObject):
    """One attribute per action. Those of a page are possible only while it is shown, so pages may share keys."""

    open_instance: QAction
    open_sample: QAction
    quit: QAction
    show_mirrors: QAction
    show_packages: QAction
    show_transfers: QAction
    show_contents: QAction
    show_keys: QAction
    show_history: QAction
    appearance_system: QAction
    appearance_light: QAction
    appearance_dark: QAction
    compact_rows: QAction
    larger_text: QAction
    smaller_text: QAction
    usual_text: QAction
    show_settings: QAction
    show_palette: QAction
    show_help: QAction
    make_report: QAction
    open_log: QAction
    work_offline: QAction
    toggle_navigation: QAction
    refresh: QAction
    filter: QAction
    next_pane: QAction
    previous_pane: QAction
    restart_engine: QAction
    record_gaps: QAction
    about: QAction
    push_to_mirror: QAction
    show_missing: QAction
    browse_contents: QAction
    open_mirror_folder: QAction
    add_mirror: QAction
    edit_mirror: QAction
    duplicate_mirror: QAction
    copy_to_user: QAction
    remove_mirrors: QAction
    create_mirror: QAction
    destroy_mirror: QAction
    test_mirrors: QAction
    sign_in: QAction
    sign_out: QAction
    move_to_keyring: QAction
    move_mirror_up: QAction
    move_mirror_down: QAction
    undo_edit: QAction
    copy_address: QAction
    copy_mirror_yaml: QAction
    show_mirror_command: QAction
    push_packages: QAction
    select_shown: QAction
    select_none: QAction
    copy_spec: QAction
    copy_hash: QAction
    copy_prefix: QAction
    open_prefix: QAction
    select_dependencies: QAction
    select_dependents: QAction
    select_missing_on: QAction
    select_environment: QAction
    copy_package_command: QAction
    show_package_commands: QAction
    export_packages: QAction
    compare_packages: QAction
    why_not_used: QAction
    compare_with_mirror: QAction
    show_details: QAction
    measure_sizes: QAction
    group_packages: QAction
    sort_packages: QAction
    choose_columns: QAction
    stop_transfer: QAction
    stop_all: QAction
    pause_all: QAction
    pause_transfer: QAction
    pause_mirror: QAction
    push_next: QAction
    move_transfer_up: QAction
    move_transfer_down: QAction
    retry_transfer: QAction
    retry_failed: QAction
    clear_ended: QAction
    copy_error: QAction
    copy_image_name: QAction
    copy_digest: QAction
    copy_row_hash: QAction
    show_package: QAction
    show_in_contents: QAction
    stop_reading: QAction
    update_index: QAction
    verify_cache: QAction
    delete_entries: QAction
    free_space: QAction
    prune_cache: QAction
    show_trash: QAction
    copy_entries: QAction
    add_as_mirror: QAction
    export_bundle: QAction
    import_bundle: QAction
    install_here: QAction
    download_entries: QAction
    unpack_entries: QAction
    save_spec: QAction
    sign_entries: QAction
    migrate_cache: QAction
    delete_old_layout: QAction
    copy_tag: QAction
    copy_entry_digest: QAction
    copy_pull_line: QAction
    show_installed: QAction
    show_contents_commands: QAction
    open_groups: QAction
    close_groups: QAction
    create_key: QAction
    trust_file: QAction
    import_keys: QAction
    publish_keys: QAction
    allow_keys: QAction
    export_keys: QAction
    untrust_keys: QAction
    copy_fingerprint: QAction
    show_key_commands: QAction
    export_history: QAction

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tips: dict[QAction, str] = {}
        self._pages: dict[QAction, str] = {}
        for name, entry in _ENTRIES.items():
            action = QAction(entry.text, self)
            action.setObjectName(name)
            action.setData(entry.full)
            action.setShortcuts([QKeySequence(keys) for keys in entry.keys])
            if entry.checkable:
                icons.bind_check(action)
            elif entry.icon:
                icons.bind(action, entry.icon, "dim")
            self._tips[action] = _tip(entry)
            action.setToolTip(self._tips[action])
            if entry.page:
                self._pages[action] = entry.page
            setattr(self, name, action)
        self.enter_page("")

    def allow(self, action: QAction, why_not: str = "") -> None:
        """Make `action` possible, or impossible with the reason as its tooltip."""
        action.setToolTip(why_not or self._tips[action])
        action.setStatusTip(why_not)
        action.setEnabled(not why_not)

    def all(self) -> tuple[tuple[QAction, str], ...]:
        """Every action with the page it belongs to, "" for those of all pages."""
        actions = (getattr(self, name) for name in _ENTRIES)
        return tuple((action, self._pages.get(action, "")) for action in actions)

    def enter_page(self, title: str) -> None:
        """Forbid the actions of all pages but `title`, which says itself what it allows."""
        self.page = title
        for action, page in self._pages.items():
            if page != title:
                self.allow(action, messages.WHY_OTHER_PAGE.format(page=page))


def _tip(entry: _Entry) -> str:
    text = entry.tip or entry.text.removesuffix("…")
    return f"{text} ({entry.keys[0]})" if entry.keys else text
