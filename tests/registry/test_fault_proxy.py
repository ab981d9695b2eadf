# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A real registry behind a bad network: what arrives is right, and what cannot arrive is said."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from registry.clients import TOKEN, content, image
from registry.fault_proxy import FaultProxy, Trouble
from registry.kit.clock import FakeClock
from registry.servers import RunningRegistry

from core.foundation.digests import digest_of
from core.foundation.errors import NetworkDown, RemoteError, ServerError
from core.network.bodies import BytesBody
from core.network.endpoints import Endpoint
from core.registry.manifests import Descriptor
from core.registry.media_types import OCI_LAYER_GZIP, OCI_MANIFEST
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport

DATA = content(600_000)
CONFIG = b'{"spec":{}}'
Through = Callable[..., Repository]


@pytest.fixture
def direct(real_registries: dict[str, RunningRegistry]) -> Iterator[Repository]:
    """A repository of this test's own, by the way that has no faults."""
    host = real_registries["plain"].host
    transport = Transport(Endpoint("http", host))
    yield Repository(ImageReference("http", host, f"faults/{uuid.uuid4().hex}"), transport)
    transport.close()


@pytest.fixture
def through(direct: Repository) -> Iterator[Through]:
    """`through(Trouble(…), …)`: the same repository behind a proxy with these troubles. Pauses take no time."""
    with ExitStack() as stack:

        def through(*troubles: Trouble) -> Repository:
            proxy = stack.enter_context(FaultProxy(direct.reference.domain, troubles))
            transport = Transport(Endpoint("http", proxy.host), clock=FakeClock())
            stack.callback(transport.close)
            return Repository(ImageReference("http", proxy.host, direct.reference.name), transport)

        yield through


def arrived(direct: Repository, data: bytes) -> bool:
    return direct.read_blob(digest_of(data), len(data), TOKEN) == data


@pytest.mark.parametrize("cut", [1, 150, 20_000, 599_000])
def test_uploads_that_are_cut_off_arrive_whole(direct: Repository, through: Through, cut: int) -> None:
    repository = through(Trouble(cut_up=cut), Trouble(cut_up=cut + 77))
    repository.upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    assert arrived(direct, DATA)


@pytest.mark.parametrize("cut", [10, 200, 1200])
def test_answers_that_are_cut_off_change_nothing(direct: Repository, through: Through, cut: int) -> None:
    """Whether the request got through is found out before it is repeated."""
    repository = through(*[Trouble(cut_down=cut)] * 3)
    repository.upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    repository.upload(digest_of(CONFIG), BytesBody(CONFIG), token=TOKEN)
    manifest = image(CONFIG, DATA)
    assert repository.put_manifest("a", manifest, OCI_MANIFEST, TOKEN) == digest_of(manifest)
    assert direct.tags(TOKEN) == ["a"]
    assert arrived(direct, DATA)


def test_downloads_go_on_where_they_broke(direct: Repository, through: Through, tmp_path: Path) -> None:
    direct.upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    repository = through(Trouble(cut_down=100_000), Trouble(cut_down=250_000), Trouble(cut_down=90_000))
    moved: list[int] = []
    blob = Descriptor(OCI_LAYER_GZIP, digest_of(DATA), len(DATA))
    repository.download(blob, tmp_path / "target", TOKEN, moved.append)
    assert (tmp_path / "target").read_bytes() == DATA
    assert sum(moved) == len(DATA)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_of_errors_passes(direct: Repository, through: Through, status: int) -> None:
    repository = through(*[Trouble(status=status)] * 4)
    repository.upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    assert arrived(direct, DATA)


def test_a_slow_way_is_only_slow(direct: Repository, through: Through) -> None:
    repository = through(*[Trouble(delay_s=0.005)] * 20)
    repository.upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    assert arrived(direct, DATA)


def test_t32_connections_that_died_while_the_machine_slept(direct: Repository) -> None:
    """What the pool holds is dead, and a large upload was on its way: all is done again without a word."""
    with FaultProxy(direct.reference.domain) as proxy:
        transport = Transport(Endpoint("http", proxy.host), clock=FakeClock())
        repository = Repository(ImageReference("http", proxy.host, direct.reference.name), transport)
        try:
            for number in range(3):
                data = DATA + bytes([number])
                repository.upload(digest_of(data), BytesBody(data), token=TOKEN)
                assert arrived(direct, data)
                proxy.cut_all()
            slept: list[int] = []

            def sleep(count: int) -> None:
                slept.append(count)
                if len(slept) == 1:
                    proxy.cut_all()

            large = content(20_000_000)
            repository.upload(digest_of(large), BytesBody(large), token=TOKEN, progress=sleep)
            assert arrived(direct, large)
            assert sum(slept) == len(large)
        finally:
            transport.close()


def test_what_never_gets_through_is_said(direct: Repository, through: Through) -> None:
    with pytest.raises(NetworkDown):
        through(*[Trouble(cut_up=1)] * 500).upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    with pytest.raises(ServerError):
        through(*[Trouble(status=503)] * 500).upload(digest_of(DATA), BytesBody(DATA), token=TOKEN)
    assert direct.blob_size(digest_of(DATA), TOKEN) is None


@pytest.mark.parametrize("seed", range(4))
def test_i1_whatever_happens_no_tag_leads_to_nothing(direct: Repository, through: Through, seed: int) -> None:
    chance = random.Random(seed)

    def trouble() -> Trouble:
        return chance.choice(
            [
                Trouble(cut_up=chance.randrange(1, 700_000)),
                Trouble(cut_down=chance.randrange(1, 3000)),
                Trouble(status=chance.choice([500, 503, 429])),
                Trouble(),
            ]
        )

    repository = through(*[trouble() for _ in range(60)])
    for number in range(4):
        data = content(50_000 + number) + bytes([number])
        try:
            repository.upload(digest_of(data), BytesBody(data), token=TOKEN)
            repository.upload(digest_of(CONFIG), BytesBody(CONFIG), token=TOKEN)
            repository.put_manifest(f"t{number}", image(CONFIG, data), OCI_MANIFEST, TOKEN)
        except RemoteError:
            continue
        assert f"t{number}" in direct.tags(TOKEN)
        assert arrived(direct, data)
