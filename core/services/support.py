# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What helps somebody else to understand a problem, put together for a look before anybody gets it.

Nothing of it leaves this machine by itself, and nothing in it is a secret: every part is redacted once more.
"""

from __future__ import annotations

import io
import json
import os
import platform
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.foundation.errors import MirrordeckError, describe
from core.foundation.files import atomic_write
from core.foundation.logs import log_dir
from core.foundation.redaction import redacted
from core.foundation.release import versions
from core.foundation.text import format_bytes
from core.mirrors.reading import mirrors_of
from core.services.history import columns, find_history
from core.services.history_values import HistoryRequest
from core.services.support_values import SupportFile
from core.spack.instance import Instance

_LOG_BYTES = 200_000
_HISTORY_ENTRIES = 100
_FOR_ONESELF = 0o600
# Names of variables that say how programs behave; their values are none of anybody's business.
_VARIABLES = (
    "SPACK_",
    "MIRRORDECK_",
    "XDG_",
    "QT_",
    "LC_",
    "LANG",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "HTTP",
    "HTTPS",
    "NO_",
)


def collect_support(instance: Instance | None) -> tuple[SupportFile, ...]:
    """The files of a bundle, as they would be given away. What cannot be read says so in its place."""
    parts = [("system.txt", _system), ("history.txt", _history)]
    if instance is not None:
        parts.insert(1, ("instance.txt", lambda: _instance(instance)))
    found = []
    for name, make in parts:
        try:
            text = "\n".join(make()) + "\n"
        except (MirrordeckError, OSError) as error:
            text = f"{describe(error).sentence()}\n"
        found.append(SupportFile(name, _without_home(redacted(text))))
    return (*found, *_logs())


def write_support(files: tuple[SupportFile, ...], path: Path) -> None:
    """A zip archive of `files`, for this user alone. Raises PermissionDenied, NoSpace, NotFound, StorageFailed."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(f"mirrordeck-report/{file.name}", file.text)
    atomic_write(path, data.getvalue(), mode=_FOR_ONESELF)


def _system() -> Iterator[str]:
    yield from (f"{name} {number}" for name, number in versions().items())
    yield f"system {platform.platform()}"
    yield f"processors {os.cpu_count()}"
    names = sorted(name for name in os.environ if name.upper().startswith(_VARIABLES))
    yield f"variables set {' '.join(names) or 'none'}"


def _instance(instance: Instance) -> Iterator[str]:
    yield f"root {instance.root or 'none'}"
    yield f"install root {instance.install_root}"
    yield f"environment {instance.environment.name if instance.environment else 'none'}"
    listing = mirrors_of(instance)
    for problem in listing.problems:
        yield f"problem: {problem.sentence()}"
    for mirror in listing.mirrors:
        login = "login by variables" if mirror.push.secret_variable else "no variables"
        kinds = ", ".join(kind for kind, has in (("binary", mirror.binary), ("source", mirror.source)) if has)
        yield f"mirror {json.dumps(mirror.name)} {mirror.push.kind} {mirror.push.url} ({kinds}; {login})"
    try:
        yield f"records {len(instance.database().records)}"
    except MirrordeckError as error:
        yield f"database: {error.info().sentence()}"


def _history() -> Iterator[str]:
    for one in find_history(HistoryRequest(most=_HISTORY_ENTRIES)):
        yield "  ".join(columns(msgspec.structs.replace(one, who="")))


def _logs() -> Iterator[SupportFile]:
    """The end of each log, redacted again: earlier versions may have written it."""
    for path in sorted(log_dir().glob("*.log")):
        try:
            data = path.read_bytes()
        except OSError as error:
            yield SupportFile(f"log/{path.name}", f"{describe(error).sentence()}\n")
            continue
        left_out = len(data) - _LOG_BYTES
        head = f"({format_bytes(left_out)} before this left out)\n" if left_out > 0 else ""
        text = data[-_LOG_BYTES:].decode("utf-8", "replace")
        yield SupportFile(f"log/{path.name}", head + _without_home(redacted(text)))


def _without_home(text: str) -> str:
    """The user's name stands in the path of a home directory."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > len("/root") else text
