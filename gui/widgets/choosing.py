# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Choosing a file or folder, where it belongs: beside the engine, or on this computer."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol, TypeVar

from PySide6.QtWidgets import QFileDialog, QWidget

from core.engine.messages import Call
from core.remote.address import Place
from gui.remote import words
from gui.widgets.dialogs import ask
from gui.widgets.remote_files import RemoteFilesDialog

R = TypeVar("R")


class Choice(Enum):
    """What is chosen: something that exists, or a file that will be written."""

    FOLDER = "folder"
    FILE = "file"
    NEW_FILE = "new"


class Engine(Protocol):
    """Whose files are meant: an `EngineClient`, or one of its connections."""

    @property
    def place(self) -> Place: ...

    async def call(self, call: Call[R], /) -> R: ...


_MODES = {
    Choice.FOLDER: QFileDialog.FileMode.Directory,
    Choice.FILE: QFileDialog.FileMode.ExistingFile,
    Choice.NEW_FILE: QFileDialog.FileMode.AnyFile,
}


async def choose_path(
    parent: QWidget,
    title: str,
    choice: Choice,
    engine: Engine | None,
    *,
    begin: str = "",
    name: str = "",
    filters: Sequence[str] = (),
    suffix: str = "",
) -> str:
    """The path that a person chose, "" for none: one that `engine` understands, wherever it runs (None: one of
    this computer).

    `begin` is the folder to begin in, `name` what a new file is called at first; `filters` and `suffix` are Qt's.
    """
    if engine is not None and not engine.place.is_here:
        dialog = RemoteFilesDialog(
            engine, title, folders=choice is Choice.FOLDER, new=choice is Choice.NEW_FILE, begin=begin, name=name,
            suffix=suffix, parent=parent,
        )  # fmt: skip
        return dialog.chosen if await ask(dialog) else ""
    files = local_dialog(parent, title, choice, name=name, filters=filters, suffix=suffix)
    if begin:
        files.setDirectory(begin)
    chosen: list[str] = []
    files.filesSelected.connect(chosen.extend)
    return chosen[0] if await ask(files) and chosen else ""


def local_dialog(
    parent: QWidget, title: str, choice: Choice, *, name: str = "", filters: Sequence[str] = (), suffix: str = ""
) -> QFileDialog:
    """A dialog for files of this computer."""
    dialog = QFileDialog(parent, title)
    if choice is Choice.NEW_FILE:
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(_MODES[choice])
    if filters:
        dialog.setNameFilters(filters)
    if suffix:
        dialog.setDefaultSuffix(suffix)
    if name:
        dialog.selectFile(name)
    return dialog


def local_title(title: str, engine: Engine) -> str:
    """`title`, which says that this computer is meant where the engine is elsewhere."""
    title = title.removesuffix("…")
    return title if engine.place.is_here else words.ON_THIS_COMPUTER.format(title=title)
