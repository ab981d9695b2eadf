# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a push decides, what it does, and what it does when things are not as they should be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import entry_manifest
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NotInstalled, SigningError, UsageError
from core.foundation.places import cache_dir
from core.services import package_sizes
from core.services.push import plan_push
from core.spack.instance import find_instance
from core.transfers.model import ItemState, RowKind
from core.transfers.plan import Decision, Only, PushRequest, Signing


def names(prepared, decision: Decision) -> list[str]:
    return [item.name for item in prepared.plan.of(decision)]


def prefix_of(instance, name: str) -> Path:
    return next(Path(record.prefix) for record in instance.database().records.values() if record.name == name)


def team(checkout: Path) -> FolderCache:
    return FolderCache(checkout / "mirrors/team")


class TestDeciding:
    def test_dependencies_come_first_and_what_stays_is_named(self, plan):
        prepared = plan("openmpi")
        pushed = names(prepared, Decision.PUSH)
        assert pushed[-1] == "openmpi"
        assert pushed.index("hwloc") < pushed.index("openmpi")
        assert {"slurm", "glibc"} & set(names(prepared, Decision.EXTERNAL))
        assert prepared.plan.selected == 1
        assert all(item.size_bytes > 0 for item in prepared.plan.of(Decision.PUSH))
        assert prepared.plan.blockers == ()

    def test_it_says_whether_all_sizes_were_measured(self, plan, monkeypatch):
        assert plan("openmpi").plan.is_measured
        monkeypatch.setattr(package_sizes, "_MOST_LOOKED_THROUGH", 2)
        instance_sizes = {item.size_bytes for item in plan("openmpi").plan.of(Decision.PUSH)}
        assert len(instance_sizes) > 2, "they are remembered"
        shutil.rmtree(cache_dir() / "sizes")
        again = plan("openmpi").plan
        assert not again.is_measured
        assert sum(not item.estimated for item in again.of(Decision.PUSH)) <= 2

    def test_build_dependencies_are_there_by_default_as_in_spack(self, plan):
        assert "compiler-wrapper" in names(plan("zlib-ng", with_build_dependencies=True), Decision.PUSH)
        assert "compiler-wrapper" not in names(plan("zlib-ng"), Decision.PUSH)

    def test_only(self, plan):
        assert names(plan("openmpi", only=Only.PACKAGE), Decision.PUSH) == ["openmpi"]
        dependencies = names(plan("openmpi", only=Only.DEPENDENCIES), Decision.PUSH)
        assert "openmpi" not in dependencies
        assert "hwloc" in dependencies

    def test_t38_not_redistributable_packages_are_held_back_unless_the_mirror_is_private(self, plan):
        prepared = plan("namd")
        (item,) = prepared.plan.of(Decision.HELD_BACK)
        assert item.name == "namd"
        assert item.reason
        assert "namd" in names(plan("namd", private=True), Decision.PUSH)

    def test_a_package_whose_recipe_is_gone_is_held_back_because_nobody_can_know(self, plan, instance):
        shutil.rmtree(prefix_of(instance, "bzip2") / ".spack" / "repos")
        assert "bzip2" in names(plan("bzip2"), Decision.HELD_BACK)
        assert "bzip2" in names(plan("bzip2", private=True), Decision.PUSH)

    def test_the_roots_of_the_environment(self, checkout, plan):
        within = find_instance(str(checkout), environment="simulation", environ={})
        prepared = plan(within=within)
        assert prepared.plan.selected == 2
        assert {"gromacs", "petsc"} <= set(names(prepared, Decision.PUSH))

    def test_without_packages_and_environment_nothing_can_be_meant(self, plan):
        with pytest.raises(UsageError):
            plan()

    def test_each_query_must_mean_one_package(self, plan):
        with pytest.raises(UsageError, match="hdf5 matches multiple packages"):
            plan("hdf5")
        with pytest.raises(NotInstalled, match="nosuch matches no installed packages"):
            plan("zlib-ng nosuch")

    def test_a_hash_that_is_gone(self, instance, access, tmp_path):
        with pytest.raises(NotInstalled):
            plan_push(instance, access, PushRequest("team", hashes=("a" * 32,)), cwd=tmp_path, token=CancelToken())

    def test_missing_packages_are_named_and_with_fail_fast_stop_everything(self, plan, instance):
        missing = [record for record in instance.database().records.values() if record.state == "missing"]
        query = f"/{missing[0].hash}"
        assert names(plan(query), Decision.NOT_INSTALLED) == [missing[0].name]
        with pytest.raises(NotInstalled, match="Cannot push non-installed packages"):
            plan(query, fail_fast=True)

    def test_a_cancelled_plan_stops(self, instance, access, tmp_path):
        token = CancelToken()
        token.cancel()
        with pytest.raises(Cancelled):
            plan_push(instance, access, PushRequest("team", ("openmpi",)), cwd=tmp_path, token=token)

    def test_mirrors_that_cannot_be_pushed_to_are_refused_with_the_reason(self, plan):
        with pytest.raises(UsageError, match="can only be read"):
            plan("zlib-ng", to="https://mirror.example.invalid/cache")

    def test_a_path_counts_as_signed_and_a_missing_key_is_told_before_anything_is_packed(self, plan, tmp_path):
        with pytest.raises(SigningError, match="No default key available for signing"):
            plan("zlib-ng", to="./cache")
        assert not (tmp_path / "cache").exists()
        assert plan("zlib-ng", to="./cache", signing=Signing.UNSIGNED).plan.key == ""

    def test_options_win_over_the_mirror(self, plan):
        with pytest.raises(SigningError):
            plan("zlib-ng", signing=Signing.SIGNED)


