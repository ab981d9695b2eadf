# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the files where the engine runs."""

from __future__ import annotations

from typing import Any

from core.engine.calls import files
from core.engine.messages import Call
from core.engine.state import Handler
from core.foundation.cancel import CancelToken
from core.services.files_values import DirectoryView
from core.services.remote_files import list_directory


class FileHandlers:
    def table(self) -> dict[type[Call[Any]], Handler]:
        return {files.ListDirectory: self.list}

    def list(self, call: files.ListDirectory, token: CancelToken) -> DirectoryView:
        return list_directory(call.path, token, dirs_only=call.dirs_only)
