# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Questions to the person at a terminal."""

from __future__ import annotations

import getpass
import sys

from core.cli.context import Context
from core.cli.output import Output
from core.foundation.secret import Secret


def can_ask(output: Output) -> bool:
    return not output.json and sys.stdin.isatty()


def ask(question: str) -> str:
    """What was typed; only where `can_ask`."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def ask_hidden(prompt: str, context: Context) -> Secret:
    """What was typed without being shown; only where `can_ask`."""
    return Secret(context.far.typed("hidden", prompt) if context.far is not None else getpass.getpass(prompt))


def agrees(question: str) -> bool:
    return ask(f"{question} [y/N]").lower() in ("y", "yes")
