# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installing packages of a cache with the instance's own Spack, as plain data; the window imports these."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.foundation.errors import ErrorInfo
from core.services.login_values import SpackEnd, SpackLine
from core.signing.signatures import SignatureState

__all__ = [
    "InstallOutlook",
    "InstallPackage",
    "InstallRequest",
    "InstallState",
    "SignatureState",
    "SpackEnd",
    "SpackLine",
]


class InstallState(StrEnum):
    """What will become of a package: it is INSTALLED already, comes from the CACHE, is an EXTERNAL of the system, or is
    MISSING in this cache, so that Spack looks for it in others."""

    INSTALLED = "installed"
    CACHE = "cache"
    EXTERNAL = "external"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """Install `hashes` of a configured mirror with all they need to run. `unchecked` has Spack take packages without a
    good signature; allowed only where some are not signed at all, and no signature is wrong."""

    mirror: str
    hashes: tuple[str, ...]
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class InstallPackage:
    """`signature` is None where none is asked for. `room` is how many characters the path a package was built for is
    longer than the one it gets; below 0 it does not fit; None where that is not known. `problem` says why what the
    cache has is not this package."""

    hash: str
    name: str
    version: str
    state: InstallState
    stored_bytes: int = 0
    signature: SignatureState | None = None
    room: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class InstallOutlook:
    """What installing would do, found out without changing anything. `root` is where to; `command` what a person would
    type. `needs_unchecked` where it takes the request's `unchecked`, which only the person may say. With `blockers`
    it is not begun, `warnings` may make it fail."""

    mirror: str
    root: str
    packages: tuple[InstallPackage, ...]
    command: str
    needs_unchecked: bool
    blockers: tuple[ErrorInfo, ...] = ()
    warnings: tuple[ErrorInfo, ...] = ()

    @property
    def to_install(self) -> int:
        return sum(package.state in (InstallState.CACHE, InstallState.MISSING) for package in self.packages)
