# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A Spack instance: a checkout, or a bare install root of which only packages and the user's configuration are known.

Nothing here runs Spack. `find_instance` reads configuration files; call it on a worker thread.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, NotFound, UsageError
from core.spack.config import MergedSection, Scope, merged_section
from core.spack.database import Database, database_state, read_database
from core.spack.environments import Environment, environment_at, is_environment, managed_environment
from core.spack.install_trees import install_roots, path_value, unpad_root, upstream_roots
from core.spack.repositories import recipe_repositories
from core.spack.scopes import read_scopes
from core.spack.substitutions import PathContext, spack_version

_DEFAULT_LOCK_TIMEOUT_S = 60.0


class _DatabaseCache:
    """The last database read, and whether it is still current. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database: Database | None = None
        self._state = ""

    def read(self, instance: Instance, token: CancelToken | None) -> Database:
        with self._lock:
            # Looked at before the databases: a change in between then costs another read, not a stale answer.
            state = instance.database_state()
            known = self._database
            # Without a verifier a change within the same tick of the file system's clock could go unseen.
            if known is not None and known.verifier and state == self._state:
                return known
            self._database = read_database(
                instance.install_root,
                upstreams=instance.upstream_roots,
                locks=instance.locks,
                lock_timeout_s=instance.lock_timeout_s,
                known=known.records if known is not None else {},
                repositories=recipe_repositories(instance.config("repos"), instance.path_context),
                token=token,
            )
            self._state = state
            return self._database


@dataclass(frozen=True, slots=True)
class Instance:
    """What is known of an instance when it is opened; configuration sections and packages are read when asked for.

    `root` is None for a bare install root. `scopes` are in order of precedence, highest first. `problems` name what of
    the configuration could not be used. `environ` is the environment it was opened with; it may hold secrets, so the
    repr leaves it out. `id` tells instances apart: real path of the checkout and the install root.
    """

    root: Path | None
    install_root: Path
    unpadded_root: Path
    version: str
    environment: Environment | None
    environ: Mapping[str, str] = field(repr=False, compare=False)
    scopes: tuple[Scope, ...]
    upstream_roots: tuple[Path, ...] = ()
    environments_root: Path | None = None
    locks: bool = True
    lock_timeout_s: float = _DEFAULT_LOCK_TIMEOUT_S
    problems: tuple[ErrorInfo, ...] = ()
    _databases: _DatabaseCache = field(default_factory=_DatabaseCache, repr=False, compare=False)

    @property
    def id(self) -> str:
        return f"{self.root or ''}:{self.install_root}"

    @property
    def spack_executable(self) -> Path | None:
        return self.root / "bin" / "spack" if self.root is not None else None

    @property
    def gnupg_home(self) -> Path:
        """Where Spack keeps its keys: `SPACK_GNUPGHOME`, else below the checkout."""
        given = self.environ.get("SPACK_GNUPGHOME")
        if given:
            return Path(given)
        return self.root / "opt" / "spack" / "gpg" if self.root is not None else self.install_root / "gpg"

    @property
    def path_context(self) -> PathContext:
        """What placeholders in paths of this instance's configuration stand for."""
        place = self.environment.path if self.environment is not None else None
        return PathContext(self.root, self.environ, place, self.version)

    def config(self, section: str) -> MergedSection:
        """A section merged over all scopes, read from the files now."""
        return merged_section(self.scopes, section)

    def database(self, token: CancelToken | None = None) -> Database:
        """All installed packages; read again only when the database changed. Any thread; see `read_database`."""
        return self._databases.read(self, token)

    def database_state(self) -> str:
        """A text that becomes another one whenever `database` would read again. Cheap; any thread."""
        return database_state((self.install_root, *self.upstream_roots))


def find_instance(
    directory: str | None,
    *,
    environment: str | None = None,
    environment_dir: str | None = None,
    no_environment: bool = False,
    environ: Mapping[str, str] = os.environ,
    remembered: Sequence[str] = (),
) -> Instance:
    """Open the instance in `directory`, else in SPACK_ROOT, else of the `spack` on PATH, else a remembered one.

    The environment is chosen as by Spack's -e, -D and -E, else by SPACK_ENV. Raises NotFound or UsageError naming the
    path that is not what was expected, ConfigError if the install root cannot be known.
    """
    if sum((environment is not None, environment_dir is not None, no_environment)) > 1:
        raise UsageError("Only one of -e, -D and -E can be given")
    environ = MappingProxyType(dict(environ))
    root, install_root = _find_root(directory, environ, remembered)
    managed = _environments_root(root, environ)
    chosen = None
    if not no_environment:
        chosen = _choose_environment(environment, environment_dir, managed, environ)
    return _open(root, install_root, chosen, managed, environ)


