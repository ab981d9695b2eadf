# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from oci_data import OCI_DATA
from oci_lab import ALL, NAME, Lab, entry_of, hash_of, load_golden, open_repository, tag_of
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry

from core.caches.index import encode_index
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.names import INDEX_TAG
from core.caches.oci.oci_index import index_manifest
from core.caches.protocol import CacheEntry, IndexUpdate
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import CacheError, MirrordeckError

NOTHING = b"nothing like it"
SPACK_INDEX = OCI_DATA / "push-nobase/index.spack.layer0.json"


def update(lab: Lab, *, full: bool = False) -> IndexUpdate:
    return lab.cache.update_index(full=full, token=CancelToken(), progress=lambda _done, _total: None)


def entries(lab: Lab) -> set[str]:
    index = lab.cache.read_index()
    assert index is not None
    return {dag_hash for dag_hash, record in index.records.items() if record.in_buildcache}


def hashes(*names: str) -> set[str]:
    return {hash_of(name) for name in names}


def tags_read(lab: Lab) -> set[str]:
    paths = [one.path for one in lab.registry.requests if one.method == "GET" and "/manifests/" in one.path]
    return {tag for path in paths if ":" not in (tag := path.rpartition("/")[2])}


# ---- against Spack ----


def test_the_manifest_is_spacks() -> None:
    data = SPACK_INDEX.read_bytes()
    assert (
        index_manifest(digest_of(data), len(data)) == (OCI_DATA / "push-nobase/index.spack.manifest.json").read_bytes()
    )


@pytest.mark.parametrize("push", ["push-nobase", "push-three"])
def test_the_same_records_as_spack(lab: Lab, push: str) -> None:
    load_golden(lab.registry, push)
    expected = json.loads((OCI_DATA / push / "index.spack.layer0.json").read_bytes())
    there = lab.cache.read_index()
    assert there is not None
    assert json.loads(b"".join(encode_index(there.records))) == expected
    del lab.registry.tags[NAME][INDEX_TAG]
    assert update(lab).skipped == ()
    made = lab.cache.read_index()
    assert made is not None
    assert json.loads(b"".join(encode_index(made.records))) == expected


def test_an_index_of_spacks_is_enough(lab: Lab) -> None:
    """Nothing is read again nor written, although we would write the records in another order."""
    load_golden(lab.registry, "push-nobase")
    done = update(lab)
    assert (done.entries, done.added, done.dropped) == (5, 0, 0)
    assert tags_read(lab) == {INDEX_TAG}
    assert lab.writes() == []


# ---- incremental ----


def test_i5_only_new_tags_are_read(lab: Lab, tmp_path: Path) -> None:
    lab.push("labz", "labdata")
    update(lab)
    lab.push()
    lab.blobs = BlobCache(None)
    lab.forget_requests()
    done = update(lab)
    assert (done.entries, done.added, done.dropped) == (5, 3, 0)
    assert tags_read(lab) == {INDEX_TAG, *(tag_of(name) for name in ("labtool", "labfmt", "labgen"))}
    assert entries(lab) == hashes(*ALL)


def test_nothing_comes_over_the_wire_twice(lab: Lab) -> None:
    lab.push()
    lab.forget_requests()
    update(lab)
    assert tags_read(lab) == set()
    assert not [one for one in lab.registry.requests if one.method == "GET" and "/blobs/" in one.path]


def test_nothing_new_writes_nothing(lab: Lab) -> None:
    lab.push()
    update(lab)
    lab.forget_requests()
    done = update(lab)
    assert (done.added, done.dropped) == (0, 0)
    assert lab.writes() == []


def test_what_is_gone_is_dropped(lab: Lab) -> None:
    lab.push()
    update(lab)
    del lab.registry.tags[NAME][tag_of("labtool")], lab.registry.tags[NAME][tag_of("labfmt")]
    done = update(lab)
    assert (done.entries, done.dropped) == (3, 2)
    assert entries(lab) == hashes("labz", "labdata", "labgen")


def test_tags_that_mean_nothing_are_reported(lab: Lab) -> None:
    lab.push()
    registry = lab.registry
    manifest = lab.raw(tag_of("labz"))
    registry.add_manifest(NAME, manifest, tag="env.spack")
    registry.add_manifest(NAME, manifest, tag="my-env")
    registry.add_manifest(NAME, manifest, tag=f"liar-1-{'a' * 32}.spack")
    bare = {**lab.manifest(tag_of("labz"))}
    bare["config"] = {**bare["config"], "digest": registry.add_blob(NAME, b"{}"), "size": 2}
    registry.add_manifest(NAME, json.dumps(bare).encode(), tag=f"bare-1-{'b' * 32}.spack")
    done = update(lab)
    assert done.entries == 5
    assert sorted(one.title.rpartition(":")[2].split("-")[0] for one in done.skipped) == ["bare", "env.spack", "liar"]


@pytest.mark.parametrize("status", [404, 500])
def test_one_unreadable_image_is_skipped(lab: Lab, status: int) -> None:
    lab.push()
    lab.blobs = BlobCache(None)
    lab.registry.faults.add(path=f"/manifests/{tag_of('labz')}", status=status, times=None)
    done = update(lab)
    assert (done.entries, len(done.skipped)) == (4, 1)


