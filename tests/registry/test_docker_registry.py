# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The same operations against Debian's docker-registry: plain http, TLS with a password, TLS with tokens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry.asking import Login
from registry.clients import TOKEN, content, descriptor, image
from registry.servers import PASSWORD, USER, RunningRegistry

from core.foundation.digests import digest_of
from core.foundation.errors import AuthRequired, Refused, TlsError, TooLarge
from core.network.bodies import BytesBody, FileBody
from core.network.endpoints import Endpoint
from core.registry.manifests import Descriptor
from core.registry.media_types import OCI_MANIFEST
from core.registry.options import TransportOptions
from core.registry.references import ImageReference
from core.registry.repository import BlobOutcome, Capabilities, DeleteUnsupported, Repository
from core.registry.tags import catalogue
from core.registry.transport import Transport

CONFIG = b'{"spec":{}}'
DATA = content(3_000_000)
DIGEST = digest_of(DATA)
MANIFEST = image(CONFIG, DATA)


@pytest.fixture(params=["plain", "basic", "token"])
def running(request: pytest.FixtureRequest, real_registries: dict[str, RunningRegistry]) -> RunningRegistry:
    return real_registries[request.param]


@pytest.fixture
def transport(running: RunningRegistry) -> Iterator[Transport]:
    options = TransportOptions(ca_file=running.authority)
    made = Transport(Endpoint(running.scheme, running.host), Login(USER, PASSWORD), options)
    yield made
    made.close()


@pytest.fixture
def repository(transport: Transport, request: pytest.FixtureRequest) -> Repository:
    """A repository of its own for every test."""
    name = "lab/" + request.node.originalname.removeprefix("test_").replace("_", "-")
    return at(transport, name)


def at(transport: Transport, name: str) -> Repository:
    endpoint = transport.endpoint
    return Repository(ImageReference(endpoint.scheme, endpoint.host, name), transport)


def put_image(repository: Repository, *tags: str) -> str:
    for data in (CONFIG, DATA):
        repository.upload(digest_of(data), BytesBody(data), token=TOKEN)
    for tag in tags:
        repository.put_manifest(tag, MANIFEST, OCI_MANIFEST, TOKEN)
    return digest_of(MANIFEST)


def test_blobs_there_and_back(repository: Repository, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA)
    sent: list[int] = []
    got: list[int] = []
    assert repository.blob_size(DIGEST, TOKEN) is None
    body = FileBody(source, len(DATA))
    assert repository.upload(DIGEST, body, token=TOKEN, progress=sent.append) == BlobOutcome.UPLOADED
    assert repository.upload(DIGEST, body, token=TOKEN) == BlobOutcome.PRESENT
    assert repository.blob_size(DIGEST, TOKEN) == len(DATA)
    repository.download(descriptor(DATA), target, TOKEN, got.append)
    assert target.read_bytes() == DATA
    assert sum(sent) == sum(got) == len(DATA)
    assert repository.read_blob(DIGEST, len(DATA), TOKEN) == DATA
    assert repository.unsound([descriptor(DATA), descriptor(b"other")], TOKEN, read=True) == [descriptor(b"other")]


def test_an_empty_blob(repository: Repository, tmp_path: Path) -> None:
    assert repository.upload(digest_of(b""), BytesBody(b""), token=TOKEN) == BlobOutcome.UPLOADED
    repository.download(descriptor(b""), tmp_path / "empty", TOKEN)
    assert (tmp_path / "empty").read_bytes() == b""


def test_pieces(repository: Repository) -> None:
    assert repository.upload(DIGEST, BytesBody(DATA), token=TOKEN, chunk_bytes=1_000_000) == BlobOutcome.UPLOADED
    assert repository.read_blob(DIGEST, len(DATA), TOKEN) == DATA


def test_mounting(repository: Repository, transport: Transport) -> None:
    other = at(transport, repository.reference.name + "-source")
    other.upload(DIGEST, BytesBody(DATA), token=TOKEN)
    sources = ["lab/nothing-here", other.reference.name]
    assert repository.upload(DIGEST, BytesBody(DATA), mount_from=sources, token=TOKEN) == BlobOutcome.MOUNTED
    small = content(100)
    sources = ["lab/nothing-here", "lab/nor-here"]
    outcome = repository.upload(digest_of(small), BytesBody(small), mount_from=sources, token=TOKEN)
    assert outcome == BlobOutcome.UPLOADED


def test_no_session_is_left_open(repository: Repository, running: RunningRegistry) -> None:
    sources = ["lab/nothing-here", "lab/nor-here"]
    repository.upload(DIGEST, BytesBody(DATA), mount_from=sources, token=TOKEN)
    folder = running.data / "docker/registry/v2/repositories" / repository.reference.name / "_uploads"
    assert list(folder.rglob("startedat")) == []


