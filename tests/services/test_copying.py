# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Copies between folders and registries, and bundles, through the queue. Registries are scripted ones."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from caches.cache_makers import PaperSigner
from helpers.web_site import WebSite
from registry.kit.fake_registry import FakeRegistry

from core.caches.bundle import check_sums, read_facts
from core.caches.copying import FolderCopy
from core.caches.folder_cache import FolderCache
from core.caches.index import spec_text
from core.caches.layout3 import entry_manifest
from core.caches.opening import CacheAccess
from core.caches.protocol import CacheEntry
from core.foundation.cancel import CancelToken
from core.foundation.errors import CacheError, Cancelled, ErrorInfo, MirrordeckError, NotFound, UsageError
from core.services.bundles import describe_bundle, plan_export, plan_import
from core.services.copy_selection import manifest_copies
from core.services.copying import PreparedCopy, plan_copy
from core.services.upkeep_values import BundleRequest, CopyRequest, ImportRequest, NeedKind
from core.signing.clearsign import signed_text
from core.spack.instance import Instance
from core.transfers.model import ItemState, PushOutcome, RowKind
from core.transfers.plan import Decision, Signing

TOKEN = CancelToken()

Copy = Callable[..., PreparedCopy]
CarryOut = Callable[[PreparedCopy], PushOutcome]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def full(plan: Callable[..., object], carry_out: Callable[..., PushOutcome], tmp_path: Path) -> Path:
    """A folder with some packages and all they need to run."""
    target = tmp_path / "full"
    outcome = carry_out(plan("hwloc", to=str(target), private=True, update_index=True, signing=Signing.UNSIGNED))
    assert outcome.in_state(ItemState.FAILED) == ()
    return target


@pytest.fixture
def copy(instance: Instance, access: CacheAccess, tmp_path: Path) -> Copy:
    def copy(source: object, target: object, **options: Any) -> PreparedCopy:
        return plan_copy(
            instance, access, CopyRequest(str(source), str(target), **options), cwd=tmp_path, token=CancelToken()
        )

    return copy


def entries(folder: Path) -> dict[str, CacheEntry]:
    found = list(FolderCache(folder).entries(token=TOKEN))
    assert not [one for one in found if isinstance(one, ErrorInfo)]
    return {one.entry.hash: one for one in found if isinstance(one, CacheEntry)}


def documents(folder: Path) -> dict[str, bytes]:
    cache = FolderCache(folder)
    found = {}
    for dag_hash, one in entries(folder).items():
        stored = cache.package(one.entry, token=TOKEN)
        found[dag_hash] = spec_text(cache.path_of(stored.spec).read_bytes())
    return found


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def decisions(prepared: PreparedCopy) -> dict[Decision, int]:
    return {one: count for one in Decision if (count := sum(1 for _ in prepared.plan.of(one)))}


def done(outcome: PushOutcome) -> int:
    assert [(row.name, row.error) for row in outcome.rows if row.state is ItemState.FAILED] == []
    return len(outcome.in_state(ItemState.DONE))


def repository(registry: FakeRegistry, name: str) -> str:
    return f"oci+http://{registry.host}/{name}"


