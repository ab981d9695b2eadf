# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json

import pytest
from oci_data import PUSHES, Pushed, lab_records, packages, pushed

from core.caches.oci.architecture import image_architecture
from core.caches.oci.image import (
    DOCKER,
    INCOMPLETE,
    LEFT_OUT,
    NO_BASE,
    OCI,
    Base,
    Image,
    Marks,
    archive_timestamp,
    package_image,
    tagged_image,
)
from core.caches.oci.layers import Layer
from core.spack.formats import default_format

LAYER = Layer("sha256:" + "a" * 64, 7, "sha256:" + "b" * 64)
DOCUMENT = b'{"spec":{"_meta":{"version":5},"nodes":[{"name":"x","1":1.50}]},"buildcache_layout_version":2}'


def remade(image: Pushed) -> Image:
    """The image made again from its facts and the records of the packages."""
    records = lab_records()
    node = records[image.tag.split("-")[0]].node if image.tag.endswith(".spack") else records["labtool"].node
    architecture = image_architecture(node.target)
    if not image.tag.endswith(".spack"):
        return tagged_image(
            layers=image.layers, architecture=architecture, environment=image.environment, base=image.base
        )
    return package_image(
        spec_document=image.spec_document,
        layers=image.layers,
        architecture=architecture,
        environment=image.environment,
        timestamp=image.facts["archive_timestamp"],
        description=default_format(node),
        base=image.base,
    )


ALL = [image for push in PUSHES for image in pushed(push).values()]


@pytest.mark.parametrize("image", ALL, ids=lambda image: f"{image.push}:{image.tag}")
def test_spacks_bytes(image: Pushed) -> None:
    made = remade(image)
    assert made.config == image.config
    assert made.manifest == image.manifest
    assert made.media_type == json.loads(image.manifest)["mediaType"]


def test_both_families_were_seen() -> None:
    assert {pushed(push).popitem()[1].base.family for push in PUSHES} == {OCI, DOCKER}


def image(**changes: object) -> Image:
    facts: dict[str, object] = {
        "spec_document": DOCUMENT,
        "layers": [LAYER],
        "architecture": "amd64",
        "environment": ["PATH=/bin"],
        "timestamp": "t",
        "description": "ä",
    }
    return package_image(**(facts | changes))  # type: ignore[arg-type]


def test_nodes_go_in_as_they_are() -> None:
    expected = b',"spec":{"_meta":{"version":5},"nodes":[{"name":"x","1":1.50}]},"buildcache_layout_version":3,'
    assert expected in image().config


def test_everything_else_is_ascii() -> None:
    assert b"\\u00e4" in image().manifest


def test_a_base_that_is_a_package_itself_leaves_no_spec_behind() -> None:
    base = next(iter(packages("push-nobase").values()))
    made = tagged_image(layers=[LAYER], architecture="amd64", environment=[], base=Base(OCI, base.facts, ()))
    assert not {"spec", "archive_size", "binary_cache_checksum"} & json.loads(made.config).keys()
    assert json.loads(made.config)["rootfs"]["diff_ids"] == [*base.facts["rootfs"]["diff_ids"], LAYER.diff_id]


@pytest.mark.parametrize("config", [{}, {"config": None, "rootfs": {"type": "layers"}}])
def test_a_base_with_hardly_a_config(config: dict[str, object]) -> None:
    made = json.loads(image(base=Base(OCI, config, ())).config)
    assert made["config"] == {"Env": ["PATH=/bin"]}
    assert made["rootfs"] == {"type": "layers", "diff_ids": [LAYER.diff_id]}


def test_the_base_is_not_changed() -> None:
    config = {"rootfs": {"type": "layers", "diff_ids": ["x"]}, "config": {"Env": ["A=1"], "Labels": {"a": "b"}}}
    before = json.dumps(config)
    image(base=Base(DOCKER, config, ()), marks=Marks(missing=("h",)))
    assert json.dumps(config) == before


def test_marks() -> None:
    marks = Marks(missing=("b", "a"), left_out=("c",))
    annotations = json.loads(image(marks=marks).manifest)["annotations"]
    assert list(annotations.items())[1:] == [(INCOMPLETE, "a b"), (LEFT_OUT, "c")]
    docker = image(marks=marks, base=Base(DOCKER))
    assert "annotations" not in json.loads(docker.manifest)
    assert json.loads(docker.config)["config"]["Labels"] == {INCOMPLETE: "a b", LEFT_OUT: "c"}
    assert image(marks=Marks()) == image(base=NO_BASE)


def test_time_of_installation() -> None:
    assert archive_timestamp(1_763_628_137.756741) == "2025-11-20T08:42:17.756741+00:00"
    assert archive_timestamp(0) == "1970-01-01T00:00:00.000000+00:00"
