# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The environment variables of images as the instance's own spack would set them, recipes included.

One child process answers for a whole plan, an image per line, so that what it said before a failure still counts. It
talks through files: nobody has to read while it runs, and nothing it says can make it wait.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from core.caches.oci.environment import entries_of
from core.foundation.cancel import CancelToken
from core.foundation.text import visible

_STEP_S = 0.1
_SHOWN = 300
_OUTPUT_LIMIT_BYTES = 64 << 20
_MARK = b"@"

# Runs inside Spack: one line of JSON in for the whole plan, one line out for each image.
_PROGRAM = """
import json, sys
import spack.store
import spack.user_environment
plan = json.loads(sys.stdin.read())
for number, hashes in enumerate(plan["images"]):
    specs = [spack.store.STORE.db.get_by_hash(one)[0] for one in hashes]
    variables = dict(plan["start"])
    spack.user_environment.environment_modifications_for_specs(*specs).apply_modifications(variables)
    sys.stdout.write("\\n@" + json.dumps([number, variables]) + "\\n")
    sys.stdout.flush()
"""


@dataclass(frozen=True, slots=True)
class SpackAnswer:
    """Variables by roots, as `KEY=value` entries; `why` says why some have none, "" when all have."""

    found: Mapping[tuple[str, ...], tuple[str, ...]]
    why: str = ""


def environments_from_spack(
    command: Sequence[str],
    environ: Mapping[str, str],
    images: Sequence[tuple[str, ...]],
    start: Mapping[str, str],
    *,
    time_limit_s: float,
    token: CancelToken,
    monotonic: Callable[[], float] = time.monotonic,
) -> SpackAnswer:
    """Ask the spack that `command` starts for the variables of each image, given as the hashes of its roots.

    Raises Cancelled and nothing else; the child is gone afterwards. Blocks up to `time_limit_s`; any thread.
    """
    wanted = list(dict.fromkeys(images))
    deadline = monotonic() + time_limit_s
    try:
        with (
            tempfile.TemporaryFile() as question,
            tempfile.TemporaryFile() as output,
            tempfile.TemporaryFile() as errors,
        ):
            question.write(json.dumps({"images": wanted, "start": dict(start)}).encode())
            question.seek(0)
            child = subprocess.Popen(
                # One statement only: spack python reads its command as if it were typed.
                [*command, "python", "-c", f"exec({_PROGRAM!r})"],
                stdin=question,
                stdout=output,
                stderr=errors,
                env=dict(environ),
                start_new_session=True,
            )
            ended = _wait(child, monotonic, deadline, token)
            found = {wanted[number]: entries_of(start, values) for number, values in _answers(output, len(wanted))}
            if len(found) == len(wanted):
                return SpackAnswer(found)
            return SpackAnswer(found, _complaint(errors, child) if ended else "spack took too long to answer")
    except OSError as error:  # no such program, no room for the question
        return SpackAnswer({}, f"{error.filename or tempfile.gettempdir()}: {error.strerror}")


def _wait(child: subprocess.Popen[bytes], monotonic: Callable[[], float], deadline: float, token: CancelToken) -> bool:
    """Whether the child ended by itself; it is gone either way, with all it started. Raises Cancelled."""
    try:
        while monotonic() < deadline:
            token.raise_if_cancelled()
            with suppress(subprocess.TimeoutExpired):
                child.wait(_STEP_S)
                return True
        return False
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _answers(output: IO[bytes], count: int) -> list[tuple[int, dict[str, str]]]:
    found = []
    output.seek(0)
    for line in output.read(_OUTPUT_LIMIT_BYTES).splitlines():
        if not line.startswith(_MARK):
            continue  # something else in Spack printed it
        try:
            number, values = json.loads(line.removeprefix(_MARK))
            if 0 <= number < count:
                found.append((number, {str(key): str(value) for key, value in values.items()}))
        except (ValueError, TypeError, AttributeError):
            continue  # cut short by the end of the child
    return found


def _complaint(errors: IO[bytes], child: subprocess.Popen[bytes]) -> str:
    errors.seek(0)
    lines = errors.read(_OUTPUT_LIMIT_BYTES).decode(errors="replace").strip().splitlines()
    return visible(lines[-1][:_SHOWN]) if lines else f"spack ended with status {child.returncode}"
