# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lists that come in pages (OCI distribution spec, Listing Tags), followed by their `Link` headers only.

Registries disagree about `n` and `last`, so neither is ever computed here. A list is either complete or an error: a
silently shortened one would make an index lose packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer
from core.network.messages import Response
from core.registry.scopes import Scope
from core.registry.strict_json import decode_object, refuse_web_page
from core.registry.transport import Transport

# Amazon's registry refuses larger pages.
PAGE_ITEMS = 1000
_PAGE_LIMIT_BYTES = 32 << 20
_LINK_LIMIT = 8 << 10
_MOST_PAGES = 10_000
_MOST_ITEMS = 1_000_000
# Pages without anything new before a list is taken for one that goes in circles.
_MOST_STALE_PAGES = 10
_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+(?:\s*=\s*(?:"[^"]*"|[^\s";,]*))?)*)\s*(?:,|$)')
_NEXT = re.compile(r'rel\s*=\s*"?next\b', re.IGNORECASE)
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]*))', re.IGNORECASE)


def pages(
    transport: Transport, path: str, *, scope: Scope, missing: frozenset[int], token: CancelToken
) -> Iterator[dict[str, Any]]:
    """The documents of all pages beginning with `path`; none if the first answer's status is one of `missing`.

    Raises BadAnswer if the next page is said to be on another host, ProxyInterference for a web page and CacheError
    for anything else that is no JSON object.
    """
    visited: set[str] = set()
    following: str | None = path
    while following is not None:
        if len(visited) == _MOST_PAGES:
            raise BadAnswer(f"Cannot list {path}", f"It has more than {_MOST_PAGES:,} pages")
        token.raise_if_cancelled()
        expect = {200} if visited else {200, *missing}
        answer = transport.request("GET", following, scope=scope, expect=expect, limit=_PAGE_LIMIT_BYTES, token=token)
        if answer.status != 200:
            return
        visited.add(following)
        refuse_web_page(answer.body)
        # Whatever the Content-Type: Amazon's registry says text/plain.
        document = decode_object(answer.body, f"the list {path}")
        yield document
        following = _next(answer, transport.endpoint.host, following)
        if following in visited:
            if any(isinstance(value, list) and value for value in document.values()):
                raise BadAnswer(f"Cannot list {path}", "Its pages go in circles")
            return


def names(found: Iterator[dict[str, Any]], key: str) -> list[str] | None:
    """All texts in the lists under `key`, which may be null or absent, each once; None if there was no page.

    Raises BadAnswer if there is anything else, or more than anybody could have.
    """
    collected: dict[str, None] | None = None
    stale = 0
    for page in found:
        collected = {} if collected is None else collected
        items = [] if page.get(key) is None else page[key]
        if not isinstance(items, list) or not set(map(type, items)) <= {str}:
            raise BadAnswer("Cannot understand a list of the registry", f"{key!r} is not a list of names")
        before = len(collected)
        collected.update(dict.fromkeys(items))
        if len(collected) > _MOST_ITEMS:
            raise BadAnswer("Cannot list everything", f"There are more than {_MOST_ITEMS:,} names")
        stale = 0 if len(collected) > before else stale + 1
        if stale == _MOST_STALE_PAGES:
            raise BadAnswer("Cannot list everything", "The registry sends the same page again and again")
    return None if collected is None else list(collected)


def next_target(header: str) -> str | None:
    """The address with `rel=next` in a Link header (RFC 8288), however many links there are."""
    for target, parameters in _LINK.findall(header):
        relation = _REL.search(parameters)
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            return str(target)
    return None


def _next(answer: Response, host: str, current: str) -> str | None:
    """Path and query of the next page. Only those of a link are used: it is our own endpoint that is asked, whatever
    scheme or port a registry behind a proxy believes to have."""
    header = answer.headers.get("link", "")
    target = next_target(header) if len(header) <= _LINK_LIMIT else None
    if target is None:
        if len(header) > _LINK_LIMIT or _NEXT.search(header):
            raise BadAnswer("Cannot list everything", f"The link to the next page is not understood: {header[:200]}")
        return None
    try:
        found = urlsplit(urljoin(f"https://{host}{current}", target))
        same_host = found.hostname == urlsplit(f"https://{host}").hostname
    except ValueError as error:
        raise BadAnswer("Cannot list everything", f"The link to the next page is no address: {error}") from error
    if not same_host or found.scheme not in ("http", "https"):
        raise BadAnswer("Cannot list everything", f"The next page would be on another host: {found.netloc[:200]}")
    return found.path + (f"?{found.query}" if found.query else "")
