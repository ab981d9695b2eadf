# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spec documents as caches store them."""

from __future__ import annotations

from core.packing.codecs import GzipStream, gzip_member
from core.packing.model import Codec


def gzip_spec_document(document: bytes, codec: Codec) -> bytes:
    """The gzip form of a JSON document, always the same for the same bytes and codec. Any thread.

    Spack flushes its compressor once before it closes it (seen in the output of Spack 1.1), hence the extra flush.
    """
    if codec is not Codec.SPACK:
        return bytes(gzip_member(document, codec))
    stream = GzipStream()
    return stream.compress(document) + stream.flush() + stream.finish()
