# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Runs on the other side before anything of Mirrordeck is there: finds the engine that belongs to the window, or has it
sent, and becomes it.

It is sent as text, so it imports nothing but Python's own library. Arguments: version, build, platform that the
window's engine fits, then the words for the engine.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

_KEEP_DAYS = 30
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); sys.argv[:2] = ['mirrordeck']; "
    "from core.cli.main import main; sys.exit(main())"
)
_TRY = "import sys; sys.path.insert(0, sys.argv[1]); import core.cli.far_command, core.cli.bars, core.engine.dispatch"
_PIECE = 1 << 16


class Damaged(Exception):
    """What was sent cannot be used; the text says why."""


def main(arguments: list[str]) -> NoReturn:
    version, build, wanted, *words = arguments
    home = Path.home()
    with suppress(OSError):
        os.chdir(home)
    root = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache", "mirrordeck", "engine")
    folder = root / f"{version}-{build}"
    if folder.is_dir():
        stranger = not_ours(root, folder)
        if stranger is not None:
            absent(f"{stranger} belongs to somebody else, or others may write into it: remove it.", False, root)
            sys.exit(1)
        become(folder, words)
    # A shell that is not for a person often leaves out where pipx puts programs.
    installed = shutil.which("mirrordeck", path=f"{os.environ.get('PATH', os.defpath)}:{home}/.local/bin")
    if installed and version_of(installed) == version:
        os.execv(installed, [installed, *words])  # noqa: S606 - arguments are a list
    install(folder, version, wanted)
    become(folder, words)


def not_ours(*folders: Path) -> Path | None:
    """The first of `folders` into which somebody else could have put something."""
    for folder in folders:
        facts = folder.stat()
        if facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
            return folder
    return None


def become(folder: Path, words: list[str]) -> NoReturn:
    with suppress(OSError):
        os.utime(folder)
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", _START, str(folder), *words])  # noqa: S606


def version_of(program: str) -> str:
    try:
        answer = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    words = answer.stdout.decode("utf-8", "replace").split()
    return words[1] if words[:1] == ["mirrordeck"] and len(words) > 1 else ""


def install(folder: Path, version: str, wanted: str) -> None:
    """Say that the engine is absent and take it from the window. Ends the process where that cannot be."""
    root = folder.parent
    why = f"Mirrordeck {version} is not installed there."
    here = f"python{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}-{platform.libc_ver()[0] or 'other'}"
    if here != wanted:
        refuse(
            f"{why} A copy of this one does not fit: it needs {readable(wanted)}, and there is {readable(here)}. "
            f"Install mirrordeck {version} there with pip or pipx, so that it is on the PATH.",
            root,
        )
    try:
        root.mkdir(0o700, parents=True, exist_ok=True)
        stranger = not_ours(root)
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=".new-"))
    except OSError as error:
        refuse(f"{why} It cannot be copied to {root} either: {error.strerror}.", root)
    try:
        if stranger is not None:
            refuse(f"{why} {stranger} belongs to somebody else, or others may write into it: remove it.", root)
        absent(why, True, root)
        take(temporary, root)
        with suppress(OSError):  # somebody else was faster
            (temporary / "engine").rename(folder)
        forget_old(root)
    except OSError as error:
        refuse(f"The engine could not be copied to {root}: {error.strerror or error}.", root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def take(temporary: Path, root: Path) -> None:
    """Until an engine that runs is in `temporary`. Raises OSError; ends the process when the window leaves."""
    while True:
        archive = temporary / "archive"
        try:
            unpack(archive, received(archive), temporary / "engine")
        except Damaged as error:
            absent(str(error), True, root)
        else:
            return


def readable(name: str) -> str:
    python, machine, libc = name.split("-", 2)
    return f"{python.replace('python', 'Python ')} on {machine} with {libc}"


def refuse(why: str, root: Path) -> NoReturn:
    absent(why, False, root)
    sys.exit(1)


def absent(why: str, can_install: bool, root: Path) -> None:
    pythons = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
    facts = {
        "host": platform.node(),
        "user": pwd.getpwuid(os.geteuid()).pw_name,
        "python": ", ".join([platform.python_version(), *pythons]),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "folder": str(root),
    }
    sys.stdout.write(json.dumps({"t": "absent", "why": why, "can_install": can_install, "facts": facts}) + "\n")
    sys.stdout.flush()


def received(archive: Path) -> str:
    """The digest of what the window sends into `archive`."""
    with archive.open("wb") as file:
        for message in messages():
            if message.get("t") != "install-part":
                sys.exit("Something else than the engine was sent")
            file.write(base64.b64decode(message["data"]))
            if message.get("last"):
                return str(message.get("digest"))
    sys.exit(0)


def messages() -> Iterator[dict[str, Any]]:
    """Lines of the window, which sends nothing behind the last one before it is answered."""
    pending = b""
    while piece := os.read(0, _PIECE):
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            yield json.loads(line)


def unpack(archive: Path, digest: str, folder: Path) -> None:
    """Raises Damaged for an archive that is not whole or does not run here, and OSError."""
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if f"sha256:{found}" != digest:
        raise Damaged("The copy arrived damaged.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(0o700)
    with tarfile.open(archive) as members:
        for member in members:
            data = members.extractfile(member)
            if data is None or Path(member.name).is_absolute() or ".." in Path(member.name).parts:
                raise Damaged("The copy holds what does not belong into it.")
            path = folder / member.name
            path.parent.mkdir(0o700, parents=True, exist_ok=True)
            with path.open("wb") as file:
                shutil.copyfileobj(data, file)
    archive.unlink()
    command = [sys.executable, "-I", "-S", "-c", _TRY, str(folder)]
    tried = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    if tried.returncode != 0:
        words = tried.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Damaged(f"The copy does not run there: {words[-1] if words else tried.returncode}")


def forget_old(root: Path) -> None:
    """Engines that nobody started for a month."""
    for path in root.iterdir():
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - _KEEP_DAYS * 86400:
                shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[2:])
