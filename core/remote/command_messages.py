# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The protocol between `mirrordeck --instance HOST:PATH COMMAND` and the process that runs the command there.

The other side greets with `Hello` (or `Absent`, as an engine does) and gets one `RunCommand`. It answers with any
number of `Output`, `NeedInput` and `NeedCredential`, and last with `Exit`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from core.engine.messages import Absent, CredentialAnswer, Hello, NeedCredential, decoder_of
from core.foundation.secret import Secret


class RunCommand(msgspec.Struct, frozen=True, tag="run", tag_field="t"):
    """`words` as they were typed, with the `instance` that the address named there ("": whatever is found there).

    `environ` says what the terminal is like; `terminals`: whether stdin, stdout and stderr are one.
    """

    words: tuple[str, ...]
    instance: str
    environ: dict[str, str]
    terminals: tuple[bool, bool, bool]


class Input(msgspec.Struct, frozen=True, tag="input", tag_field="t"):
    """The answer to `NeedInput`: with its end of line; "" at the end of the input."""

    text: Secret


class Interrupt(msgspec.Struct, frozen=True, tag="interrupt", tag_field="t"):
    """The person pressed Ctrl+C."""


class Output(msgspec.Struct, frozen=True, tag="output", tag_field="t"):
    stream: Literal["stdout", "stderr"]
    text: str


class NeedInput(msgspec.Struct, frozen=True, tag="need-input", tag_field="t"):
    """A line of standard input, all that is left of it, or one that is not shown while it is typed, after `prompt`."""

    kind: Literal["line", "all", "hidden"]
    prompt: str = ""


class Exit(msgspec.Struct, frozen=True, tag="exit", tag_field="t"):
    status: int


ToCommand = RunCommand | Input | Interrupt | CredentialAnswer
FromCommand = Hello | Absent | Output | NeedInput | NeedCredential | Exit


def command_decoder() -> msgspec.json.Decoder[ToCommand]:
    """For the lines that the process with the command gets."""
    return decoder_of(ToCommand)


def caller_decoder() -> msgspec.json.Decoder[FromCommand]:
    """For the lines that it sends."""
    return decoder_of(FromCommand)
