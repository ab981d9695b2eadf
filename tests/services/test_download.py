# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages taken out of caches: their blobs, their files, their spec files; in folders, over HTTP and in registries."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from helpers.web_site import WebSite

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import BadSignature, CacheError, MirrordeckError, NotFound, UsageError
from core.services.download import (
    chosen_mirrors,
    download,
    find_package,
    list_files,
    save_spec_files,
    unpack_package,
)
from core.services.download_values import FileRow, FilesView, PackageId
from core.spack.instance import Instance
from core.transfers.plan import Only, Signing

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"
TOKEN = CancelToken()


def steps(_count: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(params=["folder", "web"])
def address(request: pytest.FixtureRequest):
    """Where the mirrors of the golden data are, as a folder and over HTTP."""
    if request.param == "folder":
        yield str(MIRRORS)
    else:
        with WebSite(MIRRORS) as site:
            yield site.url


def rows_of(access: CacheAccess, package: PackageId, mirrors) -> tuple[list[FileRow], FilesView]:
    *batches, view = list_files(access, package, mirrors, token=TOKEN)
    assert isinstance(view, FilesView)
    return [row for batch in batches for row in batch], view


@pytest.mark.parametrize("mirror", ["unsigned", "signed", "v2-unsigned", "v2-signed", "padded"])
def test_download(instance: Instance, access: CacheAccess, address: str, mirror: str, tmp_path: Path) -> None:
    mirrors = chosen_mirrors(instance, [f"{address}/{mirror}"], cwd=tmp_path)
    package = find_package(instance, access, "labzed@1.10", mirrors, cwd=tmp_path, token=TOKEN)
    assert (package.name, package.version) == ("labzed", "1.10")
    done = download(access, package, tmp_path / "out", mirrors, token=TOKEN, progress=steps)
    for name in (done.archive, done.spec):
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == name
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([done.archive, done.spec])
    assert done.bytes == sum(path.stat().st_size for path in (tmp_path / "out").iterdir())
    assert download(access, package, tmp_path / "out", mirrors, token=TOKEN, progress=pytest.fail) == done


@pytest.mark.parametrize("mirror", ["unsigned", "v2-unsigned"])
def test_files_and_unpacking(
    instance: Instance, access: CacheAccess, address: str, mirror: str, tmp_path: Path
) -> None:
    mirrors = chosen_mirrors(instance, [f"{address}/{mirror}"], cwd=tmp_path)
    spec = "labzed@1.10"
    package = find_package(instance, access, spec, mirrors, cwd=tmp_path, token=TOKEN)
    rows, view = rows_of(access, package, mirrors)
    assert view.prefix.startswith("/opt/lab/")
    assert view.prefix.endswith(package.hash)
    paths = {row.path for row in rows}
    assert ".spack/spec.json" in paths
    assert len(rows) == view.files
    unpacked = unpack_package(access, package, tmp_path / "in", mirrors, token=TOKEN, progress=steps)
    root = Path(unpacked.directory)
    assert root.name == f"labzed-1.10-{package.hash}"
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink() or path.is_file()}
    assert there == paths - {link.partition(" -> ")[0] for link in unpacked.left_out}
    with pytest.raises(UsageError, match="exists already"):
        unpack_package(access, package, tmp_path / "in", mirrors, token=TOKEN, progress=steps)


