# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What goes wrong with files of a folder, in the words of the error family."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.foundation.errors import MirrordeckError, StorageFailed, from_os_error


@contextmanager
def mapped(title: str, path: Path) -> Iterator[None]:
    """Any OSError of the block as the error family has it, naming `path`."""
    try:
        yield
    except OSError as error:
        raise failure(error, title, path) from error


def failure(error: OSError, title: str, path: Path) -> MirrordeckError:
    if error.errno == errno.ELOOP:
        return StorageFailed(title, f"{path}: a symbolic link, which is not followed here")
    return from_os_error(error, title, path)
