# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from oci_data import packages
from oci_lab import (
    ALL,
    BY_HASH,
    NAME,
    RECORDS,
    Lab,
    archive_of,
    closure,
    completed,
    entry_of,
    hash_of,
    layer_of,
    names_of,
    open_repository,
    tag_of,
)
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.image import INCOMPLETE, LEFT_OUT
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError
from core.spack.specs import spec_document

# ---- whole pushes ----


def test_every_image_has_spacks_layers(lab: Lab) -> None:
    outcomes = lab.push()
    assert {name: completed(outcome).missing for name, outcome in outcomes.items()} == dict.fromkeys(ALL, ())
    assert lab.tags() == {tag_of(name) for name in ALL}
    golden = packages("push-nobase")
    owner = {image.layers[-1].digest: name for name, image in golden.items()}
    for name, image in golden.items():
        assert lab.layers(name) == [owner[layer.digest] for layer in image.layers]
        assert json.loads(image.manifest)["annotations"] == lab.manifest(tag_of(name))["annotations"]
        mine, theirs = lab.config(tag_of(name)), image.facts
        assert list(mine) == list(theirs)
        assert mine["spec"] == theirs["spec"]
        assert mine["architecture"] == "amd64"


def test_an_image_waits_for_the_layers_that_this_push_brings(lab: Lab) -> None:
    push = lab.open_push(ALL)
    needs = {name: names_of(push.needs(hash_of(name))) for name in ALL}
    assert needs == {
        "labtool": ["labz", "labfmt", "labdata"],
        "labfmt": ["labz"],
        "labdata": [],
        "labgen": [],
        "labz": [],
    }
    lab.push("labfmt")
    assert names_of(lab.open_push(ALL).needs(hash_of("labtool"))) == ["labz", "labdata"]
    assert names_of(lab.open_push(["labtool", "labdata"]).needs(hash_of("labtool"))) == ["labdata"]


def test_the_same_package_gives_the_same_image(lab: Lab, tmp_path: Path) -> None:
    lab.push()
    with FakeRegistry() as other_registry, open_repository(other_registry, "some/where") as repository:
        other = Lab(other_registry, repository, tmp_path / "other")
        other.clock.advance(1e6)
        other.push(*reversed(ALL))
        for name in ALL:
            assert other.raw(tag_of(name)) == lab.raw(tag_of(name))


def test_a_second_push_only_looks(lab: Lab) -> None:
    lab.push()
    lab.forget_requests()
    assert lab.push() == {}
    assert {request.method for request in lab.registry.requests} == {"HEAD"}


def test_archives_that_are_there_are_not_sent_again(lab: Lab) -> None:
    lab.push()
    lab.registry.tags[NAME].clear()
    lab.forget_requests()
    lab.push()
    sent = [request.body for request in lab.registry.requests if request.method == "PUT"]
    assert not {archive_of(name) for name in ALL} & set(sent)
    assert lab.tags() == {tag_of(name) for name in ALL}


def test_force_writes_everything_anew(lab: Lab) -> None:
    lab.push()
    before = {name: lab.raw(tag_of(name)) for name in ALL}
    lab.forget_requests()
    assert set(lab.push(force=True)) == set(ALL)
    assert len([one for one in lab.writes() if "/manifests/" in one]) == len(ALL)
    assert {name: lab.raw(tag_of(name)) for name in ALL} == before
    lab.push(force=True, codec_noise=b"packed otherwise")
    assert all(len(lab.manifest(tag_of(name))["layers"]) == len(json.loads(before[name])["layers"]) for name in ALL)
    assert layer_of("labtool") not in lab.raw(tag_of("labtool")).decode()


def test_a_document_that_the_records_tell_is_not_kept_until_the_image_is_written(lab: Lab) -> None:
    usual = spec_document(RECORDS["labz"], BY_HASH)
    push = lab.open_push(ALL)
    users = sys.getrefcount(usual)
    lab.upload(push, "labz", document=usual)
    assert sys.getrefcount(usual) == users
    unlike = usual.replace(b'"name":"labz"', b'"name":"labz","annotated":true')
    users = sys.getrefcount(unlike)
    lab.upload(push, "labz", document=unlike)
    assert sys.getrefcount(unlike) == users + 1
    lab.complete(push, "labz")
    assert sys.getrefcount(unlike) == users
    assert lab.config(tag_of("labz"))["spec"] == json.loads(unlike)["spec"] != json.loads(usual)["spec"]


