# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushes of which parts fail, and images that lack something: what the next attempt makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from oci_data import packages
from oci_lab import (
    ALL,
    BY_HASH,
    NAME,
    RECORDS,
    Lab,
    archive_of,
    completed,
    entry_of,
    hash_of,
    layer_of,
    load_golden,
    open_repository,
    tag_of,
)
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.image import INCOMPLETE
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, MirrordeckError


def test_a_partial_failure_heals_with_the_next_push(lab: Lab, tmp_path: Path) -> None:
    """Spack leaves images without the failed layer behind for ever."""
    lab.fail_blob("labz")
    outcomes = lab.push()
    assert isinstance(outcomes["labz"], MirrordeckError)
    assert lab.tags() == {tag_of(name) for name in ALL} - {tag_of("labz")}
    assert lab.layers("labtool") == ["labfmt", "labdata", "labtool"]
    assert lab.layers("labfmt") == ["labfmt"]
    for name in ("labtool", "labfmt"):
        assert completed(outcomes[name]).missing == (hash_of("labz"),)
        assert lab.manifest(tag_of(name))["annotations"][INCOMPLETE] == hash_of("labz")
    for name in ("labdata", "labgen"):
        assert completed(outcomes[name]).missing == ()
        assert INCOMPLETE not in lab.manifest(tag_of(name))["annotations"]
    token = CancelToken()
    assert set(lab.cache.present([entry_of(name) for name in ALL], signed=False, token=token)) == {
        hash_of("labdata"),
        hash_of("labgen"),
    }

    lab.registry.faults.clear()
    lab.forget_requests()
    healed = lab.push()
    assert {name: completed(one).missing for name, one in healed.items()} == {"labz": (), "labfmt": (), "labtool": ()}
    with FakeRegistry() as clean, open_repository(clean) as repository:
        faultless = Lab(clean, repository, tmp_path / "clean")
        faultless.push()
        assert {name: lab.raw(tag_of(name)) for name in ALL} == {name: faultless.raw(tag_of(name)) for name in ALL}
    sent = [request.body for request in lab.registry.requests if request.method == "PUT"]
    assert archive_of("labz") in sent
    assert not {archive_of(name) for name in ALL if name != "labz"} & set(sent)
    assert lab.push() == {}


def test_the_best_effort_of_spack(lab: Lab) -> None:
    """One blob and another package's manifest fail: all others are tagged, with all uploaded layers they need."""
    lab.fail_blob("labz")
    lab.registry.faults.add(method="PUT", path=f"/manifests/{tag_of('labdata')}", status=403, times=None)
    outcomes = lab.push()
    assert {name for name, one in outcomes.items() if isinstance(one, MirrordeckError)} == {"labz", "labdata"}
    assert lab.tags() == {tag_of(name) for name in ("labtool", "labfmt", "labgen")}
    assert lab.layers("labtool") == ["labfmt", "labdata", "labtool"]
    assert lab.layers("labfmt") == ["labfmt"]
    lab.registry.faults.clear()
    assert all(not completed(one).missing for one in lab.push().values())
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]


def test_what_still_fails_changes_nothing(lab: Lab) -> None:
    lab.fail_blob("labz")
    lab.push()
    before = {name: lab.raw(tag_of(name)) for name in ("labtool", "labfmt")}
    lab.forget_requests()
    outcomes = lab.push()
    assert set(outcomes) == {"labz", "labtool", "labfmt"}
    assert completed(outcomes["labtool"]).missing == completed(outcomes["labfmt"]).missing == (hash_of("labz"),)
    assert {name: lab.raw(tag_of(name)) for name in before} == before
    assert not [one for one in lab.writes() if "/manifests/" in one]


