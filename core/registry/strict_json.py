# SPDX-License-Identifier: Apache-2.0 OR MIT
"""JSON from a registry, read so that no two readers could understand it differently."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from core.foundation.errors import CacheError, ProxyInterference


def decode_object(data: bytes, where: str) -> dict[str, Any]:
    """The object that `data` is. Any thread.

    Raises CacheError naming `where` for anything else, and for what readers are known to disagree about: duplicate
    keys, NaN and infinities, lone surrogates. What is nested too deeply for Python, or a number too long, is refused.
    """
    try:
        document = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        if not isinstance(document, dict):
            raise ValueError("it is not an object")
        if b"\\u" in data:
            # Only escapes can make half of a surrogate pair; writing it out again is what finds them.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise CacheError(f"Cannot understand {where}", f"Not the JSON expected: {why[:300]}") from error
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def refuse_web_page(data: bytes) -> None:
    """Raises ProxyInterference if `data` is a page for people, as captive portals and proxies send with status 200."""
    if data[:1000].lstrip().startswith(b"<"):
        raise ProxyInterference("Something other than the registry answered", "A web page came instead of a document")
