# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copies of packages in layout 2: published anew in the layout of the target, signatures checked with real GnuPG."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.gnupg_home import GnupgHome
from helpers.web_site import WebSite
from registry.kit.fake_registry import FakeRegistry

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.services.copying import PreparedCopy, plan_copy
from core.services.upkeep_values import CopyRequest, CopySigning
from core.signing.clearsign import signed_text
from core.spack.instance import Instance
from core.transfers.model import ItemState, PushOutcome
from core.transfers.plan import Decision

COUNT = 12
INDEX = "v3/manifests/index/index.manifest.json"

Copy = Callable[..., PreparedCopy]
CarryOut = Callable[[PreparedCopy], PushOutcome]


@pytest.fixture
def environ(gnupg: GnupgHome) -> dict[str, str]:
    return {"SPACK_GNUPGHOME": str(gnupg.path)}


@pytest.fixture
def copy(instance: Instance, access: CacheAccess, tmp_path: Path) -> Copy:
    def copy(source: object, target: object, **options: Any) -> PreparedCopy:
        return plan_copy(
            instance, access, CopyRequest(str(source), str(target), **options), cwd=tmp_path, token=CancelToken()
        )

    return copy


@pytest.fixture
def signed(golden: Path, tmp_path: Path) -> Path:
    """May be changed."""
    target = tmp_path / "signed"
    shutil.copytree(golden / "mirrors/v2-signed", target)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def tree(folder: Path) -> dict[str, bytes]:
    """All of layout 3 but the index, whose order depends on who wrote it."""
    blob = json.loads((folder / INDEX).read_text())["data"][0]["checksum"]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("v3", "blobs")
        for path in (folder / part).rglob("*")
        if path.is_file() and path.name not in (blob, "index.manifest.json")
    }


def done(outcome: PushOutcome) -> int:
    assert [(row.name, row.error) for row in outcome.rows if row.state is ItemState.FAILED] == []
    return len(outcome.in_state(ItemState.DONE))


def forge(folder: Path, name: str) -> None:
    """Another text below the signature of a package."""
    (path,) = folder.glob(f"build_cache/*-{name}-*.spec.json.sig")
    data = path.read_bytes()
    assert b'"build_system"' in data
    path.write_bytes(data.replace(b'"build_system"', b'"built_system"', 1))


def titles(prepared: PreparedCopy) -> list[str]:
    return [warning.title for warning in prepared.plan.warnings]


