# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, StorageFailed
from core.storage import lockfile
from core.storage.folder import Folder
from core.storage.lockfile import HeldLock, locked

KEY = "index/index.lock"


class Clock:
    """Moves only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.naps = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps += 1


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "root")


@pytest.fixture(params=[True, False], ids=["links", "no-links"])
def hard_links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:

        def refuse(*_arguments: object, **_options: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(lockfile.os, "link", refuse)
    return request.param


def hold(folder: Folder, clock: Clock | None = None) -> HeldLock:
    clock = clock or Clock()
    with locked(folder, KEY, token=CancelToken(), clock=clock, sleep=clock.sleep) as lock:
        return lock


def leave_lock(folder: Folder, *, host: str, pid: int, age_s: float = 0.0) -> None:
    folder.write(KEY, json.dumps({"host": host, "pid": pid, "started": "long ago", "id": "x"}).encode())
    facts = folder.stat(KEY)
    assert facts is not None
    os.utime(folder.path(KEY), (facts.mtime - age_s, facts.mtime - age_s))


def names(folder: Folder) -> list[str]:
    return [path.name for path in folder.path(KEY).parent.iterdir()]


def test_held_and_given_back(folder: Folder, hard_links: bool) -> None:
    with locked(folder, KEY, token=CancelToken()) as lock:
        lock.refresh()
        lock.confirm()
        told = json.loads(folder.read(KEY, 1000))
        assert (told["host"], told["pid"]) == (socket.gethostname(), os.getpid())
        assert names(folder) == ["index.lock"]
    assert names(folder) == []


def test_a_second_one_waits_and_then_names_the_holder(folder: Folder, hard_links: bool) -> None:
    clock = Clock()
    with locked(folder, KEY, token=CancelToken()), pytest.raises(StorageFailed) as caught:
        hold(folder, clock)
    assert f"process {os.getpid()} on {socket.gethostname()}" in caught.value.why
    assert str(folder.path(KEY)) in caught.value.why
    assert 60 <= clock.now - 1000.0 < 61
    assert names(folder) == []


def test_a_released_lock_is_taken(folder: Folder) -> None:
    leave_lock(folder, host="elsewhere", pid=1)
    clock = Clock()

    def release_on_third_nap(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.naps == 3:
            folder.delete(KEY)

    with locked(folder, KEY, token=CancelToken(), clock=clock, sleep=release_on_third_nap) as lock:
        lock.confirm()
    assert clock.naps == 3


def test_waiting_can_be_stopped(folder: Folder) -> None:
    leave_lock(folder, host="elsewhere", pid=1)
    token = CancelToken()
    with pytest.raises(Cancelled), locked(folder, KEY, token=token, sleep=lambda _: token.cancel()):
        pass


def test_an_old_lock_is_taken_over(folder: Folder, hard_links: bool) -> None:
    leave_lock(folder, host="elsewhere", pid=1, age_s=31 * 60)
    hold(folder)
    assert names(folder) == []


def test_a_lock_of_another_machine_is_left_alone_for_half_an_hour(folder: Folder) -> None:
    leave_lock(folder, host="elsewhere", pid=2**22 + 1, age_s=29 * 60)
    with pytest.raises(StorageFailed, match="on elsewhere since long ago"):
        hold(folder)


def test_a_lock_of_a_process_that_ended_is_taken_over(folder: Folder) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    leave_lock(folder, host=socket.gethostname(), pid=child.pid)
    hold(folder)


def test_t32_a_lock_from_before_the_power_failed_is_taken_over(folder: Folder) -> None:
    """A process of now may have the number of the one that held it."""
    with locked(folder, KEY, token=CancelToken()):
        holder = json.loads(folder.read(KEY, 4096))
        folder.write(KEY, json.dumps({**holder, "boot": "another"}).encode())
        hold(folder)
    assert names(folder) == []


def test_a_fresh_lock_is_put_back(folder: Folder) -> None:
    """Two waiters judge the same abandoned lock; the slower one must not remove the lock the faster one just took."""
    leave_lock(folder, host="elsewhere", pid=1, age_s=31 * 60)
    judged = folder.stat(KEY)
    assert judged is not None
    with locked(folder, KEY, token=CancelToken(), sleep=lambda _: None) as lock:
        directory = os.open(folder.path(KEY).parent, os.O_RDONLY)
        lockfile._clear_away(directory, "index.lock", judged)
        os.close(directory)
        lock.confirm()
        assert names(folder) == ["index.lock"]


def test_a_lock_taken_away_is_noticed(folder: Folder) -> None:
    with locked(folder, KEY, token=CancelToken()) as lock:
        leave_lock(folder, host="elsewhere", pid=1)
        with pytest.raises(StorageFailed, match="not ours any more"):
            lock.confirm()
    assert folder.stat(KEY) is not None, "the lock of the other one was removed"


def test_refreshing_keeps_the_lock_young(folder: Folder) -> None:
    clock = Clock()
    with locked(folder, KEY, token=CancelToken(), clock=clock, sleep=clock.sleep) as lock:
        os.utime(folder.path(KEY), (1, 1))
        lock.refresh()
        assert folder.path(KEY).stat().st_mtime == 1
        clock.now += 5 * 60
        lock.refresh()
        assert folder.path(KEY).stat().st_mtime > 1


def test_t13_a_linked_lock_is_refused(folder: Folder, tmp_path: Path) -> None:
    folder.path(KEY).parent.mkdir(parents=True)
    folder.path(KEY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed, match="symbolic link"):
        hold(folder)
    assert not (tmp_path / "elsewhere").exists()


def test_an_unreadable_lock_counts_as_held(folder: Folder) -> None:
    folder.write(KEY, b"\xff not ours")
    with pytest.raises(StorageFailed, match="is held by"):
        hold(folder)


def test_t31_no_update_is_lost(folder: Folder) -> None:
    folder.write("count", b"0")

    def count_up(_worker: int) -> None:
        for _ in range(10):
            with locked(folder, KEY, token=CancelToken(), sleep=lambda _: None):
                folder.write("count", str(int(folder.read("count", 10)) + 1).encode())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_up, range(4)))
    assert folder.read("count", 10) == b"40"
