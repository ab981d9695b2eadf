# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A mirror in an OCI registry, tried over connections of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.caches.oci.names import INDEX_TAG, is_spec_tag
from core.caches.oci.oci_index import read_index
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import RemoteError
from core.foundation.text import plural
from core.mirrors.credentials.identity import connection_of
from core.mirrors.credentials.states import CredentialState, Direction, Login
from core.mirrors.model import Mirror
from core.network.limits import ERROR_BYTES
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.scopes import Scope
from core.services.login_values import StepKey, StepState, TestStep
from core.services.mirror_test.spack_view import SpackView
from core.services.mirror_test.steps import Finding, failure, skipped, step, warning
from core.services.mirror_test.trying import Trial
from core.services.mirror_test.way import Way

_NO_LOGIN = Login(CredentialState.NONE_NEEDED)
_READER = "Anybody without a login"
_UPDATE = "Update the index: mirrordeck buildcache update-index, or push with it."
_ROOT_STATUSES = frozenset({200, 403, 404, 405})


@dataclass(frozen=True, slots=True)
class RegistryTest:
    """What the connection of `mirror` for `direction` leads to, tried with its login, or `as_reader` without any.

    `wants_push` and `wants_fetch` say what is to be tried; `mirrors` are all of the instance, for Spack's view.
    """

    access: CacheAccess
    mirror: Mirror
    direction: Direction
    reference: ImageReference
    token: CancelToken
    mirrors: tuple[Mirror, ...] = ()
    wants_push: bool = True
    wants_fetch: bool = True
    as_reader: bool = False

    def steps(self) -> Iterator[TestStep]:
        """Raises Cancelled."""
        way = Way(self.reference.endpoint, self.access.options(self.reference.domain).ca_file, self.token)
        yield from way.steps()
        if not way.open:
            yield skipped(StepKey.AUTHENTICATE, "Sign in", "the server is not reached")
            return
        source = None if self.as_reader else self.access.source(self.mirror, self.direction)
        with self.access.trial(self.reference, source) as repository:
            yield from self._inside(repository)

    def _inside(self, repository: Repository) -> Iterator[TestStep]:
        login = _NO_LOGIN if self.as_reader else self.access.login(self.mirror, self.direction)
        signed_in = step(StepKey.AUTHENTICATE, "Sign in", lambda: self._sign_in(repository, login))
        yield signed_in
        if signed_in.state is StepState.FAILED:
            yield skipped(StepKey.READ, "Read", "signing in failed")
            if self.wants_fetch and not self.as_reader:
                yield step(StepKey.READER, _READER, self._reader)
            return
        trial = Trial(repository, login, self.token)
        read = trial.read()
        yield read
        if self.wants_push and not self.as_reader:
            yield trial.write(read)
        if read.state is StepState.FAILED or not self.wants_fetch:
            return
        spec_tags: list[str] = []
        yield step(StepKey.LIST, "List packages", lambda: self._list(repository, spec_tags))
        yield step(StepKey.INDEX, "Index", lambda: self._index(repository, len(spec_tags)))
        yield skipped(StepKey.KEY, "Signatures", "Spack neither signs nor checks packages in registries")
        if self.as_reader:
            return
        view = SpackView(self.access, self.mirror, self.mirrors, repository, trial.page, self.token)
        yield step(StepKey.SPACK, "Spack itself", lambda: view.look(spec_tags))
        yield step(StepKey.READER, _READER, self._reader)

    def _sign_in(self, repository: Repository, login: Login) -> Finding | str:
        """Ask the registry's root with the rights to read: whatever login it wants is used and judged there."""
        transport = repository.transport
        scope = Scope(self.reference.name)
        answer = transport.request(
            "GET", "/v2/", scope=scope, expect=_ROOT_STATUSES, limit=ERROR_BYTES, token=self.token, retry=False
        )
        kinds = ", ".join(dict.fromkeys(challenge.scheme for challenge in transport.challenges()))
        if not kinds:
            return "no login is asked for"
        if login.user:
            doubt = "" if answer.status == 200 else f", though it answered {answer.status}"
            place = f", {login.source}" if login.source else ""
            return f"signed in as {login.user} ({login.state}{place}) by {kinds}{doubt}"
        return f"without a login; the registry would take one by {kinds}"

    def _list(self, repository: Repository, spec_tags: list[str]) -> str:
        tags = repository.tags(self.token)
        spec_tags += [tag for tag in tags if is_spec_tag(tag)]
        others = len(tags) - len(spec_tags) - (INDEX_TAG in tags)
        return plural(len(spec_tags), "package") + (f", {plural(others, 'other tag')}" if others else "")

    def _index(self, repository: Repository, packages: int) -> Finding | str:
        index = read_index(repository, self.access.kept, self.token)
        if index is None:
            if not packages:
                return warning("there is none, and no package yet", "Push something, with its index.")
            return failure("there is none: Spack finds no package here", _UPDATE)
        known = sum(record.in_buildcache for record in index.records.values())
        if known != packages:
            found = f"it knows {plural(known, 'package')}, but {packages:,} are there"
            return warning(found, _UPDATE)
        return f"it knows all {plural(known, 'package')}; registries do not tell its age"

    def _reader(self) -> Finding | str:
        """Read once more as somebody without any login, from the address for fetching."""
        with self.access.trial(self.reference, None) as repository:
            trial = Trial(repository, _NO_LOGIN, self.token)
            read = trial.read()
            if read.state is StepState.FAILED:
                if connection_of(self.mirror, Direction.FETCH).secret_variable:
                    return f"cannot read, so each user needs a login: {read.detail}"
                remedy = "Make the repository public, or name variables for a login that users have."
                return warning(f"cannot read, and the mirror names no login for fetching: {read.detail}", remedy)
            try:
                there = read_index(repository, self.access.kept, self.token) is not None
            except RemoteError as error:
                return warning(f"may list but not read: {error.info().sentence()}")
            return "may read, and finds the index" if there else warning("may read, but finds no index", _UPDATE)
