# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Why was this binary not used? On the packages and caches that Spack 1.1 wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.services.access import open_access
from core.services.contents_memory import ContentsMemory
from core.services.package_values import ReuseView
from core.services.presence import Mirrors
from core.services.presence_memory import PresenceMemory
from core.services.reuse import explain_reuse
from core.services.reuse_rules import ReuseRules, reuse_rules
from core.services.sample import make_sample_instance
from core.spack.instance import Instance, find_instance

ZED = "czfloomisviyu5ykh5nj7yj6fxnpf6u3"
TOP_A, TOP_B = "vl34dzlozxpjvtqesxhxucvuaovwfjfx", "2xjlh36775ifsqn5ihltmgboy6wzweks"
ANYTHING = ReuseRules((), (), "", ())


@pytest.fixture
def root(golden: Path, tmp_path: Path) -> Path:
    (tmp_path / "root/.spack-db").mkdir(parents=True)
    for name in ("index.json", "index_verifier", "lock"):
        (tmp_path / "root/.spack-db" / name).write_bytes((golden / "db" / name).read_bytes())
    return tmp_path / "root"


@pytest.fixture
def instance(root: Path) -> Instance:
    return find_instance(str(root), environ={})


@pytest.fixture
def access(instance: Instance) -> Iterator[CacheAccess]:
    access = open_access(instance)
    yield access
    access.close()


@pytest.fixture
def ask(instance: Instance, access: CacheAccess, tmp_path: Path) -> Callable[..., ReuseView]:
    """`ask(hash or query, place, rules)`; a place given as an address counts as signed."""

    def ask(wanted: str, place: Path, rules: ReuseRules = ANYTHING, *, signed: bool = False) -> ReuseView:
        memory = PresenceMemory(tmp_path / "presence", ContentsMemory(tmp_path, keep=False), keep=False)
        mirrors = Mirrors(instance, access, memory, cwd=tmp_path)
        if not signed:
            (mirror,) = mirrors.chosen([str(place)])
            mirrors.chosen = lambda _names=(): [replace(mirror, signed_setting=False)]  # type: ignore[method-assign]
        return explain_reuse(wanted, instance.database().world, mirrors, rules, CancelToken(), mirror=str(place))

    return ask


def test_the_very_same_package_comes_first_and_nothing_is_against_it(ask, golden: Path) -> None:
    view = ask(TOP_A, golden / "mirrors/unsigned")
    first, *others = view.candidates
    assert (first.hash, first.usable, first.reasons) == (TOP_A, True, ())
    assert view.wanted == "labtop@3.1.4/vl34dzl"
    assert all(other.usable is not True for other in others)
    nearest = next(other for other in others if other.hash == TOP_B)
    assert nearest.reasons[0] == "dependency labmpi-a: 4.1/oh5jfye here, absent there"


def test_another_target_or_system_is_an_obstacle(ask, golden: Path) -> None:
    rules = replace(ANYTHING, host="power9le")
    (first, *_) = ask(ZED, golden / "mirrors/unsigned", rules).candidates
    assert first.usable is False
    assert "power9le" in first.reasons[0]
    fits = ask(ZED, golden / "mirrors/unsigned", replace(ANYTHING, host="zen4")).candidates[0]
    assert fits.usable is True


def test_a_query_is_judged_as_well(ask, golden: Path) -> None:
    view = ask("labzed@1.99", golden / "mirrors/unsigned")
    assert len(view.candidates) == 4
    assert all("it does not match labzed@1.99" in candidate.reasons for candidate in view.candidates)
    with pytest.raises(UsageError, match="Name one package"):
        ask("+shared", golden / "mirrors/unsigned")


def test_a_stale_or_missing_index(ask, golden: Path, tmp_path: Path) -> None:
    place = tmp_path / "mirror"
    shutil.copytree(golden / "mirrors/unsigned", place, copy_function=shutil.copyfile)
    shutil.rmtree(place / "v3/manifests/index")
    (first, *_) = ask(ZED, place).candidates
    assert (first.hash, first.usable) == (ZED, False)
    assert "no index" in first.reasons[0]
    for wanted in (TOP_A, "labtop"):
        found = ask(wanted, place).candidates
        assert {TOP_A, TOP_B} <= {candidate.hash for candidate in found}
        assert len({candidate.hash for candidate in found}) == len(found)
        assert all(candidate.usable is False and "no index" in candidate.reasons[0] for candidate in found)
    assert ask("nosuchname", place).candidates == ()
    older = tmp_path / "older"
    shutil.copytree(golden / "mirrors/unsigned", older, copy_function=shutil.copyfile)
    for folder in ("v3/manifests/index", "blobs"):  # the index of another cache, which has no labzed
        shutil.copytree(golden / "mirrors/private" / folder, older / folder, dirs_exist_ok=True)
    (stale,) = ask(ZED, older).candidates
    assert (stale.hash, stale.usable) == (ZED, False)
    assert "update the index" in stale.reasons[0]


