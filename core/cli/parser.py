# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An argument parser in which options may stand anywhere."""

from __future__ import annotations

import argparse
from typing import Any


class Parser(argparse.ArgumentParser):
    """`push MIRROR --unsigned SPEC` means what it says: options may stand between positional arguments.

    argparse alone takes all positional arguments at the first one it meets and rejects those after the next option.
    """

    _intermixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        if self._subparsers is not None or self._intermixing:
            return super().parse_known_args(args, namespace)
        self._intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._intermixing = False
