# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Start of the window: application, theme, loop, and what happens with errors nobody expected."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from contextlib import suppress
from types import TracebackType

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from core.foundation.logs import start_log
from core.foundation.process import forbid_core_dumps
from core.foundation.redaction import crash_text
from gui import appearance, icons, messages
from gui.collector import calm_collector
from gui.engine_client import EngineClient, engine_command
from gui.main_window import MainWindow, WindowOptions
from gui.settings import write_nothing
from gui.widgets.dialogs import MessageDialog

__all__ = ["WindowOptions", "run_window"]

_SWITCH_INTERVAL_S = 1e-4  # a busy Python thread may hold the GUI thread up for this long at most
_CLOSING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_DESKTOP_FILE = "io.github.mirrordeck.Mirrordeck"
_log = logging.getLogger(__name__)


def run_window(options: WindowOptions) -> int:
    """Open the window and return its exit status once it is closed. Call it in the main thread, once."""
    forbid_core_dumps()  # portals of the desktop have to look at this process: hiding it is the engine's part
    start_log("window", to_file=not options.read_only)
    if options.read_only:
        write_nothing()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    calm_collector()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("mirrordeck")
    app.setApplicationDisplayName(messages.APP_NAME)
    app.setDesktopFileName(_DESKTOP_FILE)
    app.setQuitOnLastWindowClosed(False)
    appearance.restore(app)
    app.setWindowIcon(icons.app_icon())
    loop = QEventLoop(app)
    with loop:
        client = EngineClient(engine_command(read_only=options.read_only))
        window = MainWindow(client, options)
        reporter = ErrorReporter(window)
        sys.excepthook = reporter.report
        listener = SignalListener(window)
        window.show()
        loop.run_until_complete(window.run())
        listener.stop()
        sys.excepthook = sys.__excepthook__
        window.deleteLater()
    gc.freeze()  # the interpreter would look through everything twice before it ends
    return 0


class ErrorReporter(QObject):
    """Logs what nobody expected and shows it once; more of it is only logged while the dialog is open."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._open = False

    def report(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """For `sys.excepthook`."""
        if issubclass(kind, KeyboardInterrupt):
            self._window.close()
            return
        _log.error("unexpected error", exc_info=(kind, error, trace))
        if self._open:
            return
        self._open = True
        details = crash_text(error)
        versions = "\n".join(f"{name} {number}" for name, number in self._window.client.versions.items())
        dialog = MessageDialog(
            messages.UNEXPECTED_TITLE,
            messages.UNEXPECTED_TEXT,
            ((messages.CONTINUE, 0),),
            details=f"{details}\n{versions}".strip(),
            parent=self._window,
        )
        dialog.finished.connect(self._on_finished)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_finished(self) -> None:
        self._open = False


class SignalListener(QObject):
    """Closes the window in order on Ctrl+C in the terminal and on SIGTERM.

    Python runs its signal handlers only when Python code runs; a byte in a socket wakes the Qt loop for that.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._read_end, self._write_end = socket.socketpair()
        for end in (self._read_end, self._write_end):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read_end.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_wakeup)
        signal.set_wakeup_fd(self._write_end.fileno())
        for number in _CLOSING_SIGNALS:
            signal.signal(number, lambda *_: window.close())

    def stop(self) -> None:
        """From now on these signals end the process as usual."""
        for number in _CLOSING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        self._notifier.setEnabled(False)
        self._read_end.close()
        self._write_end.close()

    def _on_wakeup(self) -> None:
        with suppress(BlockingIOError):
            self._read_end.recv(64)
