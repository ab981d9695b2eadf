# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A throw-away Spack instance to look around in: nothing in it was built, nothing in it runs.

It has no Spack, its user and system scopes lie inside it, and its mirrors are folders beside it, so trying things out
touches nothing of the real user.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from pathlib import Path

from core.foundation.errors import UsageError, from_os_error
from core.services.sample_files import PrefixWriter
from core.services.sample_nodes import SampleRecord, database_file, lock_file
from core.services.sample_packages import NOT_REDISTRIBUTABLE, SamplePackage, sample_packages

SAMPLE_VERSION = "1.1.1"
_REFUSAL = """\
#!/bin/sh
echo "This sample instance has no Spack, only files that look like one" >&2
exit 1
"""
_SCOPES = """\
include:
- name: user
  path: $spack/etc/spack/user
  optional: true
  prefer_modify: true
- name: site
  path: $spack/etc/spack/site
  optional: true
- name: system
  path: $spack/etc/spack/system
  optional: true
"""
_MIRRORS = """\
mirrors:
  team:
    url: $spack/mirrors/team
    signed: false
  scratch:
    url: $spack/mirrors/scratch
    signed: false
    autopush: true
"""
_ENVIRONMENT = """\
spack:
  specs:
  - gromacs
  - petsc+mpi
  view: false
"""


def make_sample_instance(directory: Path, *, seed: int = 1) -> None:
    """Fill `directory` with a checkout-like tree of about 60 MB: packages, database, mirrors, one environment.

    The directory is made if it is missing. Raises UsageError when there is something in it, PermissionDenied, NoSpace
    or StorageFailed when it cannot be written. Takes about a second.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError("No sample instance was made", f"{directory} is not empty")
        packages = sample_packages()
        _write_checkout(directory)
        _write_install_tree(directory / "opt/spack", list(packages.values()), seed)
        roots = [("gromacs", packages["gromacs"].record.node), ("petsc+mpi", packages["petsc"].record.node)]
        _write(directory / "var/spack/environments/simulation/spack.yaml", _ENVIRONMENT)
        _write(directory / "var/spack/environments/simulation/spack.lock", lock_file(roots))
    except OSError as error:
        raise from_os_error(error, "No sample instance was made", directory) from error


def write_database(install_root: Path, records: Sequence[SampleRecord], *, seed: int = 1) -> None:
    """The directory `.spack-db` of an install root that has these packages. Raises OSError."""
    folder = install_root / ".spack-db"
    verifier = uuid.UUID(int=random.Random(seed).getrandbits(128), version=4)  # noqa: S311
    _write(folder / "index.json", database_file(records, str(install_root)))
    _write(folder / "index_verifier", str(verifier))
    for name in ("lock", "prefix_lock", "prefix_failures"):
        _write(folder / name, "")


def _write_checkout(directory: Path) -> None:
    _write(directory / "bin/spack", _REFUSAL)
    (directory / "bin/spack").chmod(0o755)
    _write(directory / "lib/spack/spack/__init__.py", f'__version__ = "{SAMPLE_VERSION}"\n')
    _write(directory / "etc/spack/include.yaml", _SCOPES)
    _write(directory / "etc/spack/site/mirrors.yaml", _MIRRORS)
    for folder in ("etc/spack/user", "mirrors/team", "mirrors/scratch"):
        (directory / folder).mkdir(parents=True)


def _write_install_tree(install_root: Path, packages: Sequence[SamplePackage], seed: int) -> None:
    writer = PrefixWriter(seed)
    for package in packages:
        node = package.record.node
        if package.record.installed and not node.external_prefix:
            prefix = Path(node.prefix(str(install_root)))
            writer.write(prefix, node, package.kilobytes, redistributable=node.name != NOT_REDISTRIBUTABLE)
    write_database(install_root, [package.record for package in packages], seed=seed)


def _write(path: Path, contents: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
