# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oci_data import OCI_DATA, PUSHES

from core.caches.oci.architecture import image_architecture, runs_on
from core.caches.oci.names import INDEX_TAG, check_user_tag, entry_of_tag, is_spec_tag, sanitised, spec_tag
from core.caches.protocol import EntryName
from core.foundation.errors import CacheError, UsageError

HASH = "jzxmraxbnbbfsdj2t2egm2hfpu53l5xk"
ARCHITECTURES = json.loads((OCI_DATA / "arch-map.json").read_bytes())
SANITISED = [(one["tag"], one["sanitized"]) for one in json.loads((OCI_DATA / "tag-sanitising.json").read_bytes())]


@pytest.mark.parametrize(("text", "tag"), SANITISED)
def test_q50_spacks_rule(text: str, tag: str) -> None:
    assert sanitised(text) == tag


def test_tags_of_packages() -> None:
    assert spec_tag(EntryName("labz", "1.2.3", HASH)) == f"labz-1.2.3-{HASH}.spack"
    assert spec_tag(EntryName("foo", "git.feature/x=1.0", HASH)) == f"foo-git.feature_x_1.0-{HASH}.spack"
    long = spec_tag(EntryName("foo", "git." + "x" * 200, HASH))
    assert len(long) == 128
    assert long.endswith(f"-{HASH}.spack")


@pytest.mark.parametrize(
    "entry",
    [
        EntryName("", "1", HASH),
        EntryName("..", "1", HASH),
        EntryName("-a", "1", HASH),
        EntryName("ü", "1", HASH),
        EntryName("a", "1", HASH.upper()),
        EntryName("a", "1", "../x"),
        EntryName("a", "1", ""),
    ],
)
def test_t12_names_that_are_none(entry: EntryName) -> None:
    with pytest.raises(CacheError):
        spec_tag(entry)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("labz", "1.2.3"),
        ("py-numpy", "1.26.4"),
        ("font-adobe-100dpi", "1.0.3"),
        ("foo", "1.0-rc1"),
        ("foo", "2.0-1"),
        ("foo", "develop"),
        ("py-foo", "main"),
        ("foo", "git.my-branch_1.0"),
        ("foo", "git.abcdef_1.0"),
        ("intel-oneapi-mkl", "2024.2.0"),
        ("7zip", "16.02"),
        ("_foo", "1"),
        ("llvm-amdgpu", "6.0.0"),
        ("openssl", "1.1.1w"),
        ("jpeg", "9f"),
        ("foo", "5-beta"),
        ("gcc-runtime", "12.2.0"),
    ],
)
def test_reading_a_tag(name: str, version: str) -> None:
    assert entry_of_tag(f"{name}-{version}-{HASH}.spack") == EntryName(name, version, HASH)


@pytest.mark.parametrize(
    "tag",
    [INDEX_TAG, "env.spack", f"{HASH}.spack", f"a-{HASH}.spack", f"a-1-{HASH}", f"a-1-{HASH.upper()}.spack", ".spack"],
)
def test_tags_of_no_package(tag: str) -> None:
    assert entry_of_tag(tag) is None


@given(st.text(alphabet="abz019-_.", max_size=40))
def test_the_hash_survives_whatever_else_a_tag_holds(text: str) -> None:
    found = entry_of_tag(f"{text}-{HASH}.spack")
    assert found is None or (found.hash == HASH and f"{found.name}-{found.version}" == text)


def test_what_counts_as_a_package() -> None:
    tags = [tag for push in PUSHES for tag in json.loads((OCI_DATA / push / "tags-list.json").read_bytes())["tags"]]
    assert {tag for tag in tags if not is_spec_tag(tag)} == {INDEX_TAG, "my-env.oci", "my-env.docker"}
    assert all(entry_of_tag(tag) for tag in tags if is_spec_tag(tag))


@pytest.mark.parametrize("tag", ["my-env", "a", "_", "A.b-c_9", "x" * 128, "index.spack2", "spack"])
def test_tags_of_ones_own(tag: str) -> None:
    assert check_user_tag(tag) == tag


@pytest.mark.parametrize(
    "tag", ["", "a b", "a/b", "x" * 129, ".a", "-a", "ü", "a\n", "a:b", "env.spack", INDEX_TAG, ".spack", "a@b"]
)
def test_tags_nobody_may_use(tag: str) -> None:
    with pytest.raises(UsageError):
        check_user_tag(tag)


@pytest.mark.parametrize("target", sorted(ARCHITECTURES))
def test_every_target_spack_knows(target: str) -> None:
    assert image_architecture(target) == ARCHITECTURES[target]["oci"]


def test_other_targets() -> None:
    assert image_architecture("something-new") == "something-new"
    assert runs_on("amd64", "amd64")
    assert runs_on("x86", "386")
    assert not runs_on("amd64", "386")
