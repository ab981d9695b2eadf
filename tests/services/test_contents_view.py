# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Looking around in caches: what is listed, what is remembered, what one thing consists of."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.web_site import WebSite
from registry.kit.fake_registry import FakeRegistry

from core.caches.browsing import EntryKind
from core.caches.oci.image import INCOMPLETE
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import Cancelled, NotFound, RemoteError, UsageError
from core.registry.media_types import OCI_INDEX
from core.services.contents import update_index
from core.services.contents_details import describe_entry
from core.services.contents_memory import ContentsMemory
from core.services.contents_view import list_repositories, open_place, view_contents
from core.services.values import ContentsRow, ContentsView, EntryDetails
from core.transfers.plan import Only, Signing

OCI_DATA = Path(__file__).parents[1] / "data/oci"
NAME = "lab/cache"
LABZ = "labz-1.2.3-jzxmraxbnbbfsdj2t2egm2hfpu53l5xk.spack"
LABTOOL = "labtool-2.0-dpkcrbouphgci4pqh54xa2fa5cmhrltj.spack"
LABFMT = "labfmt-0.9-t3m6gz5efzzlivyjiqepqyrci552ncum.spack"
LABAPP = "labapp-1-ousvwalxgqnc3h5qioyngv7gffutjo6q.spack"


class Looking:
    """`look(place)` lists a place; its batches and view are kept."""

    def __init__(self, instance, access, directory: Path) -> None:
        self.instance, self.access, self.directory = instance, access, directory
        self.memory = ContentsMemory(directory / "contents", keep=True)
        self.batches: list[list[ContentsRow]] = []

    def look(self, place: str | Path, *, refresh: bool = False, token: CancelToken | None = None) -> ContentsView:
        """The view; rows are replaced by key as a window would do it."""
        self.batches = []
        parts = view_contents(
            self.instance, self.access, self.memory, str(place), refresh=refresh, cwd=self.directory,
            token=token or CancelToken(),
        )  # fmt: skip
        for part in parts:
            if isinstance(part, ContentsView):
                assert next(parts, None) is None
                return part
            self.batches.append(part)
        raise AssertionError("no view")

    @property
    def rows(self) -> dict[str, ContentsRow]:
        return {row.key: row for batch in self.batches for row in batch}

    def packages(self) -> dict[str, ContentsRow]:
        return {f"{row.name}@{row.version}": row for row in self.rows.values() if row.kind is EntryKind.PACKAGE}

    def of(self, kind: EntryKind) -> list[ContentsRow]:
        return [row for row in self.rows.values() if row.kind is kind]

    def describe(self, place: str | Path, key: str) -> EntryDetails:
        found = open_place(self.instance, self.access, str(place), cwd=self.directory)
        return describe_entry(found, self.memory, key, CancelToken())

    def restart(self) -> None:
        self.memory = ContentsMemory(self.directory / "contents", keep=True)


@pytest.fixture
def looking(instance, access, tmp_path) -> Looking:
    return Looking(instance, access, tmp_path)


@pytest.fixture
def signed(golden, tmp_path) -> Path:
    """A cache signed by Spack, of the test's own."""
    return Path(shutil.copytree(golden / "mirrors/signed", tmp_path / "signed"))


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def load(registry) -> Callable[..., str]:
    """Puts what Spack pushed into the registry; gives the address."""

    def load(push: str, name: str = NAME) -> str:
        for path in (OCI_DATA / push).glob("*.manifest.json"):
            tag = path.name.removesuffix(".manifest.json")
            manifest = json.loads(path.read_bytes())
            registry.add_manifest(name, path.read_bytes(), manifest["mediaType"], tag)
            registry.add_blob(name, path.with_name(f"{tag}.config.json").read_bytes())
            for layer in manifest["layers"]:
                registry.blobs[name][layer["digest"]] = bytes(layer["size"])
        for path in (OCI_DATA / push).glob("*.layer0.json"):
            registry.add_blob(name, path.read_bytes())
        return f"oci+http://{registry.host}/{name}"

    return load


