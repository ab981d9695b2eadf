# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing over a link of 40 MB a second, and what is packed already to a second mirror."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import generator
from measuring import (
    CORES,
    QUIET,
    Measurement,
    Process,
    Scale,
    in_process,
    installed,
    our_command,
    run_command,
    spent,
    spent_by_all,
)
from packing import pack_everything
from registry.kit.fake_registry import FakeRegistry

from core.caches.folder_cache import FolderCache
from core.caches.layout3 import BLOB_PREFIX, digest_of_key
from core.foundation.cancel import CancelToken
from core.foundation.places import cache_dir

BYTES_PER_S = 40_000_000
PIECE = 1 << 16


def measure(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """Wall time of a push by what the slower of packing and the link takes alone."""
    for size in (scale.sent, scale.giant):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            yield from _measure_link(scale, size, Path(place))


def _measure_link(scale: Scale, size: str, folder: Path) -> Iterator[Measurement]:
    install_root = folder / "opt/spack"
    generator.write_tree(install_root, generator.SIZES[size])
    in_process(pack_everything, "fast", str(install_root))  # what is read from now on is in memory
    for codec in ("default", "fast"):
        ratios, busy, others = [], [], 0.0
        for number in range(scale.runs):
            packing = in_process(pack_everything, codec, str(install_root))
            with FakeRegistry() as registry, slow_link(registry.server.port) as port:
                spent_before = spent_by_all()
                pushed = push(install_root, f"oci+http://127.0.0.1:{port}/bench-{number}", codec, folder)
                busy.append((spent_by_all() - spent_before) / pushed.wall_s / CORES * 100)
                sent = sum(len(blob) for blobs in registry.blobs.values() for blob in blobs.values())
            ratios.append(pushed.wall_s / max(packing.answer["wall_s"], send_alone(sent)))
            others = max(others, packing.others, pushed.others)
        title = f"push {size} at 40 MB/s, {codec}: wall / max(packing, link)"
        yield Measurement(title, "x", ratios, 1.15 if others < QUIET else None)
        yield Measurement(f"{title.partition(':')[0]}: cores busy, with the registry", "%", busy)


def measure_again(scale: Scale, folder: Path) -> Iterator[Measurement]:
    """What a second push of the same packages costs, without the copying that any way of doing it needs."""
    install_root = folder / "opt/spack"
    generator.write_tree(install_root, generator.SIZES[scale.tree])
    shares = []
    for number in range(scale.runs):
        shutil.rmtree(cache_dir(), ignore_errors=True)
        first, second = (folder / f"mirror-{number}-{name}" for name in "ab")
        packed = push(install_root, str(first), "default", folder, keep=True)
        again = push(install_root, str(second), "default", folder, keep=True)
        copying = in_process(copy_archives, str(first), str(folder / f"copy-{number}")).answer
        nothing = push(install_root, str(second), "default", folder, keep=True)
        shares.append((again.cpu_s - copying - nothing.cpu_s) / packed.cpu_s * 100)
    yield Measurement(f"push {scale.tree} to a second mirror, beyond copying", "%", shares, 5)


def push(install_root: Path, address: str, codec: str, folder: Path, *, keep: bool = False) -> Process:
    """Push everything; without `keep` nothing is packed already."""
    if not keep:
        shutil.rmtree(cache_dir(), ignore_errors=True)
    options = ("--unsigned", "--private", "--only", "package", "--codec", codec)
    wanted = [f"/{dag_hash[:12]}" for dag_hash in installed(install_root)]  # all of them are one query
    command = our_command("--instance", install_root, "buildcache", "push", *options, address, *wanted)
    return run_command(command, folder / "log")


def copy_archives(mirror: str, target: str) -> float:
    """CPU seconds of copying all blobs of a mirror and looking at every byte of them."""
    source, copy = FolderCache(Path(mirror)).folder, FolderCache(Path(target)).folder
    keys = list(source.list(BLOB_PREFIX))

    def carry() -> None:
        for key in keys:
            copy.copy_in(key, source.path(key), digest_of_key(key), token=CancelToken(), progress=lambda _: None)

    return spent(carry)


def send_alone(size: int) -> float:
    """Wall time of one plain upload of that many bytes over the same link to the same registry."""
    data = bytes(size)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    with FakeRegistry() as registry, slow_link(registry.server.port) as port:
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/v2/bench/blobs/uploads/")
        answer = connection.getresponse()
        answer.read()
        address = answer.headers["Location"]
        connection.request("PUT", f"{address}{'&' if '?' in address else '?'}digest={digest}", body=data)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 201
        return time.monotonic() - begin


@contextmanager
def slow_link(port: int) -> Iterator[int]:
    """A port on loopback that leads to `port`, with so many bytes a second in that direction for all connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    turn, free_at = threading.Lock(), [0.0]

    def forward(source: socket.socket, sink: socket.socket, *, slowly: bool) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                if slowly:
                    with turn:
                        free_at[0] = max(free_at[0], time.monotonic()) + len(data) / BYTES_PER_S
                        wait = free_at[0] - time.monotonic()
                    time.sleep(max(0.0, wait))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for one, other, slowly in ((client, server, True), (server, client, False)):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    arguments = {"slowly": slowly}
                    threading.Thread(target=forward, args=(one, other), kwargs=arguments, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
