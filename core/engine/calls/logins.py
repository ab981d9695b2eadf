# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about logins, and about whether mirrors work."""

from __future__ import annotations

from core.engine.messages import Call
from core.mirrors.credentials.states import Direction
from core.services.login_values import (
    CreateOptions,
    DestroyPlan,
    KeyringFacts,
    LoginCheck,
    LoginForm,
    LoginOverview,
    ServerSettings,
    SpackEnd,
    SpackLine,
    TestStep,
    TestView,
)
from core.services.mirror_values import AppliedEdit, MirrorForm


class DescribeLogin(Call[LoginOverview], frozen=True):
    """The login of one direction of a configured mirror. Waits up to 10 s for the keyring."""

    method = "logins.describe"
    answer = LoginOverview
    instance: str
    mirror: str
    direction: Direction = Direction.PUSH


class CheckLogin(Call[LoginCheck], frozen=True):
    """Try a login on the address of `form`, saved or not; nothing is kept. `settings` None means the saved ones."""

    method = "logins.check"
    answer = LoginCheck
    instance: str
    form: MirrorForm
    direction: Direction
    login: LoginForm
    settings: ServerSettings | None = None


class SaveLogin(Call[LoginOverview], frozen=True):
    """Keep a login as it says, and nowhere else. Cancel it to stop waiting for a locked keyring."""

    method = "logins.save"
    answer = LoginOverview
    instance: str
    mirror: str
    direction: Direction
    login: LoginForm


class SignOut(Call[tuple[str, ...]], frozen=True):
    """Forget a login; answers the mirrors that have none any more."""

    method = "logins.sign-out"
    answer = tuple[str, ...]
    instance: str
    mirror: str
    direction: Direction


class UnlockKeyring(Call[None], frozen=True):
    """Have the keyring ask for its password. Takes as long as the person does; cancel it to stop waiting."""

    method = "keyring.unlock"
    answer = None
    instance: str


class KeyringState(Call[KeyringFacts], frozen=True):
    method = "keyring.state"
    answer = KeyringFacts
    instance: str


class MoveToKeyring(Call[AppliedEdit], frozen=True):
    """Store the plain-text secrets of an entry in the keyring and name variables in the file instead: both or
    neither."""

    method = "logins.move-to-keyring"
    answer = AppliedEdit
    instance: str
    mirror: str
    scope: str


class SaveServerSettings(Call[ServerSettings], frozen=True):
    """Set what holds for one server, `host[:port]`, whichever mirrors are on it."""

    method = "logins.save-server"
    answer = ServerSettings
    instance: str
    host: str
    settings: ServerSettings


class TestMirror(Call[TestView], frozen=True):
    """Try everything about a mirror, step by step; with `as_reader` as somebody without any login or right."""

    method = "mirrors.test"
    answer = TestView
    row = TestStep
    instance: str
    mirror: str
    as_reader: bool = False


class LastTests(Call[tuple[TestView, ...]], frozen=True):
    """The last results known for the mirrors of an instance as they are configured now, whatever their age."""

    method = "mirrors.last-tests"
    answer = tuple[TestView, ...]
    instance: str


class CreateMirror(Call[SpackEnd], frozen=True):
    """`spack mirror create` by the instance's own Spack; rows are the lines it prints. Cancel it to stop it."""

    method = "spack.mirror-create"
    answer = SpackEnd
    row = SpackLine
    instance: str
    options: CreateOptions


class PlanDestroy(Call[DestroyPlan], frozen=True):
    """What would be deleted; nothing is."""

    method = "mirrors.plan-destroy"
    answer = DestroyPlan
    instance: str
    mirror: str


class DestroyMirror(Call[SpackEnd], frozen=True):
    """`spack mirror destroy` by the instance's own Spack; `typed` has to be the name in the plan; rows are lines."""

    method = "spack.mirror-destroy"
    answer = SpackEnd
    row = SpackLine
    instance: str
    mirror: str
    typed: str
