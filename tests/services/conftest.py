# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.services.access import open_access
from core.services.push import PreparedPush, plan_push
from core.services.sample import make_sample_instance
from core.spack.instance import Instance, find_instance
from core.transfers.journal import Journal
from core.transfers.model import PushOutcome
from core.transfers.plan import PushOptions, PushRequest
from core.transfers.queue import TransferQueue


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A sample instance of the test's own, free to be damaged."""
    make_sample_instance(tmp_path / "spack")
    return tmp_path / "spack"


@pytest.fixture
def gnupg() -> Iterator[GnupgHome]:
    """An empty GnuPG home; the instance uses it where a test's `environ` says so."""
    with gnupg_home() as made:
        yield made


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment variables of the instance."""
    return {}


@pytest.fixture
def instance(checkout, environ) -> Instance:
    return find_instance(str(checkout), environ=environ)


@pytest.fixture
def access(instance) -> Iterator[CacheAccess]:
    access = open_access(instance)
    yield access
    access.close()


@pytest.fixture
def plan(instance, access, tmp_path) -> Callable[..., PreparedPush]:
    """`plan("hdf5", to="team", force=True)`; without queries the environment's roots."""

    def plan(*queries: str, to: str = "team", within: Instance = instance, **options: object) -> PreparedPush:
        options.setdefault("with_build_dependencies", False)
        request = PushRequest(to, queries, options=PushOptions(**options))
        return plan_push(within, access, request, cwd=tmp_path, token=CancelToken())

    return plan


@pytest.fixture
def carry_out(tmp_path) -> Callable[[PreparedPush], PushOutcome]:
    def carry_out(prepared: PreparedPush) -> PushOutcome:
        queue = TransferQueue(Journal(tmp_path / "journal"), workers=2)
        try:
            push_id = queue.add(prepared.job)
            assert queue.wait(push_id, 60)
            return queue.outcome(push_id)
        finally:
            queue.close()

    return carry_out
