# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys of an instance and its mirrors, with real GnuPG."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import key_manifest
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import PassphraseNeeded, SigningError, UsageError
from core.foundation.secret import Secret
from core.services.contents_details import describe_entry, judge_entries
from core.services.contents_memory import ContentsMemory
from core.services.contents_view import open_place, view_contents
from core.services.keys import Keys
from core.services.keys_values import KeySource, SignatureState, SignRequest
from core.services.push import PreparedPush
from core.signing.key_store import NewKey
from core.spack.instance import Instance
from core.transfers.model import PushOutcome
from core.transfers.plan import Signing

TOKEN = CancelToken()
DAY = 86_400
PASSPHRASE = Secret("only in memory 9917")


@pytest.fixture
def environ(gnupg: GnupgHome) -> dict[str, str]:
    return {"SPACK_GNUPGHOME": str(gnupg.path)}


@pytest.fixture
def keys(instance: Instance, access: CacheAccess, tmp_path: Path) -> Keys:
    return Keys(instance, access, tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Somebody else's key, and the file they gave us."""
    with gnupg_home() as made:
        fingerprint = made.make_key("somebody")
        file = tmp_path / "somebody.asc"
        file.write_bytes(made.public(fingerprint))
        yield fingerprint, file


def push(plan: Callable[..., PreparedPush], carry_out: Callable[[PreparedPush], PushOutcome], to: Path) -> None:
    outcome = carry_out(plan("hwloc", to=str(to), signing=Signing.UNSIGNED, private=True, update_index=True))
    assert not any(row.error for row in outcome.rows)


def test_nothing_is_made_by_looking(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    shutil.rmtree(instance.gnupg_home)
    view = Keys(instance, access, tmp_path).view()
    assert (view.keys, view.warnings, view.has_gpg, view.home) == ((), (), True, str(instance.gnupg_home))
    assert not instance.gnupg_home.exists()
    instance.gnupg_home.mkdir(mode=0o700)


def test_without_gnupg(keys: Keys, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        assert keys.view().has_gpg is False


def test_what_expires_soon_and_a_choice_spack_refuses_are_said(keys: Keys, gnupg: GnupgHome) -> None:
    soon, late = gnupg.make_key("soon", expires="12d"), gnupg.make_key("late", expires="2y")
    view = keys.view()
    assert {key.fingerprint for key in view.keys} == {soon, late}
    assert [warning.code for warning in view.warnings] == ["key-expires", "several-keys"]
    assert soon in view.warnings[0].why
    assert late not in view.warnings[0].why
    assert view.warnings[1].title == "2 keys can sign here"


def test_keys_are_trusted_only_after_they_were_looked_at(keys: Keys, other: tuple[str, Path]) -> None:
    fingerprint, file = other
    source = KeySource(file=file.name)  # relative to the directory of the person
    (offered,) = keys.offer(source, TOKEN).keys
    assert (offered.key.fingerprint, offered.trusted) == (fingerprint, False)
    assert keys.view().keys == ()
    for wrong in ((), ("A" * 40,), (fingerprint, "A" * 40)):
        with pytest.raises(SigningError, match="No key was imported"):
            keys.trust(source, wrong, TOKEN)
    assert keys.view().keys == ()
    (trusted,) = keys.trust(source, [fingerprint], TOKEN)
    assert (trusted.fingerprint, trusted.trust) == (fingerprint, "ultimate")
    assert keys.offer(source, TOKEN).keys[0].trusted


def test_another_key_in_the_same_file_stops_it(keys: Keys, gnupg: GnupgHome, other: tuple[str, Path]) -> None:
    fingerprint, file = other
    with gnupg_home() as stranger:
        file.write_bytes(file.read_bytes() + stranger.public(stranger.make_key("stranger")))
    with pytest.raises(SigningError, match="not the keys that were looked at"):
        keys.trust(KeySource(file=str(file)), [fingerprint], TOKEN)


def test_published_keys_are_found_when_they_are_listed(keys: Keys, gnupg: GnupgHome, tmp_path: Path) -> None:
    mine = gnupg.make_key("mine")
    cache = FolderCache(tmp_path / "cache")
    assert [key.fingerprint for key in keys.publish(str(tmp_path / "cache"), [], update_index=False)] == [mine]
    found = cache.published_keys(token=TOKEN)
    assert (found.listed, found.unlisted) == ((), (mine,))
    assert cache.public_keys(token=TOKEN) == {}
    keys.list_published(str(tmp_path / "cache"))
    found = cache.published_keys(token=TOKEN)
    assert (found.listed, found.unlisted) == ((mine,), ())
    (offered,) = keys.offer(KeySource(mirror=str(tmp_path / "cache")), TOKEN).keys
    assert (offered.key.fingerprint, offered.trusted) == (mine, True)
    with pytest.raises(SigningError, match="No such key"):
        keys.publish(str(tmp_path / "cache"), ["nobody"], update_index=True)


def test_a_key_under_the_fingerprint_of_another_is_not_taken(
    keys: Keys, gnupg: GnupgHome, other: tuple[str, Path], tmp_path: Path
) -> None:
    gnupg.make_key("mine")
    fingerprint, file = other
    place = str(tmp_path / "cache")
    FolderCache(tmp_path / "cache").store_keys(
        {"C" * 40: file.read_bytes(), fingerprint: file.read_bytes()}, listed=True
    )
    offer = keys.offer(KeySource(mirror=place), TOKEN)
    assert [offered.key.fingerprint for offered in offer.keys] == [fingerprint]
    (problem,) = offer.problems
    assert "C" * 40 in problem.title
    with pytest.raises(SigningError):
        keys.trust(KeySource(mirror=place), ["C" * 40], TOKEN)


def test_mirrors_say_what_they_have(keys: Keys, gnupg: GnupgHome, instance: Instance) -> None:
    mine = gnupg.make_key("mine")
    keys.publish("team", [mine[-16:]], update_index=True)
    found = {row.mirror: row for row in keys.published(TOKEN)}
    assert (found["team"].listed, found["team"].writable, found["team"].problem) == ((mine,), True, None)
    assert found["team"].allowed == ()
    keys.allow("team", [mine])
    assert {row.mirror: row for row in keys.published(TOKEN)}["team"].allowed == (mine,)
    manifest = Path(found["team"].url.removeprefix("file://")) / key_manifest(mine).replace(mine + ".key", "keys")
    manifest.write_text("{")
    assert {row.mirror: row for row in keys.published(TOKEN)}["team"].problem is not None


def test_registries_have_no_keys(access: CacheAccess, keys: Keys, gnupg: GnupgHome) -> None:
    gnupg.make_key("mine")
    with pytest.raises(UsageError, match="cannot keep keys"):
        keys._open("oci://registry.invalid/cache").store_keys({}, listed=True)
    with pytest.raises(UsageError, match="cannot be signed"):
        list(keys.sign(SignRequest("oci://registry.invalid/cache"), TOKEN))


def test_secret_keys_are_written_for_oneself(keys: Keys, gnupg: GnupgHome, tmp_path: Path) -> None:
    gnupg.make_key("mine")
    keys.export([], Path("public.asc"))
    keys.export([], Path("secret.asc"), secret=True)
    assert stat.S_IMODE((tmp_path / "secret.asc").stat().st_mode) == 0o600
    assert b"PRIVATE" not in (tmp_path / "public.asc").read_bytes()


def test_a_new_key_with_a_passphrase_is_unlocked(keys: Keys, gnupg: GnupgHome, access: CacheAccess) -> None:
    key = keys.create(NewKey("Ann", "ann@example.invalid"), PASSPHRASE)
    (gnupg.path / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
    gnupg.forget_passphrases()
    assert not access.gnupg.is_locked(key.fingerprint)
    access.gnupg.clearsign(b"text", key.fingerprint)


class TestSigning:
    @pytest.fixture
    def cache(self, plan, carry_out, tmp_path: Path, gnupg: GnupgHome) -> Path:
        push(plan, carry_out, tmp_path / "cache")
        return tmp_path / "cache"

    def test_signed_later_is_as_good_as_pushed_signed(
        self, keys: Keys, gnupg: GnupgHome, access: CacheAccess, instance: Instance, cache: Path, plan
    ) -> None:
        mine = gnupg.make_key("mine")
        *_, last = keys.sign(SignRequest(str(cache)), TOKEN)
        assert last.changed == last.total > 1
        assert last.problems == ()
        opened = access.open(keys._resolve(str(cache)), "push")
        names = [entry.entry for entry in opened.entries(token=TOKEN)]
        assert len(opened.present(names, signed=True, token=TOKEN)) == last.total
        again = plan("hwloc", to=str(cache), signing=Signing.SIGNED, private=True)
        assert not again.plan.size_bytes
        assert again.plan.key == mine

    def test_chosen_ones_only(self, keys: Keys, gnupg: GnupgHome, cache: Path) -> None:
        gnupg.make_key("mine")
        *_, last = keys.sign(SignRequest(str(cache), queries=("hwloc",)), TOKEN)
        assert (last.changed, last.total) == (1, 1)
        *_, last = keys.sign(SignRequest(str(cache), drop=True), TOKEN)
        assert last.changed == 1

    def test_a_locked_key_says_so_before_anything(
        self, keys: Keys, gnupg: GnupgHome, access: CacheAccess, cache: Path, plan
    ) -> None:
        key = keys.store.create(NewKey("Ann", "ann@example.invalid"), PASSPHRASE)
        (gnupg.path / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
        gnupg.forget_passphrases()
        assert plan("hwloc", to=str(cache), signing=Signing.SIGNED, private=True).plan.key_locked
        with pytest.raises(PassphraseNeeded):
            list(keys.sign(SignRequest(str(cache)), TOKEN))
        access.gnupg.unlock(key.fingerprint, PASSPHRASE)
        assert not plan("hwloc", to=str(cache), signing=Signing.SIGNED, private=True).plan.key_locked
        *_, last = keys.sign(SignRequest(str(cache)), TOKEN)
        assert last.changed == last.total

    def test_t26_a_key_of_another_mirror_neither_signs_nor_counts(
        self, keys: Keys, gnupg: GnupgHome, access: CacheAccess, cache: Path, plan
    ) -> None:
        mine, theirs = gnupg.make_key("mine"), gnupg.make_key("theirs")
        list(keys.sign(SignRequest(str(cache), key=theirs), TOKEN))
        keys.allow(str(cache), [mine])
        with pytest.raises(SigningError, match="may not sign"):
            list(keys.sign(SignRequest(str(cache), key=theirs), TOKEN))
        with pytest.raises(SigningError, match="may not sign"):
            plan("hwloc", to=str(cache), key=theirs, private=True)
        opened = access.open(keys._resolve(str(cache)), "push")
        names = [entry.entry for entry in opened.entries(token=TOKEN)]
        assert opened.present(names, signed=True, token=TOKEN) == {}
        keys.allow(str(cache), [])
        assert len(opened.present(names, signed=True, token=TOKEN)) == len(names)

    def test_contents_say_what_a_signature_is_worth(
        self, keys: Keys, gnupg: GnupgHome, instance: Instance, access: CacheAccess, cache: Path, tmp_path: Path
    ) -> None:
        mine = gnupg.make_key("mine")
        memory = ContentsMemory(tmp_path / "memory", keep=True)

        def state() -> SignatureState:
            list(view_contents(instance, access, memory, str(cache), refresh=True, cwd=tmp_path, token=TOKEN))
            place = open_place(instance, access, str(cache), cwd=tmp_path)
            key = next(row.key for row in memory.get(place.cache.url).rows if row.name == "hwloc")
            found = describe_entry(place, memory, key, TOKEN, signature=access.signature).signature
            assert found is not None
            keys_there = [row.key for row in memory.get(place.cache.url).rows]
            judged = list(judge_entries(place, memory, keys_there, TOKEN, signature=access.signature))
            states = {one.key: one.facts.state for one in judged}
            assert states.get(key, SignatureState.UNSIGNED) is found.state
            return found.state

        assert state() is SignatureState.UNSIGNED
        list(keys.sign(SignRequest(str(cache)), TOKEN))
        assert state() is SignatureState.GOOD
        keys.allow(str(cache), ["A" * 40])
        assert state() is SignatureState.OTHER_KEY
        keys.allow(str(cache), [])
        keys.store.untrust([mine], signing=True)
        assert state() is SignatureState.UNKNOWN_KEY
        (manifest,) = cache.rglob("*hwloc*.spec.manifest.json")
        manifest.write_bytes(manifest.read_bytes().replace(b'"compression":"gzip"', b'"compression":"none"', 1))
        assert state() in (SignatureState.UNKNOWN_KEY, SignatureState.BAD)

    def test_t27_the_signed_manifest_of_another_package_is_a_bad_signature(
        self, keys: Keys, gnupg: GnupgHome, instance: Instance, access: CacheAccess, cache: Path, tmp_path: Path
    ) -> None:
        gnupg.make_key("mine")
        list(keys.sign(SignRequest(str(cache)), TOKEN))
        (mine,) = cache.rglob("*hwloc*.spec.manifest.json")
        others = [path for path in cache.rglob("*.spec.manifest.json") if path != mine]
        mine.write_bytes(others[0].read_bytes())
        memory = ContentsMemory(tmp_path / "memory", keep=True)
        list(view_contents(instance, access, memory, str(cache), refresh=True, cwd=tmp_path, token=TOKEN))
        place = open_place(instance, access, str(cache), cwd=tmp_path)
        key = str(mine.relative_to(cache))
        found = describe_entry(place, memory, key, TOKEN, signature=access.signature).signature
        assert found is not None
        assert (found.state, "another package" in found.why) == (SignatureState.BAD, True)
