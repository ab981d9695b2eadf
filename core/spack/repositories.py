# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where an instance has the recipes of its packages, from `repos.yaml` (Spack 1.1, seen in its own files)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from core.foundation.errors import MirrordeckError
from core.spack.config import MergedSection, Value
from core.spack.install_trees import path_value
from core.spack.substitutions import PathContext, user_cache_path
from core.spack.yaml_reader import plain, read_yaml


def recipe_repositories(repos: MergedSection, context: PathContext) -> dict[str, Path]:
    """Folders of recipes by namespace; of two for one namespace the first. Reads a few small files; any thread.

    What cannot be read, was never cloned, or is configured as in Spack 0.x (a list), is left out.
    """
    found: dict[str, Path] = {}
    content = repos.value.content if repos.value is not None else None
    for written in content.values() if isinstance(content, Mapping) else ():
        for folder in _folders(written, context):
            namespace = _text_in(folder / "repo.yaml", "repo", "namespace")
            if isinstance(namespace, str):
                found.setdefault(namespace, folder)
    return found


def _folders(written: Value, context: PathContext) -> Iterator[Path]:
    """A folder is written as such; a clone may have several, which a file in it names unless the configuration does."""
    try:
        url = written.find("git")
        if url is None:
            yield path_value(written, context, "a repository of recipes")
            return
        destination = written.find("destination")
        if destination is not None:
            clone = path_value(destination, context, "the clone of a repository of recipes")
        else:
            digest = hashlib.sha1(str(url.content).encode(), usedforsecurity=False).digest()
            clone = user_cache_path(context.environ) / "package_repos" / base64.b32encode(digest).decode().lower()[-7:]
    except MirrordeckError:
        return
    chosen = written.find("paths")
    paths = chosen.plain() if chosen is not None else _text_in(clone / "spack-repo-index.yaml", "repo_index", "paths")
    for path in paths if isinstance(paths, list) else []:
        if isinstance(path, str):
            yield clone / path


def _text_in(file: Path, *keys: str) -> object:
    """What stands below `keys` in a YAML file, None if nothing does."""
    try:
        value = plain(read_yaml(file).root)
    except MirrordeckError:
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
