# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions and answers about logins, tests of mirrors and Spack's own runs, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from core.foundation.errors import ErrorInfo
from core.foundation.secret import Secret
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.servers import NOTHING_SET, ServerSettings

__all__ = [
    "NO_SECRET",
    "CreateOptions",
    "CredentialState",
    "DestroyPlan",
    "Direction",
    "Keep",
    "KeyringCondition",
    "KeyringFacts",
    "LoginCheck",
    "LoginForm",
    "LoginOverview",
    "ServerSettings",
    "SpackEnd",
    "SpackLine",
    "StepKey",
    "StepState",
    "TestStep",
    "TestView",
]

NO_SECRET = Secret("")


class Keep(StrEnum):
    """Where a login is kept. CONTAINER: with docker or podman, for everything on that server; NONE: nowhere."""

    KEYRING = "keyring"
    SESSION = "session"
    VARIABLE = "variable"
    COMMAND = "command"
    CONTAINER = "container"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LoginForm:
    """A login as a person entered it. `secret` is empty to use what is stored already.

    The variables are those that mirrors.yaml names, or shall name. `command` is a program with its arguments, started
    without a shell; the repr leaves it out: people write secrets there.
    """

    keep: Keep
    user: str = ""
    secret: Secret = NO_SECRET
    user_variable: str = ""
    secret_variable: str = ""
    command: tuple[str, ...] = field(default=(), repr=False)


class KeyringCondition(StrEnum):
    READY = "ready"
    LOCKED = "locked"
    ABSENT = "absent"
    WAITING = "waiting"  # it has not answered yet


@dataclass(frozen=True, slots=True)
class KeyringFacts:
    """`name` is the keyring's for people, "" where there is none; `note` says why it cannot be used, and names a back
    end that is refused."""

    name: str
    state: KeyringCondition
    note: str = ""


@dataclass(frozen=True, slots=True)
class LoginOverview:
    """The login of one direction of a mirror, never the secret itself; `expires` in unix seconds.

    `keep` is how it is kept now. `variables` are those for user and secret: the ones that mirrors.yaml names, else
    (`variables_named` False) those we would name there; the first is "" where mirrors.yaml holds the user itself.
    `used_by` are the mirrors with this very login. `container_login` is the file or helper with a login of docker or
    podman for this place, "" where there is none. `shell_line` sets the variables in a person's own shell.
    """

    mirror: str
    direction: Direction
    host: str
    keep: Keep
    state: CredentialState
    user: str = ""
    source: str = ""
    note: str = ""
    expires: float | None = None
    keyring: KeyringFacts = KeyringFacts("", KeyringCondition.ABSENT)
    variables: tuple[str, str] = ("", "")
    variables_named: bool = False
    command: tuple[str, ...] = field(default=(), repr=False)
    used_by: tuple[str, ...] = ()
    container_login: str = ""
    shell_line: str = ""
    settings: ServerSettings = NOTHING_SET
    warnings: tuple[ErrorInfo, ...] = ()


class StepState(StrEnum):
    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"


class StepKey(StrEnum):
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    AUTHENTICATE = "authenticate"
    READ = "read"
    LIST = "list"
    PUSH = "push"
    SPACE = "space"
    GROUP = "group"
    INDEX = "index"
    LAYOUT = "layout"
    KEY = "key"
    SPACK = "spack"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class TestStep:
    """One step of a test. `detail` is what was found, `remedy` what to do about it; `seconds` is how long it took."""

    key: StepKey
    title: str
    state: StepState
    detail: str = ""
    remedy: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TestView:
    """The result of a test that ended `at` (unix seconds): `verdict` is the worst of its steps, but never SKIPPED."""

    mirror: str
    as_reader: bool
    at: float
    steps: tuple[TestStep, ...]
    verdict: StepState


@dataclass(frozen=True, slots=True)
class LoginCheck:
    """What a login is good for, tried separately. `anonymous` is reading without any, tried where a mirror has a login
    for pushing only."""

    read: TestStep
    write: TestStep
    anonymous: TestStep | None = None


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """`spack mirror create`: which sources to fetch, into `directory` ("" is Spack's own source cache). `flags` are
    further options as Spack spells them."""

    specs: tuple[str, ...]
    directory: str = ""
    flags: tuple[str, ...] = ()
    no_checksum: bool = False


@dataclass(frozen=True, slots=True)
class DestroyPlan:
    """What `spack mirror destroy` deletes: everything below `url`. `name` has to be typed to do it.

    The counts are None where they cannot be found out. `strangers` are names in the folder that no mirror has.
    """

    name: str
    url: str
    files: int | None
    size_bytes: int | None
    packages: int | None
    strangers: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()


class SpackLine(msgspec.Struct, frozen=True, array_like=True):
    """A line that Spack printed, fit to be shown. `package` is what it begins to work on, or is `done` or `failed`
    with."""

    text: str
    package: str = ""
    failed: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class SpackEnd:
    """How a run of Spack ended: its exit status, and the packages it was done with and failed at, where it says so."""

    status: int
    seconds: float
    done: int = 0
    failed: int = 0
