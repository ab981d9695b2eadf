# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Writing an edited configuration file: only if it still is what was read, in one step, with a copy of what it was."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import Conflict, from_os_error
from core.foundation.files import atomic_write
from core.mirrors.editing.checks import check_result
from core.mirrors.editing.document import Document
from core.mirrors.editing.files import bytes_of, content_of, text_of
from core.mirrors.editing.plan import PlannedEdit
from core.storage.folder import Folder
from core.storage.lockfile import locked

BACKUP_SUFFIX = ".bak"


@dataclass(frozen=True, slots=True)
class SavedEdit:
    """What was written: the file's content before and after, None for no file. Secrets may be in them."""

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)


def carry_out(plan: PlannedEdit) -> SavedEdit:
    """Write a planned edit. If the file changed since, but not the entry, it is worked out again on what is there.

    Raises Conflict if the entry itself changed, PermissionDenied, NoSpace, StorageFailed or ConfigError.
    """
    title = f"{plan.path} was not changed"
    with _editing(plan.path, title) as content:
        document, after = plan.document, plan.after
        if content != plan.before:
            document = Document(text_of(content, plan.path), plan.scope)
            _check_untouched(plan, document, title)
            after = Document(plan.operation(document), plan.scope)
            check_result(document.value(plan.name), after, plan.name)
        written = bytes_of(after.text, content)
        _write(plan.path, written, backup_of=None if document.secrets() else content)
    return SavedEdit(plan.path, content, written)


def put_back(saved: SavedEdit) -> None:
    """Undo an edit: the file becomes what it was, byte for byte. Raises Conflict if it changed since, else as above."""
    title = f"{saved.path} was not put back"
    with _editing(saved.path, title) as content:
        if content != saved.after:
            why = "the file changed since, and undoing would lose that"
            raise Conflict(title, why, remedies=("Undo later changes first, or change the mirror again.",))
        if saved.before is not None:
            atomic_write(saved.path, saved.before)
            return
        try:
            saved.path.unlink()
        except OSError as error:
            raise from_os_error(error, title, saved.path) from error


def _check_untouched(plan: PlannedEdit, document: Document, title: str) -> None:
    was, found = plan.document.source(plan.name), document.source(plan.name)
    if (was, plan.document.entries.get(plan.name)) == (found, document.entries.get(plan.name)):
        return
    what = "was removed" if not found else "was added" if not was else "was changed"
    why = f"the mirror {plan.name} {what} there by somebody else"
    raise Conflict(title, why, remedies=("Look at the mirror as it is now, and make the change again.",))


@contextmanager
def _editing(path: Path, title: str) -> Iterator[bytes | None]:
    """The content of the file, which no other Mirrordeck changes while the block runs; makes its directory.

    Raises PermissionDenied, StorageFailed or ConfigError; `title` says what did not happen.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, title, target.parent) from error
    with locked(Folder(target.parent), f".{target.name}.mirrordeck.lock", token=CancelToken()):
        yield content_of(path)


def _write(path: Path, content: bytes, *, backup_of: bytes | None) -> None:
    """Replace the file; `backup_of` goes beside it first, as readable as the file. Raises like `atomic_write`."""
    target = Path(os.path.realpath(path))
    if backup_of is not None:
        copy = target.with_name(target.name + BACKUP_SUFFIX)
        if copy.is_symlink():
            raise Conflict(f"{path.name} was not changed", f"{copy} is a symbolic link, so no copy can be kept there")
        atomic_write(copy, backup_of, mode=stat.S_IMODE(target.stat().st_mode))
    atomic_write(path, content)
