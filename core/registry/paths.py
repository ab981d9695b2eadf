# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Addresses below `/v2/` (OCI distribution spec, Endpoints).

Every name is checked against its grammar before it becomes part of an address, and quoted all the same. ValueError
means that a caller let something foreign through unchecked.
"""

from __future__ import annotations

from urllib.parse import quote

from core.foundation.digests import parse_digest
from core.registry.references import parse_repository, parse_tag


def parse_target(text: str) -> str:
    """`text` itself if it is a tag or a digest; raises ValueError otherwise."""
    return parse_digest(text) if ":" in text else parse_tag(text)


def manifest_path(name: str, target: str) -> str:
    """Of the manifest with a tag or digest."""
    return f"{_base(name)}/manifests/{quote(parse_target(target), safe=':')}"


def blob_path(name: str, digest: str) -> str:
    return f"{_base(name)}/blobs/{parse_digest(digest)}"


def uploads_path(name: str) -> str:
    return f"{_base(name)}/blobs/uploads/"


def mount_path(name: str, digest: str, source: str) -> str:
    """Where to POST so that the blob of the repository `source` becomes one of `name` too."""
    source = quote(parse_repository(source), safe="")
    return f"{uploads_path(name)}?mount={quote(parse_digest(digest), safe='')}&from={source}"


def tags_path(name: str) -> str:
    return f"{_base(name)}/tags/list"


def referrers_path(name: str, digest: str) -> str:
    return f"{_base(name)}/referrers/{parse_digest(digest)}"


def _base(name: str) -> str:
    return f"/v2/{quote(parse_repository(name), safe='/')}"
