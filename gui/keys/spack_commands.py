# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What can be done with keys, in Spack's own commands."""

from __future__ import annotations

from collections.abc import Sequence

from core.services.keys_values import Key
from core.services.values import CopyLine
from gui.keys import words
from gui.widgets.commands_dialog import spack_line


def key_lines(chosen: Sequence[Key]) -> list[CopyLine]:
    """For all keys, and for those `chosen`."""
    lines = [
        CopyLine(words.COMMAND_LIST, spack_line("gpg", "list")),
        CopyLine(words.COMMAND_CREATE, spack_line("gpg", "create", words.SOME_NAME, words.SOME_ADDRESS)),
        CopyLine(words.COMMAND_TRUST, spack_line("gpg", "trust", words.SOME_FILE)),
        CopyLine(words.COMMAND_IMPORT, spack_line("buildcache", "keys", "--install", "--trust")),
    ]
    fingerprints = [key.fingerprint for key in chosen]
    if fingerprints:
        publish = ("gpg", "publish", "--mirror-name", words.SOME_MIRROR, "--update-index", *fingerprints)
        lines += [
            CopyLine(words.COMMAND_PUBLISH, spack_line(*publish)),
            CopyLine(words.COMMAND_EXPORT, spack_line("gpg", "export", words.SOME_FILE, *fingerprints)),
            CopyLine(words.COMMAND_UNTRUST, spack_line("gpg", "untrust", *fingerprints)),
        ]
    return lines
