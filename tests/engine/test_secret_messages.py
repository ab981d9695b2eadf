# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Secrets travel to the engine and nowhere else."""

from __future__ import annotations

import msgspec
import pytest

from core.engine.calls import logins
from core.engine.calls.logins import SaveLogin
from core.engine.messages import decode_call, encode_call
from core.foundation.secret import Secret
from core.mirrors.credentials.states import Direction
from core.services.login_values import Keep, LoginForm

CANARY = 'c4nary-"\\ü'
CALL = SaveLogin("id", "site", Direction.PUSH, LoginForm(Keep.KEYRING, "bot", Secret(CANARY), command=(CANARY,)))


def test_a_secret_arrives_in_the_engine() -> None:
    arrived = decode_call(encode_call(CALL), SaveLogin)
    assert arrived == CALL
    assert isinstance(arrived, SaveLogin)
    assert arrived.login.secret.reveal() == CANARY


def test_it_is_in_no_other_form_of_the_request() -> None:
    assert CANARY not in repr(CALL)
    assert "c4nary" not in f"{CALL} {CALL.login!r}"
    with pytest.raises(TypeError, match="Secret"):
        msgspec.json.encode(CALL)


@pytest.mark.parametrize("value", ["1", "null", '{"text": "c4nary"}'])
def test_what_is_no_secret_is_refused_without_being_quoted(value: str) -> None:
    params = msgspec.Raw(bytes(encode_call(CALL)).replace(msgspec.json.encode(CANARY), value.encode(), 1))
    with pytest.raises((msgspec.ValidationError, NotImplementedError)) as caught:
        decode_call(params, SaveLogin)
    assert "c4nary" not in str(caught.value)


def test_methods_are_named_once() -> None:
    calls = [call for call in vars(logins).values() if isinstance(call, type) and hasattr(call, "method")]
    assert len({call.method for call in calls}) == len(calls) > 10
