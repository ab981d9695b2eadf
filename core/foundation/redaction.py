# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The last line of defence before text is kept or shown to others: whatever looks like a secret, or is one, is blanked.

Nothing should ever put a secret into a text; this is for the text of other people's exceptions.
"""

from __future__ import annotations

import re
import traceback
from urllib.parse import quote

from core.foundation.secret import living_secrets

_SHORTEST = 4  # shorter ones are no secrets, and blanking them would blank half of the text
_DISTINCT = 8  # shorter ones occur inside of common words, and are blanked only where they are words of their own
_BLANK = "***"
_PATTERNS = (
    (re.compile(r"(?i)\b(basic|bearer)\s+[\w.~+/=-]{4,}"), r"\1 ***"),
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), _BLANK),
    (re.compile(r"(?i)\b((?:access_|refresh_|identity_?)?token|password|passwd|secret|signature|x-amz-[\w-]+|sig)"
                r"([\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]{4,}"), r"\1\2***"),
)  # fmt: skip


def redacted(text: str) -> str:
    """`text` without the secrets this process holds, logins in addresses and headers, and signatures. Any thread."""
    texts = {secret.reveal() for secret in living_secrets()}
    for found in sorted((one for one in texts if len(one) >= _SHORTEST), key=len, reverse=True):
        for form in {found, quote(found, safe="", errors="surrogatepass")}:
            whole = re.escape(form) if len(found) >= _DISTINCT else rf"(?<!\w){re.escape(form)}(?!\w)"
            text = re.sub(whole, _BLANK, text)
    for pattern, blank in _PATTERNS:
        text = pattern.sub(blank, text)
    return text


def crash_text(error: BaseException) -> str:
    """The traceback of `error` for people: redacted, and without the values of variables."""
    return redacted("".join(traceback.format_exception(error)))
