# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A question of ssh or sudo, as a dialog of ours."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.foundation.secret import Secret
from gui import messages, theme
from gui.remote import words
from gui.remote.askpass import Question
from gui.theme import FontRole
from gui.widgets.controls import Button
from gui.widgets.dialogs import ask
from gui.widgets.labels import Label
from gui.widgets.secret_edit import SecretEdit

_WIDTH = 520


class QuestionDialog(QDialog):
    """Who asks what, and a hidden field or yes and no. Open it with `ask`."""

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(messages.APP_NAME)
        self.setMinimumWidth(theme.scaled(_WIDTH))
        heading = Label(words.asks(question.who), FontRole.BIG)
        heading.setWordWrap(True)
        prompt = Label(words.prompt(question.prompt))
        prompt.setWordWrap(True)
        prompt.make_selectable()
        self.secret_edit = SecretEdit(words.ANSWER)
        self.secret_edit.setVisible(not question.yes_or_no and question.kind != "none")
        self.refuse_button = Button(words.NO if question.yes_or_no else messages.CANCEL)
        self.refuse_button.clicked.connect(self.reject)
        self.answer_button = Button(words.YES if question.yes_or_no else words.CONTINUE, primary=True)
        self.answer_button.clicked.connect(self.accept)
        self.answer_button.setVisible(question.kind != "none")
        self.secret_edit.edit.returnPressed.connect(self.answer_button.click)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.SPACE_S)
        buttons.addStretch(1)
        buttons.addWidget(self.refuse_button)
        buttons.addWidget(self.answer_button)
        layout = QVBoxLayout(self)
        margin = theme.PAGE_MARGIN
        layout.setContentsMargins(margin, margin, margin, margin)
        layout.setSpacing(theme.SPACE_M)
        for widget in (heading, prompt, self.secret_edit):
            layout.addWidget(widget)
        layout.addSpacing(theme.SPACE_S)
        layout.addLayout(buttons)
        if question.yes_or_no:
            self.refuse_button.setDefault(True)
            self.refuse_button.setFocus()
        else:
            self.secret_edit.setFocus()


async def answer_of_person(question: Question, parent: QWidget) -> Secret | None:
    """What a person answers; None if they do not. What was typed is in no widget any more afterwards."""
    dialog = QuestionDialog(question, parent)
    try:
        if not await ask(dialog):
            return None
        return Secret("yes") if question.yes_or_no else dialog.secret_edit.secret
    finally:
        if isValid(dialog):
            dialog.secret_edit.forget()
