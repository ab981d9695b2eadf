# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes of the lab's packages into a scripted registry, step by step as a queue would do them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oci_data import OCI_DATA, lab_records
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.confirmations import Confirmations
from core.caches.oci.names import spec_tag
from core.caches.oci.oci_cache import OciCache
from core.caches.oci.oci_push import ImageOptions, OciPush
from core.caches.protocol import Completed, EntryName, Publication, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError
from core.packing.model import Codec, PackedPackage
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport
from core.spack.closures import breadth_first
from core.spack.specs import PackageRecord, spec_document

NAME = "lab/cache"
RECORDS = lab_records()
BY_HASH = {record.hash: record for record in RECORDS.values()}
ALL = ("labtool", "labfmt", "labdata", "labgen", "labz")  # in this order, so that the waiting is real
Outcome = Completed | MirrordeckError


def hash_of(name: str) -> str:
    return RECORDS[name].hash


def entry_of(name: str) -> EntryName:
    record = RECORDS[name]
    return EntryName(record.name, record.version, record.hash)


def tag_of(name: str) -> str:
    return spec_tag(entry_of(name))


def archive_of(name: str) -> bytes:
    return f"the archive of {name} ".encode() * 50


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(name: str) -> str:
    return digest_of(archive_of(name))


def names_of(hashes: Collection[str]) -> list[str]:
    return [BY_HASH[dag_hash].name for dag_hash in hashes]


def completed(outcome: object) -> Completed:
    assert isinstance(outcome, Completed), outcome
    return outcome


@contextmanager
def open_repository(registry: FakeRegistry, name: str = NAME, clock: FakeClock | None = None) -> Iterator[Repository]:
    clock = clock or FakeClock()
    transport = Transport(registry.endpoint, None, clock=clock)
    try:
        yield Repository(ImageReference(registry.endpoint.scheme, registry.host, name), transport, clock=clock)
    finally:
        transport.close()


@dataclass
class Lab:
    """A cache in a registry; `push` does what a whole push does."""

    registry: FakeRegistry
    repository: Repository
    place: Path
    clock: FakeClock = field(default_factory=FakeClock)
    blobs: BlobCache = field(init=False)
    confirmations: Confirmations = field(init=False)
    records: Mapping[str, PackageRecord] = field(default_factory=lambda: BY_HASH)

    def __post_init__(self) -> None:
        self.blobs = BlobCache(self.place / "blobs")
        self.confirmations = Confirmations(self.place / "confirmed", self.clock)

    @property
    def cache(self) -> OciCache:
        url = f"oci+http://{self.repository.reference.repository}"
        staging = self.place / "staging"
        return OciCache(
            self.repository,
            url=url,
            staging=staging,
            blobs=self.blobs,
            clock=self.clock,
            confirmations=self.confirmations,
        )

    def begin(
        self,
        names: Collection[str],
        *,
        force: bool = False,
        selected: frozenset[str] | None = None,
        held_back: frozenset[str] = frozenset(),
        **images: Any,
    ) -> tuple[OciPush, list[str], list[str]]:
        """A push of packages, which of them it uploads and which it only completes, by name."""
        entries = [] if force else [entry_of(name) for name in names]
        push = self.cache.open_push(entries, signer=None, token=CancelToken())
        push.use_images(ImageOptions(**images))
        hashes = frozenset(hash_of(name) for name in names)
        pushing = hashes - push.present.keys()
        completing = push.begin(PushScope(self.records, selected or hashes, pushing, held_back))
        return push, [name for name in names if hash_of(name) in pushing], names_of(completing)

    def open_push(self, names: Collection[str], **options: Any) -> OciPush:
        return self.begin(names, **options)[0]

    def push(self, *names: str, codec_noise: bytes = b"", **options: Any) -> dict[str, Outcome]:
        """Outcomes by name; packages that need nothing are not in it."""
        push, pushing, completing = self.begin(names or ALL, **options)
        outcomes: dict[str, Outcome] = {}
        push.prepare(CancelToken())
        for name in pushing:
            try:
                self.upload(push, name, codec_noise)
            except MirrordeckError as error:
                outcomes[name] = error
        for name in [*completing, *pushing]:
            if name not in outcomes:
                try:
                    outcomes[name] = self.complete(push, name)
                except MirrordeckError as error:
                    outcomes[name] = error
        return outcomes

    def upload(
        self,
        push: OciPush,
        name: str,
        noise: bytes = b"",
        token: CancelToken | None = None,
        document: bytes | None = None,
    ) -> str:
        content = archive_of(name) + noise
        path = push.staging(entry_of(name))
        path.write_bytes(content)
        diff_id = digest_of(b"unpacked " + content)
        packed = PackedPackage(path, digest_of(content), diff_id, len(content), 10 * len(content), 1, Codec.DEFAULT)
        record = RECORDS[name]
        document = document if document is not None else spec_document(record, BY_HASH)
        publication = Publication(entry_of(name), packed, document, None, record)
        return push.upload(publication, token=token or CancelToken(), progress=lambda _: None)

    def complete(self, push: OciPush, name: str) -> Completed:
        return push.complete(hash_of(name), token=CancelToken())

    def fail_blob(self, name: str) -> None:
        """The registry does not take that package's archive."""
        path = layer_of(name).removeprefix("sha256:")
        self.registry.faults.add(method="PUT", path=path, status=403, times=None)

    # ---- looking ----

    def manifest(self, tag: str) -> dict[str, Any]:
        return json.loads(self.raw(tag))

    def raw(self, tag: str) -> bytes:
        name = self.repository.reference.name
        return self.registry.manifests[name][self.registry.tags[name][tag]][1]

    def config(self, tag: str) -> dict[str, Any]:
        return json.loads(self.registry.blobs[self.repository.reference.name][self.manifest(tag)["config"]["digest"]])

    def layers(self, name: str) -> list[str]:
        """Which packages an image has the layers of."""
        owner = {layer_of(package): package for package in RECORDS}
        return [owner.get(layer["digest"], "?") for layer in self.manifest(tag_of(name))["layers"]]

    def tags(self) -> set[str]:
        return set(self.registry.tags[self.repository.reference.name])

    def forget_requests(self) -> None:
        self.registry.requests.clear()

    def writes(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.registry.requests if one.method not in ("GET", "HEAD")]


def load_golden(registry: FakeRegistry, push: str, name: str = NAME) -> None:
    """Put what Spack pushed into the registry; layers have the right size and name, but no content."""
    for path in (OCI_DATA / push).glob("*.manifest.json"):
        data = path.read_bytes()
        tag = path.name.removesuffix(".manifest.json")
        manifest = json.loads(data)
        registry.add_manifest(name, data, manifest["mediaType"], tag)
        registry.add_blob(name, path.with_name(f"{tag}.config.json").read_bytes())
        for layer in manifest["layers"]:
            registry.blobs[name][layer["digest"]] = bytes(layer["size"])
    for path in (OCI_DATA / push).glob("*.layer0.json"):
        registry.add_blob(name, path.read_bytes())


def closure(*names: str) -> frozenset[str]:
    return frozenset(breadth_first(BY_HASH, [hash_of(name) for name in names], ("build", "link", "run", "test")))
