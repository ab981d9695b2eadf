# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The install database of a Spack instance and its upstreams, read but never written.

Writers replace `index.json` by rename and write `index_verifier` afterwards, both under an exclusive lock (seen with
Spack 1.1). So it is read under a shared lock, which is given back before the text is parsed. Even without locks a
reader sees a whole file; at worst the verifier is the old one, which only costs another read.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, NotFound, from_os_error
from core.spack.closures import breadth_first, relocation_set
from core.spack.index_document import ParsedIndex, parse_index
from core.spack.locks import shared_lock
from core.spack.specs import PackageRecord

__all__ = ["Database", "read_database", "read_verifier", "relocation_set"]


@dataclass(frozen=True, slots=True)
class Database:
    """A snapshot of all records by hash; those of the instance itself win over those of its upstreams.

    `version` is 0 when nothing was ever installed. `problems` name what could not be read. `verifier` is the content of
    `index_verifier` when it was read: the snapshot is current as long as `read_verifier` gives the same, not empty.
    """

    root: str
    version: int
    records: Mapping[str, PackageRecord] = field(repr=False)
    problems: tuple[ErrorInfo, ...] = ()
    verifier: str = ""

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
    token: CancelToken | None = None,
) -> Database:
    """Read the database below `install_root` and those of `upstreams`, in their order of precedence.

    Takes about a second per 100,000 records, the lock only while the file is read. `locks=False` is for
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
    with _resting_collector():
        local = _parse(data, install_root, upstream=False) if data is not None else ParsedIndex(0, {}, ())
        records, problems = local.records, list(local.problems)
        for root in upstreams:
            if token is not None:
                token.raise_if_cancelled()
            try:
                other = _upstream(root)
            except MirrordeckError as error:
                problems.append(error.info())
                continue
            problems += other.problems
            records = other.records | records
    return Database(str(install_root), local.version, records, tuple(problems), verifier)


def read_verifier(install_root: Path) -> str:
    """Content of `index_verifier`, which changes whenever the database does; "" when missing (then always re-read)."""
    try:
        return (install_root / ".spack-db" / "index_verifier").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _read_index(directory: Path) -> bytes | None:
    file = directory / "index.json"
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise from_os_error(error, "The install database cannot be read", file) from error


def _parse(data: bytes, install_root: Path, *, upstream: bool) -> ParsedIndex:
    return parse_index(data, install_root / ".spack-db" / "index.json", str(install_root), upstream=upstream)


def _upstream(root: Path) -> ParsedIndex:
    data = _read_index(root / ".spack-db")
    if data is None:
        raise NotFound("An upstream installation has no database", str(root / ".spack-db" / "index.json"))
    return _parse(data, root, upstream=True)


@contextmanager
def _resting_collector() -> Iterator[None]:
    """Keep the cyclic collector from walking over the growing records again and again (5 to 8 times slower)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
