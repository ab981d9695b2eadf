# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying caches that Spack wrote, resuming, speed, signatures and the old layout."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.verifying import Forgetful, snapshot, verify
from helpers.web_site import WebSite
from registry.kit.clock import FakeClock

from core.caches.checkpoint import Checkpoint
from core.caches.findings import Examined, FindingKind, Remedy
from core.caches.folder_cache import FolderCache
from core.caches.layout3 import ARCHIVE_TYPE, LAYOUT_KEY
from core.caches.manifests import decode_manifest
from core.caches.protocol import ReadableCache
from core.caches.stored_cache import StoredCache
from core.caches.verification import Inspection
from core.foundation.cancel import CancelToken
from core.foundation.errors import BadSignature, Cancelled, NetworkDown, NotFound, SigningError
from core.network.client import Client
from core.signing.clearsign import signed_text
from core.storage.web import WebStore, server_of

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"
SOUND = ("unsigned", "signed", "private", "padded", "v2-unsigned", "v2-signed", "migrated-v2-to-v3-unsigned")


def copied(mirror: str, place: Path) -> Path:
    root = place / mirror
    shutil.copytree(MIRRORS / mirror, root, copy_function=shutil.copyfile)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755)
    return root


def archives(root: Path) -> list[Path]:
    """Archives by their names, which is the order they are read in."""
    found = []
    for path in root.glob("v3/manifests/spec/*/*.json"):
        checksum = decode_manifest(path.read_bytes(), "").blob(ARCHIVE_TYPE).checksum
        found.append(root / f"blobs/sha256/{checksum[:2]}/{checksum}")
    return sorted(found)


@pytest.fixture
def over_http() -> Iterator[tuple[list[WebSite], object]]:
    sites: list[WebSite] = []
    clients: list[Client] = []

    def open_cache(root: Path) -> ReadableCache:
        sites.append(WebSite(root))
        clients.append(Client(server_of(sites[-1].url), clock=FakeClock()))
        url = sites[-1].url
        return StoredCache(WebStore(clients[-1], url).files, url=url, index_only=True)

    yield sites, open_cache
    for client in clients:
        client.close()
    for site in sites:
        site.close()


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("mirror", SOUND)
def test_what_spack_wrote_is_sound(mirror: str, full: bool, over_http) -> None:
    before = snapshot(MIRRORS / mirror)
    for cache in (FolderCache(MIRRORS / mirror), over_http[1](MIRRORS / mirror)):
        assert [finding.words for finding in verify(cache, full=full) if not finding.harmless] == []
    assert snapshot(MIRRORS / mirror) == before


@pytest.mark.parametrize("mirror", ["auto-unsigned", "auto-signed"])
def test_what_spack_pushes_on_installation_has_no_index(mirror: str) -> None:
    kinds = {finding.kind for finding in verify(FolderCache(MIRRORS / mirror))}
    assert kinds <= {FindingKind.NO_INDEX, FindingKind.LAYOUT_MARK, FindingKind.KEY_INDEX_WRONG}
    assert FindingKind.NO_INDEX in kinds


def test_a_folder_that_was_never_pushed_to_lacks_nothing(tmp_path: Path) -> None:
    assert list(verify(FolderCache(tmp_path))) == []
    mark = tmp_path / LAYOUT_KEY
    mark.parent.mkdir()
    mark.write_text("{")
    assert [finding.kind for finding in verify(FolderCache(tmp_path))] == [FindingKind.LAYOUT_MARK]


def test_a_place_without_a_cache(tmp_path: Path, over_http) -> None:
    for cache in (FolderCache(tmp_path / "none"), over_http[1](tmp_path)):
        with pytest.raises(NotFound, match="There is no build cache"):
            verify(cache)


def test_damage_is_found_over_http(tmp_path: Path, over_http) -> None:
    root = copied("unsigned", tmp_path)
    cache = over_http[1](root)
    gone = next(root.glob("v3/manifests/spec/labmid/*.json"))
    gone.unlink()
    spoiled = archives(root)[-1]
    spoiled.write_bytes(bytes(spoiled.stat().st_size))
    found = {finding.kind: finding for finding in verify(cache)}
    assert set(found) == {FindingKind.LISTED_BUT_GONE, FindingKind.WRONG_DIGEST}
    gone_one = found[FindingKind.LISTED_BUT_GONE]
    assert gone_one.entry is not None
    assert gone_one.entry.name == "labmid"
    assert spoiled.name in found[FindingKind.WRONG_DIGEST].blob


def test_a_server_that_is_gone_is_no_finding(over_http) -> None:
    cache = over_http[1](MIRRORS / "unsigned")
    over_http[0][0].close()
    with pytest.raises(NetworkDown):
        verify(cache)


