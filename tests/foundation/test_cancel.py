# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import pytest

from core.foundation.cancel import CancelToken
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
