# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Stands for `ssh` on a slow line: runs the command of its last argument here, and passes on what it says, late and
slowly. For a script called `ssh` in a folder that is first on the PATH. As with ssh, `-C` lets less take the line.

    SLOW_LINK_RTT_MS   what a question and its answer take (default 100)
    SLOW_LINK_BPS      bytes a second in each direction (default 1000000)
    SLOW_LINK_HOME     the home over there (default: the same)
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
import zlib

_PIECE = 1 << 14


def carry(source: int, sink: int, delay_s: float, bytes_per_s: float) -> None:
    """Pass on everything from `source` to `sink`, each piece `delay_s` after it came and no faster than allowed."""
    under_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
    compressor = zlib.compressobj(6) if "-C" in sys.argv else None

    def read() -> None:
        free_at = 0.0
        while True:
            piece = os.read(source, _PIECE)
            size = len(piece)
            if compressor is not None:
                size = len(compressor.compress(piece) + compressor.flush(zlib.Z_SYNC_FLUSH))
            free_at = max(free_at, time.monotonic()) + size / bytes_per_s
            under_way.put((free_at + delay_s, piece))
            time.sleep(max(0.0, free_at - time.monotonic() - delay_s))  # a line holds only so much
            if not piece:
                return

    threading.Thread(target=read, daemon=True).start()
    while True:
        arrives, piece = under_way.get()
        time.sleep(max(0.0, arrives - time.monotonic()))
        if not piece:
            os.close(sink)
            return
        try:
            os.write(sink, piece)
        except BrokenPipeError:
            return


def main() -> int:
    one_way_s = float(os.environ.get("SLOW_LINK_RTT_MS", "100")) / 2000
    bytes_per_s = float(os.environ.get("SLOW_LINK_BPS", "1000000"))
    home = os.environ.get("SLOW_LINK_HOME")
    places = {"HOME": home, "XDG_CACHE_HOME": f"{home}/.cache", "XDG_RUNTIME_DIR": f"{home}/run"} if home else {}
    environment = {name: text for name, text in os.environ.items() if name != "MIRRORDECK_HOME"} | places
    with subprocess.Popen(
        ["sh", "-c", sys.argv[-1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as far:
        assert far.stdin is not None
        assert far.stdout is not None
        sink = os.dup(far.stdin.fileno())
        far.stdin.close()
        threading.Thread(target=carry, args=(0, sink, one_way_s, bytes_per_s), daemon=True).start()
        carry(far.stdout.fileno(), 1, one_way_s, bytes_per_s)
        return far.wait()


if __name__ == "__main__":
    sys.exit(main())
