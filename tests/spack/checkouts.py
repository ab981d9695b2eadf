# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from pathlib import Path

INCLUDE_OF_1_1 = """\
include:
  - name: "user"
    path_override_env_var: SPACK_USER_CONFIG_PATH
    path: "~/.spack"
    optional: true
    prefer_modify: true
    when: '"SPACK_DISABLE_LOCAL_CONFIG" not in env'
  - name: "site"
    path: "$spack/etc/spack/site"
    optional: true
  - name: "system"
    path_override_env_var: SPACK_SYSTEM_CONFIG_PATH
    path: "/etc/spack"
    optional: true
    when: '"SPACK_DISABLE_LOCAL_CONFIG" not in env'
"""
DEFAULTS_OF_1_1 = "include:\n  - path: '${platform}'\n    optional: true\n  - path: base\n"


def write(path: Path, text: str) -> Path:
    """Write a file with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class Checkout:
    """The files of a Spack checkout that matter for reading configuration."""

    def __init__(self, root: Path, version: str) -> None:
        self.root = root
        self.etc = root / "etc" / "spack"
        self.environ = {
            "HOME": str(root.parent / "home"),
            "PATH": "",
            "SPACK_SYSTEM_CONFIG_PATH": str(root.parent / "system"),
        }
        self.user = root.parent / "home" / ".spack"
        self.system = root.parent / "system"
        write(root / "bin" / "spack", "#!/bin/sh\n")
        write(root / "lib/spack/spack/__init__.py", f'__version__ = "{version}"\n')
        (self.etc / "defaults").mkdir(parents=True)
        if version >= "1.":
            write(self.etc / "defaults" / "include.yaml", DEFAULTS_OF_1_1)
            (self.etc / "defaults" / "base").mkdir()
        if version >= "1.1":
            write(self.etc / "include.yaml", INCLUDE_OF_1_1)
