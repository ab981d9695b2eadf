# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Manifests as Spack and container tools write them, and as nobody should."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.foundation.digests import digest_of, parse_digest
from core.foundation.errors import CacheError
from core.registry.manifests import (
    Descriptor,
    ImageIndex,
    ImageManifest,
    RawManifest,
    parse_image_manifest,
    parse_manifest,
    raw_manifest,
)
from core.registry.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
    bare_type,
)
from core.registry.strict_json import decode_object

DATA = Path(__file__).parents[1] / "data/oci"
GOLDEN = sorted(path for path in DATA.glob("push-*/**/*manifest*.json"))
DIGEST = "sha256:" + "1" * 64
PART = {"mediaType": OCI_LAYER_GZIP, "digest": DIGEST, "size": 7}
IMAGE = {"mediaType": OCI_MANIFEST, "schemaVersion": 2, "config": {**PART, "mediaType": OCI_CONFIG}, "layers": [PART]}
INDEX = {"mediaType": OCI_INDEX, "schemaVersion": 2, "manifests": [{**PART, "mediaType": OCI_MANIFEST}]}


def read(document: Any, content_type: str = "") -> RawManifest:
    return raw_manifest(json.dumps(document).encode(), content_type, "the manifest")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}/{path.name}"[:70])
def test_reads_what_spack_wrote(path: Path) -> None:
    data = path.read_bytes()
    raw = raw_manifest(data, "", path.name)
    manifest = parse_image_manifest(raw)
    document = json.loads(data)
    assert raw.media_type == document["mediaType"]
    assert raw.digest == digest_of(data)
    assert [layer.digest for layer in manifest.layers] == [layer["digest"] for layer in document["layers"]]
    assert manifest.config.size == document["config"]["size"]
    assert manifest.annotations == document.get("annotations")


def test_golden_manifests_are_there() -> None:
    assert len(GOLDEN) > 10


def test_index_with_platforms() -> None:
    entry = {**PART, "platform": {"architecture": "arm", "os": "linux", "variant": "v7", "os.version": "1"}}
    index = parse_manifest(read({**INDEX, "manifests": [entry, PART]}))
    assert isinstance(index, ImageIndex)
    assert index.manifests[0].platform is not None
    assert index.manifests[0].platform.variant == "v7"
    assert index.manifests[1].platform is None


def test_unknown_keys_and_null_annotations_are_no_obstacle() -> None:
    manifest = parse_manifest(
        read({**IMAGE, "annotations": None, "new": {"a": [1]}, "layers": [{**PART, "urls": ["http://x"]}]})
    )
    assert isinstance(manifest, ImageManifest)
    assert manifest.layers == (Descriptor(OCI_LAYER_GZIP, DIGEST, 7),)


def test_descriptor_is_written_in_the_order_spack_uses() -> None:
    encoded = msgspec.json.encode(Descriptor(OCI_LAYER_GZIP, DIGEST, 7))
    assert encoded == json.dumps(PART, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("document", "sent_as", "kind"),
    [
        (IMAGE, f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST),
        (IMAGE, "application/json", OCI_MANIFEST),
        (IMAGE, "", OCI_MANIFEST),
        ({**IMAGE, "mediaType": None}, DOCKER_MANIFEST, DOCKER_MANIFEST),
        ({**IMAGE, "mediaType": None}, "text/plain", OCI_MANIFEST),
        ({**INDEX, "mediaType": None}, "", OCI_INDEX),
        ({**INDEX, "mediaType": DOCKER_LIST}, DOCKER_LIST, DOCKER_LIST),
    ],
)
def test_media_type(document: dict[str, Any], sent_as: str, kind: str) -> None:
    without_nulls = {key: value for key, value in document.items() if value is not None}
    assert read(without_nulls, sent_as).media_type == kind


@pytest.mark.parametrize(
    ("document", "sent_as", "words"),
    [
        (IMAGE, DOCKER_MANIFEST, "sent as"),
        (IMAGE, OCI_INDEX, "sent as"),
        ({**IMAGE, "mediaType": OCI_INDEX}, "", "not of the type"),
        ({**IMAGE, "mediaType": "text/plain"}, "", "not of the type"),
        ({**IMAGE, "mediaType": ["x"]}, "", "not of the type"),
        ({**IMAGE, "manifests": []}, "", "neither"),
        ({"schemaVersion": 2}, "", "neither"),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
    ],
)
def test_contradictions_are_refused(document: dict[str, Any], sent_as: str, words: str) -> None:
    with pytest.raises(CacheError, match=words):
        read(document, sent_as)


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 3},
        {"schemaVersion": "2"},
        {"config": None},
        {"layers": {}},
        {"layers": [{**PART, "size": -1}]},
        {"layers": [{**PART, "size": 1.5}]},
        {"layers": [{**PART, "size": "7"}]},
        {"layers": [{**PART, "size": 2**63}]},
        {"layers": [{"digest": DIGEST, "size": 7}]},
        {"annotations": {"a": 1}},
        {"annotations": []},
        {"subject": {**PART, "digest": "sha256:x"}},
    ],
)
def test_t08_wrong_types_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CacheError, match="Cannot understand the manifest"):
        parse_manifest(read({**IMAGE, **change}))


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../x", f"sha256:{'A' * 64}", f"md5:{'0' * 32}", f"sha256:{'0' * 64}\n", "", f"sha512:{'0' * 128}"],
)
def test_t10_digests_are_checked_before_anybody_sees_them(digest: str) -> None:
    for document in (
        {**IMAGE, "layers": [{**PART, "digest": digest}]},
        {**INDEX, "manifests": [{**PART, "digest": digest}]},
    ):
        with pytest.raises(CacheError, match="not a sha256 digest"):
            parse_manifest(read(document))


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\\ud800"}',
        b'{"\\udc00":1}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"9" * 100_000 + b"}",
        b"[]",
        b"null",
        b"<html></html>",
        b"\xff\xfe{}",
        b'{"a":1} x',
        b"",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_t08_json_that_readers_disagree_about_is_refused(data: bytes) -> None:
    with pytest.raises(CacheError, match="Cannot understand the page"):
        decode_object(data, "the page")


def test_t08_ordinary_escapes_are_fine() -> None:
    assert decode_object(rb'{"a":"\u00e4 \ud83d\ude00"}', "x") == {"a": "ä 😀"}


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from([DIGEST, OCI_MANIFEST, OCI_INDEX]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*IMAGE, *PART, "manifests"]), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*IMAGE, "manifests", "annotations", "subject"]), _values), st.booleans())
def test_whatever_is_read_is_sound_or_refused(change: dict[str, Any], index: bool) -> None:
    try:
        found = parse_manifest(read({**(INDEX if index else IMAGE), **change}))
    except CacheError:
        return
    parts = found.manifests if isinstance(found, ImageIndex) else (found.config, *found.layers)
    assert all(parse_digest(part.digest) and 0 <= part.size < 2**63 for part in parts)


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes) -> None:
    with suppress(CacheError):
        assert isinstance(decode_object(data, "x"), dict)


def test_an_index_is_no_image() -> None:
    with pytest.raises(CacheError, match="index of several images"):
        parse_image_manifest(read(INDEX))


def test_q47_parameters_of_a_content_type_are_ignored() -> None:
    assert bare_type("Application/JSON ; charset=utf-8") == "application/json"
    assert read(IMAGE, f"{OCI_MANIFEST}; charset=utf-8").media_type == OCI_MANIFEST
