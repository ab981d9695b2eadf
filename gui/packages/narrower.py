# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Turns what a person chose in the filter bar into what the model shows; asks the engine where it must."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.engine.calls.packages import FindPackages
from core.engine.calls.presence import FindMissing
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.services.package_values import MissingOn, QueryProblem
from gui.engine_client import EngineClient
from gui.packages import words
from gui.packages.completion import is_spec
from gui.packages.filter_bar import NO_MIRROR, FilterChoice
from gui.packages.model import PackagesModel
from gui.packages.rows import Narrowing, Show
from gui.widgets.page import TaskOwner


class Narrower(QObject):
    """Plain words narrow at once. A spec, and what is missing of an environment or of everything explicit, is asked
    from the engine; until it has answered, and when the spec is wrong, the last good result stays.

    `changed` follows every answer; `problem`, `unknown` and `missing` then say what there is to say about it.
    """

    changed = Signal()

    def __init__(self, client: EngineClient, model: PackagesModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self._client = client
        self._model = model
        self._instance = ""
        self._choice = FilterChoice()
        self._found: tuple[str, frozenset[str]] | None = None  # a spec and the packages that match it
        self._missing_for: FilterChoice | None = None
        self.problem: QueryProblem | None = None
        self.error: ErrorInfo | None = None
        self.unknown = 0
        self.missing: MissingOn | None = None
        self.asking = False

    def choose(self, instance_id: str, choice: FilterChoice) -> None:
        """Show what `choice` says as soon as that is known."""
        if instance_id != self._instance:
            self.forget()
        self._instance, self._choice = instance_id, choice
        self.tasks.cancel_all()
        self.problem = self.error = None
        spec = choice.text if is_spec(choice.text) else ""
        query = spec if spec and (self._found is None or self._found[0] != spec) else ""
        if not spec:
            self._found, self.unknown = None, 0
        scope = _scope(choice)
        if scope != self._missing_for:
            self.missing = None
        self.asking = bool(instance_id) and bool(query or (scope is not None and scope != self._missing_for))
        if self.asking:
            self.tasks.start(self._ask(query, scope))
        else:
            self._apply()
        self.changed.emit()

    def again(self) -> None:
        """The packages, or what is known about them, have changed."""
        if self._found is not None:
            self._found = ("", self._found[1])  # what matched stays until the answer
        self._missing_for = None
        self.choose(self._instance, self._choice)

    def forget(self) -> None:
        self.tasks.cancel_all()
        self._found = self._missing_for = self.missing = None
        self.asking, self.unknown = False, 0

    async def _ask(self, query: str, scope: FilterChoice | None) -> None:
        try:
            if query:
                found = await self._client.call(FindPackages(self._instance, query))
                self.problem = found.problem
                if found.problem is None:
                    self._found, self.unknown = (query, frozenset(found.hashes)), len(found.unknown)
            if scope is not None and scope != self._missing_for:
                call = FindMissing(self._instance, scope.missing_on, scope.environment)
                self.missing = await self._client.call(call)
                self._missing_for = scope
        except MirrordeckError as error:
            self.error = error.info()
        self.asking = False
        if self.problem is None and self.error is None:
            self._apply()
        self.changed.emit()

    def _apply(self) -> None:
        choice, facts = self._choice, self._model.facts
        show, only, without, first = choice.show, [], [], frozenset[str]()
        if self._found is not None:
            only.append(self._found[1])
        environment = facts.environment(choice.environment)
        if self.missing is not None and _scope(choice) is not None:
            only.append(frozenset(self.missing.hashes))
            show = Show.INSTALLED  # whatever they are, they are needed
        elif environment is not None:
            only.append(frozenset(environment.hashes))
        if environment is not None:
            first = frozenset(environment.roots)
        if choice.missing_on == NO_MIRROR:
            without += [mirror.hashes for mirror in facts.known_mirrors()]
        elif choice.missing_on and self.missing is None and choice.missing_on in facts.mirrors:
            without.append(facts.mirrors[choice.missing_on].hashes)
        plain = () if is_spec(choice.text) else tuple(choice.text.lower().split())
        self._model.narrow(Narrowing(show, plain, tuple(only), tuple(without), first))

    def missing_sentence(self) -> str:
        """How much is missing on the mirror chosen; "" where that was not asked."""
        missing, choice = self.missing, self._choice
        if missing is None:
            return ""
        count, have = len(missing.hashes), missing.have
        return words.missing_sentence(count, choice.missing_on, choice.environment, have, missing.read_at)


def _scope(choice: FilterChoice) -> FilterChoice | None:
    """The question about a mirror that counts dependencies; None where none is asked."""
    if choice.missing_on in ("", NO_MIRROR):
        return None
    if choice.environment or choice.show is Show.EXPLICIT:
        return FilterChoice("", Show.EXPLICIT, choice.environment, choice.missing_on)
    return None