def test_trouble_of_the_server_loses_nothing_that_was_known(lab: Lab) -> None:
    lab.push()
    update(lab)
    lab.blobs = BlobCache(None)
    lab.registry.faults.add(path=f"/manifests/{tag_of('labz')}", status=500, times=None)
    done = update(lab, full=True)
    assert (done.entries, done.dropped, len(done.skipped)) == (5, 0, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_without_access_nothing_is_written(lab: Lab, status: int) -> None:
    lab.push()
    update(lab)
    lab.push("labapp")
    lab.blobs = BlobCache(None)
    before = lab.raw(INDEX_TAG)
    lab.registry.faults.add(path=f"/manifests/{tag_of('labapp')}", status=status, times=None)
    with pytest.raises(MirrordeckError):
        update(lab)
    assert lab.raw(INDEX_TAG) == before


def test_a_damaged_index_is_repaired(lab: Lab) -> None:
    lab.push()
    update(lab)
    whole = lab.raw(INDEX_TAG)
    for broken in (b'{"schemaVersion":2,"layers":[],"config":{}}', index_manifest(digest_of(NOTHING), len(NOTHING))):
        lab.registry.add_manifest(NAME, broken, tag=INDEX_TAG)
        lab.registry.add_blob(NAME, NOTHING)
        with pytest.raises(CacheError):
            lab.cache.read_index()
        assert update(lab).entries == 5
        assert lab.raw(INDEX_TAG) == whole


@pytest.mark.parametrize("null_tags", [False, True])
def test_an_empty_repository(registry: FakeRegistry, lab: Lab, null_tags: bool) -> None:
    if null_tags:
        registry.faults.add(path="/tags/list", body=b'{"name":"lab/cache","tags":null}', status=200, times=None)
    with pytest.raises(CacheError, match=r"Failed to get list of entries from oci\+http://"):
        update(lab)


def test_listing(lab: Lab) -> None:
    lab.push()
    lab.registry.add_manifest(NAME, lab.raw(tag_of("labz")), tag="env.spack")
    found = list(lab.cache.entries(token=CancelToken()))
    there = [one for one in found if isinstance(one, CacheEntry)]
    assert {one.entry for one in there} == {entry_of(name) for name in ALL}
    assert len(found) == 6


# ---- several writers ----


class Meddling(FakeClock):
    """Somebody else does something while we wait."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        super().__init__()
        self.acts = list(acts)

    def sleep(self, seconds: float, token: CancelToken) -> None:
        super().sleep(seconds, token)
        if self.acts:
            self.acts.pop(0)()


def test_an_older_index_that_was_put_back(lab: Lab) -> None:
    """Spack writes what it listed long ago, right after us."""
    lab.push("labz")
    update(lab)
    old = lab.raw(INDEX_TAG)
    lab.push()
    lab.clock = Meddling(lambda: lab.registry.add_manifest(NAME, old, tag=INDEX_TAG))
    update(lab)
    assert entries(lab) == hashes(*ALL)
    assert lab.clock.acts == []


def test_an_index_that_was_deleted(lab: Lab) -> None:
    lab.push()
    lab.clock = Meddling(lambda: lab.registry.tags[NAME].pop(INDEX_TAG))
    update(lab)
    assert lab.clock.acts == []
    assert entries(lab) == hashes(*ALL)


def test_a_larger_index_of_another_writer_stays(lab: Lab) -> None:
    lab.push()
    update(lab)
    larger = lab.raw(INDEX_TAG)
    lab.registry.tags[NAME].pop(tag_of("labtool"))
    lab.clock = Meddling(lambda: lab.registry.add_manifest(NAME, larger, tag=INDEX_TAG))
    update(lab)
    assert lab.raw(INDEX_TAG) == larger


def test_what_appears_meanwhile_is_taken_up(lab: Lab) -> None:
    lab.push("labz")
    written = threading.Event()

    def push_more(reply: object) -> object:
        if not written.is_set():
            written.set()
            lab.registry.add_manifest(NAME, more, tag=tag_of("labdata"))
        return reply

    lab.push("labdata")
    more = lab.raw(tag_of("labdata"))
    del lab.registry.tags[NAME][tag_of("labdata")]
    lab.registry.faults.add(method="PUT", path=f"/manifests/{INDEX_TAG}", change=push_more)
    assert update(lab).entries == 2
    assert entries(lab) == hashes("labz", "labdata")


def test_t31_two_writers_lose_nothing(lab: Lab, tmp_path: Path) -> None:
    """Both push packages of their own and update the index after each, at the same time."""
    errors: list[BaseException] = []
    start = threading.Barrier(2)

    def work(number: int, names: tuple[str, ...]) -> None:
        try:
            with open_repository(lab.registry) as repository:
                mine = Lab(lab.registry, repository, tmp_path / f"writer{number}")
                start.wait(60)
                for name in names:
                    mine.push(name)
                    update(mine)
        except BaseException as error:
            errors.append(error)

    shares = (("labz", "labfmt", "labtool"), ("labdata", "labgen", "labapp", "labnr"))
    threads = [threading.Thread(target=work, args=(number, names)) for number, names in enumerate(shares)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert entries(lab) == hashes(*shares[0], *shares[1])