def test_an_entry_that_the_index_lists_but_that_is_gone(ask, golden: Path, tmp_path: Path) -> None:
    place = tmp_path / "mirror"
    shutil.copytree(golden / "mirrors/signed", place, copy_function=shutil.copyfile)
    for manifest in (place / "v3/manifests/spec/labzed").iterdir():
        manifest.unlink()
    candidates = ask(ZED, place, signed=True).candidates
    assert candidates
    assert all("does not have it" in candidate.reasons[-1] for candidate in candidates)


def test_a_key_that_is_not_trusted_and_no_signature_at_all(ask, golden: Path) -> None:
    signed = ask(ZED, golden / "mirrors/signed", signed=True).candidates[0]
    assert signed.usable is False
    assert "key this instance does not trust" in signed.reasons[-1]
    unsigned = ask(ZED, golden / "mirrors/unsigned", signed=True).candidates[0]
    assert "not signed" in unsigned.reasons[-1]


def test_a_mirror_that_cannot_be_read_is_named(ask, tmp_path: Path) -> None:
    (tmp_path / "mirror/v3/manifests/index").mkdir(parents=True)
    (tmp_path / "mirror/v3/manifests/index/index.manifest.json").write_text("{")
    view = ask(ZED, tmp_path / "mirror")
    assert view.candidates == ()
    assert view.mirrors[0].error is not None


class TestRules:
    @pytest.fixture
    def configured(self, tmp_path: Path) -> Callable[[object], ReuseRules]:
        make_sample_instance(tmp_path / "spack")

        def configured(concretizer: object) -> ReuseRules:
            file = tmp_path / "spack/etc/spack/site/concretizer.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"concretizer": concretizer}))
            return reuse_rules(find_instance(str(tmp_path / "spack"), environ={}))

        return configured

    def test_what_reuse_says(self, configured) -> None:
        assert configured({"reuse": True}).settings == ()
        assert "is false" in configured({"reuse": False}).settings[0]
        assert "dependencies only" in configured({"reuse": "dependencies"}).settings[0]
        only_local = configured({"reuse": {"roots": False, "from": [{"type": "local"}]}})
        assert len(only_local.settings) == 2
        assert "buildcache" in only_local.settings[1]
        assert configured({}).host

    def test_include_and_exclude(self, configured, ask, golden: Path) -> None:
        place = golden / "mirrors/unsigned"
        excluding = configured({"reuse": {"from": [{"type": "buildcache", "exclude": ["labzed@1.3"]}]}})
        excluding = replace(excluding, host="")
        assert ask(ZED, place, excluding).candidates[0].reasons == ("concretizer:reuse excludes labzed@1.3",)
        including = replace(configured({"reuse": {"include": ["hdf5", "gcc"]}}), host="")
        assert "includes only hdf5, gcc" in ask(ZED, place, including).candidates[0].reasons[0]
        either = {"reuse": {"from": [{"type": "buildcache", "exclude": ["labzed"]}, {"type": "buildcache"}]}}
        assert ask(ZED, place, replace(configured(either), host="")).candidates[0].usable is True

    def test_systems_that_may_use_each_other(self, configured) -> None:
        assert configured({"os_compatible": {"rhel9": ["rhel8"]}}).os_compatible == (("rhel9", ("rhel8",)),)

    def test_a_mirror_without_binaries_is_named(self, configured, tmp_path: Path) -> None:
        rules = configured({})
        file = tmp_path / "spack/etc/spack/user/mirrors.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"mirrors": {"src": {"url": str(tmp_path / "src"), "binary": False}}}))
        instance = find_instance(str(tmp_path / "spack"), environ={})
        access = open_access(instance, keep=False)
        memory = PresenceMemory(tmp_path / "presence", ContentsMemory(tmp_path, keep=False), keep=False)
        mirrors = Mirrors(instance, access, memory, cwd=tmp_path)
        view = explain_reuse("openmpi", instance.database().world, mirrors, rules, CancelToken())
        access.close()
        assert "src" not in {presence.mirror for presence in view.mirrors}
        assert any(text.startswith("src: ") and "binary: false" in text for text in view.settings)
