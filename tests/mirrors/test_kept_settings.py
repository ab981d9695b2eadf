# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files of what a person set: commands for logins, and what holds for single servers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.foundation.errors import ConfigError, UsageError
from core.mirrors.compression import Compression
from core.mirrors.credentials.commands import CredentialCommand
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.servers import NOTHING_SET, Servers, ServerSettings
from core.packing.model import Codec

ACCOUNT = "TOKEN@reg.example.org/lab/cache"
COMMAND = CredentialCommand(("aws", "ecr", "get-login-password"), "AWS")


@pytest.fixture
def config(home: Path) -> Path:
    return home / "mirrordeck/config"


def test_commands_survive_a_restart(config: Path) -> None:
    SavedCommands().put(ACCOUNT, COMMAND)
    path = config / "credential-commands.json"
    assert SavedCommands().get(ACCOUNT) == COMMAND
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    SavedCommands().put(ACCOUNT, None)
    assert SavedCommands().get(ACCOUNT) is None
    assert path.read_bytes() == b"{}\n"


def test_a_change_by_another_process_is_seen(config: Path) -> None:
    first, second = SavedCommands(), SavedCommands()
    first.put(ACCOUNT, COMMAND)
    assert second.get(ACCOUNT) == COMMAND
    second.put("other", COMMAND)
    assert first.get("other") == COMMAND
    first.put(ACCOUNT, None)
    assert (second.get(ACCOUNT), second.get("other")) == (None, COMMAND)


def test_t22_commands_that_others_could_have_written_are_not_started(config: Path) -> None:
    SavedCommands().put(ACCOUNT, COMMAND)
    path = config / "credential-commands.json"
    path.chmod(0o620)
    commands = SavedCommands()
    assert commands.get(ACCOUNT) is None
    assert f"{path} can be changed by others (mode 0620)" in commands.problem
    with pytest.raises(ConfigError, match="can be changed by others"):
        commands.put(ACCOUNT, None)
    assert path.stat().st_size > 3


@pytest.mark.root
def test_t22_commands_of_another_user_are_not_started(config: Path) -> None:
    SavedCommands().put(ACCOUNT, COMMAND)
    os.chown(config / "credential-commands.json", 1234, -1)
    if os.geteuid() == 1234:
        pytest.fail("that is this user")
    assert SavedCommands().get(ACCOUNT) is None
    assert "belongs to another user" in SavedCommands().problem


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"argv": "x"}}', "{"])
def test_a_damaged_file_is_named_and_never_overwritten(config: Path, text: str) -> None:
    config.mkdir(parents=True)
    path = config / "credential-commands.json"
    path.write_text(text)
    path.chmod(0o600)
    assert SavedCommands().get("a") is None
    assert str(path) in SavedCommands().problem
    with pytest.raises(ConfigError):
        SavedCommands().put("a", COMMAND)
    assert path.read_text() == text


def test_settings_belong_to_a_server_whatever_its_case(config: Path) -> None:
    wanted = ServerSettings(ca_file="/etc/site.pem", plain_passwords=True, parallel_transfers=2)
    Servers().put("Reg.Example.org:5000", wanted)
    servers = Servers()
    assert servers.of("reg.example.ORG:5000") == wanted
    assert servers.of("reg.example.org") == NOTHING_SET
    servers.put("reg.example.org:5000", NOTHING_SET)
    assert (config / "mirror-settings.json").read_bytes() == b"{}\n"


@pytest.mark.parametrize(
    "settings",
    [ServerSettings(ca_file="site.pem"), ServerSettings(parallel_transfers=0), ServerSettings(parallel_transfers=33)],
)
def test_settings_that_cannot_be(config: Path, settings: ServerSettings) -> None:
    with pytest.raises(UsageError):
        Servers().put("reg.example.org", settings)
    assert not config.exists()


def test_compression_belongs_to_an_address_however_it_is_written(config: Path) -> None:
    Compression().put("file:///srv/cache", Codec.FAST)
    kept = Compression()
    assert kept.of("file:///srv/cache/") is Codec.FAST
    assert kept.of("oci://reg.example.org/cache") is Codec.DEFAULT
    kept.put("oci://reg.example.org/cache/", Codec.SPACK)
    assert kept.of("oci://reg.example.org/cache") is Codec.SPACK
    kept.put("file:///srv/cache/", Codec.DEFAULT)
    assert (config / "mirror-codecs.json").read_text() == '{\n "oci://reg.example.org/cache": "spack"\n}\n'
    with pytest.raises(UsageError):
        kept.put("", Codec.FAST)


def test_a_codec_of_a_later_version_is_named_and_packs_as_usual(config: Path) -> None:
    config.mkdir(parents=True)
    (config / "mirror-codecs.json").write_text('{"oci://reg.example.org/cache": "zstd"}')
    assert Compression().of("oci://reg.example.org/cache") is Codec.DEFAULT
    assert "mirror-codecs.json" in Compression().problem
    with pytest.raises(ConfigError):
        Compression().put("oci://reg.example.org/cache", Codec.FAST)
