# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences of the Settings page."""

from __future__ import annotations

from core.foundation.settings import LogLevel, Scheme
from core.foundation.text import format_bytes, format_duration, plural, visible
from core.services.values import SavedPush
from core.transfers.plan import Decision, PushPlan
from gui.push.words import DECISIONS, count

SENTENCE = "Every change counts at once. The command line follows the settings for transfers and network, too."
TRANSFERS = "Transfers"
PARALLEL = "Packages at the same time"
BANDWIDTH = "Most bandwidth"
NO_LIMIT = "No limit"
TRIES = "Tries of a request"
TRIES_HINT = "A request that fails for a reason that may pass is repeated, with growing pauses."
PACKING_FOLDER = "Packing folder"
CHOOSE_FOLDER = "Choose a folder"
USUAL_FOLDER = "Usual place: {place}"
NETWORK = "Network"
PROXY = "Proxy"
PROXY_PLACEHOLDER = "As the environment says"
PROXY_HINT = "For example http://proxy.site.org:3128. A login for it belongs in the variable https_proxy."
NO_PROXY = "No proxy for"
NO_PROXY_PLACEHOLDER = "localhost,.site.org"
CA_FILE = "Certificates to trust"
CA_PLACEHOLDER = "Those of the system and of Spack's configuration"
CHOOSE_FILE = "Choose a file"
OFFLINE = "Work offline"
OFFLINE_TEXT = "Contact no server"
REMOTE_WAIT = "Engines elsewhere wait"
NO_WAIT = "Not at all"
REMOTE_WAIT_HINT = (
    "When a connection is lost, the engine at its other end finishes what is under way, then waits this long for this "
    "window. Counts for connections made from now on."
)
APPEARANCE = "Appearance"
SCHEME = "Colours"
SCHEMES = {Scheme.SYSTEM: "As the system", Scheme.LIGHT: "Light", Scheme.DARK: "Dark"}
ROWS = "Rows"
DENSITIES = {True: "Compact", False: "Comfortable"}
TEXT_SIZE = "Text size"
NOTICES = "Notifications"
PUSH_ENDED = "A push has ended"
NOTIFICATIONS = "Tell me while the window is not active"
TRAY = "Notification area"
TRAY_TEXT = "Show an icon there"
TRAY_HINT = "With it, transfers can go on when the window is closed."
NO_TRAY = "This desktop has no notification area"
LOG = "Log"
LOG_LEVEL = "What is written"
LOG_LEVELS = {
    LogLevel.WARNING: "Problems only",
    LogLevel.INFO: "Problems and requests",
    LogLevel.DEBUG: "Everything",
}
LOG_HINT = "Secrets are never written."
NOT_ABSOLUTE = "The path has to begin with a slash"
NO_SUCH_FOLDER = "There is no such folder"
NOT_WRITABLE = "You may not write into this folder"
NO_SUCH_FILE = "There is no such file"
NOT_A_PROXY = "Not an address of a proxy: it begins with http:// or https:// and holds no login"


INSTANCES = "Spack instances"
INSTANCES_HINT = "Without a choice the window opens the one of your shell, else the one opened last."
NO_INSTANCES = "None was opened yet."
SHOWN_NOW, OPENED_FIRST = "Shown now", "Opened first"
SHOW, OPEN_FIRST, NOT_FIRST, FORGET = "Show", "Open first", "Not first", "Forget"
WHY_SHOWN = "It is shown already"
WHY_NOT_FORGOTTEN = "It is shown now"
PRESETS = "Saved pushes"
NO_PRESETS = "None yet. Save… in the push dialog keeps what is pushed, where to and how."
PUSH_PRESET, RENAME, DELETE = "Push…", "Rename…", "Delete…"
PUSH_TITLE = "Push {name} to {mirror}"
RENAME_TITLE = "Rename a saved push"
RENAME_TEXT = "Scripts that run it by its old name will not find it any more."
DELETE_TITLE = "Delete {name}?"
DELETE_TEXT = "Nothing on a mirror is touched. Scripts that run it will not find it any more."


def preset(saved: SavedPush) -> str:
    """`12 packages to site-oci · /opt/spack`."""
    request = saved.request
    what = " ".join(request.queries) or plural(len(request.hashes), "package")
    if not request.queries and not request.hashes:
        what = f"environment {saved.environment}"
    return f"{what} to {', '.join((request.mirror, *saved.also))}  ·  {saved.instance}"


def push_count(number: int) -> str:
    return f"Push {plural(number, 'package')}"


def plan_text(plan: PushPlan) -> str:
    """What the push would do now, each in a sentence."""
    size = format_bytes(plan.size_bytes, exact=plan.is_measured)
    uploads = f"{plural(count(plan, Decision.PUSH), 'package')} to upload, {size} on disk."
    others = [(DECISIONS[each], count(plan, each)) for each in Decision if each is not Decision.PUSH]
    rest = [f"{word}: {number:,}." for word, number in others if number]
    return " ".join([uploads, *rest, *(f"{visible(each.sentence())}." for each in plan.warnings)])


def per_second(count: int | None) -> str:
    return NO_LIMIT if count is None else f"{format_bytes(count)}/s"


def percent(value: int) -> str:
    return f"{value} %"


def waiting(seconds: int) -> str:
    return format_duration(seconds) if seconds else NO_WAIT