class TestFolders:
    def test_names_come_first_then_everything_else(self, looking, signed):
        view = looking.look(signed)
        first = [row for row in looking.batches[0] if row.kind is EntryKind.PACKAGE]
        assert len(first) == 20
        assert {(row.stored_bytes, row.signed, row.in_index) for row in first} == {(None, None, None)}
        found = looking.packages()
        assert all(row.signed and row.in_index and row.stored_bytes and row.target for row in found.values())
        assert "labgit@git.v1.0=1.0" in found, "file names have git.v1.0_1.0"
        assert (view.count, view.not_in_index, view.has_index) == (len(looking.rows), 0, True)
        assert view.index_written_at
        assert (view.error, view.problems, view.image, view.from_memory) == (None, (), "", False)

    def test_index_and_keys_are_listed_too(self, looking, signed):
        looking.look(signed)
        assert len(looking.of(EntryKind.INDEX)) == 1
        assert len(looking.of(EntryKind.KEY)) == 2
        assert all(row.stored_bytes for row in (*looking.of(EntryKind.INDEX), *looking.of(EntryKind.KEY)))

    def test_what_nothing_leads_to_is_untagged(self, looking, signed):
        looking.look(signed)
        assert looking.of(EntryKind.UNTAGGED) == []
        blob = signed / "blobs/sha256/00" / ("0" * 64)
        blob.parent.mkdir()
        blob.write_bytes(b"left over")
        looking.look(signed, refresh=True)
        (row,) = looking.of(EntryKind.UNTAGGED)
        assert (row.blob_digest, row.stored_bytes) == (f"sha256:{'0' * 64}", 9)
        assert looking.describe(signed, row.key).parts[0].size == 9

    def test_a_manifest_that_cannot_be_read_is_a_problem_of_its_own(self, looking, signed):
        broken = next((signed / "v3/manifests/spec/labzed").iterdir())
        broken.write_text("{")
        stray = signed / "blobs/sha256/00" / ("0" * 64)
        stray.parent.mkdir()
        stray.write_bytes(b"?")
        looking.look(signed)
        (row,) = [row for row in looking.rows.values() if row.problem]
        assert row.key.endswith(broken.name)
        assert "Cannot understand" in row.problem
        assert looking.of(EntryKind.UNTAGGED) == [], "the broken manifest might name it"

    def test_the_old_layout_is_shown_as_well(self, looking, golden):
        view = looking.look(golden / "mirrors/v2-signed")
        found = looking.packages()
        assert len(found) == 12 - 1, "one package is there twice, built differently"
        assert all(row.signed and row.in_index and row.stored_bytes and row.target for row in found.values())
        assert {len(looking.of(EntryKind.INDEX)), len(looking.of(EntryKind.KEY))} == {1, 2}
        assert (view.not_in_index, view.has_index, view.problems) == (0, True, ())
        key = found["labtop@3.1.4"].key
        details = looking.describe(golden / "mirrors/v2-signed", key)
        assert details.spec is not None
        assert details.spec.text.startswith("labtop@=3.1.4")
        assert {part.digest for part in details.parts} >= {found["labtop@3.1.4"].blob_digest}

    def test_an_empty_folder_is_an_empty_cache(self, looking, tmp_path):
        (tmp_path / "new").mkdir()
        view = looking.look(tmp_path / "new")
        assert (view.count, view.not_in_index, view.has_index) == (0, 0, False)

    def test_packages_installed_here_and_not_in_the_index(self, looking, plan, carry_out, instance, access, tmp_path):
        carry_out(plan("zlib-ng", only=Only.PACKAGE))
        view = looking.look("team")
        assert (view.has_index, view.not_in_index) == (False, 1)
        (row,) = looking.packages().values()
        assert row.installed
        assert row.in_index is None
        carry_out(plan("zlib-ng", only=Only.PACKAGE, update_index=True))
        carry_out(plan("bzip2", only=Only.PACKAGE))
        view = looking.look("team", refresh=True)
        assert (view.has_index, view.not_in_index) == (True, 1)
        assert {row.name: row.in_index for row in looking.packages().values()} == {"zlib-ng": True, "bzip2": False}
        update_index(
            instance, access, "team", full=False, cwd=tmp_path, token=CancelToken(), progress=lambda _done, _total: None
        )
        assert looking.look("team", refresh=True).not_in_index == 0

    def test_details_of_a_package(self, looking, signed):
        looking.look(signed)
        row = looking.packages()["labtop@3.1.4"]
        details = looking.describe(signed, row.key)
        assert details.manifest_digest == row.manifest_digest
        archive, spec = details.parts
        assert (archive.digest, archive.note, archive.shared_by) == (row.blob_digest, "labtop@3.1.4", 1)
        assert spec.media_type == "application/vnd.spack.spec.v5+json"
        assert details.spec is not None
        assert details.spec.text.startswith("labtop@=3.1.4")
        assert details.spec.architecture == "linux-debian12-x86_64"
        by_name = {one.name: one for one in details.spec.dependencies}
        assert (by_name["labmid"].direct, by_name["labmid"].present) == (True, True)
        assert by_name["labscript"].types == "run"
        assert (by_name["labzed"].direct, by_name["labzed"].types) == (False, "")
        assert by_name["glibc"].present is None, "externals are never in a cache"
        assert details.lines[0].text == f"spack install --cache-only /{row.hash}"

    def test_unsigned_packages_of_a_signed_mirror_need_an_option(self, looking, golden):
        looking.look(golden / "mirrors/unsigned")
        row = looking.packages()["labzed@1.10"]
        line = looking.describe(golden / "mirrors/unsigned", row.key).lines[0]
        assert line.text == f"spack install --cache-only --no-check-signature /{row.hash}"

    def test_an_address_can_be_made_a_mirror(self, looking, signed, plan, carry_out):
        looking.look(signed)
        lines = looking.describe(signed, next(iter(looking.packages().values())).key).lines
        assert lines[-1].text == f"spack mirror add signed {signed.as_uri()}"
        carry_out(plan("zlib-ng", only=Only.PACKAGE))
        looking.look("team")
        lines = looking.describe("team", next(iter(looking.packages().values())).key).lines
        assert not any("mirror add" in line.text for line in lines)


