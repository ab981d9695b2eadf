# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting from a registry: all names of a manifest are in the plan, and what cannot be deleted is said before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from oci_lab import ALL, RECORDS, Lab, entry_of, hash_of, layer_of, open_repository, tag_of
from registry.kit.fake_registry import FakeRegistry
from registry.servers import RunningRegistry

from core.caches.browsing import EntryKind
from core.caches.freeing import Keep, plan_freeing, plan_spack_prune
from core.caches.inventory import Inventory
from core.caches.oci.oci_index import read_index
from core.caches.removal import PlanOutdated, Reason, RemovalPlan, plan_deletion
from core.caches.upkeep import RemovalOutcome
from core.foundation.cancel import CancelToken
from core.foundation.errors import Refused, RemoteError, ServerError
from core.network.endpoints import Endpoint
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport

TOKEN = CancelToken()
PUSHED = frozenset(map(hash_of, ALL))


def ignore(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def full(lab: Lab) -> Lab:
    """All packages with their index, pushed long ago."""
    lab.push()
    lab.cache.update_index(full=False, token=TOKEN, progress=ignore)
    lab.forget_requests()
    return lab


def look(lab: Lab) -> Inventory:
    return lab.cache.upkeep().inventory(TOKEN, ignore)


def deletion(lab: Lab, *tags: str) -> RemovalPlan:
    found = look(lab)
    return plan_deletion(found, tags, url=lab.cache.url, cutoff=found.read_at)


def carry_out(lab: Lab, plan: RemovalPlan) -> RemovalOutcome:
    return lab.cache.upkeep().remove(plan, permanently=True, token=TOKEN, progress=ignore)


def indexed(lab: Lab) -> set[str]:
    index = read_index(lab.repository, lab.blobs, TOKEN)
    return {key for key, record in index.records.items() if record.in_buildcache} if index else set()


def test_a_package_goes_with_all_tags_of_its_manifest(full: Lab) -> None:
    digest = full.registry.tags[full.repository.reference.name][tag_of("labtool")]
    full.registry.tags[full.repository.reference.name]["release"] = digest
    signature = f"{digest.replace(':', '-')}.sig"
    full.registry.add_manifest(full.repository.reference.name, full.raw(tag_of("labz")) + b" ", tag=signature)
    assert look(full).by_digest
    plan = deletion(full, tag_of("labtool"))
    assert {(entry.key, entry.reason, entry.kind) for entry in plan.entries} == {
        (tag_of("labtool"), Reason.ASKED_FOR, EntryKind.PACKAGE),
        ("release", Reason.SAME_DIGEST, EntryKind.IMAGE),
        (signature, Reason.BELONGS_TO, EntryKind.IMAGE),
    }
    carry_out(full, plan)
    assert full.tags() == {*map(tag_of, ALL), "index.spack"} - {tag_of("labtool")}


def test_deleting_takes_it_from_the_index_first(full: Lab) -> None:
    plan = deletion(full, tag_of("labtool"))
    assert plan.dependents == ()
    assert layer_of("labtool") in {blob.digest for blob in plan.blobs}
    assert layer_of("labz") not in {blob.digest for blob in plan.blobs}  # other images have that layer
    full.forget_requests()
    outcome = carry_out(full, plan)
    writes = full.writes()
    index_write = next(number for number, write in enumerate(writes) if "manifests/index.spack" in write)
    delete = next(n for n, write in enumerate(writes) if write.startswith("DELETE") and plan.entries[0].digest in write)
    assert index_write < delete
    assert (outcome.entries, outcome.freed_bytes, outcome.removed_bytes) == (1, 0, plan.frees_bytes)
    assert tag_of("labtool") not in full.tags()
    assert indexed(full) == PUSHED - {hash_of("labtool")}
    assert layer_of("labtool") in full.registry.blobs[full.repository.reference.name]  # until its own clean-up


def test_what_depends_on_it_is_named(full: Lab) -> None:
    assert {one.name for one in deletion(full, tag_of("labz")).dependents} >= {"labfmt", "labtool"}


def test_a_registry_that_deletes_nothing_says_so_and_nothing_happens(full: Lab) -> None:
    full.registry.behaviour = replace(full.registry.behaviour, delete_manifest=405, delete_tag=405)
    with open_repository(full.registry) as repository:
        lab = Lab(full.registry, repository, full.place)
        capabilities = lab.cache.upkeep().capabilities(TOKEN)
        assert capabilities.delete is False
        assert not capabilities.trash
        assert "does not delete" in capabilities.why_not
        plan = deletion(lab, tag_of("labtool"))
        with pytest.raises(Refused):
            carry_out(lab, plan)
    assert indexed(full) == PUSHED
    assert tag_of("labtool") in full.tags()


def test_where_only_tags_can_be_deleted_others_stay(full: Lab) -> None:
    full.registry.behaviour = replace(full.registry.behaviour, delete_manifest=405, delete_tag=202)
    name = full.repository.reference.name
    full.registry.tags[name]["release"] = full.registry.tags[name][tag_of("labtool")]
    with open_repository(full.registry) as repository:
        lab = Lab(full.registry, repository, full.place)
        plan = deletion(lab, tag_of("labtool"))
        assert [entry.key for entry in plan.entries] == [tag_of("labtool")]
        carry_out(lab, plan)
        assert "release" in lab.tags()
        assert tag_of("labtool") not in lab.tags()


def test_free_space_goes_from_the_top(full: Lab) -> None:
    found = look(full)
    keep = Keep(frozenset({hash_of("labfmt")}))
    plan = plan_freeing(found, keep, goal_bytes=None, url=full.cache.url, cutoff=found.read_at)
    needed = {edge.name for edge in RECORDS["labfmt"].node.dependencies}
    assert {entry.name for entry in plan.entries} == {"labtool", "labdata", "labgen"} - needed
    carry_out(full, plan)
    assert indexed(full) == PUSHED - {entry.hash for entry in plan.entries}


def test_spacks_rule_with_a_keep_list(full: Lab) -> None:
    found = look(full)
    plan = plan_spack_prune(found, {hash_of("labz")}, url=full.cache.url, cutoff=found.read_at)
    assert {entry.name for entry in plan.entries} == set(ALL) - {"labz"}
    carry_out(full, plan)
    assert indexed(full) == {hash_of("labz")}


def test_the_last_package_leaves_an_empty_index(full: Lab) -> None:
    carry_out(full, deletion(full, *map(tag_of, ALL)))
    assert full.tags() == {"index.spack"}
    assert indexed(full) == set()


def test_a_package_that_changed_refuses_the_plan(full: Lab) -> None:
    plan = deletion(full, tag_of("labtool"))
    full.push("labtool", force=True, codec_noise=b"another build")
    with pytest.raises(PlanOutdated):
        carry_out(full, plan)
    assert tag_of("labtool") in full.tags()
    assert indexed(full) == PUSHED


def test_an_interrupted_deletion_can_go_on(full: Lab) -> None:
    plan = deletion(full, tag_of("labtool"), tag_of("labdata"))
    full.registry.faults.add(method="DELETE", path=plan.entries[1].digest, status=403)
    with pytest.raises(RemoteError):
        carry_out(full, plan)
    listed = indexed(full)
    there = {entry_of(name).hash for name in ALL if tag_of(name) in full.tags()}
    assert listed <= there
    outcome = carry_out(full, plan)
    assert outcome.entries == 1
    assert indexed(full) == PUSHED - {entry.hash for entry in plan.entries}


def test_what_something_new_needs_is_tagged_again(full: Lab) -> None:
    """A dependent arrives while its dependency is being deleted: nothing tells it before."""
    name = full.repository.reference.name
    labtool = full.registry.tags[name].pop(tag_of("labtool"))
    plan = deletion(full, tag_of("labz"))

    def arrive(reply: object) -> object:
        full.registry.tags[name][tag_of("labtool")] = labtool
        return reply

    full.registry.faults.add(method="DELETE", path=plan.entries[0].digest, change=arrive)
    outcome = carry_out(full, plan)
    assert [one.title for one in outcome.kept] == [f"{plan.entries[0].label} stays"]
    assert {tag_of("labz"), tag_of("labtool")} <= full.tags()
    assert indexed(full) == PUSHED


def test_a_server_in_trouble_is_no_broken_package(full: Lab) -> None:
    full.registry.faults.add(method="HEAD|GET", path=f"manifests/{tag_of('labz')}", status=500, times=None)
    with open_repository(full.registry) as repository, pytest.raises(ServerError):
        look(Lab(full.registry, repository, full.place / "fresh"))


def test_in_a_real_registry(real_registries: dict[str, RunningRegistry], tmp_path: Path) -> None:
    host = real_registries["plain"].host
    transport = Transport(Endpoint("http", host), None)
    try:
        repository = Repository(ImageReference("http", host, "lab/upkeep"), transport)
        with FakeRegistry() as unused:
            lab = Lab(unused, repository, tmp_path)
        lab.push()
        lab.cache.update_index(full=False, token=TOKEN, progress=ignore)
        assert lab.cache.upkeep().capabilities(TOKEN).by_digest
        carry_out(lab, deletion(lab, tag_of("labtool")))
        assert tag_of("labtool") not in repository.tags(TOKEN)
        assert indexed(lab) == PUSHED - {hash_of("labtool")}
    finally:
        transport.close()