def test_mirrors_are_asked_in_order(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    names = [str(MIRRORS / "private"), str(MIRRORS / "unsigned")]
    mirrors = chosen_mirrors(instance, names, cwd=tmp_path)
    package = find_package(instance, access, "labmid@2.0/7nyg6y4", mirrors, cwd=tmp_path, token=TOKEN)
    done = download(access, package, tmp_path / "out", mirrors, token=TOKEN, progress=steps)
    assert done.mirror.endswith("/unsigned")
    with pytest.raises(NotFound, match=r"No mirror has labmid@2\.0/7nyg6y4") as caught:
        download(access, package, tmp_path / "out", mirrors[:1], token=TOKEN, progress=steps)
    assert "private: " in caught.value.why


def test_what_a_spec_means(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    mirrors = chosen_mirrors(instance, [str(MIRRORS / "unsigned")], cwd=tmp_path)
    with pytest.raises(UsageError, match="labtop matches multiple packages"):
        find_package(instance, access, "labtop", mirrors, cwd=tmp_path, token=TOKEN)
    with pytest.raises(NotFound, match="neither installed nor on a mirror"):
        find_package(instance, access, "no-such-package", mirrors, cwd=tmp_path, token=TOKEN)
    installed = find_package(instance, access, "openmpi", [], cwd=tmp_path, token=TOKEN)
    assert installed.hash in instance.database(TOKEN).records
    assert [mirror.name for mirror in chosen_mirrors(instance, [], cwd=tmp_path)]


def test_a_damaged_archive_is_not_shown(
    instance: Instance, access: CacheAccess, tmp_path: Path, plan, carry_out
) -> None:
    root = tmp_path / "mirror"
    carry_out(plan("openmpi", to=str(root), only=Only.PACKAGE, signing=Signing.UNSIGNED))
    blob = max(root.glob("blobs/sha256/*/*"), key=lambda path: path.stat().st_size)
    data = blob.read_bytes()
    mirrors = chosen_mirrors(instance, [str(root)], cwd=tmp_path)
    package = find_package(instance, access, "openmpi", mirrors, cwd=tmp_path, token=TOKEN)
    assert rows_of(access, package, mirrors)[0]
    blob.write_bytes(data[:-8] + bytes(8))
    with pytest.raises(CacheError, match="damaged"):
        rows_of(access, package, mirrors)
    with pytest.raises(CacheError, match="damaged"):
        unpack_package(access, package, tmp_path / "in", mirrors, token=TOKEN, progress=steps)
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("signed", [True, False])
def test_what_was_tampered_with_is_not_saved(
    instance: Instance, access: CacheAccess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, signed: bool
) -> None:
    def refuse(*_: object) -> bytes:
        raise BadSignature("The signature is not good", "forged")

    mirror = tmp_path / "mirror"
    shutil.copytree(MIRRORS / ("signed" if signed else "unsigned"), mirror)
    mirrors = chosen_mirrors(instance, [str(mirror)], cwd=tmp_path)
    package = find_package(instance, access, "labzed@1.10", mirrors, cwd=tmp_path, token=TOKEN)
    if signed:
        monkeypatch.setattr(access, "verified", refuse)
    else:  # the manifest of another package under the name of this one
        (ours,) = mirror.glob(f"v3/manifests/spec/labzed/*{package.hash}*")
        ours.chmod(0o644)
        ours.write_bytes(next(mirror.glob("v3/manifests/spec/labgit/*.json")).read_bytes())
    with pytest.raises(MirrordeckError, match="forged" if signed else "another package"):
        download(access, package, tmp_path / "out", mirrors, token=TOKEN, progress=steps)
    assert not list(tmp_path.glob("out/*"))


def test_spec_files(instance: Instance, tmp_path: Path) -> None:
    database = instance.database(TOKEN)
    root = next(record for record in database.records.values() if record.name == "openmpi")
    children = {database.records[edge.hash].name for edge in root.node.dependencies}
    child = sorted(children)[0]
    written = save_spec_files(instance, f"/{root.hash}", [f"openmpi {child}"], tmp_path, cwd=tmp_path, token=TOKEN)
    assert {path.name for path in written} == {"openmpi.json", f"{child}.json"}
    document = json.loads((tmp_path / "openmpi.json").read_text())
    assert list(document) == ["spec"]
    assert document["spec"]["nodes"][0]["hash"] == root.hash
    with pytest.raises(NotFound, match="no such directory"):
        save_spec_files(instance, "openmpi", ["openmpi"], tmp_path / "none", cwd=tmp_path, token=TOKEN)
    with pytest.raises(NotFound, match="matches no installed packages"):
        save_spec_files(instance, "no-such", ["openmpi"], tmp_path, cwd=tmp_path, token=TOKEN)
