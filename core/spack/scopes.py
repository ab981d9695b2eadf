# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which configuration scopes an instance has, and in which order.

Since Spack 1.1 the list is configuration itself: `etc/spack/include.yaml` of the checkout names the user, site and
system scopes. Older versions have a fixed list; up to 0.23 with a directory per platform in each. Nothing is fetched:
an include from another machine counts only if Spack has a copy of it already.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from core.foundation.errors import ConfigError, ErrorInfo
from core.spack.conditions import ConditionError, evaluate_condition
from core.spack.config import Scope, Value, problem_at, section_value
from core.spack.environments import Environment
from core.spack.substitutions import (
    PathContext,
    host_platform,
    resolve_path,
    spack_version,
    substitute,
    user_cache_path,
)

_DEPTH_LIMIT = 100


@dataclass(frozen=True, slots=True)
class ScopeList:
    """Scopes, highest first, and the includes that could not be followed.

    `places` has besides, where they would stand, the named scopes whose directory somebody has yet to make.
    """

    scopes: tuple[Scope, ...]
    problems: tuple[ErrorInfo, ...] = ()
    places: tuple[Scope, ...] = ()


def read_scopes(
    instance_root: Path | None, *, environment: Environment | None, environ: Mapping[str, str]
) -> ScopeList:
    """The scopes of the checkout at `instance_root`, or of a bare install root if that is None (nothing writable).

    Reads include files, so it belongs on a worker thread. Raises nothing for bad files: they become problems.
    """
    version = spack_version(instance_root) if instance_root is not None else ""
    reader = _ScopeReader(
        PathContext(instance_root, environ, environment.path if environment is not None else None, version)
    )
    upper: list[_Placed] = []
    if environment is not None:
        upper += reader.tree(Scope(environment.scope_name, file=environment.manifest, is_environment=True))
    if instance_root is None:
        for name, directory in _local_directories(environ):
            upper += reader.tree(Scope(name, directory, writable=False))
        return reader.listed(_without_overridden(upper))
    etc = instance_root / "etc" / "spack"
    defaults = Scope("defaults", etc / "defaults")
    if _names_its_scopes(etc, version):
        upper += reader.tree(Scope("spack", etc))
        lower = reader.tree(defaults)
    else:
        per_platform = not (etc / "defaults" / "include.yaml").exists()
        local = _local_directories(environ)
        directories = [*local[:1], ("site", etc), *local[1:]]
        for name, directory in directories:
            upper += reader.fixed(Scope(name, directory), per_platform=per_platform)
        lower = reader.fixed(defaults, per_platform=per_platform)
    return reader.listed([*_without_overridden(upper), *lower])


def _names_its_scopes(etc: Path, version: str) -> bool:
    numbers = version.split(".")[:2]
    if len(numbers) == 2 and all(number.isdigit() for number in numbers):
        return (int(numbers[0]), int(numbers[1])) >= (1, 1)
    return (etc / "include.yaml").exists()


