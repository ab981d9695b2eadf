# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about logins, and about whether mirrors work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.calls import logins
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.places import cache_dir
from core.mirrors.forms import MoveSecrets
from core.services.login_check import LoginTrial
from core.services.login_values import (
    DestroyPlan,
    KeyringFacts,
    LoginCheck,
    LoginOverview,
    ServerSettings,
    SpackEnd,
    SpackLine,
    TestStep,
    TestView,
)
from core.services.logins import Logins
from core.services.mirror_test.memory import TestMemory
from core.services.mirror_test.run import MirrorTester
from core.services.mirror_values import AppliedEdit
from core.services.moving_secrets import move_to_keyring
from core.services.source_mirrors import SourceMirrors


class LoginHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state
        self._tests = TestMemory(cache_dir(), keep=not state.read_only)

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            logins.DescribeLogin: self.describe,
            logins.CheckLogin: self.check,
            logins.SaveLogin: self.save,
            logins.SignOut: self.sign_out,
            logins.UnlockKeyring: self.unlock,
            logins.KeyringState: self.keyring,
            logins.MoveToKeyring: self.move_to_keyring,
            logins.SaveServerSettings: self.save_server,
            logins.TestMirror: self.test,
            logins.LastTests: self.last_tests,
            logins.CreateMirror: self.create,
            logins.PlanDestroy: self.plan_destroy,
            logins.DestroyMirror: self.destroy,
        }

    def describe(self, call: logins.DescribeLogin, _token: CancelToken) -> LoginOverview:
        return self._logins(call.instance).describe(call.mirror, call.direction)

    def check(self, call: logins.CheckLogin, token: CancelToken) -> LoginCheck:
        instance = self._state.instance(call.instance)
        trial = LoginTrial(call.form, call.direction, call.login, call.settings)
        return trial.check(instance, self._state.access(instance), token, probe=not self._state.read_only)

    def save(self, call: logins.SaveLogin, token: CancelToken) -> LoginOverview:
        self._state.check_may_change("The login was not saved")
        return self._logins(call.instance).save(call.mirror, call.direction, call.login, token)

    def sign_out(self, call: logins.SignOut, token: CancelToken) -> tuple[str, ...]:
        self._state.check_may_change("Nobody was signed out")
        return self._logins(call.instance).sign_out(call.mirror, call.direction, token)

    def unlock(self, call: logins.UnlockKeyring, token: CancelToken) -> None:
        self._logins(call.instance).access.credentials.unlock_keyring(token)

    def keyring(self, call: logins.KeyringState, _token: CancelToken) -> KeyringFacts:
        return self._logins(call.instance).keyring()

    def move_to_keyring(self, call: logins.MoveToKeyring, token: CancelToken) -> AppliedEdit:
        self._state.check_may_change("Nothing was moved")
        instance = self._state.instance(call.instance)
        edit = MoveSecrets(call.mirror, call.scope)
        applied = move_to_keyring(instance, self._state.access(instance), self._state.mirror_edits, edit, token)
        self._state.mirrors_changed(call.instance)
        return applied

    def save_server(self, call: logins.SaveServerSettings, _token: CancelToken) -> ServerSettings:
        self._state.check_may_change("The settings were not saved")
        return self._logins(call.instance).save_server(call.host, call.settings)

    def test(self, call: logins.TestMirror, token: CancelToken) -> Iterator[list[TestStep] | TestView]:
        return self._tester(call.instance).run(call.mirror, token, as_reader=call.as_reader)

    def last_tests(self, call: logins.LastTests, _token: CancelToken) -> tuple[TestView, ...]:
        return self._tester(call.instance).last()

    def create(self, call: logins.CreateMirror, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        self._state.check_may_change("No mirror was made")
        return self._source_mirrors(call.instance).create(call.options, token)

    def plan_destroy(self, call: logins.PlanDestroy, token: CancelToken) -> DestroyPlan:
        return self._source_mirrors(call.instance).plan_destroy(call.mirror, token)

    def destroy(self, call: logins.DestroyMirror, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        self._state.check_may_change("Nothing was deleted")
        return self._source_mirrors(call.instance).destroy(call.mirror, call.typed, token)

    def _logins(self, instance_id: str) -> Logins:
        instance = self._state.instance(instance_id)
        return Logins(instance, self._state.access(instance))

    def _tester(self, instance_id: str) -> MirrorTester:
        instance = self._state.instance(instance_id)
        return MirrorTester(instance, self._state.access(instance), self._tests, probe=not self._state.read_only)

    def _source_mirrors(self, instance_id: str) -> SourceMirrors:
        instance = self._state.instance(instance_id)
        return SourceMirrors(instance, self._state.access(instance), Path.home())
