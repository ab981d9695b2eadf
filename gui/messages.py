# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every sentence of the window, in one place: sentence case, plain words, no exclamation marks."""

from __future__ import annotations

from core.foundation.text import format_bytes, plural

APP_NAME = "Mirrordeck"

# Everywhere
DISMISS = "Dismiss this notice"
COPY = "Copy"
COPY_COMMAND = "Copy: {purpose}"
COPY_DETAILS = "Copy details"
DETAILS = "Details"
CANCEL = "Cancel"
STOP = "Stop"
SHOW_SECRET = "Show what is typed"  # noqa: S105
HIDE_SECRET = "Hide what is typed"  # noqa: S105
CLOSE = "Close"
COLUMNS = "Columns"
NONE = "–"
YES, NO = "yes", "no"
ENGINE_GONE = "The engine has ended"
ENGINE_STOPPED = "The engine was stopped"
ENGINE_OTHER_PROTOCOL = "The engine belongs to another version of Mirrordeck. Quit and start again."
ENGINE_LOST_TEXT = "Nothing can be read or pushed until it runs again. What was pushed so far is safe."
RESTART_ENGINE = "Restart engine"
RECORD_GAPS = "Record frame gaps"
ABOUT_TEXT = "Spack mirrors and build caches, by clicking. Apache-2.0 or MIT."
UNEXPECTED_TITLE = "Something went wrong in this program"
UNEXPECTED_TEXT = "Your transfers are safe. The details help the people who look after Mirrordeck."
COPY_REPORT = "Copy report"
CONTINUE = "Continue"
CLOSE_TITLE = "Transfers are not finished"
STOP_AND_QUIT = "Stop and quit"
STOPPING = "Stopping…"

# Main window
INSTANCE = "Instance"
NO_INSTANCE = "No instance"
OPENING_INSTANCE = "Opening the Spack instance…"
OPEN_INSTANCE = "Open instance…"
OPEN_INSTANCE_TITLE = "Choose a Spack checkout or install root"
NO_INSTANCE_SENTENCE = "No Spack instance is open."
CHOOSE_FOR_MIRROR_TEXT = "Check them in the list, then press Push."
NO_INSTANCE_DETAIL = "Choose the folder of a Spack checkout, or an install root that holds a .spack-db folder."
READ_ONLY = "read only"
NAVIGATION = "Pages"
DEMO = "demo"
APPEARANCE = "Appearance"