class TestMemory:
    def test_what_was_read_is_there_without_reading_again(self, looking, signed):
        before = looking.look(signed)
        rows = looking.rows
        shutil.rmtree(signed)
        looking.restart()
        view = looking.look(signed)
        assert view.from_memory
        assert (view.read_at, view.count, view.index_written_at) == (
            before.read_at,
            before.count,
            before.index_written_at,
        )
        assert looking.rows == rows

    def test_unreachable_means_the_error_and_the_last_known_rows(self, looking, signed):
        looking.look(signed)
        rows = looking.rows
        shutil.rmtree(signed)
        view = looking.look(signed, refresh=True)
        assert view.error is not None
        assert view.error.code == "not-found"
        assert str(signed) in view.error.sentence()
        assert looking.rows == rows

    def test_unreachable_and_unknown_is_an_error(self, looking, tmp_path):
        with pytest.raises(NotFound):
            looking.look(tmp_path / "nowhere")

    def test_a_refresh_drops_what_is_gone(self, looking, signed):
        looking.look(signed)
        gone = looking.packages()["labzed@1.10"]
        (signed / gone.key).unlink()
        looking.look(signed, refresh=True)
        assert gone.key not in looking.rows
        looking.restart()
        looking.look(signed)
        assert gone.key not in looking.rows

    def test_what_is_installed_is_asked_anew(self, looking, plan, carry_out, checkout):
        carry_out(plan("zlib-ng", only=Only.PACKAGE))
        looking.look("team")
        (row,) = looking.packages().values()
        database = checkout / "opt/spack/.spack-db/index.json"
        document = json.loads(database.read_bytes())
        document["database"]["installs"][row.hash]["installed"] = False
        database.write_text(json.dumps(document))
        os.utime(database, (2e9, 2e9))
        (database.parent / "index_verifier").write_text("another")
        view = looking.look("team")
        assert view.from_memory
        assert not next(iter(looking.packages().values())).installed

    @pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"version": 99}', b"\xff" * 100])
    def test_a_broken_file_is_ignored(self, looking, signed, damage):
        looking.look(signed)
        (file,) = (looking.directory / "contents").iterdir()
        file.write_bytes(damage)
        looking.restart()
        assert not looking.look(signed).from_memory

    def test_without_keep_nothing_is_written(self, looking, signed):
        looking.memory = ContentsMemory(looking.directory / "contents", keep=False)
        looking.look(signed)
        assert not (looking.directory / "contents").exists()
        assert looking.look(signed).from_memory

    def test_a_folder_that_cannot_be_written_to_is_no_reason_to_fail(self, looking, signed):
        (looking.directory / "contents").write_text("in the way")
        assert looking.look(signed).count > 20

    def test_the_oldest_files_go(self, looking, signed):
        directory = looking.directory / "contents"
        directory.mkdir()
        for number in range(60):
            (directory / f"{number}.json").write_text("old")
            os.utime(directory / f"{number}.json", (number, number))
        looking.look(signed)
        left = {file.name for file in directory.iterdir()}
        assert len(left) == 50
        assert "0.json" not in left
        looking.restart()
        assert looking.look(signed).from_memory

    def test_stopping_half_way_remembers_nothing(self, looking, signed):
        token = CancelToken()
        parts = view_contents(
            looking.instance, looking.access, looking.memory, str(signed), refresh=False, cwd=signed, token=token
        )
        assert next(parts)
        token.cancel()
        with pytest.raises(Cancelled):
            list(parts)
        assert not (looking.directory / "contents").exists()


