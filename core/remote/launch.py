# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The command that starts an engine at a place: ssh and sudo of the system around a few lines of sh and Python.

Nothing has to be installed there but Python: see bootstrap.py. Logging in once is enough.
"""

from __future__ import annotations

import base64
import shlex
import zlib
from functools import cache
from pathlib import Path

from core.foundation.release import versions
from core.remote.address import Place, checked_place
from core.remote.engine_archive import build_id, fitting_platform

_SSH = ("ssh", "-T", "-C", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "--")
_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3")
# One line without single quotes and exclamation marks: every login shell, csh and fish too, passes it on as it is.
_SCRIPT = (
    "for p in {pythons}; do if $p -I -c {check} 2>/dev/null; then exec $p -I -c {load} {program} {words}; fi; done; "
    "echo {absent}; cat >/dev/null"
)
_CHECK = '"import sys; sys.exit(sys.version_info < (3, 11))"'
_LOAD = '"import sys,base64,zlib;exec(zlib.decompress(base64.b64decode(sys.argv[1])))"'
_NO_PYTHON = "There is no Python 3.11 or newer; as python3.11 or python3 on the PATH it would be found."


def engine_argv(place: Place, *, session: str, read_only: bool, wait_s: int, askpass: bool = False) -> list[str]:
    """The program and arguments that start, or meet again, the engine of `session` at `place`; not for HERE.

    `session` is 8 to 64 letters, digits and dashes. Without a window the engine waits `wait_s` seconds. With `askpass`
    sudo asks here by the program in SUDO_ASKPASS, otherwise it does not ask. Raises UsageError for a place that cannot
    be.
    """
    words = ["--engine", "--detach", "--session", session, "--wait", str(wait_s)]
    sudo = "-A" if askpass and not place.host else "-n"
    return _reaching(place, [*words, "--read-only"] if read_only else words, (sudo,))


def command_argv(place: Place, *, terminal: bool) -> list[str]:
    """The program and arguments that run one command of `mirrordeck` at `place`; it is sent as the first message.

    With `terminal` sudo here may ask on it. Raises UsageError for a place that cannot be.
    """
    return _reaching(place, ["--serve-command"], () if terminal and not place.host else ("-n",))


def _reaching(place: Place, words: list[str], sudo: tuple[str, ...]) -> list[str]:
    checked_place(place)
    inner = ["sh", "-c", _script(words)]
    if place.account:
        inner = ["sudo", *sudo, "-u", place.account, "-H", "--", *inner]
    return [*_SSH, place.host, shlex.join(inner)] if place.host else inner


def _script(words: list[str]) -> str:
    wanted = [versions()["mirrordeck"], build_id(), fitting_platform(), *words]
    # What our archive fits comes first.
    own = fitting_platform().split("-")[0]
    return _SCRIPT.format(
        pythons=" ".join(dict.fromkeys((own, *_PYTHONS))),
        check=_CHECK,
        load=_LOAD,
        program=_program(),
        words=shlex.join(wanted),
        absent=f'"{{{_quoted("t")}:{_quoted("absent")},{_quoted("why")}:{_quoted(_NO_PYTHON)},'
        f'{_quoted("can_install")}:false}}"',
    )


def _quoted(text: str) -> str:
    """A JSON string inside of a string of sh."""
    return f'\\"{text}\\"'


@cache
def _program() -> str:
    text = Path(__file__).with_name("bootstrap.py").read_bytes()
    return base64.b64encode(zlib.compress(text, 9)).decode()
