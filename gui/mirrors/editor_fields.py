# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The fields of a mirror: what a person says about it, as a `MirrorForm`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.foundation.errors import ErrorInfo
from core.mirrors.model import MirrorKind
from core.services.login_values import Keep, LoginOverview
from core.services.mirror_values import AddressFacts, ConnectionForm, MirrorForm, ScopeRow
from gui import theme
from gui.mirrors import editor_words as words
from gui.mirrors.login_fields import LoginFields
from gui.mirrors.more_fields import MoreFields
from gui.widgets.choosing import Engine
from gui.widgets.controls import CheckBox, ComboBox
from gui.widgets.fold import Fold
from gui.widgets.form_rows import FormRow, FormRows
from gui.widgets.path_edit import PathEdit

LABEL_WIDTH = 124
_REGISTRIES = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_WITH_LOGIN = (*_REGISTRIES, MirrorKind.S3)


class MirrorFields(QWidget):
    """`edited` follows every change. `base` is the mirror as it was opened, None while adding one."""

    edited = Signal()

    def __init__(self, engine: Engine, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.base: MirrorForm | None = None
        self.facts: AddressFacts | None = None
        self._understood = ("", "")
        self._name_is_suggested = True
        self._sources_chosen = False
        self._scopes: tuple[ScopeRow, ...] = ()
        self.address = PathEdit(words.CHOOSE_FOLDER, folder=True, engine=engine)
        self.address.edit.setPlaceholderText(words.ADDRESS_EXAMPLE)
        self.path_box = ComboBox()
        self.name_edit = QLineEdit()
        self.login = LoginFields(label_width=LABEL_WIDTH)
        self.push_only_box = CheckBox(words.PUSH_ONLY)
        self.push_only_box.setAccessibleName(words.PUSH_ONLY_NAME)
        self.push_only_box.setChecked(True)
        self.binary_box, self.source_box = CheckBox(words.BINARIES), CheckBox(words.SOURCES)
        self.autopush_box = CheckBox(words.AUTOPUSH)
        self.signing_box = ComboBox()
        for text, _ in words.SIGNINGS:
            self.signing_box.addItem(text)
        self.more = MoreFields(engine, label_width=LABEL_WIDTH)
        self.fold = Fold(words.MORE, self.more)
        self.scope_box = ComboBox()
        self.scope_box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for box in (self.binary_box, self.source_box):
            box.setChecked(True)
        self._lay_out()
        self._connect()
        self._show_kind()

    def _lay_out(self) -> None:
        top = FormRows(label_width=LABEL_WIDTH)
        self.address.edit.setAccessibleName(words.ADDRESS)
        self.name_edit.setAccessibleName(words.NAME)
        self.address_row: FormRow = top.add(words.ADDRESS, self.address)
        self.path_row: FormRow = top.add(words.WRITTEN_AS, self.path_box)
        self.path_box.setAccessibleName(words.WRITTEN_AS)
        self.path_row.set_visible(wanted=False)
        self.name_row: FormRow = top.add(words.NAME, self.name_edit)
        middle = FormRows(label_width=LABEL_WIDTH)
        self._push_only_row = middle.add("", self.push_only_box)
        self.contains_row: FormRow = middle.add(words.CONTAINS, self._contents())
        self._signing_row = middle.add(words.SIGNING, self.signing_box)
        bottom = FormRows(label_width=LABEL_WIDTH)
        self.scope_row: FormRow = bottom.add(words.SAVE_IN, self.scope_box)
        self.signing_box.setAccessibleName(words.SIGNING)
        self.scope_box.setAccessibleName(words.SAVE_IN)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        for part in (top, self.login, middle, self.fold, bottom):
            column.addWidget(part)
        column.addStretch(1)

    def _contents(self) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_L)
        for box in (self.binary_box, self.source_box, self.autopush_box):
            row.addWidget(box)
        row.addStretch(1)
        widget.setFocusProxy(self.binary_box)
        return widget

    def _connect(self) -> None:
        for edit in (self.address.edit, self.name_edit):
            edit.textChanged.connect(self._on_edited)
        self.name_edit.textEdited.connect(self._on_name_typed)
        self.name_edit.editingFinished.connect(self._show_name_problem)
        self.login.edited.connect(self._on_edited)
        self.more.edited.connect(self._on_edited)
        for box in (self.push_only_box, self.binary_box, self.source_box, self.autopush_box):
            box.toggled.connect(self._on_edited)
        self.source_box.clicked.connect(self._on_source_clicked)
        for choice in (self.signing_box, self.scope_box, self.path_box):
            choice.currentIndexChanged.connect(self._on_edited)

    # ---- what is entered ----

    @property
    def text(self) -> str:
        """The address as it stands in the field."""
        return self.address.edit.text().strip()

    @property
    def name(self) -> str:
        return self.name_edit.text().strip()

    @property
    def scope(self) -> ScopeRow | None:
        at = self.scope_box.currentIndex()
        return self._scopes[at] if 0 <= at < len(self._scopes) else None

    @property
    def kind(self) -> MirrorKind | None:
        return self.facts.kind if self.facts is not None else None

    @property
    def has_login(self) -> bool:
        """True for places one signs in to."""
        return self.kind in _WITH_LOGIN

    @property
    def understood(self) -> bool:
        """True if `facts` are about what stands in the field now."""
        return self.facts is not None and self._understood == self._written

    @property
    def _written(self) -> tuple[str, str]:
        """The address and where it will stand: a relative path means something else in another file."""
        return self.text, self.scope.name if self.scope is not None else ""

    @property
    def made_absolute(self) -> bool:
        """True if a relative path is to be written as what it stands for."""
        return not self.path_row.field.isHidden() and bool(self.path_box.currentData())

    def form(self) -> MirrorForm:
        """The mirror as it is entered."""
        push = self._push_side()
        fetch = self._fetch_side(push)
        base = self.base
        apart = fetch != push or (base is not None and base.push is not None)
        form = MirrorForm(
            self.name,
            fetch,
            push if apart else None,
            binary=self.binary_box.isChecked(),
            source=self.source_box.isChecked(),
            signed=words.SIGNINGS[self.signing_box.currentIndex()][1],
            autopush=self.autopush_box.isChecked(),
        )
        if base is not None and base.push is not None and not base.push.url:
            return replace(form, fetch=replace(push, url=fetch.url), push=base.push)  # it has no address for pushing
        return form

    def _push_side(self) -> ConnectionForm:
        base = _main_side(self.base) if self.base is not None else None
        if base is not None and self.text == base.url and not self.made_absolute:
            side = base
        else:
            known = self.facts if self.understood else None
            url = (known.absolute if self.made_absolute else known.url) if known is not None else ""
            url = url or self.text
            side = replace(base, url=url) if base is not None else ConnectionForm(url)
        if self.has_login:
            side = self.login.applied_to(side, self.name)
        return self.more.applied_to(side) if self.kind is MirrorKind.S3 else side

    def _fetch_side(self, push: ConnectionForm) -> ConnectionForm:
        side = replace(push, url=self.more.fetch_address or push.url)
        if not self.has_login:
            return side
        if self.more.own_login:
            return self.more.with_own_login(side)
        if self.push_only_box.isChecked():
            return replace(side, user="", user_variable="", secret_variable="")
        return side

    # ---- what is wrong ----

    @property
    def problem(self) -> str:
        """The first reason why this cannot be saved, "" if there is none."""
        address = self.facts.problem if self.facts is not None and self.understood else None
        return (
            (words.TYPE_ADDRESS if not self.text else "")
            or (words.problem_text(address) if address is not None else "")
            or self._name_problem()
            or (self.login.problem if self.has_login else "")
            or self.more.problem
            or ("" if self.binary_box.isChecked() or self.source_box.isChecked() else words.NO_CONTENT)
        )

    def _name_problem(self) -> str:
        if not self.name:
            return words.NO_NAME
        if any(char.isspace() or char in "/\\" for char in self.name) or self.name in (".", ".."):
            return words.BAD_NAME
        scope = self.scope
        taken = scope is not None and self.name in scope.entries and not self._is_own_name
        return words.name_taken(scope.name) if scope is not None and taken else ""

    @property
    def _is_own_name(self) -> bool:
        return self.base is not None and self.name == self.base.name

    def show_problems(self) -> None:
        """Say everything that is wrong where it is wrong, and go to the first of it."""
        self._show_name_problem()
        self.more.show_problem()
        contents = self.binary_box.isChecked() or self.source_box.isChecked()
        self.contains_row.say("" if contents else words.NO_CONTENT, "bad")
        login_wrong = self.has_login and self.login.show_problem()
        if self.more.problem:
            self.fold.set_open(wanted=True)
        if not self.text or (self.facts is not None and self.facts.problem is not None):
            self.address.edit.setFocus()
        elif self._name_problem():
            self.name_edit.setFocus()
        elif login_wrong:
            self.login.focus_problem()

    def _show_name_problem(self) -> None:
        problem = self._name_problem()
        if problem and (self.name or self.text):
            self.name_row.say(problem, "bad")
        else:
            self._show_name_note()

    def _show_name_note(self) -> None:
        scope = self.scope
        if self._is_own_name or scope is None or not self.name:
            self.name_row.say("")
            return
        place = self._scopes.index(scope)
        above = [other.name for other in self._scopes[:place] if self.name in other.entries]
        below = [other.name for other in self._scopes[place + 1 :] if self.name in other.entries]
        if above:
            self.name_row.say(words.name_hidden(above[0]), "warn")
        elif below:
            self.name_row.say(words.name_hides(below), "warn")
        else:
            self.name_row.say(words.SUGGESTED if self._name_is_suggested and self.base is None else "")

    # ---- filling ----

    def fill(self, form: MirrorForm, *, copy: str = "") -> None:
        """Show `form`; with `copy` as a new mirror of that name, without a login."""
        self.base = None if copy else form
        main = _main_side(form)
        fetch_login = (form.fetch.user, form.fetch.user_variable, form.fetch.secret_variable)
        own = form.push is not None and any(fetch_login) and fetch_login != _login_of(form.push)
        self._name_is_suggested, self._sources_chosen = False, True
        if copy:
            main = replace(main, user="", user_variable="", secret_variable="")
        self.login.fill(main, Keep.VARIABLE if main.secret_variable else Keep.NONE)
        self.push_only_box.setChecked(form.push is not None and not any(fetch_login))
        self.more.fill(main, form.fetch, own_login=own)
        self.binary_box.setChecked(form.binary)
        self.source_box.setChecked(form.source)
        self.autopush_box.setChecked(form.autopush)
        self.signing_box.setCurrentIndex([signed for _, signed in words.SIGNINGS].index(form.signed))
        self.name_edit.setText(copy or form.name)
        self.address.edit.setText(main.url)

    def fill_login(self, login: LoginOverview) -> None:
        """How the login is kept, and what is set for the server."""
        if not self.login.touched and self.base is not None:
            self.login.fill(_main_side(self.base), login.keep, login.command)
        self.login.show_keyring(login.keyring)
        self.more.fill_settings(login.settings)

    def show_scopes(self, scopes: Sequence[ScopeRow], chosen: str) -> None:
        """Offer `scopes`, highest first; those that cannot be written say why."""
        self._scopes = tuple(scopes)
        self.scope_box.blockSignals(True)
        self.scope_box.clear()
        model = self.scope_box.model()
        for at, scope in enumerate(scopes):
            self.scope_box.addItem(words.scope_text(scope), scope.name)
            if not scope.writable and isinstance(model, QStandardItemModel):
                model.item(at).setEnabled(False)
                model.item(at).setToolTip(scope.why_not)
        self.scope_box.setCurrentIndex(self.scope_box.findData(chosen))
        self.scope_box.blockSignals(False)
        self._show_name_problem()

    def show_facts(self, facts: AddressFacts) -> None:
        """What the address means; suggest a name as long as nobody chose one."""
        self.facts, self._understood = facts, self._written
        if self._name_is_suggested and facts.suggested_name:
            self.name_edit.setText(facts.suggested_name)
        if not self._sources_chosen:
            self.source_box.setChecked(facts.kind not in _REGISTRIES)
        self.address_row.say(words.address_text(facts), "bad" if facts.problem is not None else "dim")
        self._show_path_choice(facts)
        self.more.show_compression(facts.compression, adding=self.base is None)
        self._show_kind()
        self._show_name_problem()

    def _show_path_choice(self, facts: AddressFacts) -> None:
        """How to write a relative path: as Spack's own command does, or as it was written before."""
        before = self.made_absolute if not self.path_row.field.isHidden() else self.base is None
        self.path_box.blockSignals(True)
        self.path_box.clear()
        for text, absolute in words.path_choices(facts):
            self.path_box.addItem(text, absolute)
        self.path_box.setCurrentIndex(max(0, self.path_box.findData(before)))
        self.path_box.blockSignals(False)
        self.path_row.set_visible(wanted=bool(facts.absolute))

    def show_warnings(self, warnings: Sequence[ErrorInfo]) -> None:
        """What an automatic push would not do."""
        self.contains_row.say("\n".join(words.problem_text(warning) for warning in warnings), "warn")

    def _show_kind(self) -> None:
        kind = self.kind
        self.login.setVisible(self.has_login)
        self.login.name_for_keys(keys=kind is MirrorKind.S3)
        self._push_only_row.set_visible(wanted=self.has_login)
        self._signing_row.set_visible(wanted=kind not in _REGISTRIES)
        self.address.button.setVisible(kind in (None, MirrorKind.FOLDER))
        self.more.set_kind(kind, adding=self.base is None)
        if kind is MirrorKind.OCI_HTTP:
            self.fold.set_open(wanted=True)  # whether passwords may be sent is decided there
        self._show_push_only()

    def _show_push_only(self) -> None:
        own = self.more.own_login
        self.push_only_box.setEnabled(not own)
        self.push_only_box.setToolTip(words.WHY_OWN_LOGIN if own else "")

    # ---- what people do ----

    def _on_name_typed(self) -> None:
        self._name_is_suggested = not self.name

    def _on_source_clicked(self) -> None:
        self._sources_chosen = True

    def _on_edited(self) -> None:
        if not self.text:
            self.address_row.say("")
        if self.name_row.said and not self._name_problem():
            self._show_name_note()
        if self.contains_row.said == words.NO_CONTENT:
            self.contains_row.say("")
        self._show_push_only()
        self.edited.emit()


def _main_side(form: MirrorForm) -> ConnectionForm:
    """The side whose address comes first in the form: that for pushing, if there is one."""
    return form.push if form.push is not None and form.push.url else form.fetch


def _login_of(connection: ConnectionForm) -> tuple[str, str, str]:
    return connection.user, connection.user_variable, connection.secret_variable
