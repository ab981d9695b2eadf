# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Keys as the window asks for them. Every call goes through the text of the protocol, secrets among it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import pytest
from helpers.gnupg_home import GnupgHome, gnupg_home

from core.engine.calls import keys
from core.engine.calls.contents import JudgeEntries, ListContents
from core.engine.calls.instances import OpenInstance
from core.engine.calls.push import PlanPush, StartPush
from core.engine.dispatch import handler_table
from core.engine.messages import Call, decode_call, encode_call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.foundation.errors import PassphraseNeeded, ReadOnlyMode
from core.foundation.secret import Secret
from core.services.keys_values import KeySource, NewKey, SigningStep, SignRequest
from core.services.sample import make_sample_instance
from core.services.values import ContentsRow, EntrySignature
from core.signing.signatures import SignatureState
from core.transfers.plan import PushOptions, PushRequest, Signing

# Handlers remember plans, so each engine keeps its own.
TABLES: WeakKeyDictionary[EngineState, dict[type[Call[Any]], Handler]] = WeakKeyDictionary()
PASSPHRASE = "for the engine only 3381"


@pytest.fixture
def gpg(monkeypatch: pytest.MonkeyPatch) -> Iterator[GnupgHome]:
    with gnupg_home() as made:
        monkeypatch.setenv("SPACK_GNUPGHOME", str(made.path))
        yield made


@pytest.fixture(params=[False])
def state(gpg: GnupgHome, request: pytest.FixtureRequest) -> Iterator[EngineState]:
    state = EngineState(read_only=request.param)
    yield state
    state.close()


@pytest.fixture
def instance(state: EngineState, tmp_path: Path) -> str:
    make_sample_instance(tmp_path / "spack")
    return str(ask(state, OpenInstance(directory=str(tmp_path / "spack"), no_environment=True)).id)


def ask(state: EngineState, call: Call[Any], rows: list[Any] | None = None) -> Any:
    kind = type(call)
    if state not in TABLES:
        TABLES[state] = handler_table(state)
    answer = TABLES[state][kind](decode_call(encode_call(call), kind), CancelToken())
    if isinstance(answer, Iterator):
        *batches, answer = answer
        for batch in batches:
            found = msgspec.json.decode(msgspec.json.encode(batch), type=list[kind.row])  # type: ignore[name-defined]
            (rows if rows is not None else []).extend(found)
    return msgspec.json.decode(msgspec.json.encode(answer), type=call.answer)


def test_made_published_taken_from_there_and_deleted(state: EngineState, instance: str, tmp_path: Path) -> None:
    made = ask(state, keys.CreateKey(instance, NewKey("Ann", "ann@example.invalid")))
    assert ask(state, keys.ListKeys(instance)).keys == (made,)
    assert ask(state, keys.PublishKeys(instance, "team", (made.fingerprint,))) == (made,)
    rows: list[Any] = []
    assert ask(state, keys.ListPublishedKeys(instance), rows) == len(rows) > 0
    assert next(row for row in rows if row.mirror == "team").listed == (made.fingerprint,)
    ask(state, keys.ExportKeys(instance, (made.fingerprint,), str(tmp_path / "public.asc")))
    assert ask(state, keys.UntrustKeys(instance, (made.fingerprint,), signing=True))[0].fingerprint == made.fingerprint
    source = KeySource(mirror="team")
    (offered,) = ask(state, keys.LookAtKeys(instance, source)).keys
    assert not offered.trusted
    ask(state, keys.TrustKeys(instance, source, (offered.key.fingerprint,)))
    (known,) = ask(state, keys.ListKeys(instance)).keys
    assert (known.fingerprint, known.secret) == (made.fingerprint, False)


def test_a_push_says_that_its_key_is_locked_and_the_passphrase_opens_it(
    state: EngineState, instance: str, gpg: GnupgHome, tmp_path: Path
) -> None:
    key = ask(state, keys.CreateKey(instance, NewKey("Bob", "bob@example.invalid"), Secret(PASSPHRASE)))
    (gpg.path / "gpg-agent.conf").write_text("pinentry-program /bin/false\n")
    gpg.forget_passphrases()
    later = EngineState(read_only=False)
    try:
        again = str(ask(later, OpenInstance(directory=str(tmp_path / "spack"), no_environment=True)).id)
        options = PushOptions(signing=Signing.SIGNED, private=True, with_build_dependencies=False)
        request = PushRequest(str(tmp_path / "cache"), ("hwloc",), options=options)
        assert ask(later, PlanPush(again, request)).key_locked
        with pytest.raises(PassphraseNeeded):
            ask(later, keys.UnlockKey(again, key.fingerprint, Secret("wrong")))
        ask(later, keys.UnlockKey(again, key.fingerprint, Secret(PASSPHRASE)))
        plan = ask(later, PlanPush(again, request))
        assert not plan.key_locked
        push = ask(later, StartPush(plan.id))
        assert later.queue.wait(push, 60)
        assert not any(row.error for row in later.queue.outcome(push).rows)
    finally:
        later.close()


def test_what_lies_there_is_signed(state: EngineState, instance: str, gpg: GnupgHome, tmp_path: Path) -> None:
    gpg.make_key("mine")
    options = PushOptions(signing=Signing.UNSIGNED, private=True, with_build_dependencies=False)
    plan = ask(state, PlanPush(instance, PushRequest(str(tmp_path / "cache"), ("hwloc",), options=options)))
    assert state.queue.wait(ask(state, StartPush(plan.id)), 60)
    rows: list[SigningStep] = []
    last = ask(state, keys.SignEntries(instance, SignRequest(str(tmp_path / "cache"))), rows)
    assert rows[-1] == last
    assert last.changed == last.total > 0
    listed: list[ContentsRow] = []
    place = str(tmp_path / "cache")
    ask(state, ListContents(instance, place, refresh=True), listed)
    judged: list[EntrySignature] = []
    wanted = tuple({row.key for row in listed if row.signed})
    assert ask(state, JudgeEntries(instance, place, wanted), judged) == last.total
    assert {(one.key in wanted, one.facts.state) for one in judged} == {(True, SignatureState.GOOD)}


@pytest.mark.parametrize("state", [True], indirect=True)
def test_read_only(state: EngineState, instance: str) -> None:
    source = KeySource(file="/nowhere")
    for call in (
        keys.CreateKey(instance, NewKey("A", "a@example.invalid")),
        keys.TrustKeys(instance, source, ("A",)),
        keys.UntrustKeys(instance, ("A",)),
        keys.PublishKeys(instance, "team", ("A",)),
        keys.AllowKeys(instance, "team", ("A",)),
    ):
        with pytest.raises(ReadOnlyMode):
            ask(state, call)
    assert ask(state, keys.ListKeys(instance)).keys == ()
