# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How packages for a mirror are compressed, and which way is quickest by what was measured."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from core.caches.opening import OCI_KINDS
from core.foundation.errors import UsageError
from core.foundation.settings import load_settings
from core.foundation.text import format_bytes, format_rate, plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.compression import Compression
from core.mirrors.model import MirrorKind
from core.mirrors.reading import mirrors_of
from core.packing.model import Codec
from core.services.mirror_values import AddressFacts, CompressionFacts
from core.spack.instance import Instance
from core.spack.substitutions import folder_of, resolve_address
from core.transfers.links import LEAST_BYTES, Link, last_link

_PUSHED_TO = (MirrorKind.FOLDER, *OCI_KINDS)
# Bytes of files that one core turns into archives in a second, and the share of them that archives take: 36,000 files
# of all sizes, from reading to writing, on one x86-64 core with SHA extensions.
_PACKED_PER_S = {Codec.DEFAULT: 97e6, Codec.FAST: 149e6}
_SHARE = {Codec.DEFAULT: 0.338, Codec.FAST: 0.366}
# A smaller gain than this is not worth larger archives.
_WORTH = 0.9
_LARGER = f"{(_SHARE[Codec.FAST] / _SHARE[Codec.DEFAULT] - 1) * 100:.0f} % larger"


def compression_of(url: str) -> CompressionFacts:
    """What holds for the mirror that pushes to `url`, and a sentence of advice. Reads small files."""
    kept = Compression()
    processors = min(os.cpu_count() or 1, load_settings().parallel)
    told = advice(last_link(url), processors=processors, is_folder=folder_of(url) is not None)
    return CompressionFacts(kept.of(url), f"{told} {kept.problem}".strip())


def with_compression(facts: AddressFacts, instance: Instance, base: Path) -> AddressFacts:
    """`facts` of an address in a file of the directory `base` with its compression, where packages can be pushed to."""
    if facts.kind not in _PUSHED_TO:
        return facts
    return replace(facts, compression=compression_of(resolve_address(facts.url, base, instance.path_context)))


def choose_compression(instance: Instance, mirror: str, codec: Codec) -> CompressionFacts:
    """Pack with `codec` for this mirror, a name, from now on. Raises UsageError for one that is not there, and as
    `Compression.put`."""
    found = resolve_mirror(mirror, mirrors_of(instance), cwd=Path.home())
    if found.push.problem:
        raise UsageError(f"{mirror} cannot be used", found.push.problem)
    Compression().put(found.push.url, codec)
    return compression_of(found.push.url)


def advice(link: Link | None, *, processors: int, is_folder: bool) -> str:
    """Which codec is quickest where `link` was measured and so many `processors` pack, in one sentence."""
    if link is None:
        if is_folder:
            return "Recommended: default; a folder is packed into directly, so no link was measured."
        return f"Recommended: default; no push that sent {format_bytes(LEAST_BYTES)} here was measured yet."
    sent, packed = link.bytes_per_s, _PACKED_PER_S[Codec.DEFAULT] * _SHARE[Codec.DEFAULT] * processors
    packing = f"{plural(processors, 'processor')} can pack about {format_rate(packed)} with default"
    rates = f"the last push sent {format_rate(sent)}, and {packing}"
    gain = _seconds(Codec.FAST, sent, processors) / _seconds(Codec.DEFAULT, sent, processors)
    if gain < _WORTH:
        return (
            f"Recommended: fast; {rates}, so fast saves {(1 - gain) * 100:.0f} % of the time with archives {_LARGER}."
        )
    if sent < packed:
        return f"Recommended: default; {rates}, so the link is what a push waits for."
    return f"Recommended: default; {rates}, so fast would hardly save time and make archives {_LARGER}."


def _seconds(codec: Codec, bytes_per_s: float, processors: int) -> float:
    """How long a byte of files takes: packing and sending go on at the same time."""
    return max(1 / (_PACKED_PER_S[codec] * processors), _SHARE[codec] / bytes_per_s)
