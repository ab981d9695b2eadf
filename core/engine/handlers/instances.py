# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about Spack instances."""

from __future__ import annotations

from typing import Any

from core.engine.calls import instances
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.first_look import survey, usual_checkouts
from core.services.instances import describe_instance
from core.services.values import InstanceInfo, InstanceSurvey


class InstanceHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            instances.OpenInstance: self.open_instance,
            instances.ListInstances: self.list_instances,
            instances.ForgetInstance: self.forget,
            instances.SurveyInstance: self.survey,
            instances.FindCheckouts: self.find,
        }

    def open_instance(self, call: instances.OpenInstance, _token: CancelToken) -> InstanceInfo:
        instance = self._state.instances.open(
            call.directory,
            environment=call.environment,
            environment_directory=call.environment_directory,
            no_environment=call.no_environment,
        )
        return self._state.named(describe_instance(instance))

    def list_instances(self, _call: instances.ListInstances, _token: CancelToken) -> tuple[InstanceInfo, ...]:
        return tuple(map(self._state.named, self._state.instances.known()))

    def forget(self, call: instances.ForgetInstance, _token: CancelToken) -> None:
        self._state.check_may_change("The instance was not forgotten")
        self._state.instances.forget(self._state.plain_id(call.instance))

    def survey(self, call: instances.SurveyInstance, token: CancelToken) -> InstanceSurvey:
        return survey(self._state.instance(call.instance), token)

    def find(self, _call: instances.FindCheckouts, _token: CancelToken) -> tuple[str, ...]:
        return usual_checkouts()
