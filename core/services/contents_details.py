# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One thing in a cache: what it consists of, what shares that, and the commands to get it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from core.caches.browsing import Described, EntryKind, Part
from core.caches.index import SpecDocument
from core.caches.protocol import EntryName
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, MirrordeckError
from core.foundation.text import short_hash
from core.mirrors.model import MirrorKind
from core.services.contents_memory import ContentsMemory, RememberedContents
from core.services.contents_view import Place
from core.services.values import (
    ContentsRow,
    CopyLine,
    EntryDependency,
    EntryDetails,
    EntryPart,
    EntrySignature,
    EntrySpec,
)
from core.signing.signatures import SignatureFacts, SignatureState
from core.spack.formats import default_format, variants_text
from core.spack.specs import Node, decode_node

_CONTAINER_KINDS = (EntryKind.PACKAGE, EntryKind.IMAGE)


def describe_entry(
    place: Place,
    memory: ContentsMemory,
    key: str,
    token: CancelToken,
    *,
    signature: Callable[[str, bytes], SignatureFacts] | None = None,
) -> EntryDetails:
    """What the listing's thing under `key` is. What others share is told from the last complete listing. `signature`
    judges that of a manifest in the cache at an address; without it nothing is said of signatures.

    Raises NotFound if it was never listed or is gone, and what the cache raises.
    """
    known = memory.get(place.cache.url)
    row = next((row for row in known.rows if row.key == key), None) if known is not None else None
    described = place.browser.describe(key, row.manifest_digest if row is not None else "", token)
    nodes = _nodes(described.spec) if described.spec is not None else {}
    return EntryDetails(
        key=key,
        manifest_digest=described.manifest_digest,
        media_type=described.media_type,
        parts=_parts(described, known),
        annotations=tuple(sorted(described.annotations.items())),
        missing=tuple(_label(dag_hash, nodes) for dag_hash in described.missing),
        left_out=tuple(_label(dag_hash, nodes) for dag_hash in described.left_out),
        spec=_spec(described.spec, nodes, known) if described.spec is not None else None,
        lines=tuple(_lines(place, key, described, row)),
        signature=_signature(place, described.spec, row, signature, token) if row and described.spec else None,
    )


def judge_entries(
    place: Place,
    memory: ContentsMemory,
    keys: Collection[str],
    token: CancelToken,
    *,
    signature: Callable[[str, bytes], SignatureFacts],
) -> Iterator[EntrySignature]:
    """What the signatures of listed packages are worth, one package after another; what is listed as unsigned, or not
    at all, is left out. `signature` as for `describe_entry`. Raises Cancelled; a package that cannot be read is
    UNCHECKED, with the reason."""
    known = memory.get(place.cache.url)
    for row in known.rows if known is not None else ():
        if row.key not in keys or not row.signed:
            continue
        token.raise_if_cancelled()
        try:
            spec = place.browser.describe(row.key, row.manifest_digest, token).spec
            facts = _signature(place, spec, row, signature, token) if spec is not None else None
        except Cancelled:
            raise
        except MirrordeckError as error:
            facts = SignatureFacts(SignatureState.UNCHECKED, why=error.info().sentence())
        if facts is not None:
            yield EntrySignature(row.key, facts)


def _signature(
    place: Place,
    spec: SpecDocument,
    row: ContentsRow,
    judge: Callable[[str, bytes], SignatureFacts] | None,
    token: CancelToken,
) -> SignatureFacts | None:
    if judge is None or place.browser.image:  # registries have no signatures
        return None
    stored = place.cache.package(EntryName(row.name, row.version, row.hash), token=token)
    if not stored.signed:
        return SignatureFacts(SignatureState.UNSIGNED)
    facts = judge(place.cache.url, stored.manifest)
    if facts.state is SignatureState.GOOD and spec.root != row.hash:
        return replace(facts, state=SignatureState.BAD, why="it is the manifest of another package that was signed")
    return facts


def _parts(described: Described, known: RememberedContents | None) -> tuple[EntryPart, ...]:
    owners: dict[str, str] = {}
    wanted = {part.digest for part in described.parts}
    for row in known.rows if known is not None else ():
        if row.kind is EntryKind.PACKAGE and row.blob_digest in wanted:
            owners[row.blob_digest] = f"{row.name}@{row.version}"

    def entry_part(part: Part) -> EntryPart:
        shared_by = known.shared.get(part.digest, 1) if known is not None else None
        return EntryPart(part.digest, part.size, part.media_type, part.note or owners.get(part.digest, ""), shared_by)

    return tuple(map(entry_part, described.parts))


def _nodes(spec: SpecDocument) -> dict[str, Node]:
    found = {}
    for dag_hash, document in spec.nodes.items():
        try:
            found[dag_hash] = decode_node(document)
        except MirrordeckError:
            continue  # one that is odd is no reason to show none
    return found


def _spec(spec: SpecDocument, nodes: Mapping[str, Node], known: RememberedContents | None) -> EntrySpec | None:
    root = nodes.get(spec.root)
    if root is None:
        return None
    here = {row.hash for row in known.rows if row.kind is EntryKind.PACKAGE} if known is not None else None
    direct = {edge.hash: ", ".join(edge.deptypes) for edge in root.dependencies}
    dependencies = [
        EntryDependency(
            name=node.name,
            version=node.version,
            hash=dag_hash,
            types=direct.get(dag_hash, ""),
            direct=dag_hash in direct,
            present=None if here is None or node.external is not None else dag_hash in here,
        )
        for dag_hash, node in nodes.items()
        if dag_hash != spec.root
    ]
    dependencies.sort(key=lambda one: (not one.direct, one.name, one.hash))
    return EntrySpec(default_format(root), variants_text(root), root.architecture, tuple(dependencies))


def _label(dag_hash: str, nodes: Mapping[str, Node]) -> str:
    node = nodes.get(dag_hash)
    return f"{node.name}@{node.version}/{short_hash(dag_hash)}" if node is not None else f"/{dag_hash}"


def _lines(place: Place, key: str, described: Described, row: ContentsRow | None) -> Iterator[CopyLine]:
    mirror = place.mirror
    spec = described.spec
    kind = row.kind if row is not None else EntryKind.PACKAGE if spec is not None else EntryKind.IMAGE
    if spec is not None:
        unchecked = " --no-check-signature" if row is not None and row.signed is False and mirror.signed else ""
        yield CopyLine("Install with Spack", f"spack install --cache-only{unchecked} /{spec.root}")
    if kind is EntryKind.KEY:
        yield CopyLine("Trust the keys of all mirrors", "spack buildcache keys --install --trust")
    if place.browser.image and kind in _CONTAINER_KINDS:
        image = shlex.quote(f"{place.browser.image}:{key}")
        plain = " --src-tls-verify=false" if mirror.fetch.kind is MirrorKind.OCI_HTTP else ""
        yield CopyLine("Pull as a container image", f"docker pull {image}")
        target = shlex.quote(f"oci-archive:{key}.tar")
        yield CopyLine(
            "Copy with skopeo", f"skopeo copy{plain} {shlex.quote(f'docker://{place.browser.image}:{key}')} {target}"
        )
    if not mirror.name:
        name = place.browser.image.rpartition("/")[2] or mirror.fetch.url.rstrip("/").rpartition("/")[2]
        yield CopyLine("Make it a mirror", f"spack mirror add {shlex.quote(name)} {shlex.quote(mirror.fetch.url)}")
