# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signs packages that were pushed without a signature."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from core.engine.calls.keys import ListKeys, SignEntries
from core.foundation.errors import MirrordeckError, PassphraseNeeded
from core.foundation.text import visible
from core.services.keys_values import Key, SigningStep, SignRequest
from core.services.values import ContentsRow
from gui import messages
from gui.contents import sign_words as words
from gui.engine_client import EngineClient
from gui.keys.dialogs import UnlockDialog
from gui.widgets.bars import Bar
from gui.widgets.controls import ComboBox
from gui.widgets.dialogs import ask
from gui.widgets.form_rows import FormRows
from gui.widgets.labels import WrappedLabel
from gui.widgets.mono_text import MonoText
from gui.widgets.task_dialog import TaskDialog

_HEIGHT = 300
_PROBLEMS_HEIGHT = 100


class SignDialog(TaskDialog):
    """`rows` are packages that are not signed, to be offered besides all others. `step` is how far signing has come,
    None before it began."""

    def __init__(
        self,
        client: EngineClient,
        instance: str,
        mirror: str,
        rows: Sequence[ContentsRow],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(words.title(mirror), words.SIGN, parent, height=_HEIGHT)
        self._client = client
        self._instance = instance
        self._mirror = mirror
        self._keys: tuple[Key, ...] = ()
        self._why_not = words.READING_KEYS
        self.step: SigningStep | None = None
        self.ended = False
        self.which = ComboBox()
        if rows:
            self.which.addItem(words.selected(len(rows)), tuple(row.hash for row in rows))
        self.which.addItem(words.ALL, ())
        self.key_box = ComboBox()
        self.form = FormRows()
        self.form.add(words.PACKAGES, self.which)
        self.form.add(words.KEY, self.key_box)
        self.bar = Bar()
        self.bar.setAccessibleName(words.PROGRESS)
        self.bar.hide()
        self.status = WrappedLabel(tone="dim")
        self.problems = MonoText(words.PROBLEMS, least_height=_PROBLEMS_HEIGHT)
        self.problems.hide()
        self.body.addWidget(WrappedLabel(words.TEXT, tone="dim"))
        self.body.addWidget(self.form)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.status)
        self.body.addWidget(self.problems, 1)
        self.body.addStretch(0)
        self.confirm_button.clicked.connect(lambda: self.work(self._sign))
        self._allow()

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.work(self._read_keys)

    @property
    def close_text(self) -> str:
        return messages.CLOSE if self.ended else messages.CANCEL

    @property
    def changed(self) -> bool:
        return self.step is not None and self.step.changed > 0

    async def _read_keys(self) -> None:
        view = await self._client.call(ListKeys(self._instance))
        self._keys = tuple(key for key in view.keys if key.secret and not key.problem)
        for key in self._keys:
            self.key_box.addItem(words.key_line(key), key.fingerprint)
        self._why_not = "" if self._keys else words.WHY_NO_KEY
        self.status.setText(self._why_not)

    async def _sign(self) -> None:
        self.notice.clear()
        self.bar.show()
        key = self._keys[self.key_box.currentIndex()]
        request = SignRequest(self._mirror, hashes=self.which.currentData(), key=key.fingerprint)
        while True:
            try:
                self.step = await self._client.call(SignEntries(self._instance, request), self._on_steps)
                break
            except MirrordeckError as error:
                if error.info().code != PassphraseNeeded.code:
                    raise
            if not await ask(self._unlock_dialog(key)):
                self.status.setText(words.LOCKED)
                return
        self._finish(self.step)

    def _unlock_dialog(self, key: Key) -> UnlockDialog:
        return UnlockDialog(self._client, self._instance, key.fingerprint, key.user_id, self)

    def _on_steps(self, steps: list[SigningStep]) -> None:
        self.step = steps[-1]
        self.bar.set_share(self.step.done / self.step.total)
        self.status.setText(words.progress(self.step))

    def _finish(self, step: SigningStep) -> None:
        self.ended = True
        if not step.problems:
            self.accept()
            return
        self.bar.hide()
        self.status.setText(words.result(step))
        self.problems.setPlainText("\n".join(visible(problem.sentence()) for problem in step.problems))
        self.problems.show()
        self.confirm_button.hide()
        self.make_room()

    def on_stopped(self) -> None:
        self.status.setText(words.STOPPED if self.changed else "")

    def on_working(self) -> None:
        self._allow()

    def _allow(self) -> None:
        self.form.setEnabled(not self.working and not self.ended)
        self.forbid(messages.WHY_WORKING if self.working and self._keys else self._why_not)
