# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from core.caches.opening import CacheAccess
from core.engine.calls.settings import SettingsChanged
from core.engine.handlers.settings import SettingsHandlers
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import WorkingOffline
from core.foundation.places import config_dir
from core.foundation.settings import LogLevel, Scheme, Settings, checked, load_settings, save_settings
from core.network.offline import check_online, use_proxy, work_offline


@pytest.fixture
def kept() -> Path:
    config_dir().mkdir(parents=True)
    return config_dir() / "settings.json"


@pytest.fixture(autouse=True)
def _network_as_before() -> Iterator[None]:
    yield
    work_offline(wanted=False)
    use_proxy("", "")


def test_nothing_kept_means_the_defaults() -> None:
    assert load_settings() == Settings()


def test_what_is_set_comes_back_and_only_differences_are_written() -> None:
    wanted = Settings(parallel=7, scheme=Scheme.DARK, bytes_per_s=1_000_000, log_level=LogLevel.DEBUG)
    save_settings(wanted)
    assert load_settings() == wanted
    written = json.loads((config_dir() / "settings.json").read_bytes())
    assert written == {"parallel": 7, "scheme": "dark", "bytes_per_s": 1_000_000, "log_level": "debug"}
    save_settings(Settings())
    assert json.loads((config_dir() / "settings.json").read_bytes()) == {}


def test_a_value_that_cannot_be_costs_only_itself(kept: Path) -> None:
    kept.write_text('{"parallel": 0, "scheme": "sepia", "tries": 3, "text_percent": "huge", "proxy": "http://a:b@c"}')
    assert load_settings() == Settings(tries=3)


def test_what_a_newer_version_keeps_survives(kept: Path) -> None:
    kept.write_text('{"wallpaper": "blue", "tray": true}')
    save_settings(msgspec.structs.replace(load_settings(), tray=False))
    assert json.loads(kept.read_bytes()) == {"wallpaper": "blue"}


def test_a_broken_file_is_told_and_not_fatal(kept: Path, expected_warnings: list[str]) -> None:
    expected_warnings.append("the settings cannot be read")
    kept.write_text("{")
    assert load_settings() == Settings()


@pytest.mark.parametrize("change", [{"parallel": 33}, {"text_percent": 79}, {"bytes_per_s": 10}, {"proxy": "ftp://x"}])
def test_impossible_values_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        checked(Settings(), **change)


def test_a_proxy_stands_for_the_environments_and_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://inherited:1")
    monkeypatch.delenv("no_proxy", raising=False)
    use_proxy("http://set:2", "localhost")
    use_proxy("http://set:3", "localhost")
    assert os.environ["https_proxy"] == os.environ["HTTPS_PROXY"] == "http://set:3"
    assert os.environ["no_proxy"] == "localhost"
    use_proxy("", "")
    assert os.environ["https_proxy"] == "http://inherited:1"
    assert "HTTPS_PROXY" not in os.environ
    assert "no_proxy" not in os.environ


def test_the_engine_follows_at_once(tmp_path: Path) -> None:
    save_settings(Settings(parallel=2))
    state = EngineState(read_only=True)
    try:
        state.queue.watch()
        assert state.queue.snapshot().limits is not None
        save_settings(Settings(parallel=5, bytes_per_s=300_000, offline=True))
        SettingsHandlers(state).table()[SettingsChanged](SettingsChanged(), CancelToken())
        state.queue.watch()
        limits = state.queue.snapshot().limits
        assert limits is not None
        assert (limits.parallel, limits.bytes_per_s) == (5, 300_000)
        with pytest.raises(WorkingOffline):
            check_online("registry.site.org")
    finally:
        state.close()


def test_packing_folder_certificates_and_tries_reach_what_opens_caches(tmp_path: Path) -> None:
    from core.services.access import apply_to_access, open_access
    from core.services.instances import Instances
    from core.services.sample import make_sample_instance

    make_sample_instance(tmp_path / "spack")
    instance = Instances(read_only=True, environ={}).open(str(tmp_path / "spack"))
    save_settings(Settings(packing_folder=str(tmp_path / "fast"), ca_file="/site/ca.pem", tries=2))
    access: CacheAccess = open_access(instance, keep=False)
    try:
        assert access.staging == tmp_path / "fast"
        assert access.options("registry.site.org").ca_file == Path("/site/ca.pem")
        apply_to_access(access, instance, Settings(ca_file="/other.pem"))
        assert access.staging == Settings().packing_place
        assert access.options("registry.site.org").ca_file == Path("/other.pem")
    finally:
        access.close()
