# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from core.foundation.cancel import CancelToken, LaterToken
from core.foundation.errors import Cancelled


def test_cancelling_is_idempotent():
    token = CancelToken()
    token.raise_if_cancelled()
    assert not token.cancelled
    token.cancel()
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.raise_if_cancelled()


def test_what_is_cancelled_later_follows_the_token_or_is_cancelled_itself():
    token = CancelToken()
    later, soon, itself = LaterToken(token, 3600.0), LaterToken(token, 0.1), LaterToken(token, 3600.0)
    assert not soon.wait(0.2)
    token.cancel()
    assert not soon.cancelled
    assert soon.wait(30.0)
    assert soon.cancelled
    with pytest.raises(Cancelled):
        soon.raise_if_cancelled()
    later.raise_if_cancelled()
    assert not later.wait(0.0)
    itself.cancel()
    assert itself.wait(3600.0)
