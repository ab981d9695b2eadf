# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is done by clicking is shown as Spack's own commands on every page that Spack has commands for."""

from __future__ import annotations

import contents_samples
import key_samples
import pytest

from gui.actions import Actions
from gui.contents.spack_commands import cache_lines
from gui.keys.spack_commands import key_lines
from gui.menus import cache_menu, entry_menu, key_menu, mirror_menu


@pytest.mark.parametrize("menu", [mirror_menu, key_menu, lambda a: [*cache_menu(a), *entry_menu(a)]])
def test_every_menu_leads_to_the_commands(commands: Actions, menu: object) -> None:
    texts = [action.text() for action in menu(commands) if action is not None]  # type: ignore[operator]
    assert any("command" in text for text in texts)


def test_commands_of_a_cache_name_it_and_what_is_chosen() -> None:
    rows = [contents_samples.entry("zlib", "1.10")]
    texts = [line.text for line in cache_lines("site cache", rows, migrate=True)]
    assert "spack buildcache update-index 'site cache'" in texts
    assert f"spack buildcache install /{rows[0].hash}" in texts
    assert f"spack buildcache download --spec /{rows[0].hash} --path ." in texts
    assert "spack buildcache migrate 'site cache'" in texts
    none = [line.text for line in cache_lines("site", [], migrate=False)]
    assert not any("install" in text or "migrate" in text for text in none)


def test_commands_of_keys_name_those_chosen_by_their_whole_fingerprint() -> None:
    key = key_samples.keys()[0]
    texts = [line.text for line in key_lines([key])]
    assert f"spack gpg untrust {key.fingerprint}" in texts
    assert f"spack gpg export FILE {key.fingerprint}" in texts
    assert not any("untrust" in line.text for line in key_lines([]))
