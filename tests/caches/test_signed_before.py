# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push believes signatures that were good a short time ago, as long as neither manifest nor keys changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cache_makers import Package, PaperSigner, present, publish
from registry.kit.clock import FakeClock

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import blob_key, entry_manifest
from core.caches.signed_before import BELIEVED_S, SignedBefore, memory_file
from core.foundation.cancel import CancelToken
from core.foundation.errors import SigningError
from core.signing.clearsign import signed_text

ZED = Package("labzed", "1.3")
SOLO = Package("labsolo")
SIGNER = PaperSigner()
URL = "file:///mirror"


@dataclass
class Place:
    """A mirror with two signed packages, and how often a signature in it was checked."""

    root: Path
    memory: Path
    clock: FakeClock = field(default_factory=FakeClock)
    keys: str = "one key"
    checked: int = 0
    good: bool = True

    def verify(self, data: bytes) -> bytes:
        self.checked += 1
        if not self.good:
            raise SigningError("The signature is not good")
        return signed_text(data) + b"\n"

    def cache(self) -> FolderCache:
        before = lambda: SignedBefore(self.memory, URL, self.keys, self.clock)  # noqa: E731
        return FolderCache(self.root, verify=self.verify, signed_before=before)

    def found(self, *, signed: bool = True) -> set[str]:
        """What a push would not push again."""
        signer = SIGNER if signed else None
        return set(self.cache().open_push([ZED.entry, SOLO.entry], signer=signer, token=CancelToken()).present)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "mirror", tmp_path / "memory")
    for package in (ZED, SOLO):
        publish(FolderCache(made.root), package, signer=SIGNER)
    return made


def test_a_second_push_checks_nothing(place: Place) -> None:
    assert place.found() == {ZED.hash, SOLO.hash}
    assert place.checked == 2
    assert place.found() == {ZED.hash, SOLO.hash}
    assert place.checked == 2


def test_an_unsigned_push_checks_and_remembers_nothing(place: Place) -> None:
    assert place.found(signed=False) == {ZED.hash, SOLO.hash}
    assert place.checked == 0
    assert not place.memory.exists()


def test_whoever_asks_for_signatures_otherwise_gets_them_checked(place: Place) -> None:
    place.found()
    place.good = False
    assert present(place.cache(), ZED, SOLO, signed=True) == {}


def test_only_what_changed_is_checked_again(place: Place) -> None:
    place.found()
    publish(FolderCache(place.root), ZED, signer=SIGNER, content=b"built another time")
    assert place.found() == {ZED.hash, SOLO.hash}
    assert place.checked == 3


def test_a_blob_that_is_gone_is_noticed(place: Place) -> None:
    place.found()
    digest = present(place.cache(), ZED)[ZED.hash].blob_digest
    (place.root / blob_key(digest)).unlink()
    assert place.found() == {SOLO.hash}


def test_a_good_manifest_under_another_name_is_not_believed(place: Place) -> None:
    place.found()
    good = (place.root / entry_manifest(ZED.entry)).read_bytes()
    (place.root / entry_manifest(SOLO.entry)).write_bytes(good)
    assert place.found() == {ZED.hash}


def test_bad_signatures_are_not_remembered(place: Place) -> None:
    place.good = False
    assert place.found() == set()
    assert place.found() == set()
    assert place.checked == 4


def test_a_text_that_the_verifier_read_otherwise_is_not_remembered(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = signed_text((place.root / entry_manifest(ZED.entry)).read_bytes()) + b"\n\n"
    monkeypatch.setattr(place, "verify", lambda _data: text)
    assert place.found() == {ZED.hash}
    assert not place.memory.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda place: setattr(place, "keys", "another key"),
        lambda place: place.clock.advance(BELIEVED_S),
        lambda place: memory_file(place.memory, URL).unlink(),
        lambda place: memory_file(place.memory, URL).write_bytes(b"{"),
    ],
    ids=["other keys", "a day later", "forgotten", "damaged"],
)
def test_what_makes_everything_be_checked_again(place: Place, change: Callable[[Place], None]) -> None:
    place.found()
    change(place)
    assert place.found() == {ZED.hash, SOLO.hash}
    assert place.checked == 4
