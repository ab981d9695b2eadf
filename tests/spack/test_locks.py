# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Locks against a second process, which is the only place where POSIX locks can be seen."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, DatabaseError
from core.spack import locks
from core.spack.locks import prefix_lock_byte, shared_lock

HOLDER = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, int(sys.argv[3]), int(sys.argv[2]))
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    path.touch()
    return path


@contextmanager
def _exclusive_elsewhere(path: Path, start: int = 0, length: int = 0) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(path), str(start), str(length)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(60)


def _can_write(path: Path, start: int = 0, length: int = 0) -> bool:
    """Whether another process gets an exclusive lock."""
    command = [sys.executable, "-c", HOLDER, str(path), str(start), str(length)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


class FakeTime:
    """A clock that only passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)

    def clock(self) -> float:
        return self.now


def test_shared_lock_keeps_writers_out_until_it_is_released(lock_file: Path) -> None:
    with shared_lock(lock_file) as held:
        assert held
        assert not _can_write(lock_file)
    assert _can_write(lock_file)


def test_one_of_two_holders_leaving_does_not_unlock(lock_file: Path) -> None:
    other_name = lock_file.with_name("other")
    other_name.symlink_to(lock_file)
    with shared_lock(lock_file):
        with shared_lock(other_name) as held:
            assert held
        assert not _can_write(lock_file)
    assert _can_write(lock_file)


def test_ranges_of_one_file_are_independent(lock_file: Path) -> None:
    byte = prefix_lock_byte("2xjlh36775ifsqn5ihltmgboy6wzweks")
    with shared_lock(lock_file, start=byte, length=1):
        with shared_lock(lock_file, start=5, length=1):
            assert not _can_write(lock_file, 5, 1)
        assert _can_write(lock_file, 5, 1)
        assert not _can_write(lock_file, byte, 1)


def test_holders_in_several_threads_share_one_descriptor(lock_file: Path) -> None:
    inside = threading.Barrier(3)
    leave = threading.Event()
    held = []

    def hold() -> None:
        with shared_lock(lock_file) as locked:
            held.append(locked)
            inside.wait(60)
            leave.wait(60)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(60)
    with shared_lock(lock_file):
        assert len(locks._open_files) == 1
    assert not _can_write(lock_file)
    leave.set()
    for thread in threads:
        thread.join(60)
    assert held == [True, True]
    assert locks._open_files == {}
    assert _can_write(lock_file)


def test_writer_is_waited_for_in_spacks_rhythm_and_not_for_ever(lock_file: Path) -> None:
    time = FakeTime()
    with _exclusive_elsewhere(lock_file), pytest.raises(DatabaseError) as caught:  # noqa: SIM117
        with shared_lock(lock_file, timeout_s=30, sleep=time.sleep, clock=time.clock):
            pytest.fail("got a lock")
    assert str(lock_file) in caught.value.why
    assert caught.value.remedies
    assert time.pauses[:20] == [0.1] * 20
    assert time.pauses[20:60] == [0.2] * 40
    assert set(time.pauses[60:]) == {0.5}
    assert 30 <= time.now < 31
    assert locks._open_files == {}


def test_lock_is_had_as_soon_as_the_writer_leaves(lock_file: Path) -> None:
    with _exclusive_elsewhere(lock_file) as process:

        def writer_ends(_seconds: float) -> None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)

        with shared_lock(lock_file, timeout_s=None, sleep=writer_ends) as held:
            assert held
            assert not _can_write(lock_file)


def test_waiting_can_be_cancelled(lock_file: Path) -> None:
    token = CancelToken()
    with _exclusive_elsewhere(lock_file), pytest.raises(Cancelled):  # noqa: SIM117
        with shared_lock(lock_file, timeout_s=None, token=token, sleep=lambda _: token.cancel()):
            pytest.fail("got a lock")
    assert locks._open_files == {}


def test_without_a_lock_file_there_is_no_lock_and_none_is_made(tmp_path: Path) -> None:
    with shared_lock(tmp_path / "lock") as held:
        assert not held
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_file_that_cannot_be_written_is_locked_for_reading(
    lock_file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real_open = os.open

    def refuse_writing(path: Path, flags: int) -> int:
        if path == lock_file and flags & os.O_RDWR:
            raise OSError(number, os.strerror(number))
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", refuse_writing)
    with shared_lock(lock_file) as held:
        assert held
        assert not _can_write(lock_file)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_file_system_without_locks_is_used_without(
    lock_file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with shared_lock(lock_file) as held:
        assert not held
    assert locks._open_files == {}


def test_lock_bytes_of_every_package_of_the_lab(golden: Path) -> None:
    expected = json.loads((golden / "expected/specs.json").read_bytes())
    assert {key: prefix_lock_byte(key) for key in expected} == {key: spec["lockbyte"] for key, spec in expected.items()}
