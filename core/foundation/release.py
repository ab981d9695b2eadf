# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which Mirrordeck this is, and what it runs on."""

from __future__ import annotations

import os
import platform
import pwd
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Versions of everything that matters for a report, Mirrordeck first."""
    found = {"mirrordeck": _version("mirrordeck"), "python": platform.python_version()}
    for package in ("msgspec", "deflate", "PySide6-Essentials", "qasync"):
        found[package] = _version(package)
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def own_account() -> tuple[str, str]:
    """The computer this process runs on, and whose it is there."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account that this computer does not know by name
        user = str(os.geteuid())
    return platform.node(), user