# Mirrors
MIRRORS = "Mirrors"
MIRRORS_TABLE = "Mirrors in Spack's search order"
MIRRORS_EMPTY = "No mirrors yet."
MIRRORS_EMPTY_DETAIL = "A mirror is a place where Spack stores and finds packages."
MIRRORS_BROKEN = "No mirror could be read."
MIRRORS_BROKEN_DETAIL = "Correct what is told above, then refresh."
MIRRORS_READING = "Reading mirrors…"
MIRROR_DETAILS = "Details of the selected mirror"
MIRROR_COLUMNS = (
    *("Name", "Push address", "Fetch address", "Contains", "Signed"),
    *("Autopush", "Login", "Scope", "Status", "Missing", "Packages"),
)
OVERVIEW = "Overview"
SPACK_YAML = "Spack YAML"
FETCH_ADDRESS = "Fetch address"
PUSH_ADDRESS = "Push address"
CONTAINS = "Contains"
INDEX = "Index"
MAY_PUSH = "May push"
SPACE = "Free space"
LOGIN = "Login"
SCOPE = "Scope"
STATUS_OK = "ok"
STATUS_NO_INDEX = "ok, no index yet"
STATUS_NO_FOLDER = "no folder yet"
STATUS_NO_FOLDER_TIP = "A push makes the folder. If it was there before, is its file system mounted?"
STATUS_NOT_WRITABLE = "not writable"
STATUS_NOT_WRITABLE_TIP = "You may not write into this folder, or it is on a file system mounted read-only"
STATUS_SOURCES = "sources only"
STATUS_NOT_CHECKED = "not checked"
STATUS_NOT_CHECKED_TIP = "Only folders are looked at; nothing was asked over the network"
STATUS_NO_LOGIN = "login incomplete"
STATUS_PLAIN_SECRET = "secret in plain text"  # noqa: S105
STATUS_PLAIN_SECRET_TIP = "Everyone who can read the configuration file can read the secret"  # noqa: S105
STATUS_OF_CODE = {
    "permission-denied": STATUS_NOT_WRITABLE,
    "no-space": "no space",
    "not-found": "not found",
    "cache": "not readable",
    "damaged": "damaged",
    "usage": "not usable",
    "signing": "keys not readable",
}
KIND_WORDS = {
    "folder": "folder",
    "web": "web",
    "s3": "S3",
    "gs": "Google Storage",
    "oci": "OCI",
    "oci-http": "OCI (plain http)",
    "ftp": "FTP",
    "sftp": "SFTP",
}
KIND_UNKNOWN = "no address"
MAY_PUSH_YES = "yes, writable"
MAY_PUSH_NOT_CHECKED = "not checked"
NOT_APPLICABLE = "n/a"
SIGNED_DEFAULT = "default"
SIGNED_DEFAULT_TIP = "Not written, which Spack takes as signed"
NOT_SIGNED_TIP = "Not available: Spack does not sign OCI images"
LOGIN_WORDS = {
    "session": "session",
    "stored": "stored",
    "variable": "variable",
    "command": "command",
    "docker": "container tools",
    "none-needed": "none",
    "plain-text": "plain text",
    "missing": "missing",
    "locked": "locked",
    "no-keyring": "no keyring",
    "waiting": "no answer",
}
LOGIN_TIPS = {
    "session": "Typed for this session only",
    "stored": "Stored in the keyring",
    "variable": "Read from an environment variable",
    "command": "Asked from a command",
    "docker": "The login of docker or podman",
    "none-needed": "No login is configured: only what everybody may do is possible",
    "plain-text": "",
    "missing": "A login is configured, but it is nowhere to be found",
    "locked": "The keyring is locked",
    "no-keyring": "No keyring is available here",
    "waiting": "The keyring has not answered yet",
}
BINARIES, SOURCES = "binaries", "sources"
BINARIES_AND_SOURCES = "binaries and sources"
NO_INDEX = "no index"
SIGNED, UNSIGNED = "signed", "unsigned"
AUTOPUSH_ON = "on"
UNDO = "Undo"
COPY_TO_USER = "Copy to user scope…"
MOVE_TO_KEYRING = "Move to keyring…"
ADD_FOLDER = "Add a folder"
UNLOCK = "Unlock"
KEYRING_LOCKED = "The keyring is locked"
KEYRING_LOCKED_TEXT = "Logins in it cannot be used until it is open."
NOT_MOVED = "Not moved"

# Packages
PACKAGES = "Packages"
PACKAGES_TABLE = "Installed packages"
PACKAGES_FILTER_NAME = "Filter packages"
CHECK_COLUMN = "Selected"
PACKAGES_EMPTY = "This Spack instance has no installed packages."
PACKAGES_EMPTY_DETAIL = "Packages appear here once 'spack install' has installed some."
PACKAGES_READING = "Reading the install database…"
PACKAGES_FAILED = "The install database could not be read."
SORT_BY = "Sort by"
NOTHING_MATCHES = "Nothing matches."
NOTHING_MATCHES_DETAIL = "No package has all of these words."
CLEAR_FILTER = "Clear filter"
NOTHING_SELECTED = "Nothing selected"
NOTHING_SELECTED_HINT = "Check packages to push them together with what they need."
COUNTING = "counting…"
EXPLICIT, DEPENDENCY = "Explicit", "Dependency"
EXPLICIT_TIP = "Installed because somebody asked for it"
DEPENDENCY_TIP = "Installed because another package needs it"
UPSTREAM = "upstream"
STATE_WORDS = {
    "external": "External",
    "missing": "Missing",
    "deprecated": "Deprecated",
}
STATE_TIPS = {
    "external": "External packages belong to the system and are never pushed",
    "missing": "Its files are not installed any more, so there is nothing to push",
    "deprecated": "Replaced by another package in this instance and not pushed",
}

