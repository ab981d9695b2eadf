# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the desktop shows of us outside the window: an icon in its notification area, and notifications."""

from __future__ import annotations

import logging
import threading

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from core.foundation.settings import Settings
from core.remote.address import Place
from core.transfers.model import PushStatus, RowKind
from gui import icons, messages, preferences
from gui.actions import Actions
from gui.remote import words as remote_words
from gui.transfers import words as transfer_words
from gui.transfers.state import TransfersState

_log = logging.getLogger(__name__)
_SIZES = (22, 32, 64)
# Panels are light or dark, whatever our own theme is: marks have their own colours and a white outline.
_BUSY, _FAILED, _OUTLINE = "#1a5fd0", "#bf2b27", "#ffffff"


class Desktop(QObject):
    """Follows the transfers and the settings. `show_wanted` follows a click on the icon."""

    show_wanted = Signal()

    def __init__(self, window: QWidget, state: TransfersState, actions: Actions) -> None:
        super().__init__(window)
        self._window = window
        self._state = state
        self._look = ""
        self._menu = QMenu(window)
        show = self._menu.addAction(messages.TRAY_SHOW)
        show.triggered.connect(self.show_wanted)
        self._menu.addActions([actions.show_transfers, actions.quit])
        self.tray = QSystemTrayIcon(self)
        self.tray.setContextMenu(self._menu)
        self.tray.activated.connect(self._on_activated)
        state.changed.connect(self._on_transfers)
        state.push_ended.connect(self._on_push_ended)
        preferences.changed.connect(self._follow)
        self._on_transfers()
        self._follow(preferences.now())

    @property
    def keeps_running(self) -> bool:
        """Whether the window can be closed and come back from the icon."""
        return self.tray.isVisible()

    def leave(self) -> None:
        self.tray.hide()

    def _follow(self, settings: Settings) -> None:
        before = self.tray.isVisible()
        self.tray.setVisible(settings.tray and QSystemTrayIcon.isSystemTrayAvailable())
        if before and not self.tray.isVisible():
            self.show_wanted.emit()  # or nothing would lead back to it

    def _on_transfers(self, _snapshot: object = None) -> None:
        totals = self._state.overall
        look = "busy" if totals.active else "failed" if totals.failed else "idle"
        if look != self._look:
            self._look = look
            self.tray.setIcon(tray_icon(look))
        self.tray.setToolTip(messages.tray_tip(totals.moving + totals.waiting, totals.failed))

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is QSystemTrayIcon.ActivationReason.Trigger:
            self.show_wanted.emit()

    def _on_push_ended(self, push: PushStatus) -> None:
        if self._window.isActiveWindow() or not preferences.now().notifications:
            return
        title = messages.PUSH_FAILED if push.totals.failed else messages.PUSH_ENDED
        state = self._state
        summary = transfer_words.push_summary(
            push,
            state.package_totals([push]),
            state.rows_of(push.id),
            state.closing_row(push.id, RowKind.TAG),
            state.closing_row(push.id, RowKind.INDEX),
        )
        self.notify(title, f"{transfer_words.push_title(push)}: {summary}")

    def tell_push_elsewhere(self, place: Place, push: PushStatus) -> None:
        """One has ended at a place that the pages do not show."""
        if preferences.now().notifications:
            title = messages.PUSH_FAILED if push.totals.failed else messages.PUSH_ENDED
            what = transfer_words.push_title(push)
            self.notify(title, remote_words.push_ended(place.title, what, push.totals.failed))

    def notify(self, title: str, text: str) -> None:
        """Tell a person who looks elsewhere."""
        if self.tray.isVisible():
            self.tray.showMessage(title, text, icons.app_icon())
            return
        # The desktop may be slow to answer, or gone.
        threading.Thread(target=_send_notification, args=(title, text), name="notification", daemon=True).start()


def _send_notification(title: str, text: str) -> None:
    """Ask the desktop's notification service to show it; where there is none, nothing is shown."""
    try:
        from jeepney import DBusAddress, new_method_call
        from jeepney.io.blocking import open_dbus_connection

        service = DBusAddress(
            "/org/freedesktop/Notifications", bus_name="org.freedesktop.Notifications",
            interface="org.freedesktop.Notifications",
        )  # fmt: skip
        # Servers may take the text for markup.
        plain = text.replace("&", "&amp;").replace("<", "&lt;")
        values: tuple[object, ...] = (messages.APP_NAME, 0, "io.github.mirrordeck.Mirrordeck", title, plain, [], {}, -1)
        with open_dbus_connection(bus="SESSION") as bus:
            bus.send_and_get_reply(new_method_call(service, "Notify", "susssasa{sv}i", values), timeout=5.0)
    except Exception as error:  # a library of the desktop raises whatever it likes
        _log.info("no notification: %s: %s", type(error).__name__, error)


def tray_icon(look: str) -> QIcon:
    """Our icon, with a mark at its corner while `look` is busy (a disc with an arrow) or failed (a triangle)."""
    result = QIcon()
    for size in _SIZES:
        pixmap = QPixmap(icons.app_icon().pixmap(size, size))
        if look != "idle":
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            _paint_mark(painter, QRectF(size * 0.45, size * 0.45, size * 0.52, size * 0.52), look)
            painter.end()
        result.addPixmap(pixmap)
    return result


def _paint_mark(painter: QPainter, box: QRectF, look: str) -> None:
    unit = box.width() / 10
    painter.setPen(QPen(QColor(_OUTLINE), unit * 1.2))
    middle, top, bottom = box.center().x(), box.top(), box.bottom()
    if look == "busy":
        painter.setBrush(QColor(_BUSY))
        painter.drawEllipse(box)
        painter.setPen(QPen(QColor(_OUTLINE), unit * 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(middle, bottom - 2.4 * unit), QPointF(middle, top + 2.6 * unit))
        for side in (-2.2, 2.2):
            painter.drawLine(QPointF(middle, top + 2.6 * unit), QPointF(middle + side * unit, top + 4.8 * unit))
        return
    painter.setBrush(QColor(_FAILED))
    painter.drawPolygon([QPointF(middle, top), QPointF(box.right(), bottom), QPointF(box.left(), bottom)])
    painter.setPen(QPen(QColor(_OUTLINE), unit * 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(middle, top + 4 * unit), QPointF(middle, top + 6.2 * unit))
    painter.drawPoint(QPointF(middle, bottom - 1.6 * unit))
