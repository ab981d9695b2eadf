# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What all scopes of an instance say about mirrors, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.foundation.errors import ConfigError, UsageError
from core.mirrors.editing.document import SECTION, Document, Entry
from core.mirrors.editing.files import content_of, obstacle, text_of
from core.mirrors.model import Mirror
from core.mirrors.reading import mirror_of
from core.mirrors.schema import first_breach
from core.spack.config import Scope, Value, merge
from core.spack.substitutions import PathContext, folder_of, resolve_address

_INSIDE_SPACK = ("spack", "defaults")


def is_explicit_only(scope: Scope) -> bool:
    """Whether a scope belongs to Spack's own files, which are edited only if somebody names it."""
    return scope.name in _INSIDE_SPACK or scope.name.startswith(("defaults:", "defaults/"))


class Landscape:
    """`scopes` are highest first, those that have yet to be made too. Unreadable files count as if they were empty,
    until somebody asks for them by `document`."""

    def __init__(self, scopes: Sequence[Scope], context: PathContext) -> None:
        self.scopes = tuple(scopes)
        self.context = context
        self.contents: dict[str, bytes | None] = {}
        self._failures: dict[str, ConfigError] = {}
        self._documents: dict[str, Document] = {}
        for scope in scopes:
            path = scope.section_file(SECTION)
            try:
                content = content_of(path)
                self._documents[scope.name] = Document(text_of(content, path), scope)
                self.contents[scope.name] = content
            except ConfigError as error:
                self._failures[scope.name] = error

    def scope(self, name: str) -> Scope:
        """A scope by its name. Raises UsageError."""
        for scope in self.scopes:
            if scope.name == name:
                return scope
        known = ", ".join(scope.name for scope in self.scopes)
        raise UsageError(f"There is no configuration scope {name}", f"known scopes: {known}")

    def document(self, scope: Scope) -> Document:
        """What a scope's file says. Raises ConfigError if it cannot be read."""
        if scope.name in self._failures:
            raise self._failures[scope.name]
        return self._documents[scope.name]

    def default_scope(self) -> Scope | None:
        """Where Spack's commands write if no scope is named, but never into Spack's own files."""
        candidates = [scope for scope in self.scopes if scope.writable]
        chosen = candidates[0] if candidates else None
        while chosen is not None and chosen.edit_in:
            name = chosen.edit_in
            chosen = next((scope for scope in candidates if scope.name == name), None)
        if chosen is None or is_explicit_only(chosen):
            chosen = next((scope for scope in candidates if not is_explicit_only(scope)), None)
        return chosen

    def failure(self, scope: Scope) -> str:
        """Why a scope's file cannot be read, "" if it can."""
        return str(self._failures.get(scope.name, ""))

    def obstacle(self, scope: Scope) -> str:
        """Why a scope's file cannot be written, "" if it can."""
        return obstacle(scope, scope.section_file(SECTION))

    def names(self, scope: Scope) -> tuple[str, ...]:
        """The entries of a scope in the order of its file; none if it cannot be read."""
        document = self._documents.get(scope.name)
        return tuple(document.entries) if document is not None else ()

    def holders(self, name: str) -> list[Scope]:
        """The scopes that have an entry of that name, highest first."""
        return [scope for scope in self.scopes if self.entry(scope, name) is not None]

    def entry(self, scope: Scope, name: str) -> Value | None:
        document = self._documents.get(scope.name)
        return document.value(name) if document is not None else None

    def merged(self, name: str, *, instead: Document | None = None, below: Scope | None = None) -> Value | None:
        """The entry as Spack sees it, with another document for its scope; `below`: without that scope and higher."""
        whole = self._merged(instead, below)
        return whole.find(name) if whole is not None else None

    def order(self, instead: Document | None = None) -> list[str]:
        """The names of all mirrors as Spack asks them."""
        whole = self._merged(instead, None)
        return list(whole.content) if whole is not None and isinstance(whole.content, Mapping) else []

    def mirrors(self, instead: Document | None = None) -> list[Mirror]:
        """All mirrors as Spack asks them, those left out that it would reject."""
        whole = self._merged(instead, None)
        entries = whole.content if whole is not None and isinstance(whole.content, Mapping) else {}
        fine = {name: entry for name, entry in entries.items() if first_breach(entry) is None}
        return [mirror_of(name, entry, self.context) for name, entry in fine.items()]

    def meaning(self, written: str, file: Path) -> str:
        """What an address written in `file` stands for. Raises UsageError."""
        try:
            return resolve_address(written, file.parent, self.context)
        except ValueError as error:
            raise UsageError(f"{written} is not the address of a mirror", str(error)) from None

    def moved_entry(self, entry: Value, file: Path) -> Entry:
        """An entry as it must be written in `file` to mean the same; relative paths become absolute."""

        def address(value: Value) -> str:
            written = str(value.content)
            meant = self.meaning(written, value.origin.file)
            if self.meaning(written, file) == meant:
                return written
            folder = str(folder_of(meant))
            return meant if "$" in folder else folder  # in addresses with a scheme nothing is substituted

        if isinstance(entry.content, str):
            return address(entry)
        result: dict[str, Any] = entry.plain()
        for place in ("", "fetch", "push"):
            value = entry.find(*filter(None, (place,)))
            if value is not None and isinstance(value.content, str):
                result[place] = address(value)
            elif value is not None and (url := value.find("url")) is not None:
                (result[place] if place else result)["url"] = address(url)
        return result

    def _merged(self, instead: Document | None, below: Scope | None) -> Value | None:
        sections: list[Value] = []
        for scope in self.scopes:
            if below is not None:
                if scope == below:
                    below = None
                continue
            document = instead if instead is not None and instead.scope == scope else self._documents.get(scope.name)
            if document is not None and document.section is not None and isinstance(document.section.content, Mapping):
                sections.append(document.section)
        return merge(sections)