# Transfers
TRANSFERS = "Transfers"

# Contents
CONTENTS = "Contents"

# Settings
SETTINGS = "Settings"

# First run
FIRST_RUN_TITLE = "Welcome to Mirrordeck"
FIRST_RUN_TEXT = "Packages that Spack built once can be used everywhere. This is what was found on this machine."
FIRST_RUN_CONTENTS = "Contents"
FIRST_RUN_KEYRING = "Logins"
FIRST_RUN_ASKING = "asking the keyring…"
FIRST_RUN_ADD = "Add a mirror"
FIRST_RUN_LOOK = "Look around"
FIRST_RUN_NOTHING = "Open a checkout or an install root, here or on another computer, or look around in a sample."
OPEN_CHECKOUT = "Open {path}"
KEYRING_SENTENCES = {
    "ready": "{name} is open and keeps logins",
    "locked": "{name} is locked. It asks for its password when a login is needed",
    "absent": "No keyring is available here. Logins last until you quit",
    "waiting": "The keyring has not answered yet",
}
KEYRING_FACTS = {"ready": "keyring open", "locked": "keyring locked", "absent": "no keyring", "waiting": ""}
KEYRING = "The keyring"
OFFLINE = "offline"

# User guide
HELP_TITLE = "User guide"
HELP_SEARCH = "Search the guide"
HELP_CHAPTERS = "Chapters"
HELP_TEXT = "Text of the chapter"
HELP_NOTHING = "No chapter has all of these words."

# Desktop
TRAY_SHOW = "Show Mirrordeck"
PUSH_ENDED = "Push finished"
PUSH_FAILED = "Push finished with failures"
KEEP_RUNNING = "Keep running in background"
STILL_RUNNING = "Transfers go on"
STILL_RUNNING_TEXT = "Mirrordeck is in the notification area."

# Palette
PALETTE_TITLE = "All actions"
PALETTE_PLACEHOLDER = "Type a part of its name"
PALETTE_LIST = "Actions that match"
WHY_NOT_READABLE = "This version reads folders, the web, buckets and OCI registries only"

# Keys
KEYS = "Keys"
UNTRUST_KEYS, DELETE_KEYS = "Untrust…", "Delete…"

# History
HISTORY = "History"

# Why an action is not possible
WHY_SAMPLE = "This is the sample instance"
WHY_ENGINE_RUNS = "The engine is running"
WHY_READ_ONLY = "Mirrordeck was started read-only"
WHY_NO_PACKAGES = "Check the packages to push first"
WHY_NO_ROW = "Choose a package first"
WHY_NO_MIRROR = "Choose a mirror first"
WHY_ONE_MIRROR = "Choose one mirror only"
WHY_TESTING = "The test is under way"
WHY_NOTHING_MISSING = "Nothing is missing there, as far as is known"
WHY_NOT_PLAIN = "No secret in plain text was found"
WHY_NO_UNDO = "No mirror was changed since Mirrordeck was started"
WHY_NO_USER_SCOPE = "There is no user scope that can be written"
WHY_IN_USER_SCOPE = "It is in the user scope already"
WHY_NOTHING_SHOWN = "No package is shown"
WHY_NO_PREFIX = "This package has no folder"
WHY_NOT_FOLDER = "Only folder mirrors can be opened"
WHY_NOT_PUSHABLE = "This version pushes to folders and OCI registries only"
WHY_NOT_DELETABLE = "Spack deletes nothing at addresses of this kind"
WHY_NO_LOGIN = "There is no login for mirrors of this kind"
WHY_NO_BINARIES = "This mirror is not for binaries"
WHY_OTHER_PAGE = "Go to the {page} page first"
WHY_WORKING = "It is being done"
WHY_NOTHING_CHECKED = "Nothing is selected"


def mirrors_sentence(mirrors: int, scopes: int) -> str:
    order = " Spack asks them from top to bottom." if mirrors > 1 else ""
    return f"{plural(mirrors, 'mirror')} in {plural(scopes, 'scope')}.{order}"


