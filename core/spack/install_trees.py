# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where an instance and its upstreams keep installed packages, from `config.yaml` and `upstreams.yaml`."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from core.foundation.errors import ConfigError, ErrorInfo, QueryError
from core.spack.config import MergedSection, Value
from core.spack.formats import format_record
from core.spack.specs import PackageRecord
from core.spack.substitutions import PathContext, resolve_path

_PLACEHOLDER = "__spack_path_placeholder__"
_USUAL_PROJECTION = "{architecture.platform}-{architecture.target}/{name}-{version}-{hash}"
_NOT_IN_PATHS = re.compile(r"[^A-Za-z0-9_+.-]")
_LONGEST_PREFIX = 300  # what Spack keeps free below a root padded "as far as possible"


def install_roots(config: MergedSection, context: PathContext) -> tuple[Path, Path]:
    """The install root and the root without padding (where `bin/sbang` is). Raises ConfigError naming file and line."""
    tree = config.find("install_tree")
    written = tree if tree is not None and isinstance(tree.content, str) else config.find("install_tree", "root")
    if written is None:
        unpadded = resolve_path("$spack/opt/spack", Path("/"), context)
    else:
        unpadded = path_value(written, context, "the install root")
    padded = config.find("install_tree", "padded_length")
    if padded is None:
        return unpadded, unpadded
    length = padded.content
    if length is True:
        length = os.pathconf("/", "PC_PATH_MAX") - _LONGEST_PREFIX
    if not isinstance(length, int):
        raise _unusable(padded, "the padding of the install root", "it must be a number, true or false")
    return Path(pad_root(str(unpadded), length)), unpadded


def pad_root(root: str, length: int) -> str:
    """`root` extended with placeholder directories to `length` characters; as it is where that cannot be reached."""
    room = length - len(root) - 1
    if room <= 0:
        return root
    full, rest = divmod(room, len(_PLACEHOLDER) + 1)
    padding = "/".join([_PLACEHOLDER] * full + [_PLACEHOLDER[:rest]])
    if padding.endswith("/"):  # a path cannot end in a separator, so the last name gets a character more
        padding = padding[:-1] + "_"
    return f"{root}/{padding}"


def projected_prefix(root: Path, config: MergedSection, record: PackageRecord) -> Path | None:
    """Where below `root` Spack 1.1 would install a package; None where only Spack itself can tell."""
    projections = config.get("install_tree", "projections") or {"all": _USUAL_PROJECTION}
    template = projections.get("all") if isinstance(projections, dict) and len(projections) == 1 else None
    if not isinstance(template, str):
        return None
    length = config.get("install_hash_length")
    if isinstance(length, int):
        template = template.replace("{hash}", f"{{hash:{length}}}")
    with suppress(QueryError):
        parts = format_record(record, template.lower()).split("/")
        return root.joinpath(*(_NOT_IN_PATHS.sub("_", part) for part in parts))
    return None


def unpad_root(root: Path) -> Path:
    """The root without its placeholder directories, for install roots of which no configuration is known."""
    for parent in (root, *root.parents):
        if parent.name.startswith(_PLACEHOLDER):
            root = parent.parent
    return root


def upstream_roots(upstreams: MergedSection, context: PathContext) -> tuple[tuple[Path, ...], tuple[ErrorInfo, ...]]:
    """Install roots of the upstreams in their order, and what could not be used."""
    roots: list[Path] = []
    problems: list[ErrorInfo] = list(upstreams.problems)
    if upstreams.value is None:
        return (), tuple(problems)
    for name in upstreams.get():
        written = upstreams.find(name, "install_tree")
        if written is None:
            continue
        try:
            roots.append(path_value(written, context, f"the install root of upstream {name}"))
        except ConfigError as error:
            problems.append(error.info())
    return tuple(roots), tuple(problems)


def path_value(written: Value, context: PathContext, what: str) -> Path:
    """The path a configuration value stands for. Raises ConfigError naming file and line."""
    try:
        if not isinstance(written.content, str):
            raise ValueError("it must be a path")
        return resolve_path(written.content, written.origin.file.parent, context)
    except ValueError as error:
        raise _unusable(written, what, str(error)) from None


def _unusable(value: Value, what: str, why: str) -> ConfigError:
    return ConfigError(f"{value.origin.file}:{value.origin.line}: {what} cannot be used", why)
