# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What refers to a manifest by its `subject`: signatures, attestations (OCI distribution spec, Listing Referrers).

Registries without that list have an index under the tag `sha256-<hex>` instead, which clients keep.
"""

from __future__ import annotations

import msgspec

from core.foundation.cancel import CancelToken
from core.foundation.digests import hex_of
from core.foundation.errors import CacheError
from core.registry.manifest_store import ManifestStore
from core.registry.manifests import Descriptor, ImageIndex, parse_index, parse_manifest
from core.registry.media_types import OCI_INDEX
from core.registry.paging import pages
from core.registry.paths import referrers_path
from core.registry.scopes import Scope
from core.registry.transport import Transport

_NO_LIST = frozenset({400, 404, 405, 501})
_MOST = 10_000


def fallback_tag(digest: str) -> str:
    """Where the list is kept if the registry keeps none."""
    return f"sha256-{hex_of(digest)}"


def list_referrers(
    transport: Transport, name: str, store: ManifestStore, digest: str, token: CancelToken
) -> tuple[Descriptor, ...]:
    """Descriptors of what refers to `digest`. Raises CacheError if the list cannot be understood."""
    path = referrers_path(name, digest)
    found: list[Descriptor] = []
    answered = False
    for page in pages(transport, path, scope=Scope(name), missing=_NO_LIST, token=token):
        answered = True
        found += parse_index(page, f"the referrers of {digest}").manifests
        if len(found) > _MOST:
            raise CacheError(f"Cannot list the referrers of {digest}", f"There are more than {_MOST:,}")
    return tuple(found) if answered else _fallback(store, digest, token)


def add_to_fallback(store: ManifestStore, subject: str, referrer: Descriptor, token: CancelToken) -> None:
    """Add `referrer` to the list kept under the fallback tag of `subject`, keeping what is there."""
    known = _fallback(store, subject, token)
    if any(other.digest == referrer.digest for other in known):
        return
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": (*known, referrer)}
    store.write(fallback_tag(subject), msgspec.json.encode(document), OCI_INDEX, token)


def _fallback(store: ManifestStore, digest: str, token: CancelToken) -> tuple[Descriptor, ...]:
    raw = store.read(fallback_tag(digest), token)
    index = parse_manifest(raw) if raw else None
    return index.manifests if isinstance(index, ImageIndex) else ()