def _open(
    root: Path | None,
    bare_root: Path | None,
    environment: Environment | None,
    environments_root: Path | None,
    environ: Mapping[str, str],
) -> Instance:
    scopes = read_scopes(root, environment=environment, environ=environ)
    version = spack_version(root) if root is not None else ""
    context = PathContext(root, environ, environment.path if environment is not None else None, version)
    config = merged_section(scopes.scopes, "config")
    upstreams, upstream_problems = upstream_roots(merged_section(scopes.scopes, "upstreams"), context)
    if bare_root is not None:
        install_root, unpadded = bare_root, unpad_root(bare_root)
    else:
        install_root, unpadded = install_roots(config, context)
    timeout = config.get("db_lock_timeout")
    return Instance(
        root=root,
        install_root=install_root,
        unpadded_root=unpadded,
        version=version,
        environment=environment,
        environ=environ,
        scopes=scopes.scopes,
        upstream_roots=upstreams,
        environments_root=environments_root,
        locks=config.get("locks") is not False,
        lock_timeout_s=float(timeout) if isinstance(timeout, int) and timeout > 0 else _DEFAULT_LOCK_TIMEOUT_S,
        # One broken file is met by every section in it.
        problems=tuple(dict.fromkeys((*scopes.problems, *config.problems, *upstream_problems))),
    )


def _find_root(
    directory: str | None, environ: Mapping[str, str], remembered: Sequence[str]
) -> tuple[Path | None, Path | None]:
    """Checkout and bare install root, one of them None."""
    if directory is not None:
        return _root_at(directory, "--instance")
    if environ.get("SPACK_ROOT"):
        return _root_at(environ["SPACK_ROOT"], "SPACK_ROOT")
    executable = shutil.which("spack", path=environ.get("PATH", ""))
    if executable is not None:
        root = Path(os.path.realpath(executable)).parent.parent
        if (root / "lib" / "spack" / "spack").is_dir():
            return root, None
    for candidate in remembered:
        try:
            return _root_at(candidate, "remembered")
        except NotFound:
            continue
    why = "neither SPACK_ROOT nor PATH leads to one"
    if executable is not None:
        why = f"{executable} is not the bin/spack of a checkout"
    remedies = ("Name its directory with --instance.", "Source share/spack/setup-env.sh of a Spack checkout.")
    raise NotFound("No Spack instance was found", why, remedies=remedies)


def _root_at(directory: str, source: str) -> tuple[Path | None, Path | None]:
    path = Path(os.path.realpath(directory))
    if (path / "bin" / "spack").is_file():
        return path, None
    if (path / ".spack-db").is_dir():
        return None, path
    why = f"{source}: the directory does not exist"
    if path.is_dir():
        why = f"{source}: it holds neither bin/spack (a checkout) nor .spack-db (an install root)"
    raise NotFound(f"No Spack instance in {path}", why)


def _environments_root(root: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The directory of managed environments. No environment may change it, so scopes without any are asked."""
    scopes = read_scopes(root, environment=None, environ=environ).scopes
    written = merged_section(scopes, "config").find("environments_root")
    if written is not None:
        version = spack_version(root) if root is not None else ""
        return path_value(written, PathContext(root, environ, version=version), "the directory of environments")
    return root / "var" / "spack" / "environments" if root is not None else None


def _choose_environment(
    name: str | None, directory: str | None, managed: Path | None, environ: Mapping[str, str]
) -> Environment | None:
    if name is not None:
        found = managed_environment(managed, name)
        if found is not None:
            return found
    place = name or directory or environ.get("SPACK_ENV")
    if not place:
        return None
    path = Path(os.path.abspath(place))  # noqa: PTH100  Path.absolute keeps `..`, and links must stay as they are
    if is_environment(path):
        return environment_at(path, managed)
    source = "-e" if name is not None else "-D" if directory is not None else "SPACK_ENV"
    why = f"{source}: {path} holds no spack.yaml"
    if name is not None and managed is not None:
        why += f", and {managed} no environment of that name"
    raise NotFound(f"No environment {place}", why)