def test_other_bytes_than_announced_are_refused(repository: Repository) -> None:
    promised = digest_of(b"what was promised")
    with pytest.raises(Refused, match="digest"):
        repository.upload(promised, BytesBody(b"something else"), token=TOKEN)
    assert repository.blob_size(promised, TOKEN) is None


def test_manifests_and_tags(repository: Repository) -> None:
    assert repository.tags(TOKEN) == []
    assert repository.manifest("one", TOKEN) is None
    assert repository.manifest_digest("one", TOKEN) is None
    assert put_image(repository, "one", "two", "index.spack") == digest_of(MANIFEST)
    for target in ("one", digest_of(MANIFEST)):
        found = repository.manifest(target, TOKEN)
        assert found is not None
        assert (found.data, found.media_type) == (MANIFEST, OCI_MANIFEST)
        assert repository.manifest_digest(target, TOKEN) == digest_of(MANIFEST)
    assert repository.tags(TOKEN) == ["index.spack", "one", "two"]


def test_a_manifest_without_its_blobs_is_refused(repository: Repository) -> None:
    with pytest.raises(Refused, match="blob unknown"):
        repository.put_manifest("one", MANIFEST, OCI_MANIFEST, TOKEN)


def test_q30_sizes_are_not_checked_there_but_here(repository: Repository) -> None:
    put_image(repository, "one")
    wrong = Descriptor(descriptor(DATA).media_type, DIGEST, 7)
    assert repository.unsound([wrong], TOKEN) == [wrong]


def test_q31_the_limit_for_manifests(repository: Repository) -> None:
    put_image(repository, "one")
    base = len(image(CONFIG, annotations={"x": ""}))
    fits = image(CONFIG, annotations={"x": "x" * ((4 << 20) - base)})
    assert len(fits) == 4 << 20
    repository.put_manifest("large", fits, OCI_MANIFEST, TOKEN)
    with pytest.raises(TooLarge):
        repository.put_manifest("larger", fits + b" ", OCI_MANIFEST, TOKEN)


def test_q37_referrers(repository: Repository) -> None:
    digest = put_image(repository, "one")
    subject = {"mediaType": OCI_MANIFEST, "digest": digest, "size": len(MANIFEST)}
    signature = image(CONFIG, subject=subject)
    assert repository.referrers(digest, TOKEN) == ()
    repository.put_manifest(digest_of(signature), signature, OCI_MANIFEST, TOKEN)
    assert [row.digest for row in repository.referrers(digest, TOKEN)] == [digest_of(signature)]


def test_deleting(repository: Repository) -> None:
    digest = put_image(repository, "one", "two")
    assert repository.capabilities(TOKEN) == Capabilities(delete_manifests=True, delete_tags=False)
    with pytest.raises(DeleteUnsupported):
        repository.delete_tag("one", TOKEN)
    assert repository.delete_manifest(digest, TOKEN)
    assert not repository.delete_manifest(digest, TOKEN)
    assert repository.tags(TOKEN) == []


def test_catalogue(repository: Repository, transport: Transport) -> None:
    put_image(repository, "one")
    found = catalogue(transport, TOKEN)
    assert found is not None
    assert repository.reference.name in found
    assert found == sorted(found)


def test_many_at_once(repository: Repository) -> None:
    blobs = [b"%d" % number * 1000 for number in range(40)]
    failures: list[BaseException] = []

    def work(part: list[bytes]) -> None:
        try:
            for data in part:
                repository.upload(digest_of(data), BytesBody(data), token=TOKEN)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(blobs[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert repository.unsound([descriptor(data) for data in blobs], TOKEN) == []


@pytest.mark.parametrize("kind", ["basic", "token"])
def test_a_wrong_password_is_said_so(real_registries: dict[str, RunningRegistry], kind: str) -> None:
    running = real_registries[kind]
    options = TransportOptions(ca_file=running.authority)
    for login in (Login(USER, "wrong"), None):
        transport = Transport(Endpoint(running.scheme, running.host), login, options)
        try:
            with pytest.raises(AuthRequired):
                at(transport, "lab/x").tags(TOKEN)
        finally:
            transport.close()


def test_an_unknown_authority_is_said_so(real_registries: dict[str, RunningRegistry]) -> None:
    transport = Transport(Endpoint("https", real_registries["basic"].host), Login(USER, PASSWORD))
    try:
        with pytest.raises(TlsError):
            at(transport, "lab/x").tags(TOKEN)
    finally:
        transport.close()
