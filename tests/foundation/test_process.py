# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What processes with secrets leave behind when they break: no core dump, no secret, no values of variables."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GET_DUMPABLE = "import ctypes, resource, sys; facts = lambda: print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE), file=sys.stderr)"  # noqa: E501
ENGINE = "from core.engine.__main__ import main; main()"
COMMAND = "from core.cli.main import main; main(['--version'])"
ARENAS = """
import ctypes, threading
from core.foundation.process import keep_heap_small
{first}
libc, together = ctypes.CDLL(None), threading.Barrier(8)
threads = [threading.Thread(target=lambda: (together.wait(), bytearray(50_000), together.wait())) for _ in range(8)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout")), libc.fflush(None)
"""
RUN = "from core.foundation.process import *; protect_memory(); restore_core_limit()"


def ended(code: str) -> subprocess.CompletedProcess[str]:
    """`code` in a process that may leave core dumps of 4096 bytes."""

    def allow() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]))

    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=allow,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize(("code", "dumpable", "soft"), [(ENGINE, "0", "0"), (COMMAND, "0", "0"), (RUN, "0", "4096")])
def test_t20_processes_with_secrets_leave_no_core_dump(code: str, dumpable: str, soft: str) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        soft = "0"
    done = ended(f"{GET_DUMPABLE}\n{code}\nfacts()")
    assert done.stderr.split()[:2] == [dumpable, soft], done.stderr


CRASH = """
import sys, threading
from core.foundation.process import report_crashes
from core.foundation.secret import Secret
report_crashes()
# No line of this holds a canary as it is: Python 3.13 shows the lines of `-c` in tracebacks.
URL, QUERY, LOCAL = ("c4" + word for word in ("nary-url", "nary-query", "nary-local"))
kept = Secret("c4" + "nary-kept")

def broken(password):
    raise ValueError(f"cannot reach https://me:{URL}@reg.lab/x?sig={QUERY} with {kept.reveal()}")

if sys.argv[1:] == ["thread"]:
    thread = threading.Thread(target=broken, args=(LOCAL,))
    thread.start()
    thread.join()
else:
    broken(LOCAL)
"""


@pytest.mark.parametrize("words", ["", "thread"])
def test_t19_tracebacks_show_no_secret_and_no_values(words: str) -> None:
    done = ended(f"import sys; sys.argv[1:] = {words.split()!r}\n{CRASH}")
    assert "in broken" in done.stderr
    assert "ValueError: cannot reach https://***@reg.lab/x" in done.stderr
    assert "c4nary" not in done.stderr


def test_t19_a_command_with_a_bug_in_it_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from core.cli import main
    from core.foundation.secret import Secret

    kept = Secret("c4nary-kept")

    def broken(*_: object) -> int:
        raise ValueError(f"no {kept.reveal()}")

    parser = main.make_parser()
    parser.set_defaults(run=broken)
    monkeypatch.setattr(main, "make_parser", lambda _commands: parser)
    assert main.main([]) == 1
    told = capsys.readouterr().err
    assert "Something went wrong in Mirrordeck" in told
    assert "ValueError: no ***" in told
    assert "c4nary" not in told


ORDERLY = """
import os, signal, sys
from core.foundation.process import ending_in_order
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with ending_in_order():
    os.kill(os.getpid(), signal.SIGHUP)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        print("not reached")
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("in order")
"""


def test_t32_a_process_that_is_asked_to_end_ends_in_order() -> None:
    done = ended(ORDERLY)
    assert (done.returncode, done.stdout) == (128 + 15, "in order\n"), done.stderr


FIRST_GIVEN_BACK = """
import os, signal, sys
from core.foundation.cancel import CancelToken
from core.foundation.process import ending_by, ending_in_order
number, token = signal.Signals[sys.argv[1]], CancelToken()
with ending_in_order():
    try:
        with ending_by(token):
            os.kill(os.getpid(), number)
            print("cancelled" if token.cancelled else "not cancelled", flush=True)
        print("not reached")
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.mark.parametrize(
    ("name", "status", "words"), [("SIGTERM", 128 + 15, "cancelled\n"), ("SIGINT", 0, "cancelled\ninterrupted\n")]
)
def test_t32_what_is_under_way_is_given_back_before_the_process_ends(name: str, status: int, words: str) -> None:
    done = ended(f"import sys; sys.argv[1:] = [{name!r}]\n{FIRST_GIVEN_BACK}")
    assert (done.returncode, done.stdout) == (status, words), done.stderr


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="arenas are glibc's")
@pytest.mark.parametrize(("first", "shared"), [("keep_heap_small()", True), ("", False)])
def test_threads_keep_heap_small_where_that_was_asked_for(first: str, shared: bool) -> None:
    arenas = ended(ARENAS.format(first=first)).stdout.count("<heap nr=")
    assert (1 <= arenas <= 2) is shared
