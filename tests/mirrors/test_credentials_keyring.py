# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The keyring facade over back ends that answer, refuse, hang or forget."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from keyring.backends import SecretService, kwallet
from keyring.errors import InitError, KeyringError, KeyringLocked
from mirrors.credential_kit import CANARY, MemoryKeyring, in_memory, login, shown
from registry.kit.clock import FakeClock

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, PermissionDenied
from core.mirrors.credentials import backends
from core.mirrors.credentials.backends import NoKeyring, choose_backend
from core.mirrors.credentials.keyrings import SERVICE, Keyring
from core.mirrors.credentials.states import CredentialState

ACCOUNT = "TOKEN@reg.example.org/lab/cache"


@pytest.fixture
def backend() -> MemoryKeyring:
    return MemoryKeyring()


def test_what_is_stored_is_read_and_deleted(backend: MemoryKeyring) -> None:
    keyring = in_memory(backend)
    assert keyring.read(ACCOUNT).state is CredentialState.MISSING
    keyring.store(ACCOUNT, login(), CancelToken())
    assert backend.entries == {(SERVICE, ACCOUNT): '{"user": "bot", "secret": "c4nary-\\"\\\\\\u00fc-s3cret"}'}
    answer = keyring.read(ACCOUNT)
    assert (answer.state, shown(answer.credential)) == (CredentialState.STORED, ("bot", CANARY))
    assert keyring.delete(ACCOUNT, CancelToken())
    assert not keyring.delete(ACCOUNT, CancelToken())
    assert keyring.read(ACCOUNT).state is CredentialState.MISSING


@pytest.mark.parametrize("entry", ["", "pw", '{"user": 5, "secret": "x"}', '{"user": "u"}', '{"user": "u", "user": 1}'])
def test_entries_of_other_programs_are_no_logins(backend: MemoryKeyring, entry: str) -> None:
    backend.entries[SERVICE, ACCOUNT] = entry
    answer = in_memory(backend).read(ACCOUNT)
    assert (answer.state, answer.credential) == (CredentialState.MISSING, None)
    assert answer.note == f"the keyring's entry {ACCOUNT} is not one of Mirrordeck"


@pytest.mark.parametrize(
    ("error", "state", "note"),
    [
        (KeyringLocked("Failed to unlock the collection!"), CredentialState.LOCKED, "the keyring is locked"),
        (
            InitError("Failed to create the collection"),
            CredentialState.LOCKED,
            "the keyring has to ask for a password first, and cannot or was not answered",
        ),
        (KeyringError("-25308 denied"), CredentialState.NO_KEYRING, "-25308 denied"),
        (OSError("bus\ngone"), CredentialState.NO_KEYRING, "bus\\ngone"),
        (ZeroDivisionError(), CredentialState.NO_KEYRING, "ZeroDivisionError"),
    ],
)
def test_t21_errors_become_states(backend: MemoryKeyring, error: Exception, state: CredentialState, note: str) -> None:
    backend.error = error
    keyring = in_memory(backend)
    answer = keyring.read(ACCOUNT)
    assert (answer.state, answer.note) == (state, note)
    with pytest.raises(PermissionDenied, match="The keyring did not take the login") as caught:
        keyring.store(ACCOUNT, login(), CancelToken())
    assert caught.value.why == note


def test_keyring_that_comes_later_is_found(backend: MemoryKeyring) -> None:
    there: list[MemoryKeyring] = []

    def choose() -> MemoryKeyring:
        if not there:
            raise NoKeyring("no bus")
        return there[0]

    keyring = Keyring(choose)
    answer = keyring.read(ACCOUNT)
    assert (answer.state, answer.note) == (CredentialState.NO_KEYRING, "no bus")
    there.append(backend)
    assert keyring.read(ACCOUNT).state is CredentialState.MISSING


def test_t21_hanging_keyring_is_waited_for_once(backend: MemoryKeyring) -> None:
    clock = FakeClock()
    keyring = in_memory(backend, timeout_s=0.05, clock=clock)
    keyring.store(ACCOUNT, login(), CancelToken())
    backend.calls.clear()
    backend.released.clear()
    try:
        assert keyring.read(ACCOUNT).state is CredentialState.WAITING
        clock.advance(3600)
        assert [keyring.read(name).state for name in (ACCOUNT, "b", "c")] == [CredentialState.WAITING] * 3
        assert backend.calls == [f"get {ACCOUNT}"], "asked once, one call at a time"
    finally:
        backend.released.set()
    join_keyring_threads()
    assert [keyring.read(name).state for name in (ACCOUNT, "b")] == [CredentialState.STORED, CredentialState.MISSING]


