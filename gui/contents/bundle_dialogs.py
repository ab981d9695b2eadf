# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packages for a site without network: making a bundle there, bringing one in here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from core.engine.calls.upkeep import DescribeBundle, ExportBundle, ImportBundle
from core.foundation.errors import MirrordeckError
from core.services.upkeep_values import BundleRequest, ImportRequest
from core.services.values import ContentsRow
from gui.contents import copy_words as words
from gui.contents.copy_dialog import CopyPlanDialog, PackagesChoice, TargetBox, side_by_side
from gui.engine_client import EngineClient
from gui.widgets.controls import CheckBox
from gui.widgets.fold import Fold
from gui.widgets.mono_text import MonoText
from gui.widgets.path_edit import PathEdit

_DEBOUNCE_MS = 500
_NEEDS_LINES = 6
_FACTS_FILE = "bundle.json"


class ExportDialog(CopyPlanDialog):
    def __init__(
        self,
        client: EngineClient,
        instance: str,
        source: str,
        rows: Sequence[ContentsRow],
        *,
        environment: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(client, instance, words.export_title(source), words.EXPORT, parent)
        self._source = source
        self.tree.replace.hide()
        self.choice = PackagesChoice(rows, environment)
        self.path = PathEdit(words.CHOOSE_FOLDER, folder=True, engine=client)
        self.path.edit.setPlaceholderText(words.BUNDLE_EXAMPLE)
        self.dependencies_box = CheckBox(words.DEPENDENCIES)
        self.dependencies_box.setChecked(True)
        self.bootstrap_box = CheckBox(words.BOOTSTRAP)
        self.sources_box = CheckBox(words.SOURCES)
        self.form.add(words.WHAT, side_by_side(self.choice, self.dependencies_box))
        self.form.add(words.BUNDLE, self.path).say(words.BUNDLE_HINT)
        self.form.add(words.ADD, side_by_side(self.bootstrap_box, self.sources_box)).say(words.EXTRAS_HINT)
        self._pause = _Pause(self, self.replan)
        self.path.edit.textChanged.connect(lambda _text: self._on_typing())
        self.choice.activated.connect(self.replan)
        for box in (self.dependencies_box, self.bootstrap_box, self.sources_box):
            box.clicked.connect(self.replan)

    def open(self) -> None:
        super().open()
        self.path.edit.setFocus()
        self.replan()

    def _on_typing(self) -> None:
        self.forbid(words.WHY_PLANNING)
        self._pause.start()

    @property
    def why_no_request(self) -> str:
        return words.WHY_NO_PATH

    def request(self) -> ExportBundle | None:
        self.dependencies_box.setEnabled(not self.choice.everything)
        path = self.path.edit.text().strip()
        if not path:
            return None
        request = BundleRequest(
            source=self._source,
            path=path,
            hashes=self.choice.hashes,
            environment=self.choice.environment,
            dependencies=self.dependencies_box.isChecked(),
            bootstrap=self.bootstrap_box.isChecked(),
            sources=self.sources_box.isChecked(),
        )
        return ExportBundle(self._instance, request)

    def done(self, result: int) -> None:
        self._pause.stop()
        self.path.tasks.cancel_all()
        super().done(result)


class ImportDialog(CopyPlanDialog):
    """Into `target`, unless another one is chosen. Planning reads all of the bundle, which takes its time."""

    def __init__(self, client: EngineClient, instance: str, target: str, parent: QWidget | None = None) -> None:
        super().__init__(client, instance, words.IMPORT_TITLE, words.IMPORT, parent)
        self._describing: asyncio.Task[None] | None = None
        self.path = PathEdit(words.CHOOSE_BUNDLE, folder=False, engine=client)
        self.path.edit.setPlaceholderText(words.BUNDLE_EXAMPLE)
        self.target_box = TargetBox()
        self.target_box.set_target(target)
        self.needs = MonoText(words.NEEDS)
        self.needs.fit_lines(_NEEDS_LINES)
        self.needs_fold = Fold(words.NEEDS, self.needs)
        self.needs_fold.hide()
        self._bundle = self.form.add(words.BUNDLE, self.path)
        self.form.add(words.TO, self.target_box)
        self.body.insertWidget(1, self.needs_fold)
        self._pause = _Pause(self, self._on_settled)
        self.path.edit.textChanged.connect(lambda _text: self._on_typing())
        self.target_box.target_changed.connect(self.replan)

    def open(self) -> None:
        super().open()
        self.path.edit.setFocus()
        self.replan()
        self.tasks.start(self._offer())

    async def _offer(self) -> None:
        await self.target_box.offer(self.client, self._instance)

    @property
    def bundle(self) -> str:
        """A folder is chosen by the file in it that describes it."""
        text = self.path.edit.text().strip()
        return str(Path(text).parent) if Path(text).name == _FACTS_FILE else text

    @property
    def why_no_request(self) -> str:
        return words.WHY_NO_TARGET if self.bundle else words.WHY_NO_BUNDLE

    def request(self) -> ImportBundle | None:
        if not self.bundle or not self.target_box.target:
            return None
        request = ImportRequest(self.bundle, self.target_box.target, force=self.tree.replace.isChecked())
        return ImportBundle(self._instance, request)

    def _on_typing(self) -> None:
        self.forbid(words.WHY_PLANNING)
        self._pause.start()

    def _on_settled(self) -> None:
        if self._describing is not None:
            self._describing.cancel()
        self._describing = self.tasks.start(self._describe(self.bundle)) if self.bundle else None
        self.replan()
        if self.bundle:
            self.sentence.setText(words.CHECKING)

    async def _describe(self, path: str) -> None:
        self._bundle.say("")
        self.needs_fold.hide()
        try:
            summary = await self.client.call(DescribeBundle(path))
        except MirrordeckError:
            return  # the plan says what is wrong with it
        self._bundle.say(words.bundle_facts(summary))
        self.needs.setPlainText(words.bundle_needs(summary))
        self.needs_fold.setVisible(bool(summary.needs))
        self.make_room()

    def done(self, result: int) -> None:
        self._pause.stop()
        self.path.tasks.cancel_all()
        super().done(result)


class _Pause(QTimer):
    """Waits until somebody has typed to the end."""

    def __init__(self, parent: QWidget, then: Callable[[], None]) -> None:
        super().__init__(parent)
        self.setSingleShot(True)
        self.setInterval(_DEBOUNCE_MS)
        self.timeout.connect(then)
