# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dialogs about keys. Open them with `ask`; accepted means that it was done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.engine.calls.keys import AllowKeys, CreateKey, LookAtKeys, PublishKeys, TrustKeys, UnlockKey
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.text import visible
from core.services.keys_values import Key, KeyOffer, KeySource, MirrorKeys, NewKey
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.keys import words
from gui.theme import FontRole
from gui.widgets.banner import Banner
from gui.widgets.controls import Button, CheckBox, ComboBox
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import Label
from gui.widgets.page import TaskOwner
from gui.widgets.refresh_line import RefreshLine
from gui.widgets.secret_edit import SecretEdit

_WIDTH = 540
_LABELS = 90


class KeyDialog(QDialog):
    """A heading, a sentence, `content`, and a button that does `work`; then it closes, or says why not."""

    def __init__(
        self, client: EngineClient, instance: str, title: str, text: str, confirm: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.client = client
        self.instance = instance
        self.tasks = TaskOwner()
        self.setWindowTitle(title)
        self.setFixedWidth(theme.scaled(_WIDTH))
        self.busy_line = RefreshLine()
        self.heading = Label(title, FontRole.TITLE)
        self.heading.setWordWrap(True)
        self.text = Label(text, tone="dim")
        self.text.setWordWrap(True)
        self.content = QVBoxLayout()
        self.content.setSpacing(theme.SPACE_S)
        self.notice = Banner(stacked=True)
        self.cancel_button = Button(messages.CANCEL)
        self.confirm_button = Button(confirm, primary=True)
        self.confirm_button.setDefault(True)
        self.cancel_button.clicked.connect(self.reject)
        self.confirm_button.clicked.connect(self._on_confirm)
        self._lay_out()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.confirm_button)
        inside = QVBoxLayout()
        margin = theme.PAGE_MARGIN
        inside.setContentsMargins(margin, theme.SPACE_L, margin, theme.SPACE_L)
        inside.setSpacing(theme.SPACE_M)
        for widget in (self.heading, self.text):
            inside.addWidget(widget)
        inside.addLayout(self.content)
        inside.addWidget(self.notice)
        inside.addSpacing(theme.SPACE_XS)
        inside.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.busy_line)
        outer.addLayout(inside)

    async def work(self) -> None:
        """Ask the engine to do it. What it raises is shown."""
        raise NotImplementedError

    def forbid(self, why: str) -> None:
        """Say why it cannot be done now; "" allows it."""
        self.confirm_button.setEnabled(not why)
        self.confirm_button.setToolTip(why)

    def show_error(self, error: ErrorInfo) -> None:
        text = messages.sentences(error.why, *error.remedies)
        self.notice.show_notice(error.title, text, tone="bad", closable=False)
        self.adjustSize()

    def _on_confirm(self) -> None:
        if not self.tasks.busy:
            self.tasks.start(self._carry_out())

    async def _carry_out(self) -> None:
        self.busy_line.set_running(True)
        self.forbid(messages.WHY_WORKING)
        try:
            await self.work()
        except MirrordeckError as error:
            self.show_error(error.info())
        else:
            self.accept()
        finally:
            self.busy_line.set_running(False)
            self.forbid("")

    def done(self, result: int) -> None:
        self.tasks.cancel_all()
        super().done(result)


class CreateDialog(KeyDialog):
    """`key` is the new one."""

    def __init__(self, client: EngineClient, instance: str, parent: QWidget | None = None) -> None:
        super().__init__(client, instance, words.CREATE_TITLE, words.CREATE_TEXT, words.CREATE, parent)
        self.key: Key | None = None
        self.name_edit, self.email_edit = QLineEdit(), QLineEdit()
        self.expiry_box = ComboBox()
        for text, value in words.EXPIRY_CHOICES:
            self.expiry_box.addItem(text, value)
        self.passphrase = SecretEdit(words.PASSPHRASE)
        rows = FormRows(label_width=_LABELS)
        rows.add(words.NAME, self.name_edit)
        rows.add(words.EMAIL, self.email_edit)
        rows.add(words.EXPIRES, self.expiry_box)
        rows.add(words.PASSPHRASE, self.passphrase).say(words.PASSPHRASE_HINT)
        self.content.addWidget(rows)
        self.name_edit.setFocus()

    async def work(self) -> None:
        wanted = NewKey(self.name_edit.text().strip(), self.email_edit.text().strip())
        wanted = NewKey(wanted.name, wanted.email, wanted.comment, str(self.expiry_box.currentData()))
        secret = self.passphrase.secret
        self.key = await self.client.call(CreateKey(self.instance, wanted, secret or None))
        self.passphrase.forget()


