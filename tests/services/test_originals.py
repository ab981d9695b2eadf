# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages that came from a cache keep the archive they came from when they are pushed on.

The tree is one that Spack 1.1 installed from the cache "unsigned", at another root than that of its makers.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.gnupg_home import gnupg_home
from helpers.web_site import WebSite
from registry.kit.fake_registry import FakeRegistry

from core.caches.archive_facts import BUILDINFO
from core.caches.folder_cache import FolderCache
from core.caches.layout3 import entry_manifest
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry, EntryName
from core.cli.main import main
from core.foundation.cancel import CancelToken
from core.packing.packer import pack
from core.services.access import open_access
from core.services.push import PreparedPush, plan_push
from core.signing.gpg import GpgSigner
from core.spack.instance import Instance, find_instance
from core.transfers import job
from core.transfers.model import PushOutcome, RowKind, TransferRow
from core.transfers.plan import Decision, PlanItem, PushOptions, PushPlan, PushRequest, Signing

ZED, MID, TOP, GIT = (
    EntryName("labzed", "1.10", "3etqutdo6x2xxhffps2ikkt6ggofkhan"),
    EntryName("labmid", "2.0", "7nyg6y4armlp5ga7eb4uhgleeggidnbj"),
    EntryName("labtop", "3.1.4", "vl34dzlozxpjvtqesxhxucvuaovwfjfx"),
    EntryName("labgit", "1.1", "j3bgn4yerstwtu7gti7kb3s5chle7wc6"),
)
IN_PADDED = (ZED, MID, TOP)
TOKEN = CancelToken()
CarryOut = Callable[[PreparedPush], PushOutcome]


class World:
    """The instance, and the mirrors it knows: `origin` and what a test adds; pushes go to the folder `target`."""

    def __init__(self, checkout: Path, golden: Path, folder: Path) -> None:
        self.checkout, self.golden, self.folder = checkout, golden, folder
        self.tree, self.target = folder / "opt/s2/opt/spack", FolderCache(folder / "target")
        with tarfile.open(golden / "relocated/install-tree-opt-s2.tar.gz") as archive:
            archive.extractall(folder, filter="tar")
        index = self.tree / ".spack-db/index.json"
        index.write_text(index.read_text().replace("/opt/s2/opt/spack", str(self.tree)))
        config = {"config": {"install_tree": {"root": str(self.tree)}}}
        (checkout / "etc/spack/site/config.yaml").write_text(json.dumps(config))
        self.accesses: list[CacheAccess] = []
        self.environ: dict[str, str] = {}
        self.origin = shutil.copytree(golden / "mirrors/unsigned", folder / "origin")
        self.know({"origin": str(self.origin)})

    def know(self, mirrors: Mapping[str, str], *, signed: bool = False) -> None:
        entries = {name: {"url": url, "signed": signed} for name, url in mirrors.items()}
        text = json.dumps({"mirrors": {**entries, "target": {"url": self.target.url, "signed": False}}})
        (self.checkout / "etc/spack/site/mirrors.yaml").write_text(text)

    def plan(self, *entries: EntryName, to: str = "target", **options: Any) -> PreparedPush:
        instance: Instance = find_instance(str(self.checkout), environ=self.environ)
        self.accesses.append(open_access(instance))
        options = {"keep_blobs": True, "with_build_dependencies": False, "private": True, **options}
        request = PushRequest(to, hashes=tuple(one.hash for one in entries), options=PushOptions(**options))
        return plan_push(instance, self.accesses[-1], request, cwd=self.folder, token=TOKEN)

    def prefix(self, entry: EntryName) -> Path:
        return next(self.tree.glob(f"*/*-{entry.hash}"))

    def came_from_padded(self) -> None:
        """As after an installation from the cache "padded": its archives leave their buildinfo in the prefixes."""
        for entry in IN_PADDED:
            blob = blob_of(self.golden / "mirrors/padded", entry)
            with tarfile.open(blob) as archive:
                (member,) = (one for one in archive if f"/{one.name}".endswith(BUILDINFO))
                content = archive.extractfile(member)
                assert content is not None
                Path(f"{self.prefix(entry)}{BUILDINFO}").write_bytes(content.read())


