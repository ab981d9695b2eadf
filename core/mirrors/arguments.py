# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a mirror argument on a command line means, by Spack 1.1's rule."""

from __future__ import annotations

from pathlib import Path

from core.foundation.errors import UsageError
from core.mirrors.model import Connection, Mirror, MirrorList
from core.spack.substitutions import resolve_address


def resolve_mirror(argument: str, mirrors: MirrorList, *, cwd: Path) -> Mirror:
    """The mirror meant by a name, a path (relative to `cwd`) or a URL; an anonymous one is signed.

    Only what contains a slash or backslash, or is `.` or `..`, is an address, so that a mistyped name does not become a
    directory. Raises UsageError for anything else that is no configured name, and for addresses of unknown schemes.
    """
    if "/" in argument or "\\" in argument or argument in (".", ".."):
        try:
            url = resolve_address(argument, cwd, mirrors.context)
        except ValueError as error:
            raise UsageError(f"{argument} is not the address of a mirror", str(error)) from None
        connection = Connection(url, argument)
        return Mirror("", connection, connection)
    mirror = mirrors.named(argument)
    if mirror is None:
        names = ", ".join(known.name for known in mirrors.mirrors)
        raise UsageError(
            f'no mirror named "{argument}". Did you mean ./{argument}?',
            f"configured mirrors: {names}" if names else "no mirror is configured",
        )
    return mirror
