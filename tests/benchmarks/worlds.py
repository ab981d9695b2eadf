# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What grows with the number of packages, and the start of the program; without the start of Python and its imports
where that is not said."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import generator
import msgspec
from measuring import (
    USUAL_PACKAGES,
    USUAL_PRESENT,
    Measurement,
    Scale,
    in_process,
    megabytes,
    of_scale,
    our_command,
    run_command,
    spent,
)
from registry.kit.fake_registry import FakeRegistry

from core.caches.folder_cache import FolderCache
from core.caches.folder_index import put_index
from core.caches.index import IndexDraft, encode_index
from core.caches.layout3 import SPEC_PREFIX, blob_key, entry_manifest
from core.caches.oci.names import INDEX_TAG, spec_tag
from core.caches.oci.oci_index import index_manifest
from core.caches.protocol import BuildCache, EntryName, IndexRecord, Publication, PushScope
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.places import cache_dir
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.packing.model import Codec, PackedPackage
from core.services.access import open_access
from core.services.push import plan_push
from core.spack.database import Database, read_database
from core.spack.instance import find_instance
from core.spack.specs import PackageRecord, spec_document
from core.transfers.plan import Decision, PushOptions, PushRequest, Signing

CHANGED = 10
LONG_AGO = 1_000_000_000.0
STARTS = {("--version",): ("mirrordeck --version", 0.3), ("mirror", "list"): ("mirrordeck mirror list", 0.6)}


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Starts, pushes with nothing to do, index updates."""
    make_present(folder, scale.present)
    instance = str(folder / "spack")
    for words, (title, most) in STARTS.items():
        command = our_command("--instance", instance, *words)
        times = [run_command(command, folder / "log").cpu_s for _ in range(scale.runs)]
        yield Measurement(title, "s", times, most)
    times = [in_process(plan_present, instance, str(folder / "mirror")).answer["s"] for _ in range(scale.runs)]
    most = of_scale(3.0, scale.present, USUAL_PRESENT)
    yield Measurement(f"plan of {scale.present:,}, all in a folder, never looked at", "s", times, most)
    yield from _measure_index(scale, folder)


def measure_registry(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Pushes with nothing to do, to a registry on loopback."""
    generator.write_index(folder / "spack", scale.tagged)
    instance = str(folder / "spack")
    with FakeRegistry() as registry:
        address = f"oci+http://{registry.host}/bench"
        make_tagged(instance, address)
        found = defaultdict(list)
        for _ in range(scale.runs):
            shutil.rmtree(cache_dir(), ignore_errors=True)
            for state in ("never looked at", "confirmed before"):
                found[state].append(in_process(plan_present, instance, address).answer["s"])
    title = f"plan of {scale.tagged:,}, all in a registry"
    yield Measurement(f"{title}, never looked at", "s", found["never looked at"])
    most = of_scale(3.0, scale.tagged, USUAL_PRESENT)
    yield Measurement(f"{title}, confirmed before", "s", found["confirmed before"], most)
    yield from _measure_registry_index(scale, folder / "indexed")


def _measure_index(scale: Scale, folder: Path) -> Iterator[Measurement]:
    found = defaultdict(list)
    for _ in range(scale.runs):
        # Each update needs a mirror that has just been pushed to.
        with tempfile.TemporaryDirectory(dir=folder) as again:
            make_indexed(Path(again), scale.packages)
            for name, value in in_process(update_index, str(Path(again, "mirror"))).answer.items():
                found[name].append(value)
    title = f"index of {scale.packages:,} after {CHANGED} more"
    yield Measurement(title, "s", found["s"], of_scale(1.0, scale.packages, USUAL_PACKAGES))
    yield Measurement(f"{title}: memory / its size", "x", found["memory"], 2.0 if scale.packages >= 5000 else None)


def _measure_registry_index(scale: Scale, folder: Path) -> Iterator[Measurement]:
    times = []
    generator.write_index(folder / "spack", scale.packages)
    instance = str(folder / "spack")
    for _ in range(scale.runs):
        with FakeRegistry() as registry:
            address = f"oci+http://{registry.host}/bench"
            make_indexed_registry(registry, instance, address)
            times.append(in_process(update_registry_index, instance, address).answer)
    title = f"index of {scale.packages:,} in a registry after {CHANGED} more"
    yield Measurement(title, "s", times, of_scale(1.0, scale.packages, USUAL_PACKAGES))


def here(database: Database) -> list[PackageRecord]:
    return [record for record in database.records.values() if not record.external]


def publish(cache: FolderCache, record: PackageRecord, database: Database) -> None:
    staging = cache.staging(EntryName(record.name, record.version, record.hash))
    cache.publish(publication_of(record, database, staging), token=CancelToken(), progress=lambda _: None)


