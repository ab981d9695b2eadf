# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A command on an instance at another computer or of another account: it runs there, its terminal is this one."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, cast

import msgspec

from core.cli.asking import agrees, can_ask
from core.cli.output import Output as Printed
from core.engine.messages import PROTOCOL, Absent, CredentialAnswer, Hello, InstallPart, NeedCredential, encode_message
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, Conflict, NetworkDown, NotFound
from core.foundation.files import write_all
from core.foundation.secret import Secret
from core.foundation.text import format_bytes, visible
from core.mirrors.credentials.keyrings import Keyring
from core.remote.address import Address
from core.remote.answering import answer_need
from core.remote.command_messages import (
    Exit,
    FromCommand,
    Input,
    Interrupt,
    NeedInput,
    Output,
    RunCommand,
    ToCommand,
    caller_decoder,
)
from core.remote.engine_archive import engine_archive, install_parts
from core.remote.launch import command_argv

_TERMINAL = re.compile(r"TERM|COLORTERM|NO_COLOR|FORCE_COLOR|CLICOLOR(_FORCE)?")


def run_there(address: Address, words: Sequence[str], printed: Printed, *, may_install: bool) -> int:
    """Run the command `words` where `address` is; returns its exit status. For the main thread.

    Logins are answered from the keyring here, questions by the person here; Ctrl+C stops the command there. With
    `may_install` the engine is copied there without a question if it is not there. Raises NetworkDown, NotFound (there
    is no engine), Conflict (it is another version), UsageError.
    """
    title = visible(address.place.title)
    argv = command_argv(address.place, terminal=sys.stdin.isatty() and not printed.json)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: ssh would end before the command there can
    try:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    except OSError as error:
        raise NetworkDown(f"{title} cannot be reached", f"{argv[0]}: {error.strerror}") from error
    finally:
        signal.signal(signal.SIGINT, before)
    with child:
        try:
            return _Conversation(child, title, printed, may_install=may_install).run(address.path, words)
        finally:
            _stdin_of(child).close()
            if child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(5)
                child.terminate()


class _Conversation:
    def __init__(self, child: subprocess.Popen[bytes], title: str, printed: Printed, *, may_install: bool) -> None:
        self._sink = _stdin_of(child).fileno()
        self._lines = os.fdopen(os.dup(cast(IO[bytes], child.stdout).fileno()), "rb")
        self._title = title
        self._printed = printed
        self._may_install = may_install
        self._decoder = caller_decoder()
        self._keyring = Keyring()
        self._told: set[str] = set()
        self._sending = False
        self._interrupted = False

    def run(self, instance: str, words: Sequence[str]) -> int:
        with self._lines:
            self._greet()
            self._send(RunCommand(tuple(words), instance, _terminal_facts(), _terminals()))
            before = signal.signal(signal.SIGINT, self._on_interrupt)
            try:
                while not isinstance(message := self._receive(), Exit):
                    if message is None:
                        why = "the command there stops in order when nobody listens any more"
                        raise NetworkDown(f"The connection to {self._title} ended", why)
                    self._answer(message)
                return message.status
            finally:
                signal.signal(signal.SIGINT, before)

    def _greet(self) -> None:
        """Until the other side is ready, installed if it has to be."""
        while True:
            message = self._receive()
            match message:
                case Hello(protocol=protocol, versions=versions):
                    if protocol != PROTOCOL:
                        found = versions.get("mirrordeck", "")
                        raise Conflict(f"Mirrordeck on {self._title} is another version", visible(found))
                    return
                case Absent():
                    self._install(message)
                case None:
                    raise NetworkDown(f"{self._title} cannot be reached", "see the words of ssh or sudo above")

    def _install(self, absent: Absent) -> None:
        title = f"There is no Mirrordeck on {self._title}"
        why = visible(absent.why)
        if not absent.can_install:
            raise NotFound(title, why)
        archive = engine_archive()
        size = format_bytes(archive.size_bytes)
        if not self._may_install:
            if not can_ask(self._printed):
                raise NotFound(title, why, remedies=(f"--install-engine copies it there ({size}).",))
            print(why, file=sys.stderr)
            if not agrees(f"Copy it to {visible(absent.facts.get('folder', ''))} there ({size})?"):
                raise Cancelled
        for part in install_parts(archive):
            self._send(part)

    def _answer(self, message: FromCommand) -> None:
        match message:
            case Output(stream=stream, text=text):
                target = sys.stdout if stream == "stdout" else sys.stderr
                target.write(text)
                target.flush()
            case NeedInput():
                with suppress(KeyboardInterrupt):
                    self._send(Input(Secret(self._asked_here(message))))
            case NeedCredential():
                self._send(self._login(message))

    def _asked_here(self, need: NeedInput) -> str:
        """Raises KeyboardInterrupt, of which the other side is told."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if need.kind == "hidden":
                return getpass.getpass(visible(need.prompt))
            return sys.stdin.readline() if need.kind == "line" else sys.stdin.read()
        except KeyboardInterrupt:
            self._send(Interrupt())
            raise
        except EOFError:
            return ""
        finally:
            signal.signal(signal.SIGINT, before)

    def _login(self, need: NeedCredential) -> CredentialAnswer:
        answer = answer_need(need, self._keyring, CancelToken())
        if answer.secret and need.account not in self._told:
            self._told.add(need.account)
            self._printed.note(f"{self._title} uses the login {visible(need.account)}")
        return answer

    def _receive(self) -> FromCommand | None:
        """The next message; None at the end. Shells may print what they like before the first one."""
        for line in self._lines:
            with suppress(msgspec.MsgspecError):
                return self._decoder.decode(line)
        return None

    def _send(self, message: ToCommand | InstallPart) -> None:
        self._sending = True
        with suppress(BrokenPipeError):  # told by the end of its output
            write_all(self._sink, encode_message(message))
        self._sending = False
        if self._interrupted:
            self._interrupted = False
            self._send(Interrupt())

    def _on_interrupt(self, _number: int, _frame: object) -> None:
        if self._sending:
            self._interrupted = True  # not into the middle of a message
        else:
            self._send(Interrupt())


def _stdin_of(child: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast(IO[bytes], child.stdin)


def _terminals() -> tuple[bool, bool, bool]:
    return sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty()


def _terminal_facts() -> dict[str, str]:
    columns, lines = shutil.get_terminal_size()
    found = {name: value for name, value in os.environ.items() if _TERMINAL.fullmatch(name)}
    return {**found, "COLUMNS": str(columns), "LINES": str(lines)}
