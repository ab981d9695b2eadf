# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tags: which image is which package. Facts seen in Spack 1.1's output; pure functions, any thread."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.caches.protocol import EntryName
from core.foundation.digests import is_dag_hash
from core.foundation.errors import CacheError, UsageError

INDEX_TAG = "index.spack"

_SUFFIX = ".spack"
_LONGEST = 128
_HALF = 64
_NOT_IN_TAGS = re.compile(r"[^\w.-]")
# What registries take (OCI distribution spec, "Pulling manifests"); Spack's own rule lets more through.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PACKAGE = re.compile(r"[a-z0-9_][a-z0-9_-]*")
_NAMED_VERSIONS = frozenset({"develop", "main", "master", "head", "trunk", "stable"})


def spec_tag(entry: EntryName) -> str:
    """The tag of a package's image. Raises CacheError for a name that cannot be one."""
    tag = sanitised(f"{entry.name}-{entry.version}-{entry.hash}{_SUFFIX}")
    if not is_dag_hash(entry.hash) or not _TAG.fullmatch(tag):
        raise CacheError("That is not the name of a package", repr(entry)[:200])
    return tag


def sanitised(text: str) -> str:
    """`text` made into a tag by Spack's rule; a long one loses its middle. Not every result is a valid tag."""
    tag = _NOT_IN_TAGS.sub("_", text)
    return tag if len(tag) <= _LONGEST else tag[:_HALF] + tag[-_HALF:]


def is_spec_tag(tag: str) -> bool:
    """Whether Spack takes the image for a package."""
    return tag.endswith(_SUFFIX) and tag != INDEX_TAG


def spec_tags(tags: Iterable[str]) -> frozenset[str]:
    """Those of packages, as `is_spec_tag` tells them."""
    return frozenset([tag for tag in tags if tag.endswith(_SUFFIX)]) - {INDEX_TAG}


def entry_of_tag(tag: str) -> EntryName | None:
    """The package whose tag this is, None if it is no package's.

    The hash is certain. Where name and version meet has to be guessed as both may hold dashes, and what Spack cut out
    of a long tag is missing; the version comes in its cleaned form.
    """
    name_and_version, _, dag_hash = tag.removesuffix(_SUFFIX).rpartition("-")
    if not is_spec_tag(tag) or not is_dag_hash(dag_hash):
        return None
    name, _, version = name_and_version.rpartition("-")
    while name and not _ends_here(name, version):
        name, _, first = name.rpartition("-")
        version = f"{first}-{version}"
    return EntryName(name, version, dag_hash) if name else None


def hash_in(tag: str) -> str:
    """What stands where the hash of a package does in its tag, one of `spec_tags`: the hash, if `entry_of_tag` knows
    the package."""
    return tag[: -len(_SUFFIX)].rpartition("-")[2]


def check_user_tag(tag: str) -> str:
    """`tag` itself if an image may be tagged so. Raises UsageError with the reason."""
    if not _TAG.fullmatch(tag):
        why = "A tag has up to 128 letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`"
        raise UsageError(f"{tag[:200]!r} is not a tag", why)
    if tag.endswith(_SUFFIX):
        raise UsageError(
            f"{tag} cannot be used as a tag", f"Spack takes everything that ends in {_SUFFIX} for a package"
        )
    return tag


def _ends_here(name: str, version: str) -> bool:
    if not _PACKAGE.fullmatch(name):
        return False
    last = name.rpartition("-")[2]
    plain = version[:1].isdigit() or version.startswith("git.") or version in _NAMED_VERSIONS
    return plain or not last[:1].isdigit()
