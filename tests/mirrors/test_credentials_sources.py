# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The order of the sources, the states of a mirror, and what a registry connection is given."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from keyring.errors import KeyringLocked
from mirrors.credential_kit import MemoryKeyring, anonymous, connection, in_memory, login, mirror, script, shown

from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired
from core.mirrors.credentials.backends import NoKeyring
from core.mirrors.credentials.commands import CommandLogins, CredentialCommand
from core.mirrors.credentials.docker import DockerLogins
from core.mirrors.credentials.facade import Credentials, MirrorCredentials
from core.mirrors.credentials.identity import account_of
from core.mirrors.credentials.keyrings import Keyring
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.model import KeyOrigin, Mirror

HOST = "reg.example.org"
SITE = mirror()
ACCOUNT = account_of(SITE, Direction.PUSH)


class Sources:
    """All sources at once; each is filled by a test."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environ = dict(os.environ)
        self.backend = MemoryKeyring()
        self.keyring = in_memory(self.backend)
        self.commands: dict[str, CredentialCommand] = {}
        self.docker_login = False
        self._built: Credentials | None = None

    @property
    def all(self) -> Credentials:
        if self._built is None:
            commands = CommandLogins(self.commands, self.environ)
            docker = DockerLogins(self.environ) if self.docker_login else None
            self._built = Credentials(self.environ, keyring=self.keyring, commands=commands, docker=docker)
        return self._built

    def store(
        self, secret: str, where: Mirror = SITE, direction: Direction = Direction.PUSH, user: str = "bot"
    ) -> None:
        self.keyring.store(account_of(where, direction), login(user, secret), CancelToken())

    def command(self, output: str, account: str = ACCOUNT) -> None:
        program = script(self.home / "bin/tool", output)
        self.commands[account] = CredentialCommand((str(program),))

    def docker(self, *hosts: str) -> None:
        self.docker_login = True
        path = self.home / ".docker/config.json"
        path.parent.mkdir(exist_ok=True)
        entry = {"auth": base64.b64encode(b"whale:docker").decode()}
        path.write_text(json.dumps({"auths": dict.fromkeys(hosts or (HOST,), entry)}))
        path.chmod(0o600)

    def seen(self, where: Mirror = SITE, direction: Direction = Direction.PUSH) -> tuple[CredentialState, object]:
        state, found = self.all.state(where, direction), self.all.login(where, direction)
        assert state.credential is None
        assert state.state is found.state
        return found.state, shown(found.credential)


@pytest.fixture
def sources(home: Path) -> Sources:
    return Sources(home)


def test_order_of_sources(sources: Sources) -> None:
    sources.docker()
    sources.command("echo command")
    sources.environ["TOKEN"] = "variable"
    sources.store("keyring")
    sources.all.session.put(ACCOUNT, login("typist", "typed"))
    assert sources.seen() == (CredentialState.SESSION, ("typist", "typed"))
    sources.all.session.forget(ACCOUNT)
    assert sources.seen() == (CredentialState.STORED, ("bot", "keyring"))
    assert sources.all.delete(SITE, Direction.PUSH, CancelToken())
    assert sources.seen() == (CredentialState.VARIABLE, ("bot", "variable"))
    del sources.environ["TOKEN"]
    assert sources.seen() == (CredentialState.COMMAND, ("bot", "command"))
    sources.commands.clear()
    sources._built = None
    assert sources.seen() == (CredentialState.DOCKER, ("whale", "docker"))
    sources.docker_login = False
    sources._built = None
    assert sources.seen() == (CredentialState.MISSING, None)
    assert sources.all.state(SITE, Direction.PUSH).note == "not set in the environment: TOKEN"


def test_both_variables_are_needed(sources: Sources) -> None:
    named = mirror(push=connection(user="", user_variable="WHO"))
    sources.environ["TOKEN"] = "t"
    assert sources.seen(named) == (CredentialState.MISSING, None)
    sources.environ["WHO"] = "me"
    assert sources.seen(named) == (CredentialState.VARIABLE, ("me", "t"))


def test_token_variable_is_nothing_for_registries(sources: Sources) -> None:
    sources.environ["STS"] = "token"
    assert sources.seen(mirror(push=anonymous())) == (CredentialState.NONE_NEEDED, None)
    only_token = replace(anonymous(), token_variable="STS")
    assert sources.seen(mirror(push=only_token)) == (CredentialState.NONE_NEEDED, None)


def test_t05_netrc_and_unnamed_variables_are_never_used(sources: Sources) -> None:
    netrc = sources.home / ".netrc"
    netrc.write_text(f"machine {HOST} login bot password c4nary\n")
    netrc.chmod(0o600)
    sources.environ |= {"NETRC": str(netrc), "REGISTRY_PASSWORD": "c4nary", "DOCKER_AUTH_CONFIG": "c4nary"}
    assert sources.seen() == (CredentialState.MISSING, None)
    assert sources.seen(mirror(push=anonymous())) == (CredentialState.NONE_NEEDED, None)


def test_container_logins_only_where_chosen(sources: Sources) -> None:
    sources.docker()
    sources.docker_login = False
    assert sources.seen() == (CredentialState.MISSING, None)


def test_locked_keyring_is_told_but_the_variable_works(sources: Sources) -> None:
    sources.backend.error = KeyringLocked("x")
    assert sources.seen() == (CredentialState.LOCKED, None)
    assert sources.all.state(SITE, Direction.PUSH).note == "the keyring is locked; not set in the environment: TOKEN"
    sources.environ["TOKEN"] = "t"
    assert sources.seen() == (CredentialState.VARIABLE, ("bot", "t"))
    assert sources.all.state(SITE, Direction.PUSH).note == "the keyring is locked"


def test_no_keyring(sources: Sources) -> None:
    def none() -> MemoryKeyring:
        raise NoKeyring("no session bus")

    sources.keyring = Keyring(none)
    assert sources.seen() == (CredentialState.NO_KEYRING, None)
    sources.all.session.put(ACCOUNT, login())
    assert sources.seen()[0] is CredentialState.SESSION


def test_waiting_keyring(sources: Sources) -> None:
    sources.keyring = in_memory(sources.backend, timeout_s=0.01)
    sources.backend.released.clear()
    try:
        assert sources.seen() == (CredentialState.WAITING, None)
    finally:
        sources.backend.released.set()


def test_failing_command_is_told(sources: Sources) -> None:
    sources.command("exit 7", account_of(mirror(push=anonymous()), Direction.PUSH))
    found = sources.all.login(mirror(push=anonymous()), Direction.PUSH)
    assert found.state is CredentialState.MISSING
    assert found.note.endswith("/bin/tool: it ended with status 7; run it in a terminal to see why")


def test_t23_plain_text_is_flagged_with_its_exposed_file(sources: Sources) -> None:
    file = sources.home / "mirrors.yaml"
    file.write_text("")
    file.chmod(0o644)
    old = replace(
        mirror(push=replace(anonymous(), plain_secret=True, user="bot")),
        origin=(KeyOrigin("", "user", str(file), 1), KeyOrigin("access_pair", "user", str(file), 2)),
    )
    assert sources.seen(old) == (CredentialState.PLAIN_TEXT, None)
    note = "the configuration of mirror site holds a secret in plain text"
    assert sources.all.state(old, Direction.PUSH).note == (
        f"{note}; {file} holds a secret and can be read by others (mode 0644)"
    )
    file.chmod(0o600)
    assert sources.all.state(old, Direction.PUSH).note == note


def test_storing_replaces_what_was_typed(sources: Sources) -> None:
    sources.all.session.put(ACCOUNT, login("typist", "typed"))
    sources.all.store(SITE, Direction.PUSH, login("bot", "kept"), CancelToken())
    assert sources.seen() == (CredentialState.STORED, ("bot", "kept"))


def test_keyring_entry_without_user_takes_the_configured_one(sources: Sources) -> None:
    sources.store("s", user="")
    assert sources.seen() == (CredentialState.STORED, ("bot", "s"))


# ---- what connections ask ----


def asked(
    sources: Sources,
    own: Mirror,
    direction: Direction,
    host: str = HOST,
    *,
    push: bool = False,
    others: tuple[Mirror, ...] = (),
) -> tuple[str, str] | None:
    return shown(MirrorCredentials(sources.all, own, direction, others).credential(host, "any/where", push=push))


def test_push_and_fetch_have_their_own_users(sources: Sources) -> None:
    both = mirror(
        fetch=connection(user="reader", secret_variable="READ"), push=connection(user="writer", secret_variable="WRITE")
    )
    sources.environ |= {"READ": "r", "WRITE": "w"}
    assert asked(sources, both, Direction.FETCH) == ("reader", "r")
    assert asked(sources, both, Direction.FETCH, push=True) == ("writer", "w")
    assert asked(sources, both, Direction.PUSH, push=True) == ("writer", "w")
    assert asked(sources, both, Direction.PUSH) == ("writer", "w"), "what is pushed has to be read back"


def test_anonymous_fetch_stays_anonymous(sources: Sources) -> None:
    usual = mirror(fetch=anonymous(), push=connection())
    sources.environ["TOKEN"] = "t"
    assert asked(sources, usual, Direction.FETCH) is None
    assert asked(sources, usual, Direction.PUSH) == ("bot", "t")


def test_secret_goes_to_its_own_host_only(sources: Sources) -> None:
    split = mirror(fetch=connection("oci://proxy.lab:8443/x", user="reader", secret_variable="READ"), push=connection())
    sources.environ |= {"TOKEN": "t", "READ": "r"}
    assert asked(sources, split, Direction.PUSH, "REG.example.org") == ("bot", "t")
    assert asked(sources, split, Direction.PUSH, "proxy.lab:8443") == ("reader", "r")
    for foreign in ("proxy.lab", "reg.example.org.evil", "evil", "example.org", "reg.example.org:443", ""):
        assert asked(sources, split, Direction.PUSH, foreign) is None


def test_other_hosts_and_addresses_take_the_first_mirror_there(sources: Sources) -> None:
    own = mirror("own")
    base = mirror("base", push=anonymous("oci://base.lab/a"))
    first = mirror("first", push=connection("oci://base.lab/b", user="one", secret_variable="ONE"))
    second = mirror("second", push=connection("oci://base.lab/c", user="two", secret_variable="TWO"))
    sources.environ |= {"TOKEN": "t", "ONE": "1", "TWO": "2"}
    others = (own, base, first, second)
    assert asked(sources, own, Direction.PUSH, "base.lab", others=others) == ("one", "1")
    by_address = mirror("", push=anonymous("oci://base.lab/elsewhere"))
    assert asked(sources, by_address, Direction.PUSH, "base.lab", others=others) == ("one", "1")
    assert asked(sources, by_address, Direction.PUSH, "base.lab") is None
    sources.all.session.put(account_of(by_address, Direction.PUSH), login("typist", "typed"))
    assert asked(sources, by_address, Direction.PUSH, "base.lab", others=others) == ("typist", "typed")
    assert asked(sources, base, Direction.PUSH, "base.lab", others=others) is None, "a configured mirror is itself"


def test_base_image_on_a_host_whose_login_is_missing_is_tried_without(sources: Sources) -> None:
    base = mirror("base", push=connection("oci://base.lab/b", secret_variable="UNSET"))
    assert asked(sources, SITE, Direction.PUSH, "base.lab", others=(SITE, base)) is None
    by_address = mirror("", push=anonymous("oci://base.lab/elsewhere"))
    with pytest.raises(AuthRequired, match="not set in the environment: UNSET"):
        asked(sources, by_address, Direction.PUSH, "base.lab", others=(base,))


def test_chosen_container_login_that_fails_stops_a_push(sources: Sources) -> None:
    sources.docker()
    (sources.home / ".docker/config.json").write_text("{")
    with pytest.raises(AuthRequired, match=r"config\.json cannot be read"):
        asked(sources, mirror(push=anonymous()), Direction.PUSH)


def test_container_login_serves_foreign_hosts_too(sources: Sources) -> None:
    sources.docker("base.lab", "base.lab:5000")
    assert asked(sources, SITE, Direction.FETCH, "base.lab:5000") == ("whale", "docker")
    assert asked(sources, SITE, Direction.FETCH, "else.lab") is None


@pytest.mark.parametrize("direction", list(Direction))
def test_login_that_is_not_to_be_had(sources: Sources, direction: Direction) -> None:
    sources.backend.error = KeyringLocked("x")
    if direction is Direction.FETCH:
        assert asked(sources, SITE, direction) is None
        return
    with pytest.raises(AuthRequired) as caught:
        asked(sources, SITE, direction)
    assert caught.value.title == "No login for reg.example.org"
    assert caught.value.why == "the keyring is locked; not set in the environment: TOKEN"
    assert caught.value.remedies == ("Unlock the keyring, then try again",)


def test_push_without_configured_login_goes_on(sources: Sources) -> None:
    assert asked(sources, mirror(push=anonymous()), Direction.PUSH) is None


def test_keyring_locked_in_the_middle_of_a_run(sources: Sources) -> None:
    sources.store("kept")
    source = MirrorCredentials(sources.all, SITE, Direction.PUSH)
    assert shown(source.credential(HOST, "x", push=True)) == ("bot", "kept")
    sources.backend.error = KeyringLocked("x")
    assert shown(source.credential(HOST, "x", push=True)) == ("bot", "kept")
    sources.backend.error = None
    sources.backend.entries.clear()
    with pytest.raises(AuthRequired):
        source.credential(HOST, "x", push=True)
