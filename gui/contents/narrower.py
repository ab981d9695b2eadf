# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Narrows the listing by what is typed: plain words at once, specs as the engine understands them."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject, Signal

from core.engine.calls.contents import FindEntries
from core.foundation.errors import MirrordeckError
from core.services.package_values import QueryProblem
from core.spack.versions import version_key
from gui.contents.model import ContentsModel
from gui.contents.rows import Section
from gui.engine_client import EngineClient
from gui.packages.completion import is_spec
from gui.widgets.page import TaskOwner

_PLAIN = re.compile(r"[\w./:-]*")  # hashes, paths and digests are looked for as they are
_WORD = re.compile(r"[\w.\-]*\Z")
_MOST = 60


class ContentsNarrower(QObject):
    """`changed` follows every answer; `problem` is what is wrong with what was typed. Until the engine has answered,
    and where it cannot, what was shown stays; without an index a spec is taken for plain words."""

    changed = Signal()

    def __init__(self, client: EngineClient, model: ContentsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tasks = TaskOwner()
        self.problem: QueryProblem | None = None
        self._client = client
        self._model = model

    def choose(self, instance_id: str, place: str, text: str) -> None:
        self.tasks.cancel_all()
        self.problem = None
        if place and is_spec(text) and not all(_PLAIN.fullmatch(word) for word in text.split()):
            self.tasks.start(self._find(FindEntries(instance_id, place, text)))
        else:
            self._model.set_filter(text)
            self.changed.emit()

    async def _find(self, call: FindEntries) -> None:
        try:
            found = await self._client.call(call)
        except MirrordeckError as error:
            self.problem = QueryProblem(error.info().title, error.info().why, 0)
            self._model.set_filter(call.text)
        else:
            self.problem = found.problem
            if found.problem is None:
                self._model.set_filter("", frozenset(found.hashes))
        self.changed.emit()

    def complete(self, before: str) -> tuple[int, list[str]]:
        """Where the word at the end of `before` starts, and which names or versions it may become."""
        match = _WORD.search(before)
        start = match.start() if match is not None else len(before)
        typed, contents = before[start:], self._model.contents
        if start and before[start - 1] == "@":
            name = _WORD.search(before[: start - 1])
            group = contents.groups.get((Section.PACKAGES, name.group() if name is not None else ""))
            versions = {contents.rows[key].version for key in group.keys} if group is not None else set()
            offers = sorted(versions, key=version_key, reverse=True)
        else:
            offers = sorted(name for section, name in contents.groups if section is Section.PACKAGES)
        return start, [offer for offer in offers if offer.startswith(typed)][:_MOST]
