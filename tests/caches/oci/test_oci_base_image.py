# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from oci_data import packages, pushed
from oci_lab import ALL, BY_HASH, NAME, Lab, digest_of, hash_of, open_repository, tag_of
from registry.kit.fake_registry import FakeRegistry

from core.caches.oci.base_image import BaseImage, find_base_image
from core.caches.oci.blob_cache import BlobCache
from core.caches.oci.image import INCOMPLETE
from core.caches.oci.oci_push import OciPush
from core.caches.oci.tagging import TaggedImage, write_tag
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, MirrordeckError, NotFound, UsageError
from core.packing.model import Codec
from core.registry.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from core.registry.repository import Repository

BASE_NAME = "library/base"
LAYER = b"a layer of the base image" * 10
ENV = ["PATH=/usr/local/bin:/bin:/usr/bin", "LANG=C"]


def add_base(registry: FakeRegistry, *, docker: bool = False, tag: str | None = "1", **changes: Any) -> str:
    """A base image in the registry; its manifest's digest."""
    facts = {
        "created": "2026-01-02T03:04:05Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ENV, "Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(b"unpacked " + LAYER)]},
        "history": [{"created_by": "hand"}],
    }
    config = json.dumps(facts | changes).encode()
    layer_type = DOCKER_LAYER_GZIP if docker else OCI_LAYER_GZIP
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": {
            "mediaType": DOCKER_CONFIG if docker else OCI_CONFIG,
            "size": len(config),
            "digest": registry.add_blob(BASE_NAME, config),
        },
        "layers": [{"mediaType": layer_type, "size": len(LAYER), "digest": registry.add_blob(BASE_NAME, LAYER)}],
    }
    return registry.add_manifest(BASE_NAME, json.dumps(manifest).encode(), manifest["mediaType"], tag)  # type: ignore[arg-type]


def add_index(registry: FakeRegistry, *entries: tuple[str, dict[str, str] | None], media_type: str = OCI_INDEX) -> None:
    manifests = []
    for digest, platform in entries:
        size = len(registry.manifests[BASE_NAME][digest][1])
        one: dict[str, Any] = {"mediaType": OCI_MANIFEST, "digest": digest, "size": size}
        manifests.append(one | ({"platform": platform} if platform else {}))
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
    registry.add_manifest(BASE_NAME, json.dumps(index).encode(), media_type, "1")


def find(source: Repository, architecture: str = "amd64") -> BaseImage:
    reference = replace(source.reference, tag="1")
    return find_base_image(source, reference, architecture, cache=BlobCache(None), token=CancelToken())


def base_of(lab: Lab, architecture: str = "amd64") -> BaseImage:
    """The one beside the cache."""
    reference = replace(lab.repository.reference, name=BASE_NAME)
    return find(Repository(reference, lab.repository.transport), architecture)


@pytest.mark.parametrize("docker", [False, True])
def test_a_push_onto_a_base_image(lab: Lab, docker: bool) -> None:
    add_base(lab.registry, docker=docker)
    lab.forget_requests()
    base = base_of(lab)
    assert lab.writes() == [], "nothing may be sent before the base image was checked"
    lab.push(bases={"amd64": base})
    golden = packages("push-base-docker" if docker else "push-base-oci")
    for name in ALL:
        manifest, expected = lab.manifest(tag_of(name)), json.loads(golden[name].manifest)
        assert manifest["mediaType"] == expected["mediaType"]
        assert manifest["config"]["mediaType"] == expected["config"]["mediaType"]
        assert [one["mediaType"] for one in manifest["layers"]] == [one["mediaType"] for one in expected["layers"]]
        assert manifest["layers"][0]["digest"] == digest_of(LAYER)
        assert manifest.get("annotations") == expected.get("annotations")
        config = lab.config(tag_of(name))
        assert config["config"]["Cmd"] == ["/bin/sh"]
        assert config["config"]["Env"][1] == "LANG=C"
        assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"])
    assert lab.push(bases={"amd64": base}) == {}


