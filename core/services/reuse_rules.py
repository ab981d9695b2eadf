# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What Spack's configuration says about reusing binaries (section `concretizer`, Spack 1.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.foundation.errors import QueryError
from core.spack.instance import Instance
from core.spack.queries import parse_query
from core.spack.specs import PackageRecord
from core.spack.target_ranges import target_matches
from core.spack.worlds import World

_BUILD_CACHE = "buildcache"


@dataclass(frozen=True, slots=True)
class ReuseRules:
    """What configuration and machine allow. `filters` are the `include` and `exclude` lists of every source that takes
    packages from mirrors; `host` is this machine's processor."""

    settings: tuple[str, ...]
    filters: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    host: str
    os_compatible: tuple[tuple[str, tuple[str, ...]], ...]

    def obstacles(self, record: PackageRecord, world: World, wanted_os: str) -> Iterator[str]:
        """What is against using `record`, a package of a mirror, on this machine, the decisive first."""
        node = record.node
        if self.host and not target_matches(f":{self.host}", node.target):
            yield f"it is built for {node.target}, which this machine ({self.host}) cannot run"
        if wanted_os and node.os != wanted_os and node.os not in dict(self.os_compatible).get(wanted_os, ()):
            yield f"it is built on {node.os}, and concretizer:os_compatible does not let {wanted_os} use that"
        if "dev_path" in node.parameters:
            yield "it was built from a developer's source directory, which is never reused"
        if record.external:
            yield "it is external: Spack reuses externals only where packages.yaml names them"
        yield from self._excluded(record, world)

    def _excluded(self, record: PackageRecord, world: World) -> Iterator[str]:
        reasons = []
        for include, exclude in self.filters:
            hit = [text for text in exclude if _matches(text, record, world)]
            if hit:
                reasons.append(f"concretizer:reuse excludes {hit[0]}")
            elif include and not any(_matches(text, record, world) for text in include):
                reasons.append(f"concretizer:reuse includes only {', '.join(include)}")
            else:
                return  # one source that takes it is enough
        yield from reasons[:1]


def reuse_rules(instance: Instance) -> ReuseRules:
    """Reads configuration files. Settings that cannot be understood count as Spack's defaults."""
    from archspec.cpu import host

    config = instance.config("concretizer")
    reuse = config.get("reuse")
    compatible = config.get("os_compatible")
    table = compatible if isinstance(compatible, dict) else {}
    return ReuseRules(
        settings=tuple(_settings(reuse)),
        filters=tuple(_filters(reuse)),
        host=host().name,
        os_compatible=tuple((str(key), _texts(value)) for key, value in table.items()),
    )


def _settings(reuse: Any) -> Iterator[str]:
    if reuse is False:
        yield "concretizer:reuse is false: new concretizations use nothing that is there already"
    elif reuse == "dependencies" or (isinstance(reuse, dict) and reuse.get("roots") is False):
        yield "concretizer:reuse is for dependencies only: packages asked for by name are concretized afresh"
    if isinstance(reuse, dict) and not any(_from_mirrors(reuse)):
        yield "concretizer:reuse:from does not list buildcache: packages of mirrors are not considered"


def _filters(reuse: Any) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    if isinstance(reuse, dict):
        for source in _from_mirrors(reuse):
            yield (
                _texts(source.get("include", reuse.get("include"))),
                _texts(source.get("exclude", reuse.get("exclude"))),
            )


def _from_mirrors(reuse: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sources = reuse.get("from", [{"type": _BUILD_CACHE}])
    for source in sources if isinstance(sources, list) else []:
        if isinstance(source, dict) and source.get("type") == _BUILD_CACHE:
            yield source


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _matches(text: str, record: PackageRecord, world: World) -> bool:
    try:
        return parse_query(text).matches(record, world) is True
    except QueryError:
        return False
