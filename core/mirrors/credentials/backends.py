# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which keyring is used: one of those that protect what they keep, chosen here and never by discovery.

Discovery may end with a back end that writes plain text, forgets silently or asks on the terminal.
"""

from __future__ import annotations

import configparser
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SECRET_SERVICE = "keyring.backends.SecretService.Keyring"  # noqa: S105
_PROTECTING = {
    "linux": {SECRET_SERVICE: "Secret Service", "keyring.backends.kwallet.DBusKeyring": "KWallet"},
    "darwin": {"keyring.backends.macOS.Keyring": "macOS Keychain"},
    "win32": {"keyring.backends.Windows.WinVaultKeyring": "Windows Credential Manager"},
}


class Backend(Protocol):
    """What is used of a keyring, as the keyring library has it."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...

    def delete_password(self, service: str, username: str) -> None: ...


class NoKeyring(Exception):
    """There is no keyring to use; the text says why."""


class KeyringLockedElsewhere(Exception):
    """The keyring is that of another process, which says that it is locked."""


class WindowAway(Exception):
    """The keyring is that of a window which is not connected now."""


def choose_backend() -> KeyringBackend:
    """The keyring of this desktop. Imports the library, may ask the session bus and so may take long.

    Raises NoKeyring.
    """
    known = _PROTECTING.get(sys.platform, {})
    configured, where = _configured()
    if configured and configured not in known:
        raise NoKeyring(
            f"{configured}, named in {where}, is refused: it is none of those that protect what they keep "
            f"({', '.join(known.values()) or 'none for this system'})"
        )
    reasons = []
    best: tuple[float, type[KeyringBackend]] | None = None
    for name in (configured,) if configured else known:
        module, _, cls = name.rpartition(".")
        try:
            backend: type[KeyringBackend] = getattr(importlib.import_module(module), cls)
            rank = (float(backend.priority), backend)
        except Exception as error:  # whatever a library of the desktop raises: it cannot be used
            reasons.append(f"{known[name]}: {error}")
            continue
        if best is None or rank[0] > best[0]:
            best = rank
    if best is None:
        raise NoKeyring("; ".join(reasons) or "no keyring is known for this system")
    return best[1]()


def name_of(backend: Backend) -> str:
    """The back end's name for people."""
    path = f"{type(backend).__module__}.{type(backend).__qualname__}"
    return str(getattr(backend, "title", "")) or _PROTECTING.get(sys.platform, {}).get(path, path)


def _configured() -> tuple[str, str]:
    """The back end a person chose for the keyring library, and where; read without loading it."""
    if name := os.environ.get("PYTHON_KEYRING_BACKEND", ""):
        return name, "PYTHON_KEYRING_BACKEND"
    from keyring.util import platform_

    path = Path(platform_.config_root()) / "keyringrc.cfg"
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text("utf-8"))
    except FileNotFoundError:
        return "", ""
    except (OSError, ValueError, configparser.Error) as error:
        raise NoKeyring(f"{path} cannot be read: {type(error).__name__}") from None
    return parser.get("backend", "default-keyring", fallback="").strip(), str(path)