def test_layers_are_mounted_on_the_same_host(lab: Lab) -> None:
    add_base(lab.registry)
    lab.push("labz", bases={"amd64": base_of(lab)})
    assert not [one for one in lab.registry.requests if one.method == "GET" and digest_of(LAYER) in one.path]
    assert LAYER not in [one.body for one in lab.registry.requests]
    assert lab.registry.blobs[NAME][digest_of(LAYER)] == LAYER


def test_layers_are_copied_from_another_host(lab: Lab) -> None:
    with FakeRegistry() as elsewhere, open_repository(elsewhere, BASE_NAME) as source:
        add_base(elsewhere)
        base = find(source)
        lab.push("labz", bases={"amd64": base})
        assert lab.registry.blobs[NAME][digest_of(LAYER)] == LAYER
        before = len(elsewhere.requests)
        lab.push("labdata", bases={"amd64": base})
        assert len(elsewhere.requests) == before, "it was there already"
    assert list((lab.place / "staging").iterdir()) == []


def test_a_base_that_cannot_be_copied_stops_everything(lab: Lab) -> None:
    with FakeRegistry() as elsewhere, open_repository(elsewhere, BASE_NAME) as source:
        add_base(elsewhere)
        base = find(source)
        elsewhere.blobs[BASE_NAME].clear()
        with pytest.raises(MirrordeckError):
            lab.push("labz", bases={"amd64": base})
    assert lab.tags() == set()


AMD = {"os": "linux", "architecture": "amd64"}
ARM = {"os": "linux", "architecture": "arm64"}


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_the_platform_is_chosen(lab: Lab, media_type: str) -> None:
    amd = add_base(lab.registry, tag=None)
    odd = add_base(lab.registry, tag=None, author="odd")
    arm = add_base(lab.registry, tag=None, architecture="arm64")
    add_index(
        lab.registry,
        (odd, None),
        (odd, {"os": "windows", "architecture": "amd64"}),
        (odd, AMD | {"variant": "v4"}),
        (arm, ARM | {"variant": "v8"}),
        (amd, AMD),
        media_type=media_type,
    )
    assert "author" not in (base_of(lab).base.config or {})
    assert (base_of(lab, "arm64").base.config or {})["architecture"] == "arm64"
    with pytest.raises(UsageError, match="It is there for linux/amd64, linux/arm64, windows/amd64 only"):
        base_of(lab, "ppc64le")


def test_what_is_no_base_image(lab: Lab) -> None:
    with pytest.raises(NotFound, match="There is no image "):
        base_of(lab)
    add_base(lab.registry, architecture="arm64")
    with pytest.raises(UsageError, match="It is for arm64, the packages are for amd64"):
        base_of(lab)
    for rootfs in ({"diff_ids": []}, None, {"diff_ids": "x"}, {"diff_ids": ["sha256:short"]}, [1]):
        add_base(lab.registry, rootfs=rootfs)
        with pytest.raises(UsageError):
            base_of(lab)
    inner = add_base(lab.registry, tag=None)
    add_index(lab.registry, (inner, AMD))
    add_index(lab.registry, (lab.registry.tags[BASE_NAME]["1"], AMD))
    with pytest.raises(UsageError, match="leads to another index"):
        base_of(lab)


# ---- tags of one's own ----


def ready_push(lab: Lab, **scope: Any) -> OciPush:
    lab.push(*ALL, "labapp", "labnr")
    return lab.open_push((*ALL, "labapp", "labnr"), **scope)


def tag(push: OciPush, name: str = "my-env", **options: Any) -> TaggedImage:
    roots = [hash_of("labtool"), hash_of("labapp")]
    return write_tag(push, name, roots, token=CancelToken(), progress=lambda _: None, **options)


