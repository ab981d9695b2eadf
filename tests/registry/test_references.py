# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every reference that was given to Spack 1.1, with its answer, and what must never become part of an address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.registry import references
from core.registry.paths import blob_path, manifest_path, mount_path, referrers_path, tags_path, uploads_path
from core.registry.references import ImageReference, parse_image, parse_mirror_url, parse_repository, parse_tag

CASES = json.loads((Path(__file__).parents[1] / "data/oci/image-references.json").read_text())
DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize("case", [case for case in CASES if "error" not in case], ids=lambda case: case["url"][:60])
def test_means_what_spack_takes_it_for(case: dict[str, str]) -> None:
    found = parse_mirror_url(case["url"])
    assert (found.scheme, found.domain, found.name) == (case["scheme"], case["domain"], case["name"])
    assert (found.tag, found.digest, str(found)) == (case["tag"], case["digest"], case["str"])
    assert (found.endpoint.scheme, found.endpoint.host) == (case["scheme"], case["domain"])
    base = f"{found.scheme}://{found.domain}"
    assert base + manifest_path(found.name, found.target) == case["manifest_url"]
    assert base + tags_path(found.name) == case["tags_url"]
    assert base + uploads_path(found.name) == case["uploads_url"]


@pytest.mark.parametrize("case", [case for case in CASES if "error" in case], ids=lambda case: case["url"][:60])
def test_refuses_what_spack_refuses_with_its_words(case: dict[str, str]) -> None:
    with pytest.raises(references.ReferenceError) as caught:
        parse_mirror_url(case["url"])
    assert f"ValueError: {caught.value}" == case["error"]


def test_both_halves_of_the_cases_are_there() -> None:
    assert sum("error" in case for case in CASES) == 18
    assert len(CASES) > 35


# More of Spack 1.2's answers, to what the recorded cases leave open.
@pytest.mark.parametrize(
    ("text", "domain", "name", "tag"),
    [
        ("ab_c/x", "index.docker.io", "library/ab_c/x", "latest"),
        ("Up_c/x", "index.docker.io", "library/up_c/x", "latest"),
        ("LOCALHOST/x", "LOCALHOST", "x", "latest"),
        ("localhost", "index.docker.io", "library/localhost", "latest"),
        ("a:5000/x:1", "a:5000", "x", "1"),
        ("reg.io/A__B", "reg.io", "a__b", "latest"),
    ],
)
def test_place_of_an_image(text: str, domain: str, name: str, tag: str) -> None:
    assert parse_image(text) == ImageReference("https", domain, name, tag)
    assert parse_image(text, "http").scheme == "http"


@pytest.mark.parametrize(
    "text",
    [
        *("my-/x", "-my/x", "reg.io:/a", "reg.io:abc/a", "[zz]/a", "[::1]", "[::1]:/a", "reg.io./a", "reg.io/../a"),
        *("reg.io/a/../b", "reg.io/a%2fb", "reg.io/a-", "reg.io/a#f", "reg.io/a@", "reg.io/ü"),
        f"reg.io/a@SHA256:{'0' * 64}",
        # Spack takes these; they would become addresses or file names that differ from what was meant.
        *("a/b\n", "reg.io/a:t\n", "reg.io/a:ü", f"reg.io/a@sha256:{'A' * 64}", "a" * 3000),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(references.ReferenceError):
        parse_image(text)


EVIL = [
    "",
    "..",
    "a/..",
    "../a",
    "a%2fb",
    "a?x",
    "a#x",
    "a\r\nX: y",
    "a\0",
    "a b",
    "a//b",
    "/a",
    "a/",
    ".",
    "ü",
    "A" * 200 + "/",
]


@pytest.mark.parametrize("name", EVIL)
def test_t12_names_that_are_no_names_never_reach_an_address(name: str) -> None:
    for call in (tags_path, uploads_path, parse_repository, lambda text: mount_path("lab/x", DIGEST, text)):
        with pytest.raises(ValueError, match="Not a repository name"):
            call(name)


@pytest.mark.parametrize("tag", [*EVIL, "a/b", "-a", ".a", "a" * 129])
def test_t12_tags_that_are_no_tags_never_reach_an_address(tag: str) -> None:
    with pytest.raises(ValueError, match=r"Not a tag|not a sha256 digest"):
        manifest_path("lab/x", tag)
    with pytest.raises(references.ReferenceError):
        parse_tag(tag)


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../x",
        f"sha256:{'A' * 64}",
        f"md5:{'0' * 32}",
        f"sha256:{'0' * 64}/..",
        f"sha512:{'0' * 128}",
        "sha256:",
    ],
)
def test_t10_digests_that_are_no_digests_never_reach_an_address(digest: str) -> None:
    calls = (blob_path, referrers_path, manifest_path, lambda name, text: mount_path(name, text, "lab/y"))
    for call in calls:
        with pytest.raises(ValueError, match="not a sha256 digest"):
            call("lab/x", digest)


def test_addresses() -> None:
    assert blob_path("lab/x", DIGEST) == f"/v2/lab/x/blobs/{DIGEST}"
    assert referrers_path("lab/x", DIGEST) == f"/v2/lab/x/referrers/{DIGEST}"
    assert mount_path("lab/x", DIGEST, "lab/y") == f"/v2/lab/x/blobs/uploads/?mount=sha256%3A{'0' * 64}&from=lab%2Fy"


@given(st.text(alphabet="aZ0._-:/@[]% \n?#ü", max_size=40))
def test_whatever_is_accepted_is_harmless_and_means_itself(text: str) -> None:
    try:
        found = parse_image(text)
    except references.ReferenceError:
        return
    assert parse_image(str(found)) == found
    assert manifest_path(found.name, found.target).count("/") == 4 + found.name.count("/")