def plain_secrets(mirrors: list[str]) -> str:
    verb = "has" if len(mirrors) == 1 else "have"
    return f"{', '.join(mirrors)} {verb} a secret in plain text"


def test_mirrors(count: int) -> str:
    return f"Test {count}" if count > 1 else "Test"


def packages_sentence(shown: int, total: int) -> str:
    if shown == total:
        return f"{plural(total, 'package')}."
    return f"{shown:,} of {plural(total, 'package')} shown."


def selected(count: int) -> str:
    return f"{count:,} selected"


def with_dependencies(packages: int, size_bytes: int) -> str:
    return f"with dependencies {plural(packages, 'package')}  ·  {format_bytes(size_bytes)} on disk"


def hidden_by_filter(count: int) -> str:
    return f"{count:,} of them not shown"


def select_shown(count: int) -> str:
    return f"Select all {count:,}" if count else "Select all"


def sentences(*parts: str) -> str:
    """Foreign sentences one after another, with a full stop wherever another one follows."""
    *others, last = [part for part in parts if part] or [""]
    return " ".join((*(part if part.endswith((".", "!", "?", "…")) else f"{part}." for part in others), last))


def frame_gaps(longest_ms: float, most_ms: int, *, late: int, count: int, limit_ms: int, work_ms: float) -> str:
    text = f"Longest gap {longest_ms:.0f} ms, 99 % up to {most_ms} ms, {late:,} of {count:,} longer than {limit_ms} ms."
    return f"{text} Most work of the window at once: {work_ms:.0f} ms."


def problems(count: int) -> str:
    return f"{plural(count, 'more problem')}."


def free_space(count: int) -> str:
    return f"{format_bytes(count)} free"


def engine_exit(status: int) -> str:
    return f"It ended with status {status}."


def engine_killed(signal_name: str) -> str:
    return f"The system or somebody ended it ({signal_name})."


def interrupted(packages: int) -> str:
    """What to do about a push the engine did not finish."""
    if not packages:
        return ""
    return f"{plural(packages, 'package')} not pushed: push them again then, what is there already is skipped."


def unfinished_transfers(moving: int, waiting: int) -> str:
    facts = [
        f"{plural(count, 'transfer')} {'is' if count == 1 else 'are'} {state}"
        for count, state in ((moving, "running"), (waiting, "waiting"))
        if count
    ]
    return f"{' and '.join(facts)}. Stopping leaves nothing half-written on the mirror."


def navigation_count(name: str, count: int) -> str:
    return f"{name}, {count:,} unfinished"


def origin(scope: str, file: str, line: int) -> str:
    if not file:
        return scope
    return f"{scope}  {file}:{line}" if line else f"{scope}  {file}"


def index_of(packages: int, age: str) -> str:
    return f"{plural(packages, 'package')}, written {age}" if age else plural(packages, "package")


def mirror_packages(count: int) -> str:
    return plural(count, "package")


def choose_for_mirror(mirror: str) -> str:
    return f"Choose the packages to push to {mirror}"


def facts(*parts: str) -> str:
    return "  ·  ".join(part for part in parts if part)


def tray_tip(unfinished: int, failed: int) -> str:
    facts = [APP_NAME]
    facts += [f"{unfinished:,} unfinished"] if unfinished else []
    facts += [f"{failed:,} failed"] if failed else []
    return " · ".join(facts)


def first_run_instance(text: str, writable: bool) -> str:
    return text if writable else f"{text}, {READ_ONLY}"


def first_run_counts(packages: int, mirrors: int, problem: str) -> str:
    """`problem`: why there may be more mirrors, "" if there is no reason."""
    counts = f"{plural(packages, 'installed package')} and {plural(mirrors, 'mirror')}"
    return sentences(counts, problem) if problem else counts


def keyring_sentence(state: str, name: str) -> str:
    return KEYRING_SENTENCES[state].format(name=name or KEYRING)


def environment(name: str) -> str:
    return f"Environment {name}"


# Spack's own commands

SPACK_COMMANDS = "Spack commands"
SPACK_COMMANDS_TEXT = "The same with Spack itself, to paste into a shell or a script."
