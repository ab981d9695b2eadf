# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A repository of the scripted registry, as the program sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.asking import Login
from registry.kit.clock import FakeClock
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.registry.manifests import Descriptor
from core.registry.media_types import OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from core.registry.options import TransportOptions
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport

TOKEN = CancelToken()
NAME = "lab/img"


@contextmanager
def connected(
    registry: FakeRegistry, name: str = NAME, *, clock: FakeClock | None = None, **options: Any
) -> Iterator[Repository]:
    """`name` in `registry`, logged in if it wants that; time is a fake one."""
    reference = ImageReference(registry.endpoint.scheme, registry.host, name)
    chosen = TransportOptions(ca_file=CA_FILE if registry.endpoint.scheme == "https" else None, **options)
    clock = clock or FakeClock()
    transport = Transport(registry.endpoint, Login(), chosen, clock=clock)
    try:
        yield Repository(reference, transport, clock=clock)
    finally:
        transport.close()


def content(size: int) -> bytes:
    """That many bytes of which no two parts are alike."""
    return b"".join(b"%07d " % number for number in range((size + 7) // 8))[:size]


def descriptor(data: bytes, media_type: str = OCI_LAYER_GZIP) -> Descriptor:
    return Descriptor(media_type, digest_of(data), len(data))


def image(config: bytes, *layers: bytes, **more: Any) -> bytes:
    """The manifest of an image of these blobs."""
    parts = [{"mediaType": OCI_LAYER_GZIP, "digest": digest_of(data), "size": len(data)} for data in layers]
    described = {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)}
    document = {"mediaType": OCI_MANIFEST, "schemaVersion": 2, "config": described, "layers": parts, **more}
    return json.dumps(document).encode()
