# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An argument parser in which options may stand anywhere."""

from __future__ import annotations

import argparse
from typing import Any


class Parser(argparse.ArgumentParser):
    """`push MIRROR --unsigned SPEC` means what it says: options may stand between positional arguments.

    argparse alone takes all positional arguments at the first one it meets and rejects those after the next option.
    """

    # Whether `command` gets everything behind the options, or behind `--`, as it was typed.
    takes_command = False
    _intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        if self.takes_command:
            return self._with_command(list(args), namespace)
        if self._subparsers is not None or self._intermixing:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False

    def _with_command(self, args: list[str], namespace: Any) -> tuple[Any, list[str]]:
        end = next((place for place, text in enumerate(args) if text == "--" or not text.startswith("-")), len(args))
        known, unknown = super().parse_known_args(args[:end], namespace)
        known.command = args[end + 1 :] if args[end : end + 1] == ["--"] else args[end:]
        if not known.command:
            self.error("a command is missing")
        return known, unknown