class TrustDialog(KeyDialog):
    """The keys of an offer with their fingerprints; those of a mirror are ticked one by one. `trusted` is what was
    trusted."""

    def __init__(self, client: EngineClient, instance: str, offer: KeyOffer, parent: QWidget | None = None) -> None:
        source = offer.source.mirror or PurePath(offer.source.file).name
        super().__init__(client, instance, words.offer_title(source), words.TRUST_TEXT, words.TRUST, parent)
        self.trusted: tuple[Key, ...] = ()
        self._offer = offer
        self.boxes: dict[str, CheckBox] = {}
        for offered in offer.keys:
            self.content.addWidget(self._key_widget(offered.key, trusted=offered.trusted))
        for problem in offer.problems:
            self.notice.show_notice(problem.title, problem.why, tone="warn", closable=False)
        self._on_ticked()

    def _key_widget(self, key: Key, *, trusted: bool) -> QWidget:
        widget = QWidget()
        column = QVBoxLayout(widget)
        column.setContentsMargins(0, theme.SPACE_XS, 0, theme.SPACE_XS)
        column.setSpacing(2)
        owner = f"{visible(key.user_id)} ({words.TRUSTED_ALREADY})" if trusted else visible(key.user_id)
        if self._offer.source.mirror and not trusted:
            box = self.boxes[key.fingerprint] = CheckBox(owner)
            box.toggled.connect(self._on_ticked)
            column.addWidget(box)
        else:
            column.addWidget(Label(owner, FontRole.STRONG))
        column.addWidget(Label(words.fingerprint(key.fingerprint), FontRole.MONO).make_selectable())
        column.addWidget(Label(words.key_facts(key), FontRole.SMALL, "dim"))
        return widget

    def chosen(self) -> tuple[str, ...]:
        if self._offer.source.file:
            return tuple(offered.key.fingerprint for offered in self._offer.keys)
        return tuple(fingerprint for fingerprint, box in self.boxes.items() if box.isChecked())

    def _on_ticked(self) -> None:
        self.forbid("" if self.chosen() else words.TRUST_NOTHING)

    async def work(self) -> None:
        self.trusted = await self.client.call(TrustKeys(self.instance, self._offer.source, self.chosen()))


class MirrorDialog(KeyDialog):
    """Something about keys and one of `mirrors`."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirrors: Sequence[MirrorKeys],
        *,
        title: str,
        text: str,
        confirm: str,
        without: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(client, instance, title, text, confirm, parent)
        self.box = ComboBox()
        for row in mirrors:
            self.box.addItem(visible(row.mirror), row.mirror)
        self.rows = FormRows(label_width=_LABELS)
        self.rows.add(words.MIRROR, self.box)
        self.content.addWidget(self.rows)
        if not mirrors:
            self.notice.show_notice("", without, tone="info", closable=False)
            self.forbid(without)

    @property
    def mirror(self) -> str:
        return str(self.box.currentData() or "")


class ImportDialog(MirrorDialog):
    """`offer` is what the chosen mirror publishes."""

    def __init__(
        self, client: EngineClient, instance: str, mirrors: Sequence[MirrorKeys], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            client,
            instance,
            [row for row in mirrors if row.possible],
            title=words.IMPORT_TITLE,
            text=words.IMPORT_TEXT,
            confirm=words.IMPORT_NEXT,
            without=words.NO_KEY_MIRROR,
            parent=parent,
        )
        self.offer: KeyOffer | None = None

    async def work(self) -> None:
        self.offer = await self.client.call(LookAtKeys(self.instance, KeySource(mirror=self.mirror)))
        if not self.offer.keys:
            why = self.offer.problems[0].sentence() if self.offer.problems else ""
            raise MirrordeckError(words.IMPORT_NONE, why)


class PublishDialog(MirrorDialog):
    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirrors: Sequence[MirrorKeys],
        keys: Sequence[Key],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            client,
            instance,
            [row for row in mirrors if row.writable],
            title=words.publish_title(keys),
            text=words.PUBLISH_TEXT,
            confirm=words.PUBLISH,
            without=words.NO_MIRROR,
            parent=parent,
        )
        self._keys = tuple(key.fingerprint for key in keys)

    async def work(self) -> None:
        await self.client.call(PublishKeys(self.instance, self.mirror, self._keys))


class AllowDialog(MirrorDialog):
    """`chosen` are the keys that alone count there now, none meaning every one."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirrors: Sequence[MirrorKeys],
        keys: Sequence[Key],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            client,
            instance,
            [row for row in mirrors if row.possible],
            title=words.ALLOW_TITLE,
            text=words.ALLOW_TEXT,
            confirm=words.ALLOW,
            without=words.NO_KEY_MIRROR,
            parent=parent,
        )
        self._keys = tuple(keys)
        self.which = ComboBox()
        self.which.addItem(words.accept_only(keys), True)
        self.which.addItem(words.EVERY_KEY, False)
        self.rows.add(words.ACCEPTED, self.which)

    @property
    def chosen(self) -> tuple[Key, ...]:
        return self._keys if self.which.currentData() else ()

    async def work(self) -> None:
        names = tuple(key.fingerprint for key in self.chosen)
        await self.client.call(AllowKeys(self.instance, self.mirror, names))


class UnlockDialog(KeyDialog):
    """Asks for the passphrase of a key once."""

    def __init__(
        self, client: EngineClient, instance: str, fingerprint: str, owner: str, parent: QWidget | None = None
    ) -> None:
        text = words.unlock_text(owner, fingerprint)
        super().__init__(client, instance, words.UNLOCK_TITLE, text, words.UNLOCK, parent)
        self._fingerprint = fingerprint
        self.passphrase = SecretEdit(words.PASSPHRASE)
        rows = FormRows(label_width=_LABELS)
        rows.add(words.PASSPHRASE, self.passphrase).say(words.UNLOCK_HINT)
        self.content.addWidget(rows)
        self.passphrase.setFocus()

    async def work(self) -> None:
        secret = self.passphrase.secret
        self.passphrase.forget()
        self.passphrase.setFocus()
        await self.client.call(UnlockKey(self.instance, self._fingerprint, secret))
