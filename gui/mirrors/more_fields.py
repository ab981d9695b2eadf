# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What few mirrors need: the folded part of the form."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from PySide6.QtCore import Signal
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.mirrors.model import MirrorKind
from core.mirrors.servers import NOTHING_SET, ServerSettings
from core.services.mirror_values import Codec, CompressionFacts, ConnectionForm
from gui import theme
from gui.mirrors import editor_words as words
from gui.widgets.choosing import Engine
from gui.widgets.controls import CheckBox, ComboBox
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.labels import Label
from gui.widgets.path_edit import PathEdit

_MOST_PARALLEL = 32
_REGISTRIES = (MirrorKind.OCI, MirrorKind.OCI_HTTP)


class MoreFields(QWidget):
    """`edited` follows every change."""

    edited = Signal()

    def __init__(self, engine: Engine, *, label_width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = NOTHING_SET
        self._compression: CompressionFacts | None = None
        self._codec_is_set = False
        self.fetch_edit, self.fetch_user_edit, self.fetch_variable_edit = QLineEdit(), QLineEdit(), QLineEdit()
        self.profile_edit, self.endpoint_edit, self.token_edit = QLineEdit(), QLineEdit(), QLineEdit()
        self.ca_file = PathEdit(words.CHOOSE_CA_FILE, folder=False, engine=engine)
        self.plain_box = CheckBox(words.PLAIN_PASSWORDS)
        self.parallel_edit = QLineEdit()
        self.parallel_edit.setValidator(QIntValidator(1, _MOST_PARALLEL, self))
        self.order_box = ComboBox()
        for text, last in words.ORDERS:
            self.order_box.addItem(text, last)
        self.codec_box = ComboBox()
        for text, codec in words.CODECS:
            self.codec_box.addItem(text, codec)
        self._lay_out(label_width)
        edits = (self.fetch_edit, self.fetch_user_edit, self.fetch_variable_edit, self.profile_edit)
        for edit in (*edits, self.endpoint_edit, self.token_edit, self.ca_file.edit, self.parallel_edit):
            edit.textChanged.connect(self.edited)
        self.plain_box.toggled.connect(self.edited)
        self.order_box.currentIndexChanged.connect(self.edited)
        self.codec_box.currentIndexChanged.connect(self.edited)
        self.codec_box.activated.connect(self._on_codec_chosen)

    def _lay_out(self, label_width: int) -> None:
        rows = FormRows(label_width=label_width)
        self.fetch_edit.setPlaceholderText(words.THE_SAME)
        self.fetch_user_edit.setPlaceholderText(words.FETCH_USER_EXAMPLE)
        self.fetch_row = self._row(rows, words.FETCH_ADDRESS, self.fetch_edit)
        self._login = self._row(rows, words.FETCH_USER, self._fetch_login())
        self.fetch_user_edit.setAccessibleName(words.FETCH_USER)
        self._s3 = [
            self._row(rows, words.PROFILE, self.profile_edit),
            self._row(rows, words.ENDPOINT, self.endpoint_edit),
            self._row(rows, words.TOKEN_VARIABLE, self.token_edit),
        ]
        self._server = [
            self._row(rows, words.CA_FILE, self.ca_file),
            self._row(rows, words.PARALLEL, self.parallel_edit),
        ]
        self.ca_file.edit.setAccessibleName(words.CA_FILE)
        self._codec = self._row(rows, words.COMPRESSION, self.codec_box)
        self._codec.set_visible(wanted=False)
        self._order = self._row(rows, words.ORDER, self.order_box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(rows)
        column.addWidget(self.plain_box)

    def _fetch_login(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_M)
        label = Label(words.FETCH_SECRET_VARIABLE, tone="dim")
        label.setBuddy(self.fetch_variable_edit)
        self.fetch_variable_edit.setAccessibleName(words.FETCH_SECRET_VARIABLE)
        row.addWidget(self.fetch_user_edit, 2)
        row.addWidget(label)
        row.addWidget(self.fetch_variable_edit, 3)
        widget.setFocusProxy(self.fetch_user_edit)
        return widget

    @staticmethod
    def _row(rows: FormRows, text: str, field: QWidget) -> FormRow:
        field.setAccessibleName(text)
        return rows.add(text, field)

    # ---- what is entered ----

    @property
    def fetch_address(self) -> str:
        """ "" where fetching is from the address above."""
        return self.fetch_edit.text().strip()

    @property
    def own_login(self) -> bool:
        """True if fetching has a login of its own."""
        return bool(self.fetch_user_edit.text().strip() or self.fetch_variable_edit.text().strip())

    @property
    def last(self) -> bool:
        return bool(self.order_box.currentData())

    @property
    def problem(self) -> str:
        pair = (self.fetch_user_edit.text().strip(), self.fetch_variable_edit.text().strip())
        if bool(pair[0]) != bool(pair[1]):
            return words.FETCH_LOGIN_INCOMPLETE
        bad = self.parallel_edit.text() and not self.parallel_edit.hasAcceptableInput()
        return words.BAD_NUMBER if bad else ""

    def show_problem(self) -> None:
        problem = self.problem
        self._login.say(problem if problem == words.FETCH_LOGIN_INCOMPLETE else "", "bad")
        self._server[1].say(problem if problem == words.BAD_NUMBER else "", "bad")

    def applied_to(self, connection: ConnectionForm) -> ConnectionForm:
        """`connection` with what S3 needs beyond it."""
        return replace(
            connection,
            profile=self.profile_edit.text().strip(),
            endpoint_url=self.endpoint_edit.text().strip(),
            token_variable=self.token_edit.text().strip(),
        )

    def with_own_login(self, connection: ConnectionForm) -> ConnectionForm:
        """`connection` with the login for fetching."""
        user = self.fetch_user_edit.text().strip()
        variable = user.startswith("$")
        return replace(
            connection,
            user="" if variable else user,
            user_variable=user.removeprefix("$") if variable else "",
            secret_variable=self.fetch_variable_edit.text().strip(),
        )

    @property
    def settings(self) -> ServerSettings | None:
        """What is set for the server; None where it is what it was."""
        number = self.parallel_edit.text()
        entered = msgspec.structs.replace(
            self._settings,
            ca_file=self.ca_file.edit.text().strip(),
            plain_passwords=self.plain_box.isChecked(),
            parallel_transfers=int(number or 0) or None,
        )
        return entered if entered != self._settings else None

    @property
    def codec(self) -> Codec | None:
        """What is chosen for the address; None where it is what it was, or nothing can be pushed to."""
        chosen = Codec(self.codec_box.currentData())
        return chosen if self._compression is not None and chosen is not self._compression.codec else None

    # ---- filling ----

    def fill(self, push: ConnectionForm, fetch: ConnectionForm, *, own_login: bool) -> None:
        """Show `fetch` as far as it differs from `push`."""
        self.fetch_edit.setText(fetch.url if fetch.url != push.url else "")
        if own_login:
            user = f"${fetch.user_variable}" if fetch.user_variable else fetch.user
            self.fetch_user_edit.setText(user)
            self.fetch_variable_edit.setText(fetch.secret_variable)
        self.profile_edit.setText(push.profile)
        self.endpoint_edit.setText(push.endpoint_url)
        self.token_edit.setText(push.token_variable)

    def fill_settings(self, settings: ServerSettings) -> None:
        self._settings = settings
        self.ca_file.edit.setText(settings.ca_file)
        self.plain_box.setChecked(settings.plain_passwords)
        self.parallel_edit.setText(str(settings.parallel_transfers or ""))

    def show_compression(self, found: CompressionFacts | None, *, adding: bool) -> None:
        """What holds at the address that was entered. A mirror that moves takes along what it had, and nothing replaces
        what a person chose."""
        self._compression = found
        self._codec.set_visible(wanted=found is not None)
        if found is None:
            return
        if not self._codec_is_set:
            self.codec_box.setCurrentIndex(self.codec_box.findData(found.codec))
            self._codec_is_set = not adding
        self._codec.say(found.advice)

    def _on_codec_chosen(self) -> None:
        self._codec_is_set = True

    def set_kind(self, kind: MirrorKind | None, *, adding: bool) -> None:
        """Show what mirrors of this kind have."""
        registry = kind in _REGISTRIES
        self._login.set_visible(wanted=registry or kind is MirrorKind.S3)
        for row in self._s3:
            row.set_visible(wanted=kind is MirrorKind.S3)
        for row in self._server:
            row.set_visible(wanted=registry)
        self.plain_box.setVisible(kind is MirrorKind.OCI_HTTP)
        self._order.set_visible(wanted=adding)
