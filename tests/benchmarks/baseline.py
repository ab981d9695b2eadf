# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Packing in the way Spack 1.1 was seen to work: one process per package at a time, tarfile, gzip level 6, and the
expression for store paths run over every text file. Its archives hold the same bytes as ours.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import os
import re
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path

from core.packing.buildinfo import buildinfo
from core.packing.model import PackSource, Relocation

OBJECT_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce")
NOT_LATIN_1 = re.compile(rb"[\x00\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Packed:
    """Digests as `PackedPackage` has them."""

    diff_id: str
    digest: str
    stored_bytes: int
    tar_bytes: int


class Summing:
    """A file that keeps the checksum of what is written to it."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()

    def tell(self) -> int:
        return self.size


def pack_all(jobs: list[tuple[PackSource, Path]], processes: int) -> list[Packed]:
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        return pool.starmap(pack_one, jobs, chunksize=1)


def pack_one(source: PackSource, target: Path) -> Packed:
    relocation = find_relocations(source)
    temporary = target.with_suffix(".tmp")
    with temporary.open("wb") as file:
        blob = Summing(file)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=blob, mtime=0) as compressed:
            tar = Summing(compressed)
            with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
                add_members(archive, source, relocation)
    temporary.rename(target)
    digests = (f"sha256:{tar.hash.hexdigest()}", f"sha256:{blob.hash.hexdigest()}")
    return Packed(*digests, stored_bytes=blob.size, tar_bytes=tar.size)


def find_relocations(source: PackSource) -> Relocation:
    paths = [*(path for _, path in source.hash_to_prefix), source.sbang, source.install_root]
    alternatives = b"|".join(re.escape(os.fsencode(path)) for path in paths)
    expression = re.compile(rb"(?<![\w\-_/])[\w\-_]*?(?:" + alternatives + rb")[\w\-_/]*")
    binaries, links, texts = [], [], []
    for folder, names in listing(source.source):
        for name in names:
            path = folder / name
            relative = str(path.relative_to(source.source))
            if relative.startswith(".spack/"):
                continue
            if path.is_symlink():
                target = os.fsencode(path.readlink())
                if target.startswith(b"/") and expression.match(target):
                    links.append(relative)
            elif path.is_file():
                with path.open("rb") as file:
                    head = file.read(8)
                    if len(head) < 8:
                        continue
                    if head.startswith(OBJECT_MAGIC):
                        binaries.append(relative)
                        continue
                    file.seek(0)
                    contents = file.read()
                if is_text(contents) and expression.search(contents):
                    texts.append(relative)
    return Relocation(tuple(binaries), tuple(links), tuple(texts))


def is_text(contents: bytes) -> bool:
    try:
        contents.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_LATIN_1.search(contents) is None
    return True


def add_members(archive: tarfile.TarFile, source: PackSource, relocation: Relocation) -> None:
    name = source.prefix.lstrip("/")
    for parent in list(Path(name).parents)[-2::-1]:
        add(archive, tarfile.DIRTYPE, str(parent), 0o755)
    for folder, names in listing(source.source):
        inside = folder.relative_to(source.source)
        base = name if inside == Path() else f"{name}/{inside}"
        add(archive, tarfile.DIRTYPE, base, 0o755)
        for entry in names:
            path = folder / entry
            if path.is_symlink():
                add(archive, tarfile.SYMTYPE, f"{base}/{entry}", 0o755, link=str(path.readlink()))
                continue
            status = path.stat()
            with path.open("rb") as file:
                mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
                add(archive, tarfile.REGTYPE, f"{base}/{entry}", mode, status.st_size, file=file)
    description = buildinfo(source, relocation)
    file = io.BytesIO(description)
    add(archive, tarfile.REGTYPE, f"{name}/.spack/binary_distribution", 0o644, len(description), file=file)


def add(
    archive: tarfile.TarFile,
    kind: bytes,
    name: str,
    mode: int,
    size: int = 0,
    *,
    link: str = "",
    file: io.BufferedIOBase | None = None,
) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.linkname = kind, mode, size, link
    archive.addfile(info, file)


def listing(folder: Path) -> list[tuple[Path, list[str]]]:
    """Folders in depth-first order, each with the sorted names of what is no folder."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    folders = [entry.name for entry in found if entry.is_dir(follow_symlinks=False)]
    names = [entry.name for entry in found if not entry.is_dir(follow_symlinks=False)]
    return [(folder, names), *(below for name in folders for below in listing(folder / name))]