def test_a_retry_within_the_push(lab: Lab) -> None:
    lab.fail_blob("labz")
    push = lab.open_push(["labfmt", "labz"])
    lab.upload(push, "labfmt")
    with pytest.raises(MirrordeckError):
        lab.upload(push, "labz")
    assert lab.complete(push, "labfmt").missing == (hash_of("labz"),)
    with pytest.raises(CacheError, match="labz cannot be tagged"):
        lab.complete(push, "labz")
    assert not push.find(entry_of("labz"), token=CancelToken())
    lab.registry.faults.clear()
    lab.upload(push, "labz")
    for name in ("labz", "labfmt"):
        assert lab.complete(push, name).missing == ()
    assert lab.layers("labfmt") == ["labz", "labfmt"]
    assert INCOMPLETE not in lab.manifest(tag_of("labfmt"))["annotations"]


def test_a_package_that_got_through_after_all(lab: Lab) -> None:
    push = lab.open_push(["labfmt", "labz"])
    lab.upload(push, "labfmt")
    lab.push("labz")
    assert push.find(entry_of("labz"), token=CancelToken())
    lab.forget_requests()
    lab.complete(push, "labz")
    assert lab.writes() == []
    lab.complete(push, "labfmt")
    assert lab.layers("labfmt") == ["labz", "labfmt"]


def test_an_archive_that_lacks_only_its_image(lab: Lab) -> None:
    """Nobody has to pack again what this push brought there, as long as it is there."""
    push = lab.open_push(["labz"])
    lab.upload(push, "labz")
    lab.registry.faults.add(method="PUT", path="/manifests/", status=403, times=1)
    with pytest.raises(MirrordeckError):
        lab.complete(push, "labz")
    assert push.find(entry_of("labz"), token=CancelToken())
    lab.complete(push, "labz")
    assert lab.layers("labz") == ["labz"]
    lab.registry.blobs[NAME].clear()
    assert not push.find(entry_of("labz"), token=CancelToken())


def test_a_package_that_is_not_installed_here_is_a_layer(lab: Lab) -> None:
    lab.push("labz")
    gone = msgspec.structs.replace(RECORDS["labz"], installed=False, prefix=None)
    lab.records = BY_HASH | {gone.hash: gone}
    lab.push("labz", "labfmt")
    assert lab.layers("labfmt") == ["labz", "labfmt"]
    assert INCOMPLETE not in lab.manifest(tag_of("labfmt"))["annotations"]


def test_images_spack_left_broken(lab: Lab) -> None:
    load_golden(lab.registry, "push-dep-missing-layer")
    golden = packages("push-dep-missing-layer")
    whole = packages("push-nobase")
    push, pushing, completing = lab.begin(ALL)
    assert (pushing, set(completing)) == ([], {"labtool", "labfmt"})
    for name in ("labtool", "labfmt"):
        assert lab.complete(push, name).missing == ()
        layers = [layer["digest"] for layer in lab.manifest(tag_of(name))["layers"]]
        assert len(layers) == len(whole[name].layers)
        assert layers[-1] == golden[name].layers[-1].digest
        assert layers[0] == golden["labz"].layers[-1].digest
        mine, theirs = lab.config(tag_of(name)), golden[name].facts
        assert mine["config"] == theirs["config"], "Spack knows more variables than we do"
        assert mine["rootfs"]["diff_ids"][1:] == theirs["rootfs"]["diff_ids"]
    lab.forget_requests()
    for name in ("labtool", "labfmt"):
        assert lab.complete(push, name).missing == ()
    assert lab.writes() == [], "there was nothing more"
    assert lab.push() == {}


@pytest.mark.parametrize("push", ["push-nobase", "push-base-oci", "push-base-docker"])
def test_what_spack_pushed_well_is_left_alone(lab: Lab, push: str) -> None:
    load_golden(lab.registry, push)
    assert lab.push() == {}
    assert lab.writes() == []


def drop_layers(lab: Lab, name: str, *positions: int) -> dict[str, Any]:
    """Put a package's image of `push-base-docker` there without some of its layers; its config."""
    golden = packages("push-base-docker")[name]
    manifest, facts = json.loads(golden.manifest), golden.facts
    for position in sorted(positions, reverse=True):
        del manifest["layers"][position], facts["rootfs"]["diff_ids"][position]
    config = json.dumps(facts, separators=(",", ":")).encode()
    manifest["config"] |= {"digest": lab.registry.add_blob(NAME, config), "size": len(config)}
    lab.registry.add_manifest(NAME, json.dumps(manifest).encode(), manifest["mediaType"], tag_of(name))
    return facts