def _local_directories(environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    """The user and the system scope where no include file names them."""
    if "SPACK_DISABLE_LOCAL_CONFIG" in environ:
        return []
    context = PathContext(None, environ)
    return [
        ("user", resolve_path(environ.get("SPACK_USER_CONFIG_PATH") or "~/.spack", Path.cwd(), context)),
        ("system", resolve_path(environ.get("SPACK_SYSTEM_CONFIG_PATH") or "/etc/spack", Path.cwd(), context)),
    ]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A scope in the flat list; the `descendants` scopes after it are what it includes."""

    scope: Scope
    descendants: int
    overrides_lower: bool
    absent: bool = False


def _without_overridden(placed: list[_Placed]) -> list[_Placed]:
    """Apply the highest `include::`: nothing below it counts but what it includes itself."""
    end = len(placed)
    for index, entry in enumerate(placed):
        if entry.overrides_lower:
            end = index + 1 + entry.descendants
            break
    return placed[:end]


class _ScopeReader:
    """Follows includes depth first and collects problems."""

    def __init__(self, context: PathContext) -> None:
        self.problems: list[ErrorInfo] = []
        self._context = context

    def listed(self, placed: list[_Placed]) -> ScopeList:
        """The answer."""
        existing = tuple(entry.scope for entry in placed if not entry.absent)
        return ScopeList(existing, tuple(self.problems), tuple(entry.scope for entry in placed))

    def fixed(self, scope: Scope, *, per_platform: bool) -> list[_Placed]:
        """A scope of an older layout; where directories per platform count, include files do not yet."""
        if not per_platform:
            return self.tree(scope)
        assert scope.directory is not None  # noqa: S101  the fixed scopes are directories
        name = host_platform()
        platform_scope = Scope(f"{scope.name}/{name}", scope.directory / name, writable=scope.writable)
        return [_Placed(platform_scope, 0, False), _Placed(scope, 0, False)]

    def tree(self, scope: Scope, ancestors: tuple[str, ...] = ()) -> list[_Placed]:
        """`scope`, then everything it includes, earlier entries first."""
        try:
            includes = section_value(scope, "include")
        except ConfigError as error:
            self.problems.append(error.info())
            includes = None
        if includes is None:
            return [_Placed(scope, 0, False)]
        ancestors = (*ancestors, os.path.realpath(scope.directory or scope.file or ""))
        below: list[_Placed] = []
        seen: set[str] = set()
        edit_in = ""
        for entry in includes.content if isinstance(includes.content, tuple) else (includes,):
            for included, absent in self._included(entry, scope):
                place = os.path.realpath(included.directory or included.file or "")
                if absent:
                    below.append(_Placed(included, 0, False, absent=True))
                elif included.name in seen:
                    self._problem(entry, f"another include here is named {included.name} too")
                elif place in ancestors or len(ancestors) >= _DEPTH_LIMIT:
                    self._problem(entry, "it includes itself")
                else:
                    seen.add(included.name)
                    below += self.tree(included, ancestors)
                preferred = entry.find("prefer_modify")
                if not edit_in and preferred is not None and preferred.content is True and included.writable:
                    edit_in = included.name
        return [_Placed(replace(scope, edit_in=edit_in), len(below), includes.overrides), *below]

    def _included(self, entry: Value, parent: Scope) -> list[tuple[Scope, bool]]:
        """The scopes one entry names, and whether each has yet to be made."""
        table: Mapping[str, Value] = {"path": entry}
        if isinstance(entry.content, Mapping):
            table = entry.content
        options = {key: value.plain() for key, value in table.items()}
        if not isinstance(options.get("path", options.get("git")), str):
            self._problem(entry, "it names neither a path nor a git repository")
            return []
        if not self._applies(entry, options.get("when")):
            return []
        scopes: list[tuple[Scope, bool]] = []
        for text, place in self._places(entry, options):
            if place is None:
                continue
            name = _name_of(options.get("name"), parent, place)
            # What Spack fetched from elsewhere is a copy that it may replace.
            writable = parent.writable and not place.is_relative_to(self._cache())
            scope = _scope_at(place, name, writable=writable)
            if scope is not None:
                scopes.append((scope, False))
            elif options.get("optional") is True:
                if options.get("name"):
                    scopes.append((Scope(name, place, writable=writable), True))
            else:
                self._problem(entry, f"{text} does not exist at {place}")
        return scopes

    def _applies(self, entry: Value, condition: object) -> bool:
        if not condition:
            return True
        try:
            return evaluate_condition(str(condition), self._context.environ)
        except ConditionError as error:
            self._problem(entry, f"only Spack can evaluate its condition ({error}); it is taken as not fulfilled")
            return False

    def _places(self, entry: Value, options: Mapping[str, object]) -> list[tuple[str, Path | None]]:
        """Written text and absolute path of everything one entry names; None where nothing usable is known."""
        if "path" not in options:
            clone = self._cache() / _git_directory(str(options["git"]))
            if not clone.is_dir():
                self._problem(entry, "Spack has not cloned this repository yet")
                return []
            paths = options.get("paths")
            return [(str(path), clone / str(path)) for path in (paths if isinstance(paths, list) else [])]
        variable = str(options.get("path_override_env_var", ""))
        text = self._context.environ.get(variable, str(options["path"])) if variable else str(options["path"])
        return [(text, self._local_path(entry, text, str(options.get("sha256", ""))))]

    def _local_path(self, entry: Value, text: str, sha256: str) -> Path | None:
        expanded = substitute(text, self._context)
        if expanded.startswith(("http://", "https://", "ftp://")):
            copy = self._cache() / sha256 / Path(urlsplit(expanded).path).name
            if sha256 and copy.is_file():
                return copy
            self._problem(entry, "Spack has not fetched this file yet")
            return None
        try:
            if not text:
                raise ValueError("the path is empty")
            return resolve_path(text, entry.origin.file.parent, self._context)
        except ValueError as error:
            self._problem(entry, str(error))
            return None

    def _cache(self) -> Path:
        return user_cache_path(self._context.environ) / "includes"

    def _problem(self, entry: Value, why: str) -> None:
        self.problems.append(problem_at(entry.origin, "an include is left out", why))


def _git_directory(repository: str) -> str:
    digest = hashlib.sha1(repository.encode(), usedforsecurity=False).digest()
    return base64.b32encode(digest).decode().lower()[-7:]


def _name_of(given: object, parent: Scope, place: Path) -> str:
    if given:
        return str(given)
    base = str(parent.directory or parent.file)
    shown = os.path.relpath(place, base) if str(place).startswith(base) else str(place)
    return f"{parent.name}:{shown}"


def _scope_at(place: Path, name: str, *, writable: bool) -> Scope | None:
    try:
        is_directory = stat.S_ISDIR(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it cannot be looked at: reading a section will say why
        is_directory = True
    return Scope(name, place, writable=writable) if is_directory else Scope(name, file=place, writable=writable)
