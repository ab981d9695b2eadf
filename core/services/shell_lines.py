# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lines for a person's own shell that fetch the values of a mirror's variables when they run. No line holds a value."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from core.foundation.errors import UsageError
from core.mirrors.credentials.identity import connection_of
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.spack.instance import Instance

_ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What no shell gives a meaning; csh has no quoting that holds for everything inside "`…`".
_HARMLESS = re.compile(r"[A-Za-z0-9_@%+:,./=-]+")


class Shell(StrEnum):
    SH = "sh"
    CSH = "csh"
    FISH = "fish"


def variable_lines(instance: Instance, mirror: Mirror, shell: Shell) -> tuple[str, ...]:
    """One line for each variable that the configuration of `mirror` names, for `eval`.

    Raises UsageError if it names none, or if something cannot be quoted for that shell.
    """
    wanted: dict[str, list[str]] = {}
    for direction in (Direction.PUSH, Direction.FETCH):
        connection = connection_of(mirror, direction)
        option = ["--fetch"] if direction is Direction.FETCH else []
        parts = {"token": connection.token_variable}
        if connection.secret_variable:
            parts |= {"user": connection.user_variable, "secret": connection.secret_variable}
        for part, variable in parts.items():
            if variable:
                wanted.setdefault(variable, ["mirror", "secret", *option, "--", mirror.name, part])
    if not wanted:
        raise UsageError(
            f"Mirror {mirror.name} names no variables",
            "its login is not read from the environment",
            remedies=("Name a variable for the password in the mirror's settings.",),
        )
    command = [*own_command(), *_instance_options(instance)]
    return tuple(_line(shell, variable, [*command, *words]) for variable, words in wanted.items())


def eval_line(instance: Instance, mirror: Mirror) -> str:
    """What to paste into a POSIX shell to have the variables of `mirror` set there; "" if it names none."""
    sides = (mirror.push, mirror.fetch)
    if not any(side.secret_variable or side.token_variable for side in sides):
        return ""
    words = [*own_command(), *_instance_options(instance), "mirror", "env", "--", mirror.name]
    return f'eval "$({shlex.join(words)})"'


def own_command() -> list[str]:
    """How this program is started again: by its name where PATH leads to it, else by its place."""
    started = Path(sys.argv[0])
    found = shutil.which("mirrordeck")
    if found and started.name == "mirrordeck" and started.exists() and Path(found).samefile(started):
        return ["mirrordeck"]
    if found and Path(found).parent == Path(sys.executable).parent:
        return ["mirrordeck"]  # the engine or the window of the installation that PATH leads to
    beside = Path(sys.executable).with_name("mirrordeck")
    if beside.is_file():
        return [str(beside)]
    return ["env", f"PYTHONPATH={_ROOT}", sys.executable, "-P", "-m", "core.cli.main"]


def _instance_options(instance: Instance) -> list[str]:
    """The same instance and environment, wherever the line runs."""
    options = ["--instance", str(instance.root or instance.install_root)]
    if instance.environment is None:
        return [*options, "-E"]
    return [*options, "-D", str(instance.environment.path)]


def _line(shell: Shell, variable: str, words: Sequence[str]) -> str:
    if not _VARIABLE.fullmatch(variable):
        raise UsageError(f"No shell has variables of this name: {variable!r}")
    match shell:
        case Shell.SH:
            return f'{variable}="$({shlex.join(words)})" && export {variable};'
        case Shell.CSH:
            if odd := [word for word in words if not _HARMLESS.fullmatch(word)]:
                raise UsageError("That cannot be written safely for csh", repr(odd[0]))
            return f'setenv {variable} "`{" ".join(words)}`";'
        case Shell.FISH:
            return f"set -gx {variable} ({' '.join(map(_fish_quoted, words))} | string collect);"


def _fish_quoted(word: str) -> str:
    if _HARMLESS.fullmatch(word):
        return word
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"
