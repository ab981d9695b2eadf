# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who may see a repository."""

from __future__ import annotations

from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, AuthRequired
from core.network.limits import ERROR_BYTES
from core.registry.paths import tags_path
from core.registry.scopes import Scope
from core.registry.transport import Transport

# Some registries send all names, however many were asked for.
_LIST_BYTES = 64 * ERROR_BYTES


def may_list(transport: Transport, name: str, token: CancelToken) -> bool | None:
    """Whether `transport` may read the repository `name`, None if there is no such repository (yet).

    One request that no registry counts as a pull; it is not repeated. True where the registry wants no login at all,
    whatever it has. Raises the RemoteError family for other trouble, and Cancelled.
    """
    path = f"{tags_path(name)}?n=1"
    try:
        answer = transport.request(
            "GET", path, scope=Scope(name), expect={200, 404}, limit=_LIST_BYTES, token=token, retry=False
        )
    except (AuthRequired, AccessDenied):
        return False
    return True if answer.status == 200 or not transport.challenges() else None