def test_t21_late_answer_is_used_without_asking_again(backend: MemoryKeyring) -> None:
    clock = FakeClock()
    keyring = in_memory(backend, timeout_s=0.0, clock=clock)
    backend.entries[SERVICE, ACCOUNT] = '{"user": "bot", "secret": "x"}'
    backend.released.clear()
    assert keyring.read(ACCOUNT).state is CredentialState.WAITING
    backend.released.set()
    join_keyring_threads()
    assert keyring.read(ACCOUNT).state is CredentialState.STORED
    assert backend.calls == [f"get {ACCOUNT}"]


def test_late_answer_nobody_fetched_for_long_is_asked_for_again(backend: MemoryKeyring) -> None:
    clock = FakeClock()
    keyring = in_memory(backend, timeout_s=0.0, clock=clock)
    backend.released.clear()
    assert keyring.read(ACCOUNT).state is CredentialState.WAITING
    clock.advance(3600)
    backend.entries[SERVICE, ACCOUNT] = '{"user": "bot", "secret": "x"}'
    backend.released.set()
    join_keyring_threads()
    clock.advance(61)
    keyring.read(ACCOUNT)
    join_keyring_threads()
    assert backend.calls == [f"get {ACCOUNT}"] * 2
    assert keyring.read(ACCOUNT).state is CredentialState.STORED


def join_keyring_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "keyring":
            thread.join(60)


def test_t21_unlocking_waits_without_limit_but_can_be_stopped(backend: MemoryKeyring) -> None:
    keyring = in_memory(backend, timeout_s=0.01)
    backend.released.clear()
    token = CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    try:
        with pytest.raises(Cancelled):
            keyring.unlock(token)
        with pytest.raises(Cancelled):
            keyring.store(ACCOUNT, login(), token)
    finally:
        backend.released.set()
        timer.join()
    join_keyring_threads()
    assert backend.entries == {}, "a cancelled store does not happen later"


def test_keyring_that_forgets_is_noticed(backend: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "set_password", lambda *_: None)
    with pytest.raises(PermissionDenied) as caught:
        in_memory(backend).store(ACCOUNT, login(), CancelToken())
    assert caught.value.why == "it does not give back what it was given"


def test_no_error_repeats_the_secret(backend: MemoryKeyring) -> None:
    backend.error = RuntimeError('cannot store {"secret": "c4nary-\\"\\\\\\u00fc-s3cret"}')
    with pytest.raises(PermissionDenied) as caught:
        in_memory(backend).store(ACCOUNT, login(), CancelToken())
    assert caught.value.why == "RuntimeError"
    assert caught.value.__context__ is None


REFUSED = [
    "keyrings.alt.file.PlaintextKeyring",
    "keyring.backends.null.Keyring",
    "keyring.backends.fail.Keyring",
    "keyring.backends.chainer.ChainerBackend",
    "keyrings.cryptfile.cryptfile.CryptFileKeyring",
]


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("place", ["variable", "file"])
def test_t21_other_back_ends_are_refused_by_name(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    if place == "variable":
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", name)
        where = "PYTHON_KEYRING_BACKEND"
    else:
        path = home / ".config/python_keyring/keyringrc.cfg"
        path.parent.mkdir(parents=True)
        path.write_text(f"[backend]\ndefault-keyring={name}\n")
        where = str(path)
    answer = Keyring().read(ACCOUNT)
    assert answer.state is CredentialState.NO_KEYRING
    assert answer.note.startswith(f"{name}, named in {where}, is refused")
    with pytest.raises(PermissionDenied, match="is refused"):
        Keyring().store(ACCOUNT, login(), CancelToken())


def test_unreadable_configuration_of_the_library_is_not_ignored(home: Path) -> None:
    path = home / ".config/python_keyring/keyringrc.cfg"
    path.parent.mkdir(parents=True)
    path.write_text("default-keyring=x\n")
    with pytest.raises(NoKeyring, match=r"keyringrc\.cfg cannot be read"):
        choose_backend()


@pytest.mark.skipif(sys.platform != "linux", reason="names of this system's back ends")
def test_best_of_the_known_ones_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    service, wallet = (type("Stub", (MemoryKeyring,), {"priority": rank}) for rank in (5, 5.1))
    monkeypatch.setattr(SecretService, "Keyring", service)
    monkeypatch.setattr(kwallet, "DBusKeyring", wallet)
    assert type(choose_backend()) is wallet
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backends.SECRET_SERVICE)
    assert type(choose_backend()) is service


@pytest.mark.skipif(sys.platform != "linux", reason="names of this system's back ends")
def test_without_a_session_bus_there_is_none() -> None:
    answer = Keyring().read(ACCOUNT)
    assert answer.state is CredentialState.NO_KEYRING
    assert "Secret Service: Unable to initialize" in answer.note
    assert "KWallet: " in answer.note


def test_keyring_library_is_loaded_late() -> None:
    program = "import sys, core.mirrors.credentials.facade; sys.exit('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False).returncode == 0
