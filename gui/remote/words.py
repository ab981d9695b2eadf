# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences about engines on other computers and of other accounts."""

from __future__ import annotations

import math

from core.foundation.text import format_bytes, format_duration, visible
from core.remote.address import Place

# Opening
OPEN_TITLE = "Open a Spack instance"
OPEN = "Open"
CONNECT = "Connect"
WHERE = "Where"
THIS_COMPUTER = "This computer"
BY_SSH = "Another computer, by SSH"
OTHER_ACCOUNT = "Another account of this computer"
HOST = "Computer"
HOST_HINT = "As the ssh command knows it: user@host, or a name from ~/.ssh/config. Keys and jump hosts work as usual."
ACCOUNT = "Account"
ACCOUNT_OVER_THERE = "Work as account"
ACCOUNT_HINT = "By sudo. The engine reads and writes as this account."
ACCOUNT_OVER_THERE_HINT = "By sudo over there, without a password. Empty: the account that signs in."
FOLDER = "Folder"
FOLDER_HINT = "A checkout or an install root."
FOLDER_HINT_THERE = "A checkout or an install root. Empty: the instance that Spack itself would use there."
CHOOSE_FOLDER = "Choose a folder"
WHY_NO_HOST = "Name the computer first"
WHY_NO_ACCOUNT = "Name the account first"
WHY_NO_FOLDER = "Choose the folder first"

# Connecting
ONLY_HERE = "Only this computer can be reached"
NO_CONNECTION = "There is no connection"
NOT_CONFIRMED = "Whether what was asked last was done is not confirmed."
LEFT = "Another instance was opened meanwhile"
NOT_SHOWN = "The answer of the engine that was asked before is not shown"
RECONNECT = "Reconnect now"
TRYING = "Trying now."
NO_NEXT_TRY = "It waits for you."
GIVE_UP = "Give up"
STOP_COPYING = "Stopped"
THERE = "The engine over there"
WORK_GOES_ON = (
    "The engine over there finishes what is under way, holds the rest, and waits. What is shown may be out of date."
)
GIVEN_UP = "Reconnecting was given up"

# Disconnecting
STOP_AND_DISCONNECT = "Stop and disconnect"

# Putting an engine there
COPY_ENGINE = "Copy the engine"
MEASURING = "Looking what would be copied…"
COPYING_NOW = "It is being copied"
STARTING = "Starting the engine…"
FACTS = {
    "host": "Computer",
    "user": "Account",
    "python": "Python",
    "machine": "Machine",
    "libc": "C library",
    "folder": "Folder",
}

# Questions of ssh and sudo
ASKS_TITLE = "Question from the connection"
ANSWER = "Answer"
YES, NO = "Yes", "No"
CONTINUE = "Continue"
CANNOT_ASK = "No password can be asked for"
NO_EXECUTABLE_PLACE = "there is no folder from which programs may be started"

# Logins for engines elsewhere
SEND = "Send"
SEND_ALL = "Send all it asks for"
DO_NOT_SEND = "Do not send"
LOGIN_NOT_SENT = "the login was not sent"

# Files over there
FILE_COLUMNS = ("Name", "Size", "Changed")
READING = "The folder is being read"
WHY_NO_NAME = "Type a name without slashes"
WHY_NO_FILE = "Choose a file first"
PATH = "Path"
UP = "Folder above"
HOME = "Home folder"
CHOOSE = "Choose"
SAVE = "Save"
FILE_NAME = "File name"
EMPTY_FOLDER = "This folder is empty."
NO_FOLDERS = "No folders in here."
REPLACE_TITLE = "{name} is there already"
REPLACE_TEXT = "Its content is replaced."
REPLACE = "Replace"
ON_THIS_COMPUTER = "{title} (on this computer)"
SHOW_HIDDEN = "Show hidden files"


def connecting(place: str) -> str:
    return f"Connecting to {visible(place)}…"


def reconnecting(place: str) -> str:
    return f"Reconnecting to {visible(place)}"


def lost(place: str) -> str:
    return f"The connection to {visible(place)} is lost"


def not_reached(place: str) -> str:
    return f"{visible(place)} was not reached"


def next_try(seconds: float) -> str:
    """Below zero: nothing is tried by itself."""
    if seconds < 0:
        return NO_NEXT_TRY
    return f"Next try in {format_duration(math.ceil(seconds))}." if seconds else TRYING


def ended_meanwhile(place: str) -> str:
    return f"The engine on {visible(place)} ended meanwhile, and a new one was started"


def other_version(there: str, here: str) -> str:
    return f"There it is Mirrordeck {visible(there)}, here {here}. Install the same version at both ends"


def asks(place: str) -> str:
    return f"{visible(place)} asks" if place else ASKS_TITLE


def prompt(text: str) -> str:
    """Foreign text of several lines."""
    return "\n".join(visible(line) for line in text.strip().splitlines())


def copy_title(place: str) -> str:
    return f"Copy the engine to {visible(place)}"


def not_copied(place: str) -> str:
    return f"The engine was not copied to {visible(place)}"


def copying(done: int, size: int) -> str:
    return f"{format_bytes(done)} of {format_bytes(size)} copied"


def what_is_copied(size: int, folder: str) -> str:
    return (
        f"{format_bytes(size)} would be copied into {visible(folder)}, where only that account may read and write. "
        "Nothing else changes there."
    )


def active_elsewhere(place: str, transfers: str) -> str:
    return f"{visible(place)}: {transfers}"


def login_title(place: str) -> str:
    return f"{visible(place)} needs a login of your keyring"


def login_wanted(place: str, account: str) -> str:
    return (
        f"It is for {visible(account)}. It goes through the connection, and the engine on {visible(place)} keeps it in "
        "memory only, for as long as it runs."
    )


def on_place(title: str, place: str) -> str:
    return f"{title.removesuffix('…')} ({visible(place)})"


def files_table(place: str) -> str:
    return f"Files of {visible(place)}"


def spoken_entry(name: str, *, is_dir: bool) -> str:
    return f"{visible(name)}, {'folder' if is_dir else 'file'}"


def not_readable(path: str) -> str:
    return f"{visible(path)} cannot be read"


def left_out(count: int) -> str:
    return f"{count:,} more {'entry is' if count == 1 else 'entries are'} not shown"


def why_not_here(place: Place) -> str:
    """Why what belongs to the desktop is not possible with what is at `place`."""
    return "" if place.is_here else f"It is on {visible(place.title)}, not on this computer"


def disconnect(place: str) -> str:
    return f"Disconnect from {visible(place)}"


def push_ended(place: str, push: str, failed: int) -> str:
    """In a notification."""
    return f"{visible(place)}: {push}" + (f", {failed:,} failed" if failed else "")


def settings_there(place: str) -> str:
    return (
        f"The engine on {visible(place)} follows what is set for transfers and working offline. Folders, proxy and "
        "certificates there are those of its account."
    )
