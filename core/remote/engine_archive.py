# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The engine of this very program as one archive that runs elsewhere without being installed."""

from __future__ import annotations

import gzip
import hashlib
import io
import platform
import re
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path

import core
from core.engine.messages import InstallPart
from core.foundation.digests import digest_of, hex_of
from core.foundation.files import atomic_write
from core.foundation.places import cache_dir
from core.foundation.release import versions

# What core imports. The keyring is the window's; of rich only bars are used, which need neither colours for source code
# nor Markdown.
_PACKAGES = ("archspec", "deflate", "msgspec", "platformdirs", "pyyaml", "requests", "rich", "urllib3")
_LEFT_OUT = frozenset({"markdown-it-py", "pygments"})
_REQUIREMENT = re.compile(r"[\w.-]+")
_PART_BYTES = 256 * 1024
# A frozen program has no sources to make an archive of: it brings one along.
_BUNDLED = Path(__file__).with_name("engine.tar.gz")


@dataclass(frozen=True, slots=True)
class EngineArchive:
    """A tar.gz file; `digest` is `sha256:…` of its bytes."""

    path: Path
    size_bytes: int
    digest: str


@cache
def build_id() -> str:
    """Tells engines of one version apart: 16 hex digits that change with every byte of what is in the archive."""
    if _BUNDLED.exists():
        return hex_of(digest_of(_BUNDLED.read_bytes()))[:16]
    found = hashlib.sha256()
    for name, path in _sources():
        found.update(f"{name}\n{path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    for package in _packages():
        found.update(f"{package.name} {package.version}\n".encode())
    return found.hexdigest()[:16]


@cache
def fitting_platform() -> str:
    """Where the archive runs: `python3.11-x86_64-glibc`."""
    libc = platform.libc_ver()[0] or "other"
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}-{libc}"


def engine_archive() -> EngineArchive:
    """The archive, built unless it is there already; takes a second or two. Any thread.

    Raises PermissionDenied, NoSpace or StorageFailed if it cannot be kept below `cache_dir()`.
    """
    if _BUNDLED.exists():
        return _facts(_BUNDLED)
    folder = cache_dir() / "engine-archive"
    number = versions()["mirrordeck"]
    path = folder / f"{number}-{build_id()}-{fitting_platform()}.tar.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in folder.iterdir():
            old.unlink(missing_ok=True)
        atomic_write(path, packed_engine(number))
    return _facts(path)


def install_parts(archive: EngineArchive) -> Iterator[InstallPart]:
    """What the answer to `Absent` is: all of the archive. Raises OSError."""
    sent = 0
    with archive.path.open("rb") as file:
        while piece := file.read(_PART_BYTES):
            sent += len(piece)
            last = sent >= archive.size_bytes
            yield InstallPart(piece, last, archive.digest if last else "")


def packed_engine(number: str) -> bytes:
    """The archive itself, of version `number`; the same bytes for the same contents."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, packed, mtime=0) as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for name, path in [*_sources(), *_package_files()]:
            _add(archive, name, path.read_bytes())
        metadata = f"Metadata-Version: 2.1\nName: mirrordeck\nVersion: {number}\n"
        _add(archive, f"mirrordeck-{number}.dist-info/METADATA", metadata.encode())
    return packed.getvalue()


def _facts(path: Path) -> EngineArchive:
    data = path.read_bytes()
    return EngineArchive(path, len(data), digest_of(data))


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def _sources() -> list[tuple[str, Path]]:
    folder = Path(core.__path__[0])
    return sorted((f"core/{path.relative_to(folder).as_posix()}", path) for path in folder.rglob("*.py"))


def _package_files() -> Iterator[tuple[str, Path]]:
    for package in _packages():
        for file in package.files or ():
            path = Path(str(package.locate_file(file)))
            inside = ".." not in file.parts and "__pycache__" not in file.parts
            if inside and not file.is_absolute() and path.is_file():
                yield file.as_posix(), path


@cache
def _packages() -> tuple[Distribution, ...]:
    """Those of `_PACKAGES` and what they need here."""
    found: dict[str, Distribution] = {}
    wanted = list(_PACKAGES)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found or name in _LEFT_OUT:
            continue
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement, _, condition = line.partition(";")
            if not condition:
                written = _REQUIREMENT.match(requirement)
                wanted.extend([written[0]] if written else [])
    return tuple(package for _, package in sorted(found.items()))
