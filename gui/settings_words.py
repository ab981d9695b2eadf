# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences of the Settings page."""

from __future__ import annotations

from core.foundation.settings import LogLevel, Scheme
from core.foundation.text import format_bytes

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
OFFLINE = "Work offline: contact no server"
APPEARANCE = "Appearance"
SCHEME = "Colours"
SCHEMES = {Scheme.SYSTEM: "As the system", Scheme.LIGHT: "Light", Scheme.DARK: "Dark"}
ROWS = "Rows"
DENSITIES = {True: "Compact", False: "Comfortable"}
TEXT_SIZE = "Text size"
NOTICES = "Notifications"
NOTIFICATIONS = "Tell when a push has ended while the window is not active"
TRAY = "Icon in the notification area"
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


def per_second(count: int | None) -> str:
    return NO_LIMIT if count is None else f"{format_bytes(count)}/s"


def percent(value: int) -> str:
    return f"{value} %"
