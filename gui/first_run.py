# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is seen first: what was found on this machine, and the ways to go on. No network."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.engine.calls.instances import FindCheckouts, SurveyInstance
from core.engine.calls.logins import KeyringState
from core.foundation.errors import MirrordeckError
from core.foundation.text import visible
from core.services.login_values import KeyringCondition
from core.services.values import InstanceInfo
from gui import icons, messages, theme
from gui.actions import Actions
from gui.engine_client import EngineClient
from gui.side_bar import instance_text
from gui.theme import FontRole
from gui.widgets.card import Card
from gui.widgets.controls import ActionButton, Button
from gui.widgets.labels import Label, WrappedLabel
from gui.widgets.page import TaskOwner

_WIDTH = 620
_MOST_OFFERED = 3


class _Finding(QWidget):
    """A mark, what was looked for, and what was found."""

    def __init__(self, subject: str, wait: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mark = QLabel()
        name = Label(subject, tone="dim")
        name.setMinimumWidth(theme.scaled(96))
        self.text = WrappedLabel()
        head = QHBoxLayout()
        head.setSpacing(theme.SPACE_S)
        head.addWidget(self._mark)
        head.addWidget(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addLayout(head)
        row.setAlignment(head, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        self.wait(wait)

    def wait(self, text: str) -> None:
        """Nothing is known yet; `text` says what is going on."""
        self.text.setText(visible(text))
        icons.bind_label(self._mark, "circle", "dim")

    def say(self, text: str, *, good: bool) -> None:
        self.text.setText(visible(text))
        icons.bind_label(self._mark, "check" if good else "info", "ok" if good else "warn")


class FirstRun(QWidget):
    """`finished` follows a choice of the person; `checkout_chosen(path)` one of the instances that were found."""

    finished = Signal()
    checkout_chosen = Signal(str)

    def __init__(
        self, client: EngineClient, actions: Actions, *, read_only: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._read_only = read_only
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._client = client
        self._commands = actions
        self.tasks = TaskOwner()
        self.spack = _Finding("Spack", messages.OPENING_INSTANCE)
        self.contents = _Finding(messages.FIRST_RUN_CONTENTS, messages.COUNTING)
        self.keyring = _Finding(messages.FIRST_RUN_KEYRING, messages.FIRST_RUN_ASKING)
        self.sample_button = ActionButton(actions.open_sample)
        self.open_button = ActionButton(actions.open_instance, primary=True)
        self.add_button = Button(messages.FIRST_RUN_ADD, primary=True)
        self.look_button = Button(messages.FIRST_RUN_LOOK, primary=read_only)
        self.guide_button = ActionButton(actions.show_help, flat=True)
        self.add_button.clicked.connect(self._on_add)
        self.look_button.clicked.connect(self.finished)
        self._offers = QHBoxLayout()
        self._lay_out()
        self._show_ways(found=False)

    def _lay_out(self) -> None:
        picture = QLabel()
        icons.bind_label(picture, "welcome", "control_line")
        card = Card()
        card.body.setSpacing(theme.SPACE_M)
        for finding in (self.spack, self.contents, self.keyring):
            card.body.addWidget(finding)
        self._offers.setSpacing(theme.SPACE_S)
        self._offers.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addWidget(self.guide_button)
        buttons.addStretch(1)
        for button in (self.sample_button, self.open_button, self.look_button, self.add_button):
            buttons.addWidget(button)
        column = QVBoxLayout()
        column.setSpacing(theme.SPACE_M)
        column.addStretch(2)
        column.addWidget(picture, 0, Qt.AlignmentFlag.AlignHCenter)
        for text, role, tone in (
            (messages.FIRST_RUN_TITLE, FontRole.TITLE, "text"),
            (messages.FIRST_RUN_TEXT, FontRole.BODY, "dim"),
        ):
            label = Label(text, role, tone)
            label.setWordWrap(True)
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        column.addSpacing(theme.SPACE_S)
        column.addWidget(card)
        column.addLayout(self._offers)
        column.addLayout(buttons)
        column.addStretch(3)
        self._middle = QWidget()
        self._middle.setLayout(column)
        theme.density_changed.connect(self._fit_text_size)
        self._fit_text_size()
        outer = QHBoxLayout(self)
        outer.setContentsMargins(theme.PAGE_MARGIN, theme.SPACE_M, theme.PAGE_MARGIN, theme.SPACE_M)
        outer.addWidget(self._middle, 1)

    def _fit_text_size(self) -> None:
        self._middle.setMaximumWidth(theme.scaled(_WIDTH))

    def show_opening(self, sentence: str) -> None:
        """An instance is being looked for or opened, as `sentence` says."""
        self.spack.wait(sentence)

    def show_instance(self, info: InstanceInfo) -> None:
        """Spack was found; look what it has."""
        self.spack.say(messages.first_run_instance(instance_text(info, self._client.place), info.writable), good=True)
        self._show_ways(found=True)
        self.tasks.start(self._survey(info))
        self.tasks.start(self._ask_keyring(info))

    def show_no_instance(self, why: str) -> None:
        self.spack.say(messages.sentences(why, messages.FIRST_RUN_NOTHING), good=False)
        self._show_ways(found=False)
        self.tasks.start(self._offer_checkouts())

    def leave(self) -> None:
        self.tasks.cancel_all()

    def _show_ways(self, *, found: bool) -> None:
        for way in (self.sample_button, self.open_button):
            way.setVisible(not found)
        for offer in (self.contents, self.keyring, self.look_button):
            offer.setVisible(found)
        self.add_button.setVisible(found and not self._read_only)
        if self.isVisible():
            usual = self.look_button if self._read_only else self.add_button
            (usual if found else self.open_button).setFocus()

    async def _survey(self, info: InstanceInfo) -> None:
        try:
            found = await self._client.call(SurveyInstance(info.id))
        except MirrordeckError as error:
            self.contents.say(error.info().sentence(), good=False)
            return
        text = messages.first_run_counts(found.packages, found.mirrors, found.problem)
        self.contents.say(text, good=bool(found.packages) and not found.problem)

    async def _ask_keyring(self, info: InstanceInfo) -> None:
        try:
            facts = await self._client.call(KeyringState(info.id))
        except MirrordeckError as error:
            self.keyring.say(error.info().sentence(), good=False)
            return
        self.keyring.say(messages.keyring_sentence(facts.state, facts.name), good=facts.state is KeyringCondition.READY)

    async def _offer_checkouts(self) -> None:
        try:
            found = await self._client.call(FindCheckouts())
        except MirrordeckError:
            return
        while self._offers.count() > 1:  # those of an earlier look
            item = self._offers.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        for path in found[:_MOST_OFFERED]:
            button = Button(messages.OPEN_CHECKOUT.format(path=path))
            button.clicked.connect(lambda _checked=False, chosen=path: self.checkout_chosen.emit(chosen))
            self._offers.insertWidget(self._offers.count() - 1, button)

    def _on_add(self) -> None:
        self.finished.emit()
        self._commands.add_mirror.trigger()