def test_a_folder_to_a_folder_byte_for_byte(full: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    prepared = copy(full, target)
    assert prepared.plan.source == full.as_uri()
    count = len(entries(full))
    assert decisions(prepared) == {Decision.PUSH: count}
    assert done(carry_out(prepared)) == count
    assert tree(target) == tree(full)
    again = copy(full, target)
    assert decisions(again) == {Decision.PRESENT: count}


def test_what_is_there_is_not_brought_again(full: Path, copy: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    carry_out(copy(full, target))
    for manifest in (target / "v3/manifests/spec").rglob("*.json"):
        manifest.unlink()
    outcome = carry_out(copy(full, target))
    assert {row.blob for row in outcome.in_state(ItemState.DONE)} == {"present"}
    assert tree(target) == tree(full)


def test_chosen_packages_come_with_what_they_need(full: Path, copy: Copy, tmp_path: Path) -> None:
    alone = copy(full, tmp_path / "copy", queries=("hwloc",), dependencies=False)
    assert {item.name for item in alone.plan.items} == {"hwloc"}
    closure = copy(full, tmp_path / "copy", queries=("hwloc",))
    assert {"hwloc", "libxml2"} <= {item.name for item in closure.plan.items}
    with pytest.raises(NotFound):
        copy(full, tmp_path / "copy", queries=("nosuch",))
    missing = copy(full, tmp_path / "copy", hashes=("a" * 32,))
    assert decisions(missing) == {Decision.NOT_INSTALLED: 1}
    with pytest.raises(UsageError):
        copy(full, full)


def test_folder_to_registry_to_folder_gives_the_same(
    full: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry, tmp_path: Path
) -> None:
    there, back = repository(registry, "lab/copy"), tmp_path / "back"
    count = len(entries(full))
    prepared = copy(full, there)
    outcome = carry_out(prepared)
    assert done(outcome) == count
    assert all(row.missing == () for row in outcome.rows)
    names = registry.tags["lab/copy"]
    assert len([tag for tag in names if tag.endswith(".spack")]) == count + 1
    assert done(carry_out(copy(there, back))) == count
    ours, theirs = entries(back), entries(full)
    assert {key: one.blob_digest for key, one in ours.items()} == {key: one.blob_digest for key, one in theirs.items()}
    assert documents(back) == documents(full)
    index = FolderCache(back).read_index()
    assert index is not None
    assert sum(record.in_buildcache for record in index.records.values()) == count
    assert decisions(copy(full, there)) == {Decision.PRESENT: count}
    assert decisions(copy(there, back)) == {Decision.PRESENT: count}


def test_images_know_their_variables_from_the_archives(
    full: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry, instance: Instance
) -> None:
    carry_out(copy(full, repository(registry, "lab/copy")))
    tag = next(tag for tag in registry.tags["lab/copy"] if tag.startswith("hwloc-"))
    manifest = json.loads(registry.manifests["lab/copy"][registry.tags["lab/copy"][tag]][1])
    config = json.loads(registry.blobs["lab/copy"][manifest["config"]["digest"]])
    prefixes = {record.prefix for record in instance.database(TOKEN).records.values() if record.name == "hwloc"}
    entries = dict(entry.split("=", 1) for entry in config["config"]["Env"])
    assert any(f"{prefix}" in entries["CMAKE_PREFIX_PATH"].split(":") for prefix in prefixes)
    assert len(manifest["layers"]) > 1


def test_registry_to_registry_keeps_every_digest_and_mounts(
    full: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry
) -> None:
    one, two = repository(registry, "lab/one"), repository(registry, "lab/two")
    carry_out(copy(full, one))
    registry.requests.clear()
    outcome = carry_out(copy(one, two))
    count = len(entries(full))
    assert done(outcome) == count
    packages = {tag: digest for tag, digest in registry.tags["lab/one"].items() if tag != "index.spack"}
    assert packages.items() <= registry.tags["lab/two"].items()
    assert "index.spack" in registry.tags["lab/two"]
    uploads = list(registry.seen("PUT", "/v2/lab/two/blobs/uploads/"))
    assert len(uploads) <= 2  # the index; all else was mounted
    assert {row.blob for row in outcome.in_state(ItemState.DONE)} <= {"mounted", "present"}
    assert decisions(copy(one, two)) == {Decision.PRESENT: count}
    with FakeRegistry() as other:
        far = repository(other, "lab/three")
        assert done(carry_out(copy(one, far))) == count
        assert packages.items() <= other.tags["lab/three"].items()


def test_signatures_travel_and_unsigned_ones_are_replaced(
    full: Path, golden: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry, tmp_path: Path
) -> None:
    source, target = golden / "mirrors/signed", tmp_path / "copy"
    count = len(entries(source))
    carry_out(copy(source, target))
    for one in entries(source).values():
        key = entry_manifest(one.entry)
        assert (target / key).read_bytes() == (source / key).read_bytes()
    assert all(one.signed for one in entries(target).values())
    unsigned = tmp_path / "unsigned"
    carry_out(copy(golden / "mirrors/unsigned", unsigned))
    before = sum(bool(one.signed) for one in entries(unsigned).values())
    assert before == 0
    carry_out(copy(source, unsigned))
    assert all(entries(unsigned)[key].signed for key in entries(source))
    assert decisions(copy(golden / "mirrors/unsigned", target))[Decision.PRESENT] >= count  # never the other way round


def test_from_the_web_to_a_folder_and_a_registry(
    golden: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry, tmp_path: Path
) -> None:
    source = golden / "mirrors/signed"
    with WebSite(source) as site:
        prepared = copy(site.url, tmp_path / "copy")
        count = len(entries(source))
        assert decisions(prepared) == {Decision.PUSH: count}
        assert done(carry_out(prepared)) == count
        assert done(carry_out(copy(site.url, repository(registry, "lab/copy")))) == count
    for one in entries(source).values():
        key = entry_manifest(one.entry)
        assert (tmp_path / "copy" / key).read_bytes() == (source / key).read_bytes()
    back = tmp_path / "back"
    assert done(carry_out(copy(repository(registry, "lab/copy"), back))) == count
    assert documents(back) == documents(source)


def test_what_is_not_signed_yet_can_be_signed_on_its_way(golden: Path, tmp_path: Path) -> None:
    source, target = FolderCache(golden / "mirrors/unsigned"), FolderCache(tmp_path / "copy")
    signed = next(iter(entries(golden / "mirrors/signed").values()))
    one = next(one for one in entries(golden / "mirrors/unsigned").values() if one.entry != signed.entry)
    for cache, entry in ((source, one.entry), (FolderCache(golden / "mirrors/signed"), signed.entry)):
        push = target.open_push([], signer=PaperSigner(), token=TOKEN)
        copying = FolderCopy(cache, target, push, PaperSigner(), signed_text)
        copying.prepare(TOKEN)
        copying.copy(entry, token=TOKEN, progress=lambda _: None, upload=lambda _: None)
        assert copying.complete(entry.hash, token=TOKEN).entry.signed
    ours = (tmp_path / "copy" / entry_manifest(one.entry)).read_bytes()
    assert ours == PaperSigner().clearsign((golden / "mirrors/unsigned" / entry_manifest(one.entry)).read_bytes())
    theirs = (tmp_path / "copy" / entry_manifest(signed.entry)).read_bytes()
    assert theirs == (golden / "mirrors/signed" / entry_manifest(signed.entry)).read_bytes()


def test_one_damaged_package_does_not_stop_the_others(
    full: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry, tmp_path: Path
) -> None:
    victim = next(one for one in entries(full).values() if one.entry.name == "hwloc")
    archive = full / "blobs/sha256" / victim.blob_digest[7:9] / victim.blob_digest[7:]
    data = archive.read_bytes()
    archive.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    for target in (tmp_path / "copy", repository(registry, "lab/copy")):
        outcome = carry_out(copy(full, target))
        assert [row.name for row in outcome.in_state(ItemState.FAILED)] == ["hwloc"]
        assert len(outcome.in_state(ItemState.DONE)) == len(entries(full)) - 1
    assert victim.entry.hash not in entries(tmp_path / "copy")
    archive.write_bytes(data)
    assert done(carry_out(copy(full, tmp_path / "copy"))) == 1


def test_a_registry_that_fails_once_is_retried_by_running_again(
    full: Path, copy: Copy, carry_out: CarryOut, registry: FakeRegistry
) -> None:
    there = repository(registry, "lab/copy")
    registry.faults.add(method="PUT", path="/blobs/uploads/", nth=3, status=403, times=None)
    first = carry_out(copy(full, there))
    assert first.in_state(ItemState.FAILED)
    registry.faults.clear()
    second = carry_out(copy(full, there))
    assert done(second) >= 1
    assert all(row.missing == () for row in second.rows)
    assert decisions(copy(full, there)) == {Decision.PRESENT: len(entries(full))}


def test_what_manifest_files_say(tmp_path: Path, full: Path) -> None:
    one = next(iter(entries(full).values()))
    url = f"{full.as_uri()}/{entry_manifest(one.entry)}"
    places = {"src": url, "dest": url.replace("/full/", "/other/")}
    (tmp_path / "a.json").write_text(json.dumps({one.entry.hash: places}))
    found = manifest_copies(str(tmp_path / "*.json"))
    assert [(places, [entry.hash for entry in listed]) for places, listed in found.items()] == [
        ((full.as_uri(), full.as_uri().replace("/full", "/other")), [one.entry.hash])
    ]
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(UsageError):
        manifest_copies(str(tmp_path / "*.json"))
    with pytest.raises(UsageError):
        manifest_copies(str(tmp_path / "*.none"))


# ---- bundles ----


@pytest.fixture
def export(instance: Instance, access: CacheAccess, tmp_path: Path) -> Copy:
    def export(source: object, path: object, **options: Any) -> PreparedCopy:
        request = BundleRequest(str(source), str(path), **options)
        return plan_export(instance, access, request, cwd=tmp_path, token=CancelToken())

    return export


@pytest.fixture
def bring_in(instance: Instance, access: CacheAccess, tmp_path: Path) -> Copy:
    def bring_in(path: object, target: object, **options: Any) -> PreparedCopy:
        request = ImportRequest(str(path), str(target), **options)
        return plan_import(instance, access, request, cwd=tmp_path, token=CancelToken())

    return bring_in


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_a_bundle_arrives_as_it_was(
    golden: Path, export: Copy, bring_in: Copy, carry_out: CarryOut, access: CacheAccess, tmp_path: Path, name: str
) -> None:
    source, path, target = golden / "mirrors/signed", tmp_path / name, tmp_path / "target"
    outcome = carry_out(export(source, path))
    count = len(entries(source))
    assert done(outcome) == count
    facts = read_facts(path)
    assert (facts.packages, facts.signed, len(facts.keys)) == (count, count, 1)
    summary = describe_bundle(path, TOKEN)
    assert {need.kind for need in summary.needs} >= {NeedKind.BOOTSTRAP, NeedKind.KEYS, NeedKind.EXTERNALS}
    if name.endswith(".tar"):
        with tarfile.open(path) as archive:
            assert archive.getnames()[0] == "bundle/bundle.json"
        assert not (tmp_path / "bundle.tar.partial").exists()
    else:
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=path, check=True)
        assert f"{count} package" in (path / "README.txt").read_text()
    assert done(carry_out(bring_in(path, target))) == count
    for one in entries(source).values():
        key = entry_manifest(one.entry)
        assert (target / key).read_bytes() == (source / key).read_bytes()
    assert FolderCache(target).public_keys(token=TOKEN) == FolderCache(source).public_keys(token=TOKEN)
    assert decisions(bring_in(path, target)) == {Decision.PRESENT: count}
    left = [path for path in access.staging.iterdir() if "bundle" in path.name] if access.staging.is_dir() else []
    assert len(left) <= 1  # of the plan that was only made


def test_spack_itself_adds_what_a_fresh_site_needs(
    full: Path, export: Copy, carry_out: CarryOut, checkout: Path, tmp_path: Path
) -> None:
    program = checkout / "bin/spack"
    program.unlink()
    program.write_text('#!/bin/sh\necho "$@" >&2\n[ "$3" = mirror ] && last="$4" || last="$5"\nexit 7\n')
    program.chmod(0o755)
    request = {"queries": ("hwloc",), "bootstrap": True, "sources": True}
    failed = carry_out(export(full, tmp_path / "bundle", **request))
    (index,) = [row for row in failed.rows if row.kind is RowKind.INDEX]
    assert index.error is not None
    assert "spack bootstrap mirror failed with exit status 7" in index.error.title
    assert "--binary-packages" in index.error.why
    program.write_text("""#!/bin/sh
for word in "$@"; do case "$word" in */bootstrap|*/sources) mkdir -p "$word"; echo "$@" > "$word/asked";; esac; done
""")
    outcome = carry_out(export(full, tmp_path / "bundle", **request))
    assert {row.state for row in outcome.rows} <= {ItemState.PRESENT, ItemState.DONE}
    summary = describe_bundle(tmp_path / "bundle", TOKEN)
    assert summary.extras == ("bootstrap", "sources")
    assert NeedKind.BOOTSTRAP not in {need.kind for need in summary.needs}
    asked = (tmp_path / "bundle/sources/asked").read_text()
    assert asked.count("/") >= len(entries(full))
    assert "spack bootstrap add --trust local-sources" in (tmp_path / "bundle/README.txt").read_text()
    check_sums(tmp_path / "bundle", TOKEN)


def test_what_spack_could_not_add_is_said_before(
    golden: Path, full: Path, export: Copy, checkout: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="No sources can be added"):
        export(golden / "mirrors/signed", tmp_path / "bundle", sources=True)
    (checkout / "bin/spack").unlink()
    with pytest.raises(UsageError, match="Spack itself"):
        export(full, tmp_path / "bundle", bootstrap=True)
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_of_the_old_layout(golden: Path, export: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    carry_out(export(golden / "mirrors/v2-signed", tmp_path / "bundle"))
    summary = describe_bundle(tmp_path / "bundle", TOKEN)
    assert (summary.packages, summary.signed, summary.keys) == (12, 0, ())


def test_a_selection_says_what_it_lacks(full: Path, export: Copy, carry_out: CarryOut, tmp_path: Path) -> None:
    carry_out(export(full, tmp_path / "bundle", queries=("hwloc",), dependencies=False))
    summary = describe_bundle(tmp_path / "bundle", TOKEN)
    (sources,) = [need for need in summary.needs if need.kind is NeedKind.SOURCES]
    assert any(item.startswith("libxml2@") for item in sources.items)
    assert (summary.packages, summary.signed, summary.keys) == (1, 0, ())


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "no list"])
def test_a_damaged_bundle_is_refused(
    full: Path, export: Copy, bring_in: Copy, carry_out: CarryOut, tmp_path: Path, damage: str
) -> None:
    bundle = tmp_path / "bundle"
    carry_out(export(full, bundle))
    check_sums(bundle, TOKEN)
    victim = next(path for path in (bundle / "blobs").rglob("*") if path.is_file())
    if damage == "changed":
        data = victim.read_bytes()
        victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "missing":
        victim.unlink()
    elif damage == "added":
        (bundle / "v3/manifests/spec/more.json").write_text("{}")
    else:
        (bundle / "SHA256SUMS").unlink()
    with pytest.raises(CacheError) as caught:
        bring_in(bundle, tmp_path / "target")
    if damage in ("changed", "missing"):
        assert victim.name in str(caught.value)
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["../../evil", "bundle/../../evil", "/evil"])
def test_a_hostile_tar_file_writes_nothing_outside(
    bring_in: Copy, access: CacheAccess, tmp_path: Path, name: str
) -> None:
    evil = tmp_path / "evil.tar"
    with tarfile.open(evil, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(MirrordeckError):
        bring_in(evil, tmp_path / "target")
    link = tarfile.TarInfo("bundle/v3")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(evil, "w") as archive:
        archive.addfile(link)
    with pytest.raises(CacheError):
        bring_in(evil, tmp_path / "target")
    assert not list(tmp_path.parent.glob("evil"))
    assert not list(access.staging.glob("*bundle*"))


def test_a_bundle_goes_nowhere_where_something_else_is(full: Path, export: Copy, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="cannot become a bundle"):
        export(full, tmp_path / "mine")
    (tmp_path / "there.tar").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        export(full, tmp_path / "there.tar")
    with pytest.raises(CacheError):
        describe_bundle(tmp_path / "there.tar", TOKEN)
    with pytest.raises(NotFound):
        describe_bundle(tmp_path / "mine", TOKEN)


def test_a_copy_can_be_stopped(full: Path, copy: Copy, tmp_path: Path) -> None:
    prepared = copy(full, tmp_path / "copy")
    token = CancelToken()
    token.cancel()
    item = next(prepared.plan.of(Decision.PUSH))
    with pytest.raises(Cancelled):
        prepared.job.push(item, again=False, report=_Report(), token=token, pool=None)  # type: ignore[arg-type]
    assert not list((tmp_path / "copy").rglob("*.manifest.json"))


class _Report:
    def phase(self, state: ItemState, total_bytes: int | None = None) -> None:
        pass

    def add(self, count: int) -> None:
        pass