@pytest.mark.parametrize("mirror", ["v2-unsigned", "v2-signed"])
def test_damage_in_the_old_layout(mirror: str, tmp_path: Path) -> None:
    root = copied(mirror, tmp_path)
    files = sorted(path for path in (root / "build_cache").rglob("*") if path.is_file())
    for path in files:
        data = path.read_bytes()
        for spoil in ("remove", "truncate", "swap", "flip"):
            if spoil == "remove":
                path.unlink()
            elif spoil == "flip":
                if ".spec.json" in path.name or path.suffix == ".pub":
                    continue  # no digest covers them: only what cannot be read any more is noticed
                half = len(data) // 2
                path.write_bytes(data[:half] + bytes([data[half] ^ 1]) + data[half + 1 :])
            else:
                path.write_bytes(data[: len(data) // 2] if spoil == "truncate" else b"{}" + data[2:])
            if path.suffix == ".pub" and spoil != "remove":
                path.write_bytes(data)
                continue  # only GnuPG can tell
            findings = [finding for finding in verify(FolderCache(root)) if not finding.harmless]
            assert findings, (path, spoil)
            assert all(finding.remedy in (Remedy.NOTHING, Remedy.PUSH_AGAIN) for finding in findings)
            if ".spec.json" in path.name or path.suffix == ".spack":
                dag_hash = path.name.split(".sp")[0][-32:]
                assert dag_hash in {finding.entry.hash for finding in findings if finding.entry}
            path.write_bytes(data)
    assert verify(FolderCache(root)) == []


def test_signatures_count_where_they_are_asked_for(tmp_path: Path) -> None:
    def check(data: bytes) -> bytes:
        calls[data] += 1
        if b"BEGIN PGP SIGNATURE" not in data or len(calls) == 3:
            raise BadSignature("The signature is not good", "it does not fit")
        return data

    calls: Counter[bytes] = Counter()
    cache = FolderCache(MIRRORS / "signed", verify=check)
    assert verify(cache) == []
    assert not calls
    found = verify(cache, signatures=True)
    assert [finding.kind for finding in found] == [FindingKind.BAD_SIGNATURE]
    assert "it does not fit" in found[0].words
    assert verify(cache, full=False, signatures=True) == []


@pytest.mark.parametrize("mirror", ["signed", "v2-signed"])
def test_a_signature_that_was_taken_off_is_found(mirror: str, tmp_path: Path) -> None:
    root = copied(mirror, tmp_path)
    cache = FolderCache(root, verify=signed_text)
    assert verify(cache, signatures=True) == []
    path = next(path for path in sorted(root.rglob("*labscript*")) if path.name.endswith((".sig", ".manifest.json")))
    text = signed_text(path.read_bytes())
    path.unlink()
    path.with_name(path.name.removesuffix(".sig")).write_bytes(text)
    assert verify(cache) == [], "nothing was asked about signatures"
    (found,) = verify(cache, signatures=True)
    assert found.kind is FindingKind.NOT_SIGNED
    assert "labscript" in found.words
    assert not found.harmless


def test_signatures_that_cannot_be_checked_are_counted() -> None:
    def check(data: bytes) -> bytes:
        raise SigningError("There is no GnuPG")

    found = verify(FolderCache(MIRRORS / "signed", verify=check), signatures=True)
    assert [finding.words for finding in found] == ["20 signatures could not be checked: There is no GnuPG."]
    assert found[0].harmless


class Interrupting(Checkpoint):
    """Has the person stop after a few blobs."""

    def __init__(self, directory: Path, url: str, token: CancelToken) -> None:
        super().__init__(directory, url)
        self.token = token
        self.added = 0

    def add(self, key: str) -> None:
        super().add(key)
        self.added += 1
        if self.added == 5:
            self.token.cancel()


def test_a_verification_that_was_stopped_goes_on(tmp_path: Path) -> None:
    root = copied("unsigned", tmp_path)
    cache = FolderCache(root)
    token = CancelToken()
    checkpoint = Interrupting(tmp_path / "state", cache.url, token)
    with pytest.raises(Cancelled):
        list(cache.verifier(signatures=False).run(Inspection(full=True, token=token, remembered=checkpoint)))
    checkpoint.close(finished=False)
    changed = archives(root)[-1]
    changed.write_bytes(bytes(changed.stat().st_size))
    again = Checkpoint(tmp_path / "state", cache.url)
    second = Inspection(full=True, token=CancelToken(), remembered=again)
    findings = list(cache.verifier(signatures=False).run(second))
    assert [finding.kind for finding in findings] == [FindingKind.WRONG_DIGEST]
    done = second.examined()
    assert done.known_bytes > 0
    stored = sum(path.stat().st_size for path in root.glob("blobs/sha256/*/*"))
    assert done.read_bytes + done.known_bytes == stored
    again.add("so that there is a file")
    again.close(finished=True)
    assert list((tmp_path / "state").iterdir()) == []
    assert Checkpoint(tmp_path / "state", cache.url).knows("") is False


def test_reading_can_be_slowed_down() -> None:
    clock = FakeClock()
    steps: list[Examined] = []
    inspection = Inspection(
        full=True,
        token=CancelToken(),
        remembered=Forgetful(),
        clock=clock,
        bytes_per_s=1000.0,
        progress=steps.append,
    )
    started = clock.monotonic()
    list(FolderCache(MIRRORS / "private").verifier(signatures=False).run(inspection))
    done = inspection.examined()
    assert clock.monotonic() - started >= done.read_bytes / 1000.0 - 1
    assert (done.packages, done.total) == (2, 2)
    assert done.blobs == 5
    assert steps[-1].read_bytes == done.read_bytes > 0
