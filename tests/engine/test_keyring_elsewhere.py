# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keyring of a window that is connected, locked, silent or gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.engine.asking import KeyringElsewhere
from core.engine.messages import CredentialAnswer, NeedCredential
from core.foundation.cancel import CancelToken
from core.foundation.errors import PermissionDenied
from core.foundation.secret import Secret
from core.mirrors.credentials.keyrings import Keyring, entry_of
from core.mirrors.credentials.states import CredentialState
from core.registry.credentials import Credential
from core.remote.answering import answer_need

ACCOUNT = "TOKEN@reg.example.org/lab"
LOGIN = Credential("me", Secret("s3cret"))
TOKEN = CancelToken()


def connected(answer: Callable[[NeedCredential], CredentialAnswer]) -> Keyring:
    elsewhere = KeyringElsewhere()
    elsewhere.connect(lambda need: elsewhere.answered(answer(need)))
    return elsewhere.keyring()


def test_kept_read_and_forgotten_in_the_other_keyring() -> None:
    class Backend:
        def __init__(self) -> None:
            self.entries: dict[str, str] = {}

        def get_password(self, _service: str, username: str) -> str | None:
            return self.entries.get(username)

        def set_password(self, _service: str, username: str, password: str) -> None:
            self.entries[username] = password

        def delete_password(self, _service: str, username: str) -> None:
            del self.entries[username]

    backend = Backend()
    at_home = Keyring(lambda: backend)
    keyring = connected(lambda need: answer_need(need, at_home, TOKEN))
    assert keyring.elsewhere
    assert keyring.read(ACCOUNT).state is CredentialState.MISSING
    keyring.store(ACCOUNT, LOGIN, TOKEN)
    assert backend.entries == {ACCOUNT: entry_of(LOGIN)}
    answer = keyring.read(ACCOUNT)
    assert (answer.state, answer.name) == (CredentialState.STORED, "keyring of the window")
    assert answer.credential == LOGIN
    keyring.unlock(TOKEN)
    assert keyring.delete(ACCOUNT, TOKEN)
    assert backend.entries == {}


def test_locked_and_absent() -> None:
    locked = connected(lambda need: CredentialAnswer(need.id, locked=True, error="it is locked"))
    assert locked.read(ACCOUNT).state is CredentialState.LOCKED
    absent = connected(lambda need: CredentialAnswer(need.id, error="there is none"))
    answer = absent.read(ACCOUNT)
    assert (answer.state, answer.note) == (CredentialState.NO_KEYRING, "there is none")
    with pytest.raises(PermissionDenied, match="there is none"):
        absent.store(ACCOUNT, LOGIN, TOKEN)


def test_a_window_that_leaves() -> None:
    elsewhere = KeyringElsewhere()

    def leave(_need: NeedCredential) -> None:
        elsewhere.disconnect(leave)

    elsewhere.connect(leave)
    answer = elsewhere.keyring().read(ACCOUNT)
    assert (answer.state, answer.note) == (
        CredentialState.LOCKED,
        "the window that has the keyring is not connected",
    )
    assert elsewhere.keyring().read(ACCOUNT).state is CredentialState.LOCKED


def test_a_window_that_came_later_stays_when_the_earlier_leaves() -> None:
    elsewhere = KeyringElsewhere()
    asked: list[NeedCredential] = []

    def first(_need: NeedCredential) -> None:
        raise AssertionError

    def second(need: NeedCredential) -> None:
        asked.append(need)
        elsewhere.answered(CredentialAnswer(need.id))

    elsewhere.connect(first)
    elsewhere.connect(second)
    elsewhere.disconnect(first)
    assert elsewhere.keyring().read(ACCOUNT).state is CredentialState.MISSING
    assert [need.account for need in asked] == [ACCOUNT]


def test_only_entries_of_this_program_are_given_away() -> None:
    def never() -> KeyringElsewhere:
        raise AssertionError

    need = NeedCredential(1, "get", "bank", ACCOUNT)
    assert answer_need(need, Keyring(never), TOKEN).error
