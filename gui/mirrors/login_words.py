# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is said about logins, without Qt."""

from __future__ import annotations

from collections.abc import Sequence

from core.foundation.text import plural, visible
from core.mirrors.credentials.states import CredentialState, Direction
from core.services.login_values import Keep, KeyringCondition, KeyringFacts, LoginCheck, LoginOverview, StepState
from gui import messages

# ruff: noqa: S105

USER = "User"
SECRET = "Token"
ACCESS_KEY, SECRET_KEY = "Access key", "Secret key"
USER_VARIABLE = "User from variable"
SECRET_VARIABLE = "Token from variable"
COMMAND = "Command"
COMMAND_EXAMPLE = "aws ecr get-login-password"
KEEP_IN = "Keep"
UNCHANGED = "stored, stays as it is"
KEEP = {
    Keep.KEYRING: "in the keyring",
    Keep.SESSION: "for this session only",
    Keep.VARIABLE: "read it from a variable",
    Keep.COMMAND: "get it from a command",
    Keep.CONTAINER: "use the login of docker or podman",
    Keep.NONE: "no login",
}
KEEP_NOTES = {
    Keep.VARIABLE: "The value is read from the environment whenever it is needed, here and by Spack.",
    Keep.COMMAND: "Run whenever a token is needed; it prints the token. For tokens that live for a short time.",
    Keep.CONTAINER: "Counts for everything on that server. Spack itself does not use these logins.",
    Keep.NONE: "Only what everybody may do is possible.",
}
NO_USER = "A user name is missing."
NO_SECRET = "The password or token is missing."
NO_COMMAND = "A command is missing, or a quote in it is not closed."
NO_VARIABLE = "The variable that holds the password or token is missing."
USER_OR_VARIABLE = "Give either the user name itself or the variable that holds it."
NO_KEYRING = "No keyring is available here. Logins last until you quit."
KEYRING_LOCKED = "The keyring is locked and will ask for its password."
KEYRING_WAITING = "The keyring has not answered yet."

SIGN_IN = "Sign in"
FOR = "For"
DIRECTIONS = {"push": "pushing", "fetch": "fetching"}
PERMISSION_PUSH = "Needs permission to read and to write packages."
PERMISSION_FETCH = "Needs permission to read packages."
CHECK_AND_SAVE = "Check and save"
SAVE = "Save"
SAVE_ANYWAY = "Save anyway"
STOP = "Stop"
READING = "Looking at the login…"
CHECKING = "Signing in to check it…"
CHECK_STOPPED = "It was stopped"
NOTHING_SAVED = "Nothing was saved, and what you typed is still here."
USE_IT = "Use it"
COPY_FOR_SHELL = "Copy for my shell"
COPY_FOR_SHELL_TIP = "Copies a line that fetches the value when it runs, never the value"
SIGN_OUT = "Sign out"
SIGN_OUT_BOTH = "Sign out of both"
READ, WRITE, BOTH = "read", "write", "both"
_SIGNED_IN = frozenset(
    {
        *(CredentialState.SESSION, CredentialState.STORED, CredentialState.COMMAND, CredentialState.DOCKER),
        *(CredentialState.LOCKED, CredentialState.WAITING),
    }
)
NOT_FOR_EVERYBODY = "Fetching without a login does not work"
NOT_FOR_EVERYBODY_REMEDY = (
    "Use the login for fetching too, or make the repository public; a new one may follow its first push."
)
_NOT_ALLOWED = {"read": "Reading does not work", "write": "Writing does not work", "both": "Signing in does not work"}


def keep_in_keyring(name: str) -> str:
    return f"{KEEP[Keep.KEYRING]} ({name})" if name else KEEP[Keep.KEYRING]


def keyring_note(keyring: KeyringFacts) -> str:
    match keyring.state:
        case KeyringCondition.ABSENT:
            return messages.sentences(NO_KEYRING, visible(keyring.note))
        case KeyringCondition.LOCKED:
            return KEYRING_LOCKED
        case KeyringCondition.WAITING:
            return KEYRING_WAITING
    return ""


def not_a_variable(name: str) -> str:
    return f"{name} is no name of a variable."


def heading(host: str) -> str:
    return f"Sign in to {host}" if host else SIGN_IN


def used_by(overview: LoginOverview) -> str:
    return f"Used by {', '.join(map(visible, overview.used_by))}." if overview.used_by else ""


def container_login(place: str) -> str:
    return f"There is a container login for this host in {visible(place)}."


def check_problems(check: LoginCheck, *, writing: bool = True) -> list[tuple[str, str]]:
    """Title and text of what did not work, reading first; without `writing` nobody expects to write."""
    steps = ((READ, check.read), (WRITE, check.write))[: 2 if writing else 1]
    said = [(step.state, step.detail, step.remedy) for _, step in steps]
    if len(steps) > 1 and said[0] == said[1]:
        steps = ((BOTH, check.read),)
    found = [
        (_NOT_ALLOWED[name], messages.sentences(visible(step.detail), visible(step.remedy)))
        for name, step in steps
        if step.state is StepState.FAILED
    ]
    everybody = check.anonymous
    if everybody is not None and everybody.state is StepState.FAILED:
        found.append((NOT_FOR_EVERYBODY, messages.sentences(visible(everybody.detail), NOT_FOR_EVERYBODY_REMEDY)))
    return found


def is_signed_in(overview: LoginOverview) -> bool:
    """True for a login that signing out would take away; variables of the environment stay what they are."""
    return overview.state in _SIGNED_IN


def sign_out_title(logins: Sequence[LoginOverview]) -> str:
    return f"Sign out of {' and '.join(dict.fromkeys(visible(login.host) for login in logins))}?"


def sign_out_text(logins: Sequence[LoginOverview]) -> str:
    """`2 mirrors lose their login: site-oci, site-test. The mirrors themselves stay.`; with two logins a line each."""
    lines = []
    for login in logins:
        mirrors = login.used_by or (login.mirror,)
        names = ", ".join(map(visible, mirrors))
        verb = "loses its login" if len(mirrors) == 1 else "lose their login"
        which = f"For {DIRECTIONS[login.direction]}: " if len(logins) > 1 else ""
        lines.append(f"{which}{plural(len(mirrors), 'mirror')} {verb}: {names}.")
    return ("\n" if len(logins) > 1 else " ").join((*lines, "The mirrors themselves stay."))


def sign_out_only(direction: Direction) -> str:
    return f"Only for {DIRECTIONS[direction]}"


def signed_out(names: tuple[str, ...]) -> str:
    return f"Signed out: {', '.join(map(visible, names))}"


def signed_in(host: str) -> str:
    return f"Signed in to {visible(host)}"
