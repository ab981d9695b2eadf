# SPDX-License-Identifier: Apache-2.0 OR MIT
"""From the format of Spack before 1.0 to the present one; and what is left of the old one afterwards."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from core.engine.calls.upkeep import DeleteOldLayout, LookAtOldLayout, PlanMigration
from core.services.upkeep_values import MigrateRequest, OldLayoutView
from gui.contents import copy_words as words
from gui.contents import removal_words
from gui.contents.copy_dialog import CopyPlanDialog
from gui.contents.permission import allow_deleting, may_delete
from gui.engine_client import EngineClient
from gui.widgets.controls import CheckBox
from gui.widgets.labels import WrappedLabel
from gui.widgets.task_dialog import TaskDialog

_HEIGHT = 300


class MigrateDialog(CopyPlanDialog):
    """The old format stays as it is."""

    def __init__(self, client: EngineClient, instance: str, mirror: str, parent: QWidget | None = None) -> None:
        super().__init__(client, instance, words.migrate_title(mirror), words.MIGRATE, parent)
        self._mirror = mirror
        self.tree.replace.hide()
        self.unsigned_box = CheckBox(words.DROP_SIGNATURES)
        self.form.add(words.SIGNATURES, self.unsigned_box).say(words.SIGNATURES_HINT)
        self.body.insertWidget(0, WrappedLabel(words.MIGRATE_TEXT, tone="dim"))
        self.unsigned_box.clicked.connect(self.replan)

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.replan()

    @property
    def why_no_request(self) -> str:
        return words.WHY_PLANNING

    def request(self) -> PlanMigration:
        return PlanMigration(self._instance, MigrateRequest(self._mirror, unsigned=self.unsigned_box.isChecked()))


class OldLayoutDialog(TaskDialog):
    """Deletes the old format for good, once nothing is only there. `deleted` is what went, None if nothing did."""

    def __init__(self, client: EngineClient, instance: str, mirror: str, parent: QWidget | None = None) -> None:
        super().__init__(words.OLD_TITLE, removal_words.PERMANENTLY, parent, height=_HEIGHT)
        self._client = client
        self._instance = instance
        self._mirror = mirror
        self._view: OldLayoutView | None = None
        self.deleted: OldLayoutView | None = None
        self.what_goes = WrappedLabel(removal_words.PLANNING)
        self.only_there = WrappedLabel(tone="warn")
        self.body.addWidget(self.what_goes)
        self.body.addWidget(self.only_there)
        self.body.addStretch(1)
        self.confirm_button.clicked.connect(lambda: self.work(self._delete))
        self._allow()

    def open(self) -> None:
        super().open()
        self.cancel_button.setFocus()
        self.work(self._look)

    async def _look(self) -> None:
        self._view = await self._client.call(LookAtOldLayout(self._instance, self._mirror))
        self.what_goes.setText(words.old_goes(self._view))
        self.only_there.setText(words.only_old(self._view))
        if self._view.files and not may_delete(self._mirror):
            self.notice.show_notice(
                removal_words.not_allowed(self._mirror),
                removal_words.ALLOW_TEXT,
                tone="warn",
                button=removal_words.ALLOW,
                action=self._on_allow,
                closable=False,
            )

    def _on_allow(self) -> None:
        allow_deleting(self._mirror)
        self.notice.clear()
        self._allow()

    async def _delete(self) -> None:
        self.deleted = await self._client.call(DeleteOldLayout(self._instance, self._mirror))
        self.accept()

    def on_working(self) -> None:
        self._allow()

    def _allow(self) -> None:
        view = self._view
        if view is None or self.working:
            self.forbid(removal_words.PLANNING)
        elif not view.files:
            self.forbid(removal_words.WHY_NOTHING)
        elif view.only_there:
            self.forbid(words.WHY_ONLY_OLD)
        else:
            self.forbid("" if may_delete(self._mirror) else removal_words.WHY_NOT_ALLOWED)
