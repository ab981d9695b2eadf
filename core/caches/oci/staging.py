# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where archives and layers lie on their way to or from a registry."""

from __future__ import annotations

from pathlib import Path

from core.foundation.errors import from_os_error
from core.foundation.files import temporary_name


def staging_path(directory: Path, hint: str) -> Path:
    """A new file name in `directory`, which is made if it is not there; the file is not. Any thread."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "There is no place for archives on their way", directory) from error
    return directory / temporary_name(hint)
