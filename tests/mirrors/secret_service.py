# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Programs run in desktop sessions of their own with the real Secret Service (gnome-keyring)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Part of every secret that tests keep here.
CANARY = "c4nary"
# The daemon goes to the background before it can be asked, and asking would start another one, which is locked.
_CAN_BE_ASKED = (
    "until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner"
    " string:org.freedesktop.secrets | grep -q true; do sleep 0.05; done"
)
UNLOCKED = f"printf 'test\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; {_CAN_BE_ASKED}"
LOCKED = f"gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; {_CAN_BE_ASKED}"
NO_SERVICES = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*"/><allow receive_type="method_return"/><allow receive_type="error"/>
  </policy>
</busconfig>
"""


def output_in_session(
    tool: Callable[[str], str], begin: str, program: Sequence[str], options: Sequence[str] = ()
) -> str:
    """What `program` prints in a session that begins with the shell command `begin`; `options` are the bus's.

    The keyrings stay from one session of a HOME to the next. A failing test shows what was printed as errors.
    """
    runner = tool("dbus-run-session")
    tool("gnome-keyring-daemon")
    # With a socket in the folder of the last session its daemon would be told to unlock, which is about to end.
    folder = tempfile.mkdtemp(dir=os.environ["XDG_RUNTIME_DIR"])
    done = subprocess.run(
        [runner, *options, "--", "sh", "-c", f'{begin}; exec "$@"', "sh", *program],
        cwd=ROOT,
        env=os.environ | {"XDG_RUNTIME_DIR": folder},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    print(done.stderr)
    assert done.returncode == 0
    assert CANARY not in done.stderr
    return done.stdout
