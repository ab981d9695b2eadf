# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What commands print: results on stdout, everything else on stderr; one JSON object with `--json`."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from core.caches.protocol import CacheEntry
from core.foundation.errors import ErrorInfo
from core.foundation.text import visible

SCHEMA = 1


class Output:
    """Where a command puts its lines. With `json` lines and notes are silent and `result` prints the one object."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def line(self, text: str = "") -> None:
        """A line of the result. Foreign text is escaped by whoever puts it in."""
        if not self.json:
            print(text)

    def note(self, text: str) -> None:
        """A line about the work, in the form Spack uses."""
        if not self.json:
            print(f"==> {text}", file=sys.stderr)

    def warning(self, info: ErrorInfo) -> None:
        """In one line, unless the reason has several."""
        if self.json:
            return
        if "\n" in info.why:
            self._explain("Warning", info)
        else:
            print(f"==> Warning: {visible(info.sentence())}", file=sys.stderr)

    def error(self, info: ErrorInfo) -> None:
        if self.json:
            self._print({"schema": SCHEMA, "error": error_object(info)})
            return
        self._explain("Error", info)

    @staticmethod
    def _explain(kind: str, info: ErrorInfo) -> None:
        print(f"==> {kind}: {visible(info.title)}", file=sys.stderr)
        for text in (*info.why.splitlines(), *info.remedies):
            print(f"    {visible(text)}", file=sys.stderr)

    def result(self, command: str, **fields: Any) -> None:
        """The one object of `--json`; nothing otherwise."""
        if self.json:
            self._print({"schema": SCHEMA, "command": command, **fields})

    @staticmethod
    def _print(value: Any) -> None:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def error_object(info: ErrorInfo) -> dict[str, str]:
    return {"code": info.code, "title": info.title, "why": info.why, "remedy": " ".join(info.remedies)}


def entry_object(entry: CacheEntry) -> dict[str, Any]:
    return {
        "hash": entry.entry.hash,
        "name": entry.entry.name,
        "version": entry.entry.version,
        "blob_digest": entry.blob_digest,
        "manifest_digest": entry.manifest_digest,
        "stored_bytes": entry.stored_bytes,
        "tar_bytes": entry.tar_bytes,
    }