def test_on_top_of_a_base_image_of_spacks(lab: Lab) -> None:
    """The base image and its variables stay when a layer comes in."""
    load_golden(lab.registry, "push-base-docker")
    facts = drop_layers(lab, "labfmt", 1)
    assert set(lab.push()) == {"labfmt"}
    mine, whole = lab.manifest(tag_of("labfmt")), json.loads(packages("push-base-docker")["labfmt"].manifest)
    assert mine["layers"] == whole["layers"]
    assert mine["mediaType"] == whole["mediaType"]
    assert lab.config(tag_of("labfmt"))["config"] == facts["config"]
    assert lab.config(tag_of("labfmt"))["history"] == facts["history"]


def test_the_base_image_stays_when_layers_come_one_by_one(lab: Lab) -> None:
    load_golden(lab.registry, "push-base-docker")
    facts = drop_layers(lab, "labtool", 1, 2)
    base, labdata, own = [layer["digest"] for layer in lab.manifest(tag_of("labtool"))["layers"]]
    for name in ("labz", "labfmt"):
        del lab.registry.tags[NAME][tag_of(name)]
    push, pushing, completing = lab.begin(ALL)
    assert (set(pushing), completing) == ({"labz", "labfmt"}, ["labtool"])
    for name, missing in (("labfmt", (hash_of("labz"),)), ("labz", ())):
        lab.upload(push, name)
        assert lab.complete(push, "labtool").missing == missing
    layers = [layer["digest"] for layer in lab.manifest(tag_of("labtool"))["layers"]]
    assert layers == [base, layer_of("labz"), layer_of("labfmt"), labdata, own]
    config = lab.config(tag_of("labtool"))
    assert config["config"] == facts["config"]
    assert config["history"] == facts["history"]


def test_a_lost_layer_comes_back(lab: Lab) -> None:
    lab.push()
    before = {name: lab.raw(tag_of(name)) for name in ALL}
    del lab.registry.blobs[NAME][layer_of("labz")]
    assert set(lab.push()) == {"labz", "labfmt", "labtool"}
    assert {name: lab.raw(tag_of(name)) for name in ALL} == before
    assert lab.push() == {}


def test_a_lost_layer_of_a_base_image_means_writing_anew(lab: Lab) -> None:
    """It cannot be had from that image, so the image becomes what this push would make of it."""
    load_golden(lab.registry, "push-base-oci")
    golden = packages("push-base-oci")["labz"]
    del lab.registry.blobs[NAME][golden.descriptors[0]["digest"]]
    assert set(lab.push("labz")) == {"labz"}
    manifest = lab.manifest(tag_of("labz"))
    assert manifest["layers"] == golden.descriptors[1:]
    assert list(lab.config(tag_of("labz")))[:4] == ["architecture", "os", "rootfs", "config"]
    assert lab.push("labz") == {}


def test_what_was_missing_before_stays_marked(lab: Lab) -> None:
    for name in ("labz", "labfmt"):
        lab.fail_blob(name)
    lab.push()
    lab.registry.faults.clear()
    lab.push("labtool", "labfmt")
    assert lab.layers("labtool") == ["labdata", "labfmt", "labtool"], "what is not handled now stays below"
    assert lab.manifest(tag_of("labtool"))["annotations"][INCOMPLETE] == hash_of("labz")
    lab.push()
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]


def test_q30_a_layer_of_the_wrong_size_is_no_layer(lab: Lab) -> None:
    lab.push()
    lab.registry.blobs[NAME][layer_of("labz")] = b"cut short"
    token = CancelToken()
    found = lab.cache.present([entry_of(name) for name in ALL], signed=False, token=token)
    assert set(found) == {hash_of("labdata"), hash_of("labgen")}
