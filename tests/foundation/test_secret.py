# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import copy
import pickle
import traceback
from dataclasses import dataclass

import msgspec
import pytest

from core.foundation.secret import Secret

CANARY = "c4nary"


@dataclass(frozen=True)
class Holder:
    user: str
    secret: Secret


def test_nothing_shows_it() -> None:
    secret = Secret(CANARY)
    holder = Holder("me", secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{secret}", repr(holder), repr([secret])]
    assert not [text for text in shown if CANARY in text]
    assert repr(holder) == "Holder(user='me', secret=***)"
    assert secret.reveal() == CANARY


def test_tracebacks_with_locals_do_not_show_it() -> None:
    secret = Secret(CANARY)
    try:
        raise ValueError(secret)
    except ValueError as error:
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "secret = ***" in text
    assert f"'{CANARY}" not in text


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy, msgspec.json.encode], ids=lambda write: write.__name__)
def test_it_is_written_nowhere(write) -> None:
    with pytest.raises(TypeError):
        write(Secret(CANARY))


def test_equal_and_empty() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    assert Secret("a")
