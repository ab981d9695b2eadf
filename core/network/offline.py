# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Whether this process may use the network at all, and by which proxy. Any thread."""

from __future__ import annotations

import os
import threading

from core.foundation.errors import WorkingOffline

_offline = threading.Event()
_PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
_EXCEPTIONS = ("no_proxy", "NO_PROXY")
# What the environment said of the variables that were set here.
_replaced: dict[str, str | None] = {}


def work_offline(*, wanted: bool) -> None:
    """From now on no request is begun, or they are again; those under way go on."""
    if wanted:
        _offline.set()
    else:
        _offline.clear()


def check_online(host: str) -> None:
    """Raise WorkingOffline instead of contacting `host`."""
    if _offline.is_set():
        raise WorkingOffline(
            f"{host} was not contacted", "Mirrordeck works offline", remedies=("Switch that off in the settings.",)
        )


def use_proxy(proxy: str, no_proxy: str) -> None:
    """Stand in for the environment's proxies, for child processes too; "" gives back what the environment said."""
    for names, value in ((_PROXIES, proxy), (_EXCEPTIONS, no_proxy)):
        for name in names:
            if value:
                _replaced.setdefault(name, os.environ.get(name))
                os.environ[name] = value
            elif name in _replaced:
                before = _replaced.pop(name)
                os.environ.pop(name, None)
                if before is not None:
                    os.environ[name] = before
