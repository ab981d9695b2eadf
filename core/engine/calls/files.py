# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the files where the engine runs, for dialogs that choose one."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.files_values import DirectoryView


class ListDirectory(Call[DirectoryView], frozen=True):
    """What lies in a folder there; "" and `~` are the home of the engine's account. Never fails for a folder that
    cannot be read: the answer says so."""

    method = "files.list"
    answer = DirectoryView
    path: str = ""
    dirs_only: bool = False