class TestWeb:
    """Over HTTP nothing can be listed."""

    def test_rows_come_from_the_index(self, looking, golden):
        with WebSite(golden / "mirrors") as site:
            view = looking.look(f"{site.url}/signed")
            first = [row for row in looking.batches[0] if row.kind is EntryKind.PACKAGE]
            found = looking.packages()
            details = looking.describe(f"{site.url}/signed", found["labmid@2.0"].key)
        assert len(first) == 20
        assert {(row.stored_bytes, row.signed) for row in first} == {(None, None)}
        assert all(row.signed and row.in_index and row.stored_bytes and row.target for row in found.values())
        assert (view.url, view.error, view.not_in_index) == (f"{site.url}/signed", None, 0)
        assert details.spec is not None
        assert details.spec.dependencies

    def test_without_an_index_what_is_installed_is_looked_for(self, looking, plan, carry_out, tmp_path):
        carry_out(plan("zlib-ng", to=str(tmp_path / "site/m"), only=Only.PACKAGE, signing=Signing.UNSIGNED))
        with WebSite(tmp_path / "site") as site:
            view = looking.look(f"{site.url}/m")
        assert {row.name for row in looking.packages().values()} == {"zlib-ng"}
        assert all(row.installed and row.stored_bytes for row in looking.packages().values())
        assert view.has_index is False

    def test_the_last_known_contents_stay_when_nobody_answers(self, looking, golden):
        with WebSite(golden / "mirrors") as site:
            url = f"{site.url}/unsigned"
            looking.look(url)
            for _ in range(100):
                site.faults.add(status=403)
            view = looking.look(url, refresh=True)
            assert view.from_memory
            assert view.error is not None
            assert "does not let everybody read" in view.error.title
            assert len(looking.packages()) == 15
            site.faults.clear()
            assert looking.look(url, refresh=True).error is None

    def test_where_there_is_none(self, looking, tmp_path):
        with WebSite(tmp_path) as site, pytest.raises(NotFound, match="There is no build cache"):
            looking.look(f"{site.url}/x")


