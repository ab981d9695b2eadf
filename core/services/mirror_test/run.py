# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One mirror tried in full."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.caches.opening import OCI_KINDS, CacheAccess
from core.foundation.cancel import CancelToken
from core.mirrors.credentials.identity import connection_of
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Connection, Mirror
from core.mirrors.reading import mirrors_of
from core.registry.references import ReferenceError, parse_mirror_url
from core.services.login_values import StepKey, TestStep, TestView
from core.services.logins import mirror_named
from core.services.mirror_test.elsewhere import ElsewhereTest
from core.services.mirror_test.folder import FolderTest
from core.services.mirror_test.memory import TestMemory
from core.services.mirror_test.registry import RegistryTest
from core.services.mirror_test.steps import failure, skipped, step, verdict
from core.spack.instance import Instance


@dataclass(frozen=True, slots=True)
class MirrorTester:
    """Tests the mirrors of one instance. Any number of threads at once; they wait for nothing of each other.

    Without `probe` nothing is begun or written anywhere, so it stays unknown whether one may push.
    """

    instance: Instance
    access: CacheAccess
    memory: TestMemory
    probe: bool = True

    def run(self, name: str, token: CancelToken, *, as_reader: bool = False) -> Iterator[list[TestStep] | TestView]:
        """Each step as it ends, then the view of all, which is remembered.

        Raises NotFound if there is no such mirror, and Cancelled.
        """
        mirrors = mirrors_of(self.instance).mirrors
        mirror = mirror_named(mirrors, name)
        done: list[TestStep] = []
        for one in self._steps(mirror, mirrors, token, as_reader=as_reader):
            done.append(one)
            yield [one]
        view = TestView(name, as_reader, time.time(), tuple(done), verdict(done))
        self.memory.put(self.instance, mirror, view)
        yield view

    def last(self) -> tuple[TestView, ...]:
        """What is remembered of the mirrors as they are configured now."""
        found = (
            self.memory.find(self.instance, mirror, as_reader=as_reader)
            for mirror in mirrors_of(self.instance).mirrors
            for as_reader in (False, True)
        )
        return tuple(view for view in found if view is not None)

    def _steps(
        self, mirror: Mirror, mirrors: tuple[Mirror, ...], token: CancelToken, *, as_reader: bool
    ) -> Iterator[TestStep]:
        if as_reader:
            yield from self._side(mirror, mirrors, Direction.FETCH, token, pushes=False, as_reader=True)
        elif _way(mirror.fetch) == _way(mirror.push):
            yield from self._side(mirror, mirrors, Direction.PUSH, token, fetches=True)
        else:
            for one in self._side(mirror, mirrors, Direction.FETCH, token, pushes=False):
                yield replace(one, title=f"{one.title}, to fetch")
            for one in self._side(mirror, mirrors, Direction.PUSH, token, fetches=False):
                yield replace(one, title=f"{one.title}, to push")

    def _side(
        self,
        mirror: Mirror,
        mirrors: tuple[Mirror, ...],
        direction: Direction,
        token: CancelToken,
        *,
        fetches: bool = True,
        pushes: bool = True,
        as_reader: bool = False,
    ) -> Iterator[TestStep]:
        connection = connection_of(mirror, direction)
        fetches = fetches and mirror.binary
        if pushes and not self.probe:
            pushes = False
            yield skipped(StepKey.PUSH, "Push", "nothing is tried with --read-only")
        if connection.problem:
            problem = connection.problem
            if pushes and not fetches:
                yield skipped(StepKey.PUSH, "Push", problem)
            else:
                yield step(StepKey.RESOLVE, "Address", lambda: failure(problem, "Correct the mirror's address."))
            return
        if connection.folder is not None:
            gnupg = self.access.gnupg
            folder = FolderTest(mirror, connection.folder, gnupg, token, pushes, fetches, as_reader)
            yield from folder.steps()
            return
        if connection.kind not in OCI_KINDS:
            yield from ElsewhereTest(self.access, mirror, connection, token, pushes, fetches).steps()
            return
        try:
            reference = parse_mirror_url(connection.url)
        except ReferenceError as error:
            why = str(error)
            yield step(StepKey.RESOLVE, "Address", lambda: failure(why, "Correct the mirror's address."))
            return
        yield from RegistryTest(
            self.access, mirror, direction, reference, token, mirrors, pushes, fetches, as_reader
        ).steps()


def _way(connection: Connection) -> tuple[str, ...]:
    """What has to be equal for both directions to be one."""
    return (connection.url, connection.user, connection.user_variable, connection.secret_variable)