def test_a_folder_gets_what_a_migration_makes(golden: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    source, target = golden / "mirrors/v2-unsigned", tmp_path / "copy"
    prepared = copy(source, target)
    assert titles(prepared) == []
    archives = sum(path.stat().st_size for path in source.rglob("*.spack"))
    assert prepared.plan.size_bytes == archives
    assert done(carry_out(prepared)) == COUNT
    assert tree(target) == tree(golden / "mirrors/migrated-v2-to-v3-unsigned")
    assert {item.decision for item in copy(source, target).plan.items} == {Decision.PRESENT}


def test_through_a_registry_and_back(golden: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        there = f"oci+http://{registry.host}/lab/copy"
        assert done(carry_out(copy(golden / "mirrors/v2-unsigned", there))) == COUNT
        assert done(carry_out(copy(there, tmp_path / "back"))) == COUNT
    theirs = golden / "mirrors/migrated-v2-to-v3-unsigned"
    names = {name for name in tree(theirs) if name.startswith("v3/manifests/spec")}
    assert {name for name in tree(tmp_path / "back") if name.startswith("v3/manifests/spec")} == names
    for name in names:
        ours, wanted = (json.loads((root / name).read_text())["data"][0] for root in (tmp_path / "back", theirs))
        assert ours == wanted, "the archive is another one"


def test_from_the_web(golden: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    with WebSite(golden / "mirrors/v2-signed") as site:
        prepared = copy(site.url, tmp_path / "copy")
        assert titles(prepared) == [f"{COUNT} signatures will be dropped"]
        assert prepared.plan.size_bytes > 10_000, "an index says no sizes"
        assert done(carry_out(prepared)) == COUNT
    assert tree(tmp_path / "copy") == tree(golden / "mirrors/migrated-v2-to-v3-unsigned")


class TestSignatures:
    def test_the_plan_says_that_they_are_lost_and_what_helps(self, signed: Path, copy: Copy, tmp_path: Path) -> None:
        (warning,) = copy(signed, tmp_path / "copy").plan.warnings
        assert warning.title == f"{COUNT} signatures will be dropped"
        assert warning.remedies
        with FakeRegistry() as registry:
            (warning,) = copy(signed, f"oci+http://{registry.host}/lab/copy").plan.warnings
        assert (warning.title, warning.remedies) == (f"{COUNT} signatures will be dropped", ())

    def test_dropped_of_an_unknown_key_and_not_copied_again(
        self, golden: Path, signed: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path
    ) -> None:
        target = tmp_path / "copy"
        assert done(carry_out(copy(signed, target))) == COUNT
        assert tree(target) == tree(golden / "mirrors/migrated-v2-to-v3-unsigned")
        assert {item.decision for item in copy(signed, target).plan.items} == {Decision.PRESENT}

    @pytest.mark.parametrize("to_registry", [False, True])
    def test_a_bad_one_is_not_dropped_in_silence(
        self, golden: Path, gnupg: GnupgHome, signed: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path,
        to_registry: bool,
    ) -> None:  # fmt: skip
        gnupg.run("--import", data=(golden / "keys/lab-public.asc").read_bytes())
        forge(signed, "labtop")
        with FakeRegistry() as registry:
            target = f"oci+http://{registry.host}/lab/copy" if to_registry else tmp_path / "copy"
            outcome = carry_out(copy(signed, target))
        (failed,) = outcome.in_state(ItemState.FAILED)
        assert failed.name == "labtop"
        assert failed.error is not None
        assert failed.error.code == "bad-signature"
        assert len(outcome.in_state(ItemState.DONE)) == COUNT - 1

    def test_made_anew_only_of_what_was_verified(
        self, golden: Path, gnupg: GnupgHome, signed: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path
    ) -> None:
        gnupg.make_key("mine")
        target = tmp_path / "copy"
        prepared = copy(signed, target, signing=CopySigning.SIGN)
        assert titles(prepared) == [f"{COUNT} signatures will be made anew with your key"]
        outcome = carry_out(prepared)
        assert len(outcome.in_state(ItemState.FAILED)) == COUNT, "nobody vouched for these"
        gnupg.run("--import", data=(golden / "keys/lab-public.asc").read_bytes())
        forge(signed, "labtop")
        outcome = carry_out(copy(signed, target, signing=CopySigning.SIGN))
        assert [row.name for row in outcome.in_state(ItemState.FAILED)] == ["labtop"]
        manifests = list(target.glob("v3/manifests/spec/*/*"))
        assert len(manifests) == COUNT - 1
        for path in manifests:
            text = gnupg.run("--decrypt", data=path.read_bytes())
            theirs = golden / "mirrors/migrated-v2-to-v3-unsigned" / path.relative_to(target)
            assert text.strip() == theirs.read_bytes()


def test_what_cannot_be_copied_is_told_before(signed: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    (path,) = signed.glob("build_cache/*-labtop-*.spec.json.sig")
    document = {**json.loads(signed_text(path.read_bytes())), "buildcache_layout_version": 1}
    path.with_suffix("").write_text(json.dumps(document))
    path.unlink()
    prepared = copy(signed, tmp_path / "copy")
    (item,) = prepared.plan.of(Decision.NOT_INSTALLED)
    assert item.name == "labtop"
    assert item.reason.startswith("Its archive has a form that")
    assert done(carry_out(prepared)) == COUNT - 1


def test_one_unreadable_spec_does_not_stop_the_others_on_their_way_to_a_registry(
    golden: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(golden / "mirrors/migrated-v2-to-v3-unsigned", source, ignore=shutil.ignore_patterns("build_cache"))
    (manifest,) = source.glob("v3/manifests/spec/labmid/*")
    checksum = json.loads(manifest.read_text())["data"][1]["checksum"]
    blob = source / "blobs/sha256" / checksum[:2] / checksum
    blob.chmod(0o644)
    blob.write_bytes(b"spoiled")
    with FakeRegistry() as registry:
        there = f"oci+http://{registry.host}/lab/copy"
        prepared = copy(source, there)
        (item,) = prepared.plan.of(Decision.NOT_INSTALLED)
        assert item.name == "labmid"
        assert "digest" in item.reason
        outcome = carry_out(prepared)
        assert done(outcome) == COUNT - 1
        assert {row.name for row in outcome.rows if row.missing} == {"labtop"}
        assert titles(copy(source, there, force=True)) == []
