# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an answer means that was not asked for: status, headers and body become one of our errors, once."""

from __future__ import annotations

import html
import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from core.foundation.errors import (
    AccessDenied,
    AuthRequired,
    ProxyInterference,
    QuotaExceeded,
    RateLimited,
    Refused,
    RemoteError,
    RemoteNotFound,
    ServerError,
    TooLarge,
)
from core.foundation.text import visible
from core.network.addresses import without_query
from core.network.limits import WORDS_BYTES
from core.network.messages import Headers
from core.network.retries import is_rate_limit, retry_after_s

_PAGE = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_TITLE = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_QUOTA = re.compile(r"quota|storage limit|configured upper limit|out of storage", re.IGNORECASE)
# With these a web server in front sends a page; it is the answer of what is behind it all the same.
_PAGES_ARE_USUAL = frozenset({408, 413, 429, 499})


def is_page(headers: Headers, body: bytes) -> bool:
    """True if this is a web page for people."""
    return headers.media_type in ("text/html", "application/xhtml+xml") or _PAGE.match(body) is not None


def failure(status: int, headers: Headers, body: bytes, *, method: str, url: str, now: float) -> RemoteError:
    """The error for an answer with `status` to `method url`; `body` is its beginning, `now` Unix time."""
    host = urlsplit(url).netloc
    codes, text = _words(headers, body)
    request = f"HTTP {status} {_phrase(status)}to {method} {without_query(url)}"
    why = f"{text} ({request})" if text else request
    details: dict[str, Any] = {"status": status, "codes": codes, "retry_after_s": retry_after_s(headers, body, now)}
    asked = details["retry_after_s"]
    if is_rate_limit(status, text):
        until = None if asked is None else now + asked
        return RateLimited(f"{host} asks us to slow down", why, until=until, **details)
    if status >= 500 and status != 511 and status not in (501, 505, 507):
        return ServerError(f"{host} has a problem of its own", why, **details)
    if status in (407, 511) or (status < 500 and status not in _PAGES_ARE_USUAL and is_page(headers, body)):
        return interference(host, why, status)
    if status == 507 or (status in (403, 412, 413) and _QUOTA.search(text)):
        return QuotaExceeded(f"The storage on {host} is used up", why, **details)
    title, kind = {
        401: (f"{host} wants to know who you are", AuthRequired),
        403: (f"{host} denies access", AccessDenied),
        404: (f"{host} does not have it", RemoteNotFound),
        408: (f"{host} gave up waiting", ServerError),
        413: (f"{host} does not take so much at once", TooLarge),
        499: (f"{host} gave up waiting", ServerError),
    }.get(status, (f"{host} refuses the request", Refused))
    return kind(title, why, **details)


def interference(host: str, why: str, status: int) -> ProxyInterference:
    """For answers that cannot be those of the server that was asked."""
    remedies = (
        "Open the address in a web browser on this machine: a login page of the network may be waiting",
        f"If {host} can be reached directly, add it to NO_PROXY",
    )
    return ProxyInterference(f"Something else answered for {host}", why, status=status, remedies=remedies)


def _words(headers: Headers, body: bytes) -> tuple[tuple[str, ...], str]:
    """The server's error codes and its words, made harmless."""
    if is_page(headers, body):
        titles = [text for _, text in _TITLE.findall(body.decode(errors="replace"))]
        found = [" ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split()) for text in titles]
        return (), clipped("; ".join(dict.fromkeys(found)))
    document: object = None
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
    if not isinstance(document, dict):
        return (), clipped(" ".join(body.decode(errors="replace").split()))
    rows = document.get("errors")
    rows = [row for row in rows[:10] if isinstance(row, dict)] if isinstance(rows, list) else []
    codes = tuple(clipped(row["code"])[:100] for row in rows if isinstance(row.get("code"), str))
    texts = [_sentence(row) for row in rows] or [_sentence(document)]
    return codes, clipped("; ".join(dict.fromkeys(text for text in texts if text)))


def _sentence(row: dict[str, Any]) -> str:
    """From an element of `errors`, or from one of the other shapes in use (OAuth, Spring, GitLab)."""
    parts = [row.get(key) for key in ("message", "error_description", "error", "details")]
    words = [part for part in parts if isinstance(part, str) and part][:2]
    if isinstance(row.get("detail"), str) and row["detail"]:
        words.append(row["detail"])
    return ": ".join(words) or (row["code"] if isinstance(row.get("code"), str) else "")


def clipped(text: str) -> str:
    """At most 2 KiB on one line."""
    shown = visible(text[:WORDS_BYTES])
    return shown.encode()[:WORDS_BYTES].decode(errors="ignore")


def _phrase(status: int) -> str:
    with suppress(ValueError):
        return f"{HTTPStatus(status).phrase} "
    return ""