@pytest.mark.parametrize("docker", [False, True])
def test_an_image_of_several_packages(lab: Lab, docker: bool) -> None:
    add_base(lab.registry, docker=docker)
    base = base_of(lab)
    roots = (hash_of("labtool"), hash_of("labapp"))
    golden = pushed("push-base-docker" if docker else "push-base-oci")["my-env.docker" if docker else "my-env.oci"]
    push = ready_push(
        lab,
        bases={"amd64": base},
        held_back=frozenset({hash_of("labnr")}),
        environments={roots: tuple(golden.environment)},
    )
    push.prepare(CancelToken())
    made = tag(push)
    assert (made.layers, made.missing) == (6, ())
    manifest = lab.manifest("my-env")
    assert list(manifest) == list(json.loads(golden.manifest))
    assert len(manifest["layers"]) == len(golden.descriptors)
    config = lab.config("my-env")
    assert config["config"]["Env"] == golden.environment
    assert not {"spec", "archive_size"} & set(config)


def test_a_tag_without_all_layers_says_so(lab: Lab) -> None:
    lab.push("labtool", "labfmt", "labdata", selected=frozenset(BY_HASH))
    push = lab.open_push(("labtool", "labfmt", "labdata"), selected=frozenset(BY_HASH))
    made = write_tag(push, "my-env", [hash_of("labtool")], token=CancelToken(), progress=lambda _: None)
    assert (made.layers, made.missing) == (3, (hash_of("labz"),))
    assert push.plan((hash_of("labtool"),)).layer_count == 4, "with the one that may come"
    assert lab.manifest("my-env")["annotations"] == {INCOMPLETE: hash_of("labz")}


def test_tags_that_would_poison_the_index(lab: Lab) -> None:
    push = lab.open_push(ALL)
    with pytest.raises(UsageError):
        tag(push, "env.spack")
    with pytest.raises(CacheError, match="None of its packages"):
        tag(push)
    assert lab.writes() == []


def archive(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 1000
        tar.addfile(info, io.BytesIO(name.encode().ljust(1000)))
    return gzip.compress(buffer.getvalue(), mtime=0)


@pytest.fixture
def real_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oci_lab.archive_of", archive)


@pytest.mark.usefixtures("real_archives")
@pytest.mark.parametrize(("squash_to", "layers"), [(1, 1), (2, 2), (100, 6)])
def test_squashed(lab: Lab, squash_to: int, layers: int) -> None:
    push = ready_push(lab)
    before = {one: lab.raw(one) for one in lab.tags()}
    assert tag(push, squash_to=squash_to, codec=Codec.SPACK).layers == layers
    first = lab.raw("my-env")
    names = []
    for layer, diff_id in zip(
        lab.manifest("my-env")["layers"], lab.config("my-env")["rootfs"]["diff_ids"], strict=True
    ):
        data = gzip.decompress(lab.registry.blobs[NAME][layer["digest"]])
        assert digest_of(data) == diff_id or layers == 6
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            names += tar.getnames()
    assert names == ["labz", "labnr", "labfmt", "labdata", "labapp", "labtool"]
    assert {one: lab.raw(one) for one in before} == before
    assert list((lab.place / "staging").iterdir()) == []
    tag(push, squash_to=squash_to, codec=Codec.SPACK)
    assert lab.raw("my-env") == first


@pytest.mark.usefixtures("real_archives")
def test_squashing_uses_what_spack_downloaded(lab: Lab, tmp_path: Path) -> None:
    lab.push("labz", "labdata")
    spack_blobs = tmp_path / "spack"
    spack_blobs.mkdir()
    for name in ("labz", "labdata"):
        (spack_blobs / digest_of(archive(name)).removeprefix("sha256:")).write_bytes(archive(name))
    (spack_blobs / digest_of(archive("labz")).removeprefix("sha256:")).write_bytes(b"damaged")
    lab.blobs = BlobCache(None, spack_blobs)
    push = lab.open_push(("labz", "labdata"))
    lab.forget_requests()
    roots = [hash_of("labz"), hash_of("labdata")]
    write_tag(push, "env", roots, squash_to=1, token=CancelToken(), progress=lambda _: None)
    got = [one.path for one in lab.registry.requests if one.method == "GET" and "/blobs/" in one.path]
    assert [path.rpartition("/")[2] for path in got] == [digest_of(archive("labz"))]
