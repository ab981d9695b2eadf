# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From a tar stream to the stored archive: fixed blocks, compressed one by one, written in order.

The first blocks of every package are compressed by the thread that packs it; only larger packages hand blocks to the
pool, where two or more cores can work on one package. Memory depends on the number of threads, never on the package.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from core.foundation.cancel import CancelToken
from core.foundation.files import write_all
from core.packing.codecs import BLOCK_BYTES, Buffer, GzipStream, gzip_member
from core.packing.model import Codec

_BLOCKS_BEFORE_POOL = 8
_BLOCKS_PER_THREAD = 2


class BlockPool:
    """Threads that compress blocks, shared by all packages that are being packed. Thread-safe.

    At most two blocks per thread are in flight. A context manager: leaving it waits for the threads.
    """

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="block")
        self._slots = threading.BoundedSemaphore(_BLOCKS_PER_THREAD * threads)

    def __enter__(self) -> BlockPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, data: Buffer, codec: Codec) -> Future[bytearray] | None:
        """Start compressing a block, or None when enough are in flight. Give every future to `release` once."""
        if not self._slots.acquire(blocking=False):
            return None
        return self._executor.submit(gzip_member, data, codec)

    def release(self, future: Future[bytearray]) -> bytearray:
        """Wait for a block and make room for another one."""
        try:
            return future.result()
        finally:
            self._slots.release()

    def close(self) -> None:
        self._executor.shutdown()


class BlockWriter:
    """Takes tar blocks, writes the archive to `descriptor`. For one thread at a time; `abandon` it unless it finished.

    `tar_bytes` and `stored_bytes` count what went in and out; the digests are complete after `finish`.
    """

    def __init__(
        self,
        descriptor: int,
        codec: Codec,
        *,
        pool: BlockPool | None,
        token: CancelToken,
        progress: Callable[[int], None],
        written: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self.tar_bytes = 0
        self.stored_bytes = 0
        self._descriptor = descriptor
        self._codec = codec
        self._pool = pool
        self._token = token
        self._progress = progress
        self._written = written
        self._tar_hash = hashlib.sha256()
        self._blob_hash = hashlib.sha256()
        self._stream = GzipStream() if codec is Codec.SPACK else None
        self._pending: deque[tuple[Future[bytearray], bytearray]] = deque()
        self._spare: list[bytearray] = []

    def put(self, block: bytearray, size: int) -> bytearray:
        """Take the first `size` bytes of `block`; gives back a buffer to fill next. Raises Cancelled or OSError."""
        self._token.raise_if_cancelled()
        data = memoryview(block)[:size]
        self._tar_hash.update(data)
        self.tar_bytes += size
        if self._stream is not None:
            self._write(self._stream.compress(data))
        elif self._pool is not None and self.tar_bytes > _BLOCKS_BEFORE_POOL * BLOCK_BYTES:
            block = self._hand_over(self._pool, block, data)
        else:
            self._write(gzip_member(data, self._codec))
        self._progress(size)
        return block

    def finish(self) -> tuple[str, str]:
        """Write what is left; digests of the tar and of the archive. Whoever keeps the file for others flushes it.
        Raises OSError."""
        while self._pending and self._pool is not None:
            self._write_oldest(self._pool)
        if self._stream is not None:
            self._write(self._stream.finish())
        return f"sha256:{self._tar_hash.hexdigest()}", f"sha256:{self._blob_hash.hexdigest()}"

    def abandon(self) -> None:
        """Wait for blocks that are still in the pool and forget them."""
        while self._pending and self._pool is not None:
            self._pool.release(self._pending.popleft()[0])

    def _hand_over(self, pool: BlockPool, block: bytearray, data: memoryview) -> bytearray:
        while self._pending and self._pending[0][0].done():
            self._write_oldest(pool)
        future = pool.submit(data, self._codec)
        while future is None and self._pending:
            self._write_oldest(pool)
            future = pool.submit(data, self._codec)
        if future is None:
            # Other packages use the whole pool: waiting for them would only idle this thread.
            self._write(gzip_member(data, self._codec))
            return block
        self._pending.append((future, block))
        return self._spare.pop() if self._spare else bytearray(BLOCK_BYTES)

    def _write_oldest(self, pool: BlockPool) -> None:
        future, block = self._pending.popleft()
        data = pool.release(future)
        self._spare.append(block)
        self._write(data)

    def _write(self, data: bytes | bytearray) -> None:
        self._blob_hash.update(data)
        self.stored_bytes += len(data)
        write_all(self._descriptor, data)
        self._written(self.stored_bytes)