class TestPushing:
    def test_packages_and_index_arrive(self, checkout, plan, carry_out):
        outcome = carry_out(plan("openmpi", update_index=True))
        assert {row.state for row in outcome.rows} == {ItemState.DONE}
        cache = team(checkout)
        listed = {entry.entry.hash for entry in cache.entries(token=CancelToken())}
        assert listed == {row.hash for row in outcome.rows if row.kind is RowKind.PACKAGE}
        index = cache.read_index()
        assert index is not None
        assert {key for key, record in index.records.items() if record.in_buildcache} == listed

    def test_what_is_there_is_not_pushed_again_and_with_force_it_is(self, plan, carry_out):
        carry_out(plan("openmpi"))
        assert names(plan("openmpi"), Decision.PUSH) == []
        assert "openmpi" in names(plan("openmpi"), Decision.PRESENT)
        forced = plan("openmpi", force=True)
        assert "openmpi" in names(forced, Decision.PUSH)
        assert {row.state for row in carry_out(forced).rows} == {ItemState.DONE}

    def test_a_broken_entry_counts_as_absent_and_is_mended(self, checkout, plan, carry_out):
        outcome = carry_out(plan("zlib-ng"))
        (row,) = [row for row in outcome.rows if row.name == "zlib-ng"]
        digest = row.entry.blob_digest.removeprefix("sha256:")
        blob = checkout / "mirrors/team/blobs/sha256" / digest[:2] / digest
        blob.write_bytes(blob.read_bytes()[:-1])
        again = plan("zlib-ng")
        assert names(again, Decision.PUSH) == ["zlib-ng"]
        carry_out(again)
        assert names(plan("zlib-ng"), Decision.PUSH) == []

    def test_what_is_damaged_in_the_first_mirror_does_not_reach_the_second(self, checkout, plan, carry_out, tmp_path):
        first = carry_out(plan("zlib-ng"))
        (row,) = [row for row in first.rows if row.name == "zlib-ng"]
        digest = row.entry.blob_digest.removeprefix("sha256:")
        blob = Path("blobs/sha256", digest[:2], digest)
        good = (checkout / "mirrors/team" / blob).read_bytes()
        (checkout / "mirrors/team" / blob).write_bytes(bytes([good[0] ^ 1]) + good[1:])
        again = carry_out(plan("zlib-ng", to=str(tmp_path / "second"), signing=Signing.UNSIGNED))
        assert {row.state for row in again.rows} == {ItemState.DONE}
        assert (tmp_path / "second" / blob).read_bytes() == good
        assert not list((tmp_path / "second").rglob("*.tmp"))

    def test_held_back_and_external_packages_leave_no_trace(self, checkout, plan, carry_out):
        carry_out(plan("namd"))
        listed = {entry.entry.name for entry in team(checkout).entries(token=CancelToken())}
        assert "namd" not in listed
        assert "glibc" not in listed

    def test_i4_retrying_after_all_got_through_changes_nothing(self, checkout, plan, carry_out):
        first = plan("zlib-ng")
        second = plan("zlib-ng")
        carry_out(first)
        manifest = next((checkout / "mirrors/team/v3/manifests/spec/zlib-ng").iterdir())
        before = manifest.stat().st_mtime_ns
        item = next(item for item in second.plan.items if item.name == "zlib-ng")

        class Report:
            def phase(self, state, total_bytes=None): ...
            def add(self, count): ...
            def early(self, count): ...

        second.job.push(item, again=True, report=Report(), token=CancelToken(), pool=None)
        assert second.job.complete(item, token=CancelToken()).entry.entry.hash == item.hash
        assert manifest.stat().st_mtime_ns == before


