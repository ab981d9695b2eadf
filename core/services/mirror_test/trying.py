# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Reading from and pushing to a repository, tried apart: what a login is good for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, AuthRequired
from core.mirrors.credentials.states import Login
from core.registry.paging import next_target
from core.registry.paths import tags_path
from core.registry.repository import Repository
from core.registry.scopes import Scope
from core.registry.strict_json import decode_object
from core.registry.upload_sessions import UploadSessions
from core.services.login_values import StepKey, StepState, TestStep
from core.services.mirror_test.steps import Finding, failure, skipped, step, warning
from core.services.registry_target import REFUSALS, explain_refusal

_PAGE_BYTES = 32 << 20
_READ_ONLY = "Use a token that may write packages too: this one is good for reading only, the usual trap."


@dataclass(frozen=True, slots=True)
class FirstPage:
    """What the registry answers to Spack's own request for tags: how many it names, None for `null`, and where the
    rest is, "" for nowhere. `exists` is False where there is no such repository (yet)."""

    exists: bool
    tags: int | None = None
    following: str = ""


class Trial:
    """Tries `repository`, reached with `login`. `page` is set once it was read. One thread."""

    def __init__(self, repository: Repository, login: Login, token: CancelToken) -> None:
        self.page: FirstPage | None = None
        self._repository = repository
        self._reference = repository.reference
        self._login = login
        self._token = token

    def read(self) -> TestStep:
        return step(StepKey.READ, "Read", self._read)

    def write(self, read: TestStep) -> TestStep:
        """Open an upload and drop it. `read` is what became of reading: it tells a read-only login from a wrong one."""
        may_read = read.state in (StepState.OK, StepState.WARNING)
        return step(StepKey.PUSH, "Push", lambda: self._write(may_read=may_read))

    def _read(self) -> Finding | str:
        name = self._reference.name
        with self._explaining("read"):
            self.page = self._first_page()
        if self.page.exists:
            return f"{self._who} may read {name}"
        remedy = "Push something: most registries make it then. Some want it to be made by hand first."
        return warning(f"there is no repository {name} on {self._reference.domain} yet", remedy)

    def _write(self, *, may_read: bool) -> Finding | str:
        sessions = UploadSessions(self._repository.transport, self._reference)
        try:
            with self._explaining("push to"):
                opened = sessions.open(self._token)
        except (AuthRequired, AccessDenied) as error:
            if not (may_read and error.status and self._login.user):
                raise
            found = f"{self._who} may read {self._reference.name} but not push to it. {error.info().sentence()}"
            return failure(found, " ".join((_READ_ONLY, *error.remedies)))
        sessions.cancel(opened)
        return f"{self._who} may push: an upload was opened and dropped"

    @property
    def _who(self) -> str:
        return self._login.user or "everybody, without a login,"

    def _first_page(self) -> FirstPage:
        name = self._reference.name
        answer = self._repository.transport.request(
            "GET",
            tags_path(name),
            scope=Scope(name),
            expect={200, 404},
            limit=_PAGE_BYTES,
            token=self._token,
            retry=False,
        )
        if answer.status == 404:
            return FirstPage(exists=False)
        document: dict[str, Any] = decode_object(answer.body, "the list of tags")
        tags = document.get("tags")
        following = next_target(answer.headers.get("link", "")) or ""
        return FirstPage(True, len(tags) if isinstance(tags, list) else None, following)

    @contextmanager
    def _explaining(self, action: str) -> Iterator[None]:
        try:
            yield
        except REFUSALS as error:
            explain_refusal(error, action, self._reference, lambda: self._login)
            raise


def not_tried(why: str) -> tuple[TestStep, TestStep]:
    """Reading and writing, skipped."""
    return skipped(StepKey.READ, "Read", why), skipped(StepKey.PUSH, "Push", why)
