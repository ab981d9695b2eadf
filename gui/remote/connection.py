# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine on another computer or of another account: the way to it may break, and it waits then. GUI thread only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from core.engine.messages import (
    PING_INTERVAL_S,
    PROTOCOL,
    Absent,
    CredentialAnswer,
    Goodbye,
    Hello,
    InstallPart,
    NeedCredential,
    Ping,
    ToWindow,
)
from core.foundation.errors import EngineGone
from core.foundation.release import versions
from core.remote.address import Place
from gui.connection import Connection
from gui.remote import words

_PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0)
_STEADY_S = 30.0  # a connection that lasted less is no reason to hurry again
_AHEAD_BYTES = 400_000
_LOOK_AGAIN_S = 0.05


class RemoteConnection(Connection):
    """Its engine outlives the connection: what breaks is begun again, after growing pauses, until `give_up`.

    Signals beside those of a Connection: `retried(reason, seconds)` while there is no connection, with the time until
    the next try (0: now, below: a person has to want it); `met_again(attached)` when there is one again, False if the
    engine is a new one; `install_wanted(Absent)`, to be answered by `install` or `refuse`;
    `credential_wanted(NeedCredential)`, to be answered by `answer`.
    """

    retried = Signal(str, float)
    met_again = Signal(bool)
    install_wanted = Signal(object)
    credential_wanted = Signal(object)

    def __init__(
        self,
        place: Place,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(command, environment, parent)
        self.place = place
        self._tries = 0
        self._reason = ""
        self._broken = False
        self._met_at = 0.0
        self._unattended = True
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._try_again)
        self._pings = QTimer(self)
        self._pings.setInterval(round(PING_INTERVAL_S * 1000))
        self._pings.timeout.connect(self._ping)
        self.greeted.connect(self._on_greeted)

    @property
    def broken(self) -> bool:
        """Whether there was a connection and is none now, but another try is to come."""
        return self._broken

    @property
    def running(self) -> bool:
        return super().running and not self._broken

    # ---- breaking and mending ----

    def gone(self, reason: str = "") -> EngineGone:
        title = self.place.title
        if self._met or self._broken:
            return EngineGone(words.lost(title), words.NOT_CONFIRMED)
        return EngineGone(words.not_reached(title), reason)

    def other_version(self, hello: Hello) -> str:
        return words.other_version(hello.versions.get("mirrordeck", ""), versions()["mirrordeck"])

    def on_lost(self, reason: str) -> None:
        met, self._met = self._met, False
        other_version = self.hello is not None and self.hello.protocol != PROTOCOL
        if other_version or not (met or self._broken):
            self._broken = False
            self.ended.emit(reason)
            return
        if met and time.monotonic() - self._met_at > _STEADY_S:
            self._tries = 0
        self._broken, self._reason = True, reason
        pause = _PAUSES_S[min(self._tries, len(_PAUSES_S) - 1)]
        self._tries += 1
        if self._unattended:
            self._pause.start(round(pause * 1000))
            self.retried.emit(reason, pause)
        else:
            self.retried.emit(reason, -1.0)

    def wait_for_person(self) -> None:
        """From now on only `retry` tries again: a person was asked something and did not want to answer."""
        self._unattended = False
        self._pause.stop()

    def retry(self) -> None:
        """Try again now."""
        if self._broken and not self._trying:
            self._unattended = True
            self._pause.stop()
            self._try_again()

    def give_up(self) -> None:
        """Stop trying; the engine over there ends by itself when its time is over."""
        self._pause.stop()
        self._broken = False
        self.abandon()
        self.ended.emit(words.GIVEN_UP)

    def refuse(self, reason: str) -> None:
        """Go on no further with what is at the other end; `reason` is what waiting calls and `ended` say."""
        self._pause.stop()
        self._broken = False
        self.lose(reason)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Tell the engine that nobody comes back, which makes it end in order."""
        self._pause.stop()
        self._broken = False
        if self.met:
            self.write(Goodbye())
        await super().close(timeout_s if self.met else 0.0)  # what asks for a password does not end by itself

    def prepare(self, process: QProcess) -> None:
        """Ctrl+C in the terminal of the window is for the window; and ssh has no terminal to ask on."""
        parameters = QProcess.UnixProcessParameters()
        parameters.flags = QProcess.UnixProcessFlag.CreateNewSession
        process.setUnixProcessParameters(parameters)

    @property
    def _trying(self) -> bool:
        return super().running

    def _try_again(self) -> None:
        self.start()
        self.retried.emit(self._reason, 0.0)

    def _on_greeted(self, hello: Hello) -> None:
        self._met_at = time.monotonic()
        self._pings.start()
        if self._broken:
            self._broken, self._unattended = False, True
            self.met_again.emit(hello.attached)

    def _ping(self) -> None:
        """An engine that hears nothing takes us for gone."""
        if self.met:
            self.write(Ping())
        else:
            self._pings.stop()

    # ---- what only such an engine says ----

    def on_message(self, message: ToWindow) -> None:
        match message:
            case Absent():
                self.install_wanted.emit(message)
            case NeedCredential():
                self.credential_wanted.emit(message)
            case _:
                super().on_message(message)

    def answer(self, answer: CredentialAnswer) -> None:
        """Answer a `NeedCredential`; nothing where the connection broke meanwhile."""
        if self.met:
            self.write(answer)

    async def install(self, parts: Iterable[InstallPart], on_progress: Callable[[int], None]) -> None:
        """Send the engine; its greeting or another `install_wanted` follows. `on_progress(bytes sent)`.

        Raises OSError if `parts` cannot be read, EngineGone if the connection breaks meanwhile.
        """
        sent = 0
        for part in parts:
            if not super().running:
                raise self.gone()
            self.write(part)
            sent += len(part.data)
            while self.unwritten_bytes > _AHEAD_BYTES:
                await asyncio.sleep(_LOOK_AGAIN_S)
            on_progress(sent)
