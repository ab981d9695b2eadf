# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lists of tags and of repositories."""

from __future__ import annotations

from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, AuthRequired
from core.registry.paging import PAGE_ITEMS, names, pages
from core.registry.paths import tags_path
from core.registry.references import ReferenceError, parse_repository, tags_among
from core.registry.scopes import Scope
from core.registry.transport import Transport

_NOTHING_THERE = frozenset({404})
_NO_CATALOGUE = frozenset({400, 401, 403, 404, 405, 501})


def list_tags(transport: Transport, name: str, token: CancelToken) -> list[str]:
    """Tags of a repository, sorted; none if it does not exist. Names that are no tags are left out.

    Raises BadAnswer rather than giving a part of the list.
    """
    path = f"{tags_path(name)}?n={PAGE_ITEMS}"
    found = pages(transport, path, scope=Scope(name, ("pull",)), missing=_NOTHING_THERE, token=token)
    return sorted(tags_among(names(found, "tags") or ()))


def catalogue(transport: Transport, token: CancelToken) -> list[str] | None:
    """Names of the registry's repositories, sorted, or None if it does not tell. Raises BadAnswer."""
    path = f"/v2/_catalog?n={PAGE_ITEMS}"
    try:
        found = names(
            pages(transport, path, scope=Scope("", ("*",)), missing=_NO_CATALOGUE, token=token), "repositories"
        )
    except (AuthRequired, AccessDenied):
        return None
    return None if found is None else sorted(name for name in found if _is_repository(name))


def _is_repository(name: str) -> bool:
    try:
        parse_repository(name)
    except ReferenceError:
        return False
    return True