def publication_of(record: PackageRecord, database: Database, staging: Path) -> Publication:
    """A package whose archive is only its hash."""
    data = record.hash.encode()
    staging.write_bytes(data)
    packed = PackedPackage(staging, digest_of(data), digest_of(data), len(data), len(data), 1, Codec.DEFAULT)
    entry = EntryName(record.name, record.version, record.hash)
    return Publication(entry, packed, spec_document(record, database.records), None, record)


def make_present(folder: Path, count: int) -> None:
    """An install tree, and a mirror that has all of it."""
    generator.write_index(folder / "spack", count)
    database = read_database(folder / "spack")
    cache = FolderCache(folder / "mirror")
    cache.prepare(None)
    for record in here(database):
        publish(cache, record, database)


def make_indexed(folder: Path, count: int) -> None:
    """A mirror whose index is complete but for the last packages; the manifests of the others are empty files."""
    generator.write_index(folder / "spack", count)
    database = read_database(folder / "spack")
    cache = FolderCache(folder / "mirror")
    cache.prepare(None)
    records = here(database)
    for record in records[:-CHANGED]:
        manifest = cache.folder.path(entry_manifest(EntryName(record.name, record.version, record.hash)))
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.touch()
        os.utime(manifest, (LONG_AGO, LONG_AGO))
    for directory in cache.folder.path(SPEC_PREFIX).iterdir():
        os.utime(directory, (LONG_AGO, LONG_AGO))
    put_index(cache.folder, index_without_last(database))
    for record in records[-CHANGED:]:
        publish(cache, record, database)


def index_without_last(database: Database) -> dict[str, IndexRecord]:
    entries = {record.hash for record in here(database)[:-CHANGED]}
    index = {
        key: IndexRecord(msgspec.Raw(record.document), 0, key in entries)
        for key, record in sorted(database.records.items())
        if key in entries or record.external
    }
    draft = IndexDraft()
    draft.keep_all(entries, index)
    return draft.records()


def make_indexed_registry(registry: FakeRegistry, instance: str, address: str) -> None:
    """As `make_indexed`, in a registry; images of all but the last packages are the same."""
    database, name = read_database(Path(instance)), "bench"
    records = here(database)
    make_tagged(instance, address, records[-CHANGED:])
    data = b"".join(encode_index(index_without_last(database)))
    digest = registry.add_blob(name, data)
    one = registry.add_manifest(name, index_manifest(digest, len(data)), tag=INDEX_TAG)
    for record in records[:-CHANGED]:
        registry.tags[name][spec_tag(EntryName(record.name, record.version, record.hash))] = one


def make_tagged(instance: str, address: str, chosen: Sequence[PackageRecord] = ()) -> None:
    """A registry that has all of an install tree, or the packages `chosen`."""
    with_access = open_access(find_instance(instance, environ={}), keep=False)
    found = find_instance(instance, environ={})
    database, token = read_database(Path(instance)), CancelToken()
    cache: BuildCache = with_access.open(resolve_mirror(address, mirrors_of(found), cwd=Path(instance)), Direction.PUSH)
    records = chosen or here(database)
    hashes = frozenset(record.hash for record in records)
    push = cache.open_push((), signer=None, token=token)
    push.begin(PushScope(database.records, selected=hashes, pushing=hashes))
    push.prepare(token)
    for record in records:
        publication = publication_of(
            record, database, push.staging(EntryName(record.name, record.version, record.hash))
        )
        push.upload(publication, token=token, progress=lambda _: None)
        push.complete(record.hash, token=token)
    with_access.close()


def plan_present(instance: str, address: str) -> dict[str, float]:
    found = find_instance(instance, environ={})

    def plan() -> None:
        access = open_access(found)
        hashes = tuple(record.hash for record in here(found.database(CancelToken())))
        request = PushRequest(address, hashes=hashes, options=PushOptions(signing=Signing.UNSIGNED))
        prepared = plan_push(found, access, request, cwd=Path(instance), token=CancelToken())
        assert any(prepared.plan.of(Decision.PRESENT))
        assert not any(prepared.plan.of(Decision.PUSH))
        access.close()

    return {"s": spent(plan)}


def update_index(mirror: str) -> dict[str, float]:
    cache = FolderCache(Path(mirror))
    before = megabytes("VmRSS")
    cpu = spent(lambda: cache.update_index(full=False, token=CancelToken(), progress=lambda _done, _total: None))
    index = cache.read_index()
    size = cache.folder.path(blob_key(index.digest)).stat().st_size / 1e6 if index is not None else 1.0
    return {"s": cpu, "memory": (megabytes("VmHWM") - before) / size}


def update_registry_index(instance: str, address: str) -> float:
    found = find_instance(instance, environ={})
    access = open_access(found)
    cache: BuildCache = access.open(resolve_mirror(address, mirrors_of(found), cwd=Path(instance)), Direction.PUSH)

    def update() -> None:
        done = cache.update_index(full=False, token=CancelToken(), progress=lambda _done, _total: None)
        assert done.added == CHANGED

    cpu = spent(update)
    access.close()
    return cpu