def blob_of(cache: Path, entry: EntryName) -> Path:
    folder = FolderCache(cache)
    return folder.path_of(folder.package(entry, token=TOKEN).archive)


def pushed(outcome: PushOutcome) -> dict[str, TransferRow]:
    rows = {row.hash: row for row in outcome.rows if row.kind is RowKind.PACKAGE}
    assert all(row.error is None and row.entry is not None for row in rows.values()), rows
    return rows


def planned(prepared: PreparedPush, entry: EntryName) -> PlanItem:
    return next(item for item in prepared.plan.of(Decision.PUSH) if item.hash == entry.hash)


@pytest.fixture
def world(checkout: Path, golden: Path, tmp_path: Path) -> Iterator[World]:
    world = World(checkout, golden, tmp_path / "world")
    yield world
    for access in world.accesses:
        access.close()


@pytest.fixture
def packed_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the prefixes that were packed."""
    names: list[str] = []

    def noted(source: Any, *arguments: Any, **options: Any) -> Any:
        names.append(source.source.name)
        return pack(source, *arguments, **options)

    monkeypatch.setattr(job, "pack", noted)
    return names


class TestKeeping:
    def test_what_spack_installed_from_a_folder_goes_on_with_every_byte(
        self, world: World, carry_out: CarryOut, packed_names: list[str]
    ) -> None:
        prepared = world.plan(TOP)
        assert planned(prepared, TOP).note == "keeps its archive, from origin"
        assert msgspec.json.decode(msgspec.json.encode(prepared.plan), type=PushPlan) == prepared.plan
        rows = pushed(carry_out(prepared))
        assert len(rows) >= 6
        assert {(row.kept, row.note) for row in rows.values()} == {(True, "")}
        assert not packed_names
        for item in prepared.plan.of(Decision.PUSH):
            entry = EntryName(item.name, item.version, item.hash)
            original = blob_of(world.origin, entry)
            assert blob_of(world.folder / "target", entry).read_bytes() == original.read_bytes()
            assert (item.kept, item.size_bytes) == (True, original.stat().st_size)

    def test_without_asking_everything_is_packed(
        self, world: World, carry_out: CarryOut, packed_names: list[str]
    ) -> None:
        rows = pushed(carry_out(world.plan(ZED, keep_blobs=False)))
        assert {(row.kept, row.note) for row in rows.values()} == {(False, "")}
        assert len(packed_names) == len(rows)
        assert blob_of(world.folder / "target", ZED).name != blob_of(world.origin, ZED).name

    def test_over_the_web(self, world: World, carry_out: CarryOut, packed_names: list[str]) -> None:
        with WebSite(world.origin) as site:
            world.know({"site": site.url})
            rows = pushed(carry_out(world.plan(ZED)))
        assert all(row.kept for row in rows.values())
        assert not packed_names
        assert blob_of(world.folder / "target", ZED).name == blob_of(world.origin, ZED).name

    def test_padding_stays_and_an_archive_packed_elsewhere_is_no_substitute(
        self, world: World, carry_out: CarryOut, golden: Path
    ) -> None:
        world.came_from_padded()
        world.know({"origin": str(world.origin), "padded": str(golden / "mirrors/padded")})
        rows = pushed(carry_out(world.plan(TOP)))
        for entry in IN_PADDED:
            original = blob_of(golden / "mirrors/padded", entry)
            assert rows[entry.hash].kept
            assert blob_of(world.folder / "target", entry).read_bytes() == original.read_bytes()
            assert original.name != blob_of(world.origin, entry).name

    def test_a_second_mirror_fetches_nothing_again(
        self, world: World, carry_out: CarryOut, packed_names: list[str]
    ) -> None:
        carry_out(world.plan(ZED))
        second = FolderCache(world.folder / "second")
        prepared = world.plan(ZED, to=second.url, signing=Signing.UNSIGNED)
        shutil.rmtree(world.origin)
        shutil.rmtree(world.folder / "target/v3")
        rows = pushed(carry_out(prepared))
        assert all(row.kept for row in rows.values())
        assert not packed_names
        assert blob_of(world.folder / "second", ZED).name == blob_of(world.golden / "mirrors/unsigned", ZED).name

    def test_into_registries(self, world: World, carry_out: CarryOut, packed_names: list[str]) -> None:
        name = blob_of(world.origin, GIT).name
        with FakeRegistry() as registry:
            prepared = world.plan(GIT, to=f"oci+http://{registry.host}/team/cache")
            first = pushed(carry_out(prepared))[GIT.hash]
            shutil.rmtree(world.origin)
            second = pushed(carry_out(world.plan(GIT, to=f"oci+http://{registry.host}/other/cache")))[GIT.hash]
        assert [warning.code for warning in prepared.plan.warnings if warning.code == "other-prefix"] == [
            "other-prefix"
        ]
        assert not packed_names
        for row in (first, second):
            assert row.kept
            assert row.entry is not None
            assert row.entry.blob_digest == f"sha256:{name}"


class TestLosing:
    def test_an_archive_that_is_gone_before_the_plan_is_packed_and_said_so(
        self, world: World, carry_out: CarryOut, packed_names: list[str]
    ) -> None:
        blob_of(world.origin, GIT).unlink()
        prepared = world.plan(GIT)
        item = planned(prepared, GIT)
        assert (item.kept, item.note) == (False, "packed anew: origin does not have it; target does not have it")
        row = pushed(carry_out(prepared))[GIT.hash]
        assert (row.kept, row.note) == (False, item.note)
        assert packed_names == [world.prefix(GIT).name]

    def test_one_that_goes_after_the_plan(self, world: World, carry_out: CarryOut, packed_names: list[str]) -> None:
        prepared = world.plan(GIT)
        assert planned(prepared, GIT).kept
        blob_of(world.origin, GIT).unlink()
        row = pushed(carry_out(prepared))[GIT.hash]
        assert row.kept is False
        assert row.note.startswith("packed anew: target does not have it; origin: ")
        assert packed_names == [world.prefix(GIT).name]

    def test_one_that_is_damaged(self, world: World, carry_out: CarryOut, packed_names: list[str]) -> None:
        blob = blob_of(world.origin, GIT)
        data = bytearray(blob.read_bytes())
        data[len(data) // 2] ^= 1
        blob.write_bytes(data)
        row = pushed(carry_out(world.plan(GIT)))[GIT.hash]
        assert row.kept is False
        assert "digest" in row.note
        assert packed_names == [world.prefix(GIT).name]
        blobs = (world.folder / "target/blobs").rglob("*")
        assert not [path.name for path in blobs if path.is_file() and len(path.name) != 64]

    def test_only_one_that_was_packed_elsewhere(self, world: World, carry_out: CarryOut) -> None:
        world.came_from_padded()
        row = pushed(carry_out(world.plan(ZED)))[ZED.hash]
        assert row.kept is False
        assert "it was packed elsewhere than the one that was installed" in row.note

    def test_an_entry_that_is_replaced_after_the_plan_is_not_believed(
        self, world: World, carry_out: CarryOut, golden: Path
    ) -> None:
        prepared = world.plan(GIT)
        foreign = FolderCache(golden / "mirrors/unsigned").folder.read(entry_manifest(ZED), 1 << 20)
        world_manifest = world.origin / entry_manifest(GIT)
        world_manifest.write_bytes(foreign)
        row = pushed(carry_out(prepared))[GIT.hash]
        assert row.kept is False
        assert "it was replaced a moment ago" in row.note

    def test_mirrors_that_cannot_be_read_are_named(self, world: World) -> None:
        world.know({"far": "s3://", "gone": str(world.folder / "nowhere")})
        note = planned(world.plan(GIT), GIT).note
        assert note.startswith("packed anew: far")
        assert "gone does not have it" in note

    def test_where_signatures_are_wanted_only_good_ones_count(self, world: World) -> None:
        world.know({"origin": str(world.origin)}, signed=True)
        item = planned(world.plan(GIT), GIT)
        assert item.note == "packed anew: origin does not have it with a good signature; target does not have it"

    def test_a_push_vouches_for_what_it_signs(
        self, world: World, carry_out: CarryOut, tool: Callable[[str], str]
    ) -> None:
        tool("gpg")
        with gnupg_home() as home:
            key = home.make_key("Somebody <somebody@example.org>")
            world.environ = {"SPACK_GNUPGHOME": str(home.path), "HOME": str(world.folder), "PATH": os.environ["PATH"]}
            assert pushed(carry_out(world.plan(GIT)))[GIT.hash].kept
            place = str(world.folder / "signed")
            row = pushed(carry_out(world.plan(GIT, to=place, key=key)))[GIT.hash]
            assert row.note.startswith("packed anew: origin does not have it with a good signature")
            signer = GpgSigner(world.accesses[-1].gnupg, key)
            assert list(FolderCache(world.origin).change_signatures(signer, [GIT.hash], TOKEN))
            row = pushed(carry_out(world.plan(GIT, to=place, key=key, force=True)))[GIT.hash]
        assert row.kept
        assert row.entry is not None
        assert row.entry.signed
        assert blob_of(world.folder / "signed", GIT).name == blob_of(world.origin, GIT).name


class TestWhatIsAsked:
    def test_packages_built_here_are_none_of_this(self, world: World, carry_out: CarryOut) -> None:
        Path(f"{world.prefix(GIT)}{BUILDINFO}").unlink()
        prepared = world.plan(GIT)
        assert (planned(prepared, GIT).kept, planned(prepared, GIT).note) == (False, "")
        assert pushed(carry_out(prepared))[GIT.hash].note == ""

    def test_a_rewired_package_came_from_no_archive_of_its_own(self, world: World) -> None:
        shutil.copy(f"{world.prefix(MID)}{BUILDINFO}", f"{world.prefix(GIT)}{BUILDINFO}")
        assert planned(world.plan(GIT), GIT).note == ""


def test_entries_say_what_lies_there(world: World, carry_out: CarryOut) -> None:
    found: CacheEntry | None = pushed(carry_out(world.plan(GIT)))[GIT.hash].entry
    assert found is not None
    original = blob_of(world.origin, GIT)
    assert (found.blob_digest, found.stored_bytes) == (f"sha256:{original.name}", original.stat().st_size)
    listed = list(world.target.entries(token=TOKEN))
    assert [one.blob_digest for one in listed if isinstance(one, CacheEntry)] == [found.blob_digest]


def test_the_command_line_tells_what_was_kept_and_what_was_not(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    blob_of(world.origin, GIT).unlink()
    push = ["--instance", str(world.checkout), "buildcache", "push", "--private", "--only=package", "--keep-blobs"]
    hashes = [f"/{ZED.hash}", f"/{GIT.hash}"]
    assert main([*push, "--dry-run", "target", *hashes]) == 0
    assert "labzed@1.10/3etqutd  keeps its archive, from origin" in capsys.readouterr().out
    assert main([*push, "target", *hashes]) == 0
    lines = "".join(capsys.readouterr())
    assert "Archives kept as they came from a cache: 1" in lines
    assert "labgit@1.1/j3bgn4y: packed anew: origin does not have it; target does not have it" in lines
    assert main([*push[:2], "--json", *push[2:], "--force", "target", *hashes]) == 0
    rows = {row["hash"]: row for row in json.loads(capsys.readouterr().out)["pushed"]}
    assert rows[ZED.hash]["kept_blob"] is True
    assert "note" not in rows[ZED.hash]
    assert rows[GIT.hash]["note"].startswith("packed anew: origin does not have it")
