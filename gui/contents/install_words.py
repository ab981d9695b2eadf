# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What installing from a build cache says. No Qt."""

from __future__ import annotations

from core.foundation.text import format_bytes, plural, short_hash, visible
from core.services.install_values import InstallOutlook, InstallPackage, InstallState, SignatureState

TITLE = "Install here"
INSTALL = "Install"
LOOKING = "Looking at what will be installed, and whether it fits here…"
PACKAGES = "What will become of each package"
UNCHECKED = "Install packages that are not signed"
COMMAND = "Install with Spack"
WHY_LOOKING = "It is still being looked at"
WHY_UNCHECKED = "Some are not signed: say first that they may be installed all the same"
WHY_NOTHING = "Everything is installed here already"

_STATES = {
    InstallState.INSTALLED: "installed already",
    InstallState.CACHE: "from this cache",
    InstallState.EXTERNAL: "of the system",
    InstallState.MISSING: "not in this cache",
}
_SIGNATURES = {
    SignatureState.GOOD: "good signature",
    SignatureState.OTHER_KEY: "signed with a key not for this mirror",
    SignatureState.UNKNOWN_KEY: "signed with a key that is not trusted",
    SignatureState.BAD: "bad signature",
    SignatureState.UNCHECKED: "signature not checked",
    SignatureState.UNSIGNED: "not signed",
}


def summary(outlook: InstallOutlook) -> str:
    """`12 packages will be installed in /opt/spack, 212 MB to read.`"""
    size = sum(one.stored_bytes for one in outlook.packages if one.state is InstallState.CACHE)
    there = sum(one.state is InstallState.INSTALLED for one in outlook.packages)
    verb = "will be installed in"
    known = f" {plural(there, 'package')} {'is' if there == 1 else 'are'} there already." if there else ""
    read = f", {format_bytes(size)} to read" if size else ""
    return f"{plural(outlook.to_install, 'package')} {verb} {visible(outlook.root)}{read}.{known}"


def package_lines(outlook: InstallOutlook) -> str:
    """A line for each, aligned."""
    rows = [
        (visible(f"{one.name}@{one.version}/{short_hash(one.hash)}"), _STATES[one.state], *_facts(one))
        for one in sorted(outlook.packages, key=lambda one: (_ORDER[one.state], one.name))
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = ("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


_ORDER = {InstallState.MISSING: 0, InstallState.CACHE: 1, InstallState.INSTALLED: 2, InstallState.EXTERNAL: 3}


def _facts(one: InstallPackage) -> tuple[str, str]:
    """Its signature, and whether its paths fit."""
    if one.problem:
        return "damaged", ""
    signature = _SIGNATURES[one.signature] if one.signature is not None else ""
    if one.room is None or one.state is not InstallState.CACHE:
        return signature, ""
    return signature, "paths fit" if one.room >= 0 else f"its path here is {plural(-one.room, 'character')} too long"


def why_not(outlook: InstallOutlook | None, *, unchecked: bool) -> str:
    """Why it cannot be begun, "" if it can."""
    if outlook is None:
        return WHY_LOOKING
    if outlook.blockers:
        return outlook.blockers[0].title
    if not outlook.to_install:
        return WHY_NOTHING
    return WHY_UNCHECKED if outlook.needs_unchecked and not unchecked else ""
