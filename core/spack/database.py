# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The install database of a Spack instance and its upstreams, read but never written.

Writers replace `index.json` by rename and write `index_verifier` afterwards, both under an exclusive lock (seen with
Spack 1.1). So it is read under a shared lock, which is given back before the text is parsed. Even without locks a
reader sees a whole file; at worst the verifier is the old one, which only costs another read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from core.foundation.cancel import CancelToken
from core.foundation.collector import resting_collector
from core.foundation.errors import ErrorInfo, MirrordeckError, NotFound, from_os_error
from core.spack.closures import breadth_first, relocation_set
from core.spack.index_document import IndexText, ParsedIndex, parse_index, split_index
from core.spack.locks import shared_lock
from core.spack.providers import RecipeProviders
from core.spack.specs import PackageRecord
from core.spack.worlds import World

__all__ = ["Database", "database_state", "read_database", "read_verifier", "relocation_set"]

_NOTHING_KNOWN: Mapping[str, PackageRecord] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Database:
    """A snapshot of all records by hash; those of the instance itself win over those of its upstreams.

    `version` is 0 when nothing was ever installed. `problems` name what could not be read. `verifier` is the content of
    `index_verifier` when it was read, "" where there is none. `repositories` are folders of recipes by namespace.
    `world` and `recipes` are what queries are asked of.
    """

    root: str
    version: int
    records: Mapping[str, PackageRecord] = field(repr=False)
    problems: tuple[ErrorInfo, ...] = ()
    verifier: str = ""
    repositories: Mapping[str, Path] = field(default_factory=dict, repr=False, compare=False)
    world: World = field(init=False, repr=False, compare=False)
    recipes: RecipeProviders = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "world", World(self.records))
        object.__setattr__(self, "recipes", RecipeProviders(self.repositories))

    def closure(
        self, roots: Iterable[str], deptypes: Collection[str], root_deptypes: Collection[str] | None = None
    ) -> list[str]:
        """Hashes of `roots` and what they reach over edges of `deptypes`, breadth first; see `breadth_first`."""
        return breadth_first(self.records, roots, deptypes, root_deptypes)


def read_database(
    install_root: Path,
    *,
    upstreams: Sequence[Path] = (),
    locks: bool = True,
    lock_timeout_s: float = 60.0,
    known: Mapping[str, PackageRecord] = _NOTHING_KNOWN,
    repositories: Mapping[str, Path] = MappingProxyType({}),
    token: CancelToken | None = None,
) -> Database:
    """Read the database below `install_root` and those of `upstreams`, in their order of precedence.

    Takes about a second per 100,000 records, and 2.2 kB of memory for each; the lock only while the file is read.
    Records that are still as in `known`, an earlier reading, are the same objects again. `locks=False` is for
    `config:locks: false`; upstreams are always read without. A missing local `index.json` is an empty database.
    Raises DatabaseError naming file, line and byte when the local one is broken or stays locked, other MirrordeckErrors
    when it cannot be read, Cancelled. Any thread; the cyclic garbage collector of the process rests meanwhile.
    """
    directory = install_root / ".spack-db"
    if locks:
        with shared_lock(directory / "lock", timeout_s=lock_timeout_s, token=token):
            verifier, data = read_verifier(install_root), _read_index(directory)
    else:
        verifier, data = read_verifier(install_root), _read_index(directory)
    with resting_collector():
        local = ParsedIndex(0, {}, ())
        if data is not None:
            text = split_index(data, directory / "index.json")
            del data  # before the records are made: it is as large as all of them
            local = _parse(text, install_root, known, upstream=False)
        records, problems = local.records, list(local.problems)
        for root in upstreams:
            if token is not None:
                token.raise_if_cancelled()
            try:
                other = _upstream(root, known)
            except MirrordeckError as error:
                problems.append(error.info())
                continue
            problems += other.problems
            records = other.records | records
    return Database(str(install_root), local.version, records, tuple(problems), verifier, repositories)


def read_verifier(install_root: Path) -> str:
    """Content of `index_verifier`, which changes whenever the database does; "" when missing (then always re-read)."""
    try:
        return (install_root / ".spack-db" / "index_verifier").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def database_state(install_roots: Sequence[Path]) -> str:
    """A text that becomes another one whenever one of these databases changes. Costs two small looks for each.

    Besides the verifiers it tells the files themselves: upstreams of old Spacks have none, and Spack writes the
    verifier after the index.
    """
    return " ".join(f"{read_verifier(root)}:{_file_state(root / '.spack-db' / 'index.json')}" for root in install_roots)


def _file_state(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:
        return ""
    return f"{status.st_ino}.{status.st_mtime_ns}.{status.st_size}"


def _read_index(directory: Path) -> bytes | None:
    file = directory / "index.json"
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_os_error(error, "The install database cannot be read", file) from error


def _parse(text: IndexText, install_root: Path, known: Mapping[str, PackageRecord], *, upstream: bool) -> ParsedIndex:
    file = install_root / ".spack-db" / "index.json"
    return parse_index(text, file, str(install_root), upstream=upstream, known=known)


def _upstream(root: Path, known: Mapping[str, PackageRecord]) -> ParsedIndex:
    file = root / ".spack-db" / "index.json"
    data = _read_index(file.parent)
    if data is None:
        raise NotFound("An upstream installation has no database", str(file))
    text = split_index(data, file)
    del data
    return _parse(text, root, known, upstream=True)