class TestRegistries:
    def test_everything_in_a_repository(self, looking, load, registry):
        load("push-base-oci")
        url = load("push-nobase")
        view = looking.look(url)
        assert (view.image, view.count) == (f"{registry.host}/{NAME}", 8)
        assert (view.has_index, view.index_written_at) == (True, None)
        assert {row.kind: row.key for row in looking.rows.values() if row.kind is not EntryKind.PACKAGE} == {
            EntryKind.IMAGE: "my-env.oci",
            EntryKind.INDEX: "index.spack",
        }
        labz = looking.rows[LABZ]
        assert (labz.name, labz.version, labz.target) == ("labz", "1.2.3", "x86_64_v2")
        assert labz.stored_bytes
        assert labz.modified
        assert {row.signed for row in looking.rows.values()} == {None}
        assert all(row.stored_bytes and not row.problem for row in looking.rows.values())
        assert [row.key for row in looking.packages().values() if not row.in_index] == [LABAPP]
        assert view.not_in_index == 1

    def test_names_are_there_although_nothing_can_be_read(self, looking, load, registry):
        url = load("push-three")
        registry.faults.add(path="/manifests/.*spack$", status=403, times=None)
        with pytest.raises(RemoteError):
            looking.look(url)
        assert {row.name for row in looking.packages().values()} == {"labz", "labfmt", "labgen"}

    def test_a_refresh_reads_only_what_changed(self, looking, load, registry):
        url = load("push-base-oci")
        looking.look(url)
        registry.requests.clear()
        looking.look(url, refresh=True)
        assert {(one.method, "/manifests/" in one.path) for one in registry.requests} == {
            ("HEAD", True),
            ("GET", False),
        }
        assert [one.path for one in registry.requests if one.method == "GET"] == [f"/v2/{NAME}/tags/list"]
        assert looking.rows[LABZ].stored_bytes, "what was known comes with the names"
        assert looking.batches[0][0].stored_bytes

    def test_one_bad_tag_blocks_nothing(self, looking, load, registry):
        url = load("push-three")
        registry.tags[NAME]["gone-1-ousvwalxgqnc3h5qioyngv7gffutjo6q.spack"] = digest_of(b"nothing")
        registry.tags[NAME]["notapackage.spack"] = registry.tags[NAME][LABZ]
        registry.tags[NAME]["labz-9-ousvwalxgqnc3h5qioyngv7gffutjo6q.spack"] = registry.tags[NAME][LABZ]
        looking.look(url)
        problems = {row.key.partition("-")[0]: row.problem for row in looking.rows.values() if row.problem}
        assert "not there" in problems["gone"]
        assert "not that of a package" in problems["notapackage.spack"]
        assert "another package" in problems["labz"]
        assert looking.rows[LABZ].stored_bytes

    def test_images_that_lack_layers_say_so(self, looking, load, registry):
        url = load("push-nobase")
        manifest = json.loads(registry.manifests[NAME][registry.tags[NAME][LABTOOL]][1])
        missing = "t3m6gz5efzzlivyjiqepqyrci552ncum"
        manifest["annotations"] = {INCOMPLETE: missing}
        registry.add_manifest(NAME, json.dumps(manifest).encode(), manifest["mediaType"], LABTOOL)
        looking.look(url)
        assert looking.rows[LABTOOL].problem == "Incomplete image: 1 layer missing"
        assert looking.describe(url, LABTOOL).missing == ("labfmt@0.9/t3m6gz5",)
        looking.look(url, refresh=True)
        assert looking.rows[LABTOOL].problem, "also where nothing had to be read again"

    def test_indexes_of_images_and_things_that_are_no_images(self, looking, load, registry):
        url = load("push-base-oci")
        child = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": registry.tags[NAME]["my-env.oci"]}
        platform = {"architecture": "amd64", "os": "linux"}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{**child, "size": 3, "platform": platform}]}
        registry.add_manifest(NAME, json.dumps(index).encode(), OCI_INDEX, "many")
        blob = registry.add_blob(NAME, b"plain text")
        part = {"mediaType": "text/plain", "digest": blob, "size": 10}
        artifact = {"schemaVersion": 2, "config": part, "layers": [part]}
        registry.add_manifest(NAME, json.dumps(artifact).encode(), tag="notes")
        looking.look(url)
        assert [looking.rows[tag].problem for tag in ("many", "notes")] == ["", ""]
        assert looking.rows["notes"].stored_bytes == 10
        assert looking.describe(url, "many").parts[0].note == "linux/amd64"
        assert looking.describe(url, "notes").spec is None

    def test_details_ask_nothing_twice(self, looking, load, registry):
        load("push-base-oci")
        url = load("push-nobase")
        looking.look(url)
        registry.requests.clear()
        details = looking.describe(url, LABAPP)
        assert registry.requests == []
        owners = {part.note: part.shared_by for part in details.parts if part.note}
        assert owners["labapp@1"] == 2, "its own image and the one with the tag"
        assert owners["labz@1.2.3"] > 2
        assert dict(details.annotations)
        assert details.spec is not None
        assert {one.name: one.present for one in details.spec.dependencies if one.direct}["labz"] is True
        image = f"{registry.host}/{NAME}:{LABAPP}"
        assert [line.text for line in details.lines] == [
            "spack install --cache-only /ousvwalxgqnc3h5qioyngv7gffutjo6q",
            f"docker pull {image}",
            f"skopeo copy --src-tls-verify=false docker://{image} oci-archive:{LABAPP}.tar",
            f"spack mirror add cache {url}",
        ]

    def test_details_of_what_is_gone(self, looking, load):
        with pytest.raises(NotFound):
            looking.describe(load("push-three"), "nothing")

    def test_details_without_a_listing(self, looking, load):
        details = looking.describe(load("push-three"), LABFMT)
        assert {part.shared_by for part in details.parts} == {None}
        assert details.spec is not None
        assert {one.present for one in details.spec.dependencies} == {None}

    def test_no_such_repository_is_an_empty_cache(self, looking, registry):
        assert looking.look(f"oci+http://{registry.host}/lab/none").count == 0

    def test_an_index_that_cannot_be_read_is_a_problem(self, looking, load, registry):
        url = load("push-nobase")
        registry.add_manifest(NAME, b'{"schemaVersion": 2, "config": {}, "layers": []}', tag="index.spack")
        view = looking.look(url)
        assert view.has_index is None
        assert view.not_in_index == 0
        assert len(view.problems) == 1

    def test_unreachable(self, looking, load, registry):
        url = load("push-three")
        looking.look(url)
        registry.faults.add(path="/tags/list", status=401, times=None)
        view = looking.look(url, refresh=True)
        assert view.error is not None
        assert view.error.code == "auth-required"
        assert LABZ in looking.rows


class TestRepositories:
    def test_by_catalogue(self, access, load, registry):
        load("push-three", "lab/a")
        load("push-three", "hpc/b")
        view = list_repositories(access, f"oci+http://{registry.host}/", CancelToken())
        assert view.addresses == (f"oci+http://{registry.host}/hpc/b", f"oci+http://{registry.host}/lab/a")
        assert list_repositories(access, f"http://{registry.host}", CancelToken()) == view

    def test_registries_that_do_not_tell(self, access, registry):
        registry.faults.add(path="/v2/_catalog", status=404, times=None)
        view = list_repositories(access, f"http://{registry.host}", CancelToken())
        assert (view.host, view.addresses) == (f"oci+http://{registry.host}", None)

    @pytest.mark.parametrize("host", ["", "plainword", "oci://", "https://a b", "ftp://host.org", "oci://host.org/x"])
    def test_what_is_no_registry(self, access, host):
        with pytest.raises(UsageError):
            list_repositories(access, host, CancelToken())
