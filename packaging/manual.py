# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The manual page of the command line, written from its own parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator


def manual_page(parser: argparse.ArgumentParser, *, version: str, date: str, description: str) -> str:
    """A page of section 1 in the man(7) macros; `date` is shown as it is."""
    lines = [
        f'.TH {parser.prog.upper()} 1 "{date}" "{parser.prog} {version}"',
        ".SH NAME",
        _text(f"{parser.prog} - {description}"),
        ".SH SYNOPSIS",
        *_synopsis(parser),
        ".SH DESCRIPTION",
        _text(parser.description or ""),
        ".SH OPTIONS",
        *_arguments(parser),
    ]
    for command in _commands(parser):
        lines += [f'.SH "{_text(command.prog.removeprefix(parser.prog).strip().upper())}"', *_synopsis(command)]
        lines += _arguments(command)
    return "\n".join(line for line in lines if line) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something, in order, each once."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                below = list(_commands(command))
                yield from below or [command]


def _synopsis(parser: argparse.ArgumentParser) -> list[str]:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return [".nh", f".B {_text(parser.prog)}", _text(usage.removeprefix(parser.prog).strip()), ".hy"]


def _arguments(parser: argparse.ArgumentParser) -> list[str]:
    lines: list[str] = []
    formatter = parser._get_formatter()
    for action in parser._actions:
        if action.help is argparse.SUPPRESS or isinstance(action, argparse._SubParsersAction):
            continue
        help_text = formatter._expand_help(action) if action.help else ""
        lines += [".TP", f"\\fB{_text(formatter._format_action_invocation(action))}\\fR", _text(help_text)]
    return lines


def _text(text: str) -> str:
    """`text` as the macros take it: no escape, no hyphen, no line that begins like a macro."""
    text = " ".join(text.split()).replace("\\", "\\\\").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
