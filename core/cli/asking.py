# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions to the person at a terminal."""

from __future__ import annotations

import sys

from core.cli.output import Output


def can_ask(output: Output) -> bool:
    return not output.json and sys.stdin.isatty()


def ask(question: str) -> str:
    """What was typed; only where `can_ask`."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def agrees(question: str) -> bool:
    return ask(f"{question} [y/N]").lower() in ("y", "yes")
