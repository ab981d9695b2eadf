# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What is learnt about packages after their rows: sizes, environments, mirrors, and what is new. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.services.package_values import EnvironmentRow, MirrorPresence, SizeRow


@dataclass(frozen=True, slots=True)
class OnMirror:
    """What is known of a mirror. `read_at` is None where nothing is."""

    name: str
    read_at: float | None
    index_written_at: float | None
    hashes: frozenset[str]
    why_unknown: str = ""


class Facts:
    """Everything by whole DAG hash."""

    def __init__(self) -> None:
        self.sizes: dict[str, int | None] = {}
        self.mirrors: dict[str, OnMirror] = {}
        self.environments: tuple[EnvironmentRow, ...] = ()
        self.new: frozenset[str] = frozenset()
        self.held_back: dict[str, str] = {}  # why it may not be redistributed, "" where it may
        self._environments_of: dict[str, tuple[str, ...]] = {}

    def add_sizes(self, rows: Iterable[SizeRow]) -> None:
        self.sizes.update((row.hash, row.bytes) for row in rows)

    def forget_sizes(self, hashes: Iterable[str]) -> None:
        for dag_hash in hashes:
            self.sizes.pop(dag_hash, None)

    def set_mirrors(self, names: Sequence[str]) -> None:
        """These are the mirrors there are, in their order; what is known of those that stay, stays."""
        nothing = {name: OnMirror(name, None, None, frozenset()) for name in names}
        self.mirrors = {name: self.mirrors.get(name, nothing[name]) for name in names}

    def add_presence(self, presence: MirrorPresence) -> None:
        why = presence.error.sentence() if presence.error is not None else ""
        known = OnMirror(presence.mirror, presence.read_at, presence.index_written_at, frozenset(presence.hashes), why)
        self.mirrors[presence.mirror] = known

    def set_environments(self, rows: Sequence[EnvironmentRow]) -> None:
        self.environments = tuple(rows)
        found: dict[str, tuple[str, ...]] = {}
        for row in rows:
            for dag_hash in row.hashes:
                found[dag_hash] = (*found.get(dag_hash, ()), row.name)
        self._environments_of = found

    def environment(self, name: str) -> EnvironmentRow | None:
        return next((row for row in self.environments if row.name == name), None)

    def environments_of(self, dag_hash: str) -> tuple[str, ...]:
        """Names of the environments that have this package."""
        return self._environments_of.get(dag_hash, ())

    def known_mirrors(self) -> list[OnMirror]:
        """Mirrors of which something is known."""
        return [mirror for mirror in self.mirrors.values() if mirror.read_at is not None]

    def mirrors_of(self, dag_hash: str) -> tuple[str, ...]:
        """Names of the mirrors that have this package, as far as is known."""
        return tuple([name for name, mirror in self.mirrors.items() if dag_hash in mirror.hashes])
