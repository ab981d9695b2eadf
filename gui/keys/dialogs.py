# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Dialogs about keys. Open them with `ask`; accepted means that it was done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from core.engine.calls.keys import AllowKeys, CreateKey, LookAtKeys, PublishKeys, TrustKeys, UnlockKey
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.keys_values import Key, KeyOffer, KeySource, MirrorKeys, NewKey
from gui import messages, theme
from gui.engine_client import EngineClient
from gui.keys import words
from gui.theme import FontRole
from gui.widgets.controls import CheckBox, ComboBox
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import Label
from gui.widgets.secret_edit import SecretEdit
from gui.widgets.task_dialog import TaskDialog

_WIDTH = 540
_LABELS = 90


class KeyDialog(TaskDialog):
    """A sentence, `content`, and a button that has the engine `do` something; then it closes, or says why not."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        title: str,
        text: str,
        confirm: str,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, confirm, parent, height=0)
        self.client = client
        self.instance = instance
        self.setFixedWidth(theme.scaled(_WIDTH))
        self.content = QVBoxLayout()
        self.content.setSpacing(theme.SPACE_S)
        sentence = Label(text, tone="dim")
        sentence.setWordWrap(True)
        self.body.addWidget(sentence)
        self.body.addLayout(self.content)
        self.confirm_button.setDefault(True)
        self.confirm_button.clicked.connect(lambda: self.work(self._carry_out))

    def open(self) -> None:
        super().open()
        layout = self.layout()
        if layout is not None:  # how high it has to be is known only now
            layout.activate()
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    async def do(self) -> None:
        """Ask the engine. What it raises is shown."""
        raise NotImplementedError

    async def _carry_out(self) -> None:
        await self.do()
        self.accept()

    def on_working(self) -> None:
        self.forbid(messages.WHY_WORKING if self.working else "")


class CreateDialog(KeyDialog):
    """`key` is the new one."""

    def __init__(self, client: EngineClient, instance: str, parent: QWidget | None = None) -> None:
        super().__init__(client, instance, words.CREATE_TITLE, words.CREATE_TEXT, words.CREATE, parent=parent)
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
        rows.add(words.PASSPHRASE, self.passphrase).say(words.MAY_BE_EMPTY)
        self.content.addWidget(rows)
        self.name_edit.setFocus()

    async def do(self) -> None:
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
        super().__init__(client, instance, words.offer_title(source), words.TRUST_TEXT, words.TRUST, parent=parent)
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
        owner = visible(key.user_id)
        if self._offer.source.mirror and not trusted:
            box = self.boxes[key.fingerprint] = CheckBox(owner)
            box.setFont(theme.font(FontRole.STRONG))
            box.toggled.connect(self._on_ticked)
            column.addWidget(box)
        else:
            column.addWidget(Label(owner, FontRole.STRONG))
        column.addWidget(Label(words.fingerprint(key.fingerprint), FontRole.MONO).make_selectable())
        column.addWidget(Label(words.key_facts(key, trusted=trusted), FontRole.SMALL, "dim"))
        return widget

    def chosen(self) -> tuple[str, ...]:
        if self._offer.source.file:
            return tuple(offered.key.fingerprint for offered in self._offer.keys)
        return tuple(fingerprint for fingerprint, box in self.boxes.items() if box.isChecked())

    def _on_ticked(self) -> None:
        self.forbid("" if self.chosen() else words.TRUST_NOTHING)

    async def do(self) -> None:
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
        super().__init__(client, instance, title, text, confirm, parent=parent)
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

    async def do(self) -> None:
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
            title=words.PUBLISH_TITLE,
            text=words.publish_text(keys),
            confirm=words.PUBLISH,
            without=words.NO_MIRROR,
            parent=parent,
        )
        self._keys = tuple(key.fingerprint for key in keys)

    async def do(self) -> None:
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

    async def do(self) -> None:
        names = tuple(key.fingerprint for key in self.chosen)
        await self.client.call(AllowKeys(self.instance, self.mirror, names))


class UnlockDialog(KeyDialog):
    """Asks for the passphrase of a key once."""

    def __init__(
        self, client: EngineClient, instance: str, fingerprint: str, owner: str, parent: QWidget | None = None
    ) -> None:
        text = words.unlock_text(owner, fingerprint)
        super().__init__(client, instance, words.UNLOCK_TITLE, text, words.UNLOCK, parent=parent)
        self._fingerprint = fingerprint
        self.passphrase = SecretEdit(words.PASSPHRASE)
        rows = FormRows(label_width=_LABELS)
        rows.add(words.PASSPHRASE, self.passphrase).say(words.UNLOCK_HINT)
        self.content.addWidget(rows)
        self.passphrase.setFocus()

    async def do(self) -> None:
        secret = self.passphrase.secret
        self.passphrase.forget()
        self.passphrase.setFocus()
        await self.client.call(UnlockKey(self.instance, self._fingerprint, secret))
