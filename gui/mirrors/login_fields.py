# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Who signs in, with what, and where that is kept: the same fields for the editor and for signing in."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.foundation.secret import Secret
from core.foundation.text import visible
from core.mirrors.credentials.identity import invented_variable
from core.services.login_values import Keep, KeyringCondition, KeyringFacts, LoginForm
from core.services.mirror_values import ConnectionForm
from gui import theme
from gui.mirrors import login_words as words
from gui.widgets.controls import ComboBox
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.labels import Label
from gui.widgets.secret_edit import SecretEdit

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPED = (Keep.KEYRING, Keep.SESSION)
_WITHOUT_USER = (Keep.CONTAINER, Keep.NONE)


class LoginFields(QWidget):
    """`edited` follows every change. What is typed stays until `forget`.

    With a `stored` login an empty secret means that one. `touched` tells whether a person has entered anything.
    """

    edited = Signal()

    def __init__(self, *, label_width: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stored = Keep.NONE
        self._secret_variable = ""
        self._keyring_note = ""
        self.touched = False
        self.user_edit = QLineEdit()
        self.secret = SecretEdit(words.SECRET)
        self.keep_box = ComboBox()
        for keep in Keep:
            if keep is not Keep.CONTAINER:
                self.keep_box.addItem(words.KEEP[keep], keep)
        self.user_variable_edit, self.secret_variable_edit = QLineEdit(), QLineEdit()
        self.command_edit = QLineEdit()
        self.command_edit.setPlaceholderText(words.COMMAND_EXAMPLE)
        self._lay_out(label_width)
        edits = (self.user_edit, self.secret.edit, self.user_variable_edit, self.secret_variable_edit)
        for edit in (*edits, self.command_edit):
            edit.textChanged.connect(self._on_edited)
            edit.textEdited.connect(self._on_touched)
            edit.editingFinished.connect(self._on_left)
        self.keep_box.currentIndexChanged.connect(self._on_keep_changed)
        self.keep_box.activated.connect(self._on_touched)
        self._show_fields()

    def _lay_out(self, label_width: int) -> None:
        rows = FormRows(label_width=label_width)
        who, self._secret_label = _beside(self.user_edit, words.SECRET, self.secret)
        self._who: FormRow = rows.add(words.USER, who)
        self._keep: FormRow = rows.add(words.KEEP_IN, self.keep_box)
        variables, _ = _beside(self.user_variable_edit, words.SECRET_VARIABLE, self.secret_variable_edit)
        self._variables: FormRow = rows.add(words.USER_VARIABLE, variables)
        self._command: FormRow = rows.add(words.COMMAND, self.command_edit)
        names = (
            (self.user_edit, words.USER),
            (self.user_variable_edit, words.USER_VARIABLE),
            (self.secret_variable_edit, words.SECRET_VARIABLE),
            (self.command_edit, words.COMMAND),
            (self.keep_box, words.KEEP_IN),
        )
        for widget, name in names:
            widget.setAccessibleName(name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(rows)

    # ---- what is entered ----

    @property
    def chosen(self) -> Keep:
        """What the choice says, whether there is a login or not."""
        return Keep(self.keep_box.currentData())

    @property
    def keep(self) -> Keep:
        """Where the login is to be kept; NONE also where nothing was entered and nothing is stored."""
        nothing = not self.user and not self.secret.secret and self.stored is Keep.NONE
        return Keep.NONE if self.chosen in _TYPED and nothing else self.chosen

    @property
    def user(self) -> str:
        return self.user_edit.text().strip()

    @property
    def login(self) -> LoginForm:
        """What is entered, as far as it belongs to where it is kept."""
        keep = self.keep
        variables = keep is Keep.VARIABLE
        return LoginForm(
            keep,
            user="" if keep in _WITHOUT_USER else self.user,
            secret=self.secret.secret if keep in _TYPED else Secret(""),
            user_variable=self.user_variable_edit.text().strip() if variables else "",
            secret_variable=self.secret_variable_edit.text().strip() if variables else "",
            command=self._words() if keep is Keep.COMMAND else (),
        )

    @property
    def has_news(self) -> bool:
        """True if there is something to keep, or something kept to give up."""
        login = self.login
        return login.keep is not self.stored or bool(login.secret) or bool(login.command)

    @property
    def problem(self) -> str:
        """Why what is entered cannot be used, "" if it can."""
        login = self.login
        match login.keep:
            case Keep.NONE | Keep.CONTAINER:
                return ""
            case Keep.VARIABLE:
                return self._variable_problem(login)
            case Keep.COMMAND:
                return words.NO_USER if not login.user else words.NO_COMMAND if not login.command else ""
            case _:
                missing = not login.secret and self.stored is not login.keep
                return words.NO_USER if not login.user else words.NO_SECRET if missing else ""

    def _variable_problem(self, login: LoginForm) -> str:
        if bool(login.user) == bool(login.user_variable):
            return words.USER_OR_VARIABLE
        if not login.secret_variable:
            return words.NO_VARIABLE
        wrong = [
            name for name in (login.user_variable, login.secret_variable) if name and not _VARIABLE.fullmatch(name)
        ]
        return words.not_a_variable(visible(wrong[0])) if wrong else ""

    def _words(self) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(self.command_edit.text()))
        except ValueError:  # a quote is still open
            return ()

    def applied_to(self, connection: ConnectionForm, mirror: str) -> ConnectionForm:
        """`connection` with the user and the names of the variables as mirrors.yaml needs them."""
        login = self.login
        if login.keep is Keep.CONTAINER:
            return connection
        if login.keep is Keep.NONE:
            return replace(connection, user="", user_variable="", secret_variable="")
        secret = login.secret_variable or self._secret_variable or invented_variable(mirror, "SECRET")
        user = "" if login.user_variable else login.user
        return replace(connection, user=user, user_variable=login.user_variable, secret_variable=secret)

    # ---- filling ----

    def fill(self, connection: ConnectionForm, keep: Keep, command: tuple[str, ...] = ()) -> None:
        """Show the login of `connection`, which is kept as `keep` now."""
        self.stored = keep
        self._secret_variable = connection.secret_variable
        self.user_edit.setText(connection.user)
        self.user_variable_edit.setText(connection.user_variable)
        self.secret_variable_edit.setText(connection.secret_variable)
        self.command_edit.setText(shlex.join(command))
        if keep is Keep.CONTAINER:
            self.offer_container_login()
        wanted = Keep.KEYRING if keep is Keep.NONE else keep
        self.choose(wanted)
        self._show_fields()

    def show_keyring(self, keyring: KeyringFacts) -> None:
        """Name the keyring; without one a login lasts as long as Mirrordeck runs."""
        absent = keyring.state is KeyringCondition.ABSENT
        place = self.keep_box.findData(Keep.KEYRING)
        self.keep_box.setItemText(place, words.keep_in_keyring(visible(keyring.name)))
        model = self.keep_box.model()
        item = model.item(place)  # type: ignore[attr-defined]
        item.setEnabled(not absent)
        self._keyring_note = words.keyring_note(keyring)
        if absent and self.chosen is Keep.KEYRING and self.stored is not Keep.KEYRING:
            self.choose(Keep.SESSION)
        self._show_fields()

    def offer_container_login(self) -> None:
        if self.keep_box.findData(Keep.CONTAINER) < 0:
            self.keep_box.insertItem(self.keep_box.count() - 1, words.KEEP[Keep.CONTAINER], Keep.CONTAINER)

    def choose(self, keep: Keep) -> None:
        self.keep_box.setCurrentIndex(self.keep_box.findData(keep))

    def name_for_keys(self, *, keys: bool) -> None:
        """S3 calls user and password otherwise."""
        self._who.label.setText(words.ACCESS_KEY if keys else words.USER)
        self._secret_label.setText(words.SECRET_KEY if keys else words.SECRET)

    def forget(self) -> None:
        self.secret.forget()
        self.command_edit.clear()

    def show_problem(self) -> bool:
        """Say what is wrong below the fields; True if something is."""
        problem = self.problem
        if problem:
            self._keep.say(problem, "bad")
        else:
            self._show_note()
        return bool(problem)

    def focus_problem(self) -> None:
        """Go where something is missing."""
        for edit in (self.user_edit, self.secret.edit):
            if edit.isVisible() and not edit.text():
                edit.setFocus()
                return
        self.keep_box.setFocus()

    # ---- showing ----

    def _show_fields(self) -> None:
        keep = self.chosen
        self._who.set_visible(wanted=keep not in _WITHOUT_USER)
        for widget in (self._secret_label, self.secret):
            widget.setVisible(keep in _TYPED)
        self._variables.set_visible(wanted=keep is Keep.VARIABLE)
        self._command.set_visible(wanted=keep is Keep.COMMAND)
        kept = keep in _TYPED and keep is self.stored
        self.secret.edit.setPlaceholderText(words.UNCHANGED if kept else "")
        self._show_note()

    def _show_note(self) -> None:
        keep = self.chosen
        note = self._keyring_note if keep in _TYPED else words.KEEP_NOTES.get(keep, "")
        self._keep.say(note)

    def _on_keep_changed(self) -> None:
        self._show_fields()
        self.edited.emit()

    def _on_edited(self) -> None:
        if not self.problem:
            self._show_note()
        self.edited.emit()

    def _on_touched(self) -> None:
        self.touched = True

    def _on_left(self) -> None:
        if self.user or self.secret.secret:
            self.show_problem()


def _beside(first: QWidget, text: str, second: QWidget) -> tuple[QWidget, Label]:
    """Two fields side by side, the second one with a label of its own."""
    widget = QWidget()
    label = Label(text, tone="dim")
    label.setBuddy(second.focusProxy() or second)
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.SPACE_M)
    row.addWidget(first, 2)
    row.addWidget(label)
    row.addWidget(second, 3)
    widget.setFocusProxy(first)
    return widget, label