def test_the_archive_is_consumed_and_counted(lab: Lab) -> None:
    push = lab.open_push(["labz"])
    lab.upload(push, "labz")
    assert list((lab.place / "staging").iterdir()) == []
    made = lab.complete(push, "labz").entry
    assert (made.blob_digest, made.stored_bytes) == (layer_of("labz"), len(archive_of("labz")))
    assert made.tar_bytes == 10 * made.stored_bytes
    there = lab.cache.present([made.entry], signed=False, token=CancelToken())[made.entry.hash]
    assert (there.manifest_digest, there.spec_digest, there.modified) == (
        made.manifest_digest,
        made.spec_digest,
        made.modified,
    )


# ---- incomplete by design ----


def test_only_the_package_makes_no_request_for_others(lab: Lab) -> None:
    lab.push()
    lab.registry.tags[NAME].pop(tag_of("labtool"))
    lab.forget_requests()
    outcomes = lab.push("labtool")
    assert completed(outcomes["labtool"]).missing == ()
    assert lab.layers("labtool") == ["labtool"]
    others = [name for name in ALL if name != "labtool"]
    assert not [one for one in lab.registry.requests if any(name in one.path for name in others)]
    annotations = lab.manifest(tag_of("labtool"))["annotations"]
    assert INCOMPLETE not in annotations
    assert set(annotations[LEFT_OUT].split()) == {hash_of(name) for name in ("labz", "labfmt", "labdata")}


def test_what_was_left_out_is_no_fault(lab: Lab) -> None:
    lab.push("labtool")
    lab.push("labz", "labfmt", "labdata", "labgen")
    assert lab.push() == {}
    assert lab.layers("labtool") == ["labtool"]
    outcomes = lab.push(complete_left_out=True)
    assert set(outcomes) == {"labtool"}
    assert lab.layers("labtool") == ["labz", "labfmt", "labdata", "labtool"]
    assert LEFT_OUT not in lab.manifest(tag_of("labtool"))["annotations"]
    assert lab.push(complete_left_out=True) == {}


def test_only_the_package_on_a_whole_image(lab: Lab) -> None:
    lab.push()
    assert lab.push("labtool") == {}


def test_externals_and_what_is_held_back_are_not_missed(lab: Lab) -> None:
    held_back = frozenset({hash_of("labnr")})
    names = ("labapp", "labz")
    outcomes = lab.push(*names, held_back=held_back, selected=closure("labapp"))
    assert completed(outcomes["labapp"]).missing == ()
    assert lab.layers("labapp") == ["labz", "labapp"]
    assert set(lab.manifest(tag_of("labapp"))["annotations"]) == {"org.opencontainers.image.description"}
    assert lab.push(*names, held_back=held_back, selected=closure("labapp")) == {}


def test_a_dependency_nobody_has_is_missed(lab: Lab) -> None:
    outcomes = lab.push("labapp", "labz", selected=closure("labapp"))
    assert completed(outcomes["labapp"]).missing == (hash_of("labnr"),)
    assert lab.push("labapp", "labz", selected=closure("labapp")) == {}, "there is nothing to be done"


# ---- looking ----


@pytest.mark.parametrize("status", [401, 403, 500])
def test_being_unable_to_look_is_not_finding_nothing(lab: Lab, status: int) -> None:
    lab.registry.faults.add(path="/manifests/", status=status, times=None)
    with pytest.raises(MirrordeckError):
        lab.cache.present([entry_of("labz")], signed=False, token=CancelToken())


@pytest.mark.parametrize(
    "damage",
    [
        {"layers": []},
        {"spec": None},
        {"spec": {"nodes": []}},
        {"spec": {"nodes": [{"hash": "other"}]}},
        {"rootfs": None},
        {"rootfs": {"diff_ids": ["sha256:short"]}},
        {"rootfs": {"diff_ids": []}},
    ],
)
def test_what_spack_could_not_use_is_pushed_again(lab: Lab, damage: dict[str, object]) -> None:
    lab.push("labz")
    before = lab.raw(tag_of("labz"))
    config = json.dumps(lab.config(tag_of("labz")) | damage).encode()
    manifest = lab.manifest(tag_of("labz"))
    manifest["config"] |= {"digest": lab.registry.add_blob(NAME, config), "size": len(config)}
    manifest["layers"] = damage.get("layers", manifest["layers"])
    lab.registry.add_manifest(NAME, json.dumps(manifest).encode(), tag=tag_of("labz"))
    assert set(lab.push("labz")) == {"labz"}
    assert lab.raw(tag_of("labz")) == before


def test_an_index_of_images_is_no_package(lab: Lab) -> None:
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    lab.registry.add_manifest(NAME, json.dumps(index).encode(), index["mediaType"], tag_of("labz"))  # type: ignore[arg-type]
    assert lab.cache.present([entry_of("labz")], signed=False, token=CancelToken()) == {}
