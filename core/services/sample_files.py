# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Files for made-up packages: they look, compress and mention store paths like installed software, and do nothing."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path

from core.services.sample_nodes import SYSTEM, SampleNode, compact, spec_file

_POOL_BYTES = 4 << 20
_OBJECT_HEAD = b"\x7fELF\x02\x01\x01" + bytes(57)
# Noise of 256, of 5 and of 1 symbols in such shares that it compresses like object code.
_SHARES = ((256, 12), (5, 68), (1, 20))
_STRETCH = 4096
_HEADERS_PER_MEGABYTE = 12
_PKG_CONFIG = """\
prefix={prefix}
libdir=${{prefix}}/lib

Name: {name}
Version: {version}
Libs: {libraries}
"""
_SCRIPT = """\
#!/bin/sh
exec {prefix}/bin/{name} "$@"
"""
_README = """\
# {name} {version}

Made up for a sample of Mirrordeck.
"""
_RECIPE = """\
from spack.package import *


class {class_name}(Package):
    \"\"\"Made up for a sample of Mirrordeck.\"\"\"

    homepage = "https://example.org/{name}"
    version("{version}")
"""
_NOT_AS_BINARY = "    redistribute(source=False, binary=False)\n"


class PrefixWriter:
    """Writes prefixes; the same seed and calls give the same bytes. Its methods raise OSError. For one thread."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  nobody's secret
        self._pool = self._make_pool()

    def write(self, prefix: Path, node: SampleNode, kilobytes: int, *, redistributable: bool = True) -> None:
        """Make the prefix of `node` with about `kilobytes` of files and Spack's own notes in `.spack`."""
        self._write_programs(prefix, node, kilobytes * 1000)
        self._write_texts(prefix, node, kilobytes)
        write_notes(prefix, node, redistributable=redistributable)

    def _write_programs(self, prefix: Path, node: SampleNode, size: int) -> None:
        stem = node.name.removeprefix("lib")
        mention = f"\0{prefix}/lib\0".encode()
        library = f"lib{stem}.so"
        _write(prefix / "bin" / stem, _OBJECT_HEAD + self._noise(size * 15 // 100) + mention, executable=True)
        _write(prefix / "lib" / f"{library}.{node.version}", _OBJECT_HEAD + self._noise(size // 2) + mention)
        (prefix / "lib" / library).symlink_to(f"{library}.{node.version}")
        (prefix / "lib" / f"lib{stem}-own.so").symlink_to(prefix / "lib" / library)
        _write(prefix / "lib" / f"lib{stem}.a", b"!<arch>\n" + self._noise(size // 4))

    def _write_texts(self, prefix: Path, node: SampleNode, kilobytes: int) -> None:
        for number in range(4 + kilobytes * _HEADERS_PER_MEGABYTE // 1000):
            lines = [f"#define PART_{number}_{line} {self._random.randrange(10**9)}" for line in range(90)]
            _write(prefix / "include" / node.name / f"part{number:03}.h", "\n".join(lines).encode())
        values = {
            "name": node.name,
            "version": node.version,
            "prefix": prefix,
            "libraries": " ".join(f"-l{dependency.name}" for dependency in node.dependencies),
        }
        _write(prefix / "lib/pkgconfig" / f"{node.name}.pc", _PKG_CONFIG.format(**values).encode())
        _write(prefix / "bin" / f"{node.name}-run", _SCRIPT.format(**values).encode(), executable=True)
        _write(prefix / "share/doc" / node.name / "README.md", _README.format(**values).encode())

    def _noise(self, size: int) -> bytes:
        """`size` bytes cut from the pool at random places, so that no two files are alike."""
        pieces = []
        while size > 0:
            start = self._random.randrange(_POOL_BYTES - _STRETCH)
            piece = self._pool[start : start + min(size, self._random.randrange(_STRETCH, 20 * _STRETCH))]
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _make_pool(self) -> bytes:
        noise = self._random.randbytes(_POOL_BYTES)
        kinds = [symbols for symbols, share in _SHARES for _ in range(share)]
        tables = {symbols: bytes(code % symbols for code in range(256)) for symbols, _ in _SHARES}
        stretches = (noise[start : start + _STRETCH] for start in range(0, _POOL_BYTES, _STRETCH))
        return b"".join(stretch.translate(tables[self._random.choice(kinds)]) for stretch in stretches)


def write_notes(prefix: Path, node: SampleNode, *, redistributable: bool = True) -> None:
    """What Spack itself leaves in a prefix: its folder `.spack`. Raises OSError."""
    notes = prefix / ".spack"
    _write(notes / "spec.json", spec_file(node))
    machine = {"host_os": SYSTEM, "platform": "linux", "hostname": "sample", "spack_version": "1.1.1"}
    _write(notes / "install_environment.json", compact(machine))
    log = "".join(f"==> step {step}: ok\n" for step in range(200))
    _write(notes / "spack-build-out.txt.gz", gzip.compress(log.encode(), mtime=0))
    repository = notes / "repos/spack_repo/builtin"
    _write(repository / "repo.yaml", b"repo:\n  namespace: builtin\n  api: v2.2\n")
    class_name = "".join(word.capitalize() for word in re.split(r"[-_.]", node.name))
    recipe = _RECIPE.format(class_name=class_name, name=node.name, version=node.version)
    recipe += "" if redistributable else _NOT_AS_BINARY
    _write(repository / "packages" / node.name.replace("-", "_") / "package.py", recipe.encode())


def _write(path: Path, contents: bytes, *, executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    if executable:
        path.chmod(0o755)