class TestBadInput:
    def test_a_vanished_prefix_fails_alone_and_is_named(self, instance, plan, carry_out):
        gone = prefix_of(instance, "hwloc")
        prepared = plan("openmpi", private=True)
        shutil.move(gone, gone.with_name("elsewhere"))
        outcome = carry_out(prepared)
        (failed,) = outcome.in_state(ItemState.FAILED)
        assert failed.name == "hwloc"
        assert failed.error.code == "not-installed"
        assert str(gone) in failed.error.why
        assert "openmpi" in {row.name for row in outcome.in_state(ItemState.DONE)}

    def test_a_prefix_that_is_gone_before_the_plan_is_named_in_it(self, instance, plan, carry_out):
        gone = prefix_of(instance, "hwloc")
        shutil.move(gone, gone.with_name("elsewhere"))
        prepared = plan("openmpi")
        (item,) = prepared.plan.of(Decision.NOT_INSTALLED)
        assert (item.name, str(gone) in item.reason) == ("hwloc", True)
        assert {row.state for row in carry_out(prepared).rows} == {ItemState.DONE}

    def test_a_target_that_is_a_file_is_a_blocker(self, tmp_path, plan):
        (tmp_path / "file").write_text("")
        prepared = plan("zlib-ng", to="./file/cache", signing=Signing.UNSIGNED)
        (blocker,) = prepared.plan.blockers
        assert blocker.title == f"Cannot write to {tmp_path}/file/cache"
        assert str(tmp_path / "file") in blocker.why

    def test_nothing_half_written_is_visible_after_a_failure(self, checkout, plan, carry_out):
        prepared = plan("zlib-ng")
        item = next(item for item in prepared.plan.items if item.name == "zlib-ng")
        manifest = checkout / "mirrors/team" / entry_manifest_of(item)
        manifest.mkdir(parents=True)  # a directory where the manifest belongs: its rename fails
        outcome = carry_out(prepared)
        (failed,) = [row for row in outcome.rows if row.name == "zlib-ng"]
        assert failed.state is ItemState.FAILED
        assert str(manifest) in failed.error.sentence()
        assert not [path for path in (checkout / "mirrors/team").rglob("*.tmp") if path.is_file()]

    def test_a_broken_database_is_named(self, checkout, plan):
        index = checkout / "opt/spack/.spack-db/index.json"
        index.write_text(index.read_text()[:5000])
        fresh = find_instance(str(checkout), environ={})
        from core.foundation.errors import DatabaseError

        with pytest.raises(DatabaseError, match=str(index)):
            plan("zlib-ng", within=fresh)

    def test_a_broken_mirrors_file_is_a_problem_and_paths_still_work(self, checkout, plan):
        (checkout / "etc/spack/site/mirrors.yaml").write_text("mirrors:\n  team: [\n")
        fresh = find_instance(str(checkout), environ={})
        with pytest.raises(UsageError, match='no mirror named "team"'):
            plan("zlib-ng", within=fresh)
        assert plan("zlib-ng", to=f"{checkout}/mirrors/team", signing=Signing.UNSIGNED, within=fresh).plan.items

    def test_one_broken_record_does_not_hide_the_others(self, checkout, plan):
        index = checkout / "opt/spack/.spack-db/index.json"
        document = json.loads(index.read_text())
        installs = document["database"]["installs"]
        victim = next(key for key, record in installs.items() if record["spec"]["name"] == "namd")
        installs[victim]["spec"]["version"] = {"not": "text"}
        index.write_text(json.dumps(document))
        fresh = find_instance(str(checkout), environ={})
        assert len(fresh.database().problems) == 1
        assert "zlib-ng" in names(plan("zlib-ng", within=fresh), Decision.PUSH)


def entry_manifest_of(item) -> str:
    from core.caches.protocol import EntryName

    return entry_manifest(EntryName(item.name, item.version, item.hash))
