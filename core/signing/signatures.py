# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What there is to say about a signature, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SignatureState(StrEnum):
    """`OTHER_KEY` is good, but of a key that may not sign for that mirror; `UNCHECKED` where GnuPG is not to be had."""

    GOOD = "good"
    OTHER_KEY = "other-key"
    UNKNOWN_KEY = "unknown-key"
    BAD = "bad"
    UNCHECKED = "unchecked"
    UNSIGNED = "unsigned"


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """`fingerprint` is that of the primary key, of an unknown key what is known of it; `made_at` is in unix seconds by
    the signer's clock. `why` says what is not good."""

    state: SignatureState
    fingerprint: str = ""
    owner: str = ""
    made_at: int | None = None
    why: str = ""
