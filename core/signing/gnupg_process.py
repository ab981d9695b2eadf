# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Running gpg in the GnuPG home of an instance.

A passphrase never stands on a command line: GnuPG's agent asks for it, or it goes through a pipe of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.foundation.errors import SigningError, from_os_error
from core.foundation.secret import Secret

TIMEOUT_S = 120
_COMMANDS = ("gpg2", "gpg")
_PREFIX = "[GNUPG:] "
_HOME_MODE = 0o700
# What gpg, its agent and the window that asks for passphrases need. Logins of mirrors may stand in all others.
_VARIABLES = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "TERM", "LD_LIBRARY_PATH"),
        *("GPG_TTY", "PINENTRY_USER_DATA"),
        *("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
    }
)


def find_gpg() -> str | None:
    """The program gpg, None if there is none."""
    return next((found for name in _COMMANDS if (found := shutil.which(name))), None)


@dataclass(frozen=True, slots=True)
class GpgAnswer:
    """What gpg said: its output, the words of each status line (GnuPG's doc/DETAILS), and `words` meant for people."""

    status: int
    output: bytes
    status_lines: tuple[list[str], ...]
    words: str

    def count(self) -> Counter[str]:
        """How often each status keyword came."""
        return Counter(line[0] for line in self.status_lines)

    def first(self, keyword: str) -> list[str]:
        """The words of the first status line with `keyword`, itself among them; empty if there is none."""
        return next((line for line in self.status_lines if line[0] == keyword), [])


class GnupgProcess:
    """The GnuPG home directory `home`; stateless. `run` blocks for at most two minutes; any thread."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def make_home(self) -> None:
        """Make the directory as Spack does, for its owner alone. Raises the errors of the file system."""
        try:
            self.home.mkdir(mode=_HOME_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise from_os_error(error, "The directory of the keys could not be made", self.home) from error

    def run(self, *arguments: str, data: bytes = b"", passphrase: Secret | None = None) -> GpgAnswer:
        """Run gpg with `data` on its input. Raises SigningError if there is no gpg, no home, or no answer."""
        if not self.home.is_dir():
            raise SigningError(
                "There are no keys yet",
                f"There is no GnuPG home {self.home}",
                remedies=("Make a key with: spack gpg create NAME EMAIL", "Or push without signing"),
            )
        command = find_gpg()
        if command is None:
            remedy = "Install GnuPG 2 (the command gpg2 or gpg), or push without signing"
            raise SigningError("GnuPG was not found", "There is neither gpg2 nor gpg on PATH", remedies=(remedy,))
        # A file takes any amount of status lines; a pipe nobody empties would stop gpg.
        with tempfile.TemporaryFile() as status, _pipe_of(passphrase) as secret:
            fixed = ["--homedir", str(self.home), "--batch", "--no-tty", "--status-fd", str(status.fileno())]
            if secret is not None:
                fixed += ["--pinentry-mode", "loopback", "--passphrase-fd", str(secret)]
            try:
                done = subprocess.run(
                    [command, *fixed, *arguments],
                    input=data,
                    capture_output=True,
                    timeout=TIMEOUT_S,
                    check=False,
                    pass_fds=(status.fileno(),) if secret is None else (status.fileno(), secret),
                    env={**_environment(), "LC_ALL": "C", "LANGUAGE": "C"},
                )
            except subprocess.TimeoutExpired as error:
                raise SigningError("GnuPG did not answer", f"{command} ran for {TIMEOUT_S} s") from error
            except OSError as error:
                raise SigningError("GnuPG cannot be run", f"{command}: {error.strerror}") from error
            status.seek(0)
            lines = status.read().decode("utf-8", "replace").split("\n")
        told = tuple(line.removeprefix(_PREFIX).split(" ") for line in lines if line.startswith(_PREFIX))
        return GpgAnswer(done.returncode, done.stdout, told, done.stderr.decode("utf-8", "replace").strip())


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _VARIABLES}


@contextmanager
def _pipe_of(passphrase: Secret | None) -> Iterator[int | None]:
    """A descriptor to read `passphrase` from; it fits into the pipe's buffer, so nobody has to wait."""
    if passphrase is None:
        yield None
        return
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(passphrase.reveal().encode() + b"\n")
        yield reading
    finally:
        os.close(reading)
