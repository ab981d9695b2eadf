# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signing at a terminal: where GnuPG's agent may ask for a passphrase."""

from __future__ import annotations

import os
import sys

from core.cli.asking import ask_hidden, can_ask
from core.cli.context import Context
from core.cli.output import Output
from core.foundation.errors import PassphraseNeeded


def unlock(fingerprint: str, context: Context, output: Output) -> None:
    """Have the agent ask for the passphrase of a key now, before anything is drawn on the terminal. Raises
    PassphraseNeeded where it cannot."""
    if context.far is not None and can_ask(output):
        context.access.gnupg.unlock(fingerprint, ask_hidden(f"Passphrase of {fingerprint}: ", context))
        return
    if context.far is None and sys.stdin.isatty():
        os.environ.setdefault("GPG_TTY", os.ttyname(sys.stdin.fileno()))
    output.note(f"GnuPG asks for the passphrase of {fingerprint}")
    try:
        context.access.gnupg.try_key(fingerprint)
    except PassphraseNeeded as error:
        remedies = ("Set GPG_TTY to your terminal: export GPG_TTY=$(tty)", "Install a pinentry that works here")
        raise PassphraseNeeded(error.title, error.why, remedies=remedies) from error
