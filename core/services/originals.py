# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where packages that came from a cache can still be had as they were: asked of all mirrors before a push."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.caches.opening import OCI_KINDS, CacheAccess
from core.caches.originals import Original, Originals, came_from_cache, unpacks_here
from core.caches.protocol import CacheEntry, EntryName, ReadableCache
from core.foundation.cancel import CancelToken
from core.foundation.errors import ErrorInfo, MirrordeckError, describe
from core.foundation.text import plural
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.services.side_by_side import side_by_side
from core.spack.specs import PackageRecord
from core.transfers.plan import PlanItem

_NO_MIRROR = "there is no mirror with binaries"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a mirror has; without a `cache`, why nobody knows."""

    name: str
    cache: ReadableCache | None
    present: Mapping[str, CacheEntry]
    lacking: str


def find_originals(
    mirrors: Sequence[Mirror],
    access: CacheAccess,
    records: Sequence[PackageRecord],
    *,
    signed: bool,
    token: CancelToken,
) -> dict[str, Originals]:
    """Those of `records` that came from a cache, by hash, and which of `mirrors` have an archive of them.

    Only good signatures count on mirrors that are signed, and with `signed` on all of them: a push vouches for what it
    signs. A mirror that cannot be read is named with its reason. Raises Cancelled.
    """
    wanted = [EntryName(record.name, record.version, record.hash) for record in records if came_from_cache(record)]
    if not wanted:
        return {}

    def ask(mirror: Mirror) -> _Answer:
        name = mirror.name or mirror.fetch.url
        only_signed = signed or (mirror.signed and mirror.fetch.kind not in OCI_KINDS)
        try:
            cache = access.open(mirror, Direction.FETCH)
            present = cache.present(wanted, signed=only_signed, token=token)
        except (MirrordeckError, OSError) as error:
            return _Answer(name, None, {}, f"{name}: {describe(error).sentence()}")
        return _Answer(
            name, cache, present, f"{name} does not have it" + (" with a good signature" if only_signed else "")
        )

    binary = [mirror for mirror in mirrors if mirror.binary]
    by_name = {answer.name: answer for answer in side_by_side(binary, ask, token)}
    answers = [by_name[mirror.name or mirror.fetch.url] for mirror in binary]
    if not answers:
        return {entry.hash: Originals((), (_NO_MIRROR,)) for entry in wanted}
    return {entry.hash: _originals_of(entry.hash, answers) for entry in wanted}


def _originals_of(dag_hash: str, answers: Sequence[_Answer]) -> Originals:
    places = tuple(
        Original(answer.name, answer.cache, answer.present[dag_hash])
        for answer in answers
        if answer.cache is not None and dag_hash in answer.present
    )
    return Originals(places, tuple(answer.lacking for answer in answers if dag_hash not in answer.present))


def with_originals(items: Sequence[PlanItem], originals: Mapping[str, Originals]) -> list[PlanItem]:
    """`items` with what becomes of them when they keep their archives, as far as that is known before."""
    return [_kept(item, originals[item.hash]) if item.hash in originals else item for item in items]


def _kept(item: PlanItem, originals: Originals) -> PlanItem:
    if not originals.places:
        return replace(item, note=f"packed anew: {'; '.join(originals.lacking)}")
    first = originals.places[0]
    note = f"keeps its archive, from {first.mirror}"
    return replace(item, kept=True, size_bytes=first.found.stored_bytes, estimated=False, note=note)


def image_warning(records: Mapping[str, PackageRecord], originals: Mapping[str, Originals]) -> ErrorInfo | None:
    """What it means for container images that archives are kept, None if nothing."""
    kept = [records[dag_hash] for dag_hash, found in originals.items() if found.places]
    elsewhere = [record for record in kept if not unpacks_here(record)]
    if not elsewhere:
        return None
    return ErrorInfo(
        "other-prefix",
        f"Images with {plural(len(elsewhere), 'package')} will not run, though Spack can install from them",
        "The archives that are kept unpack where they were packed, not where the packages are now: "
        + ", ".join(sorted({one.name for one in elsewhere})[:5]),
    )
