# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Digests are text of the form `sha256:<64 lower-case hex>` everywhere (OCI image spec, descriptor.md#digests).

They are checked by `parse_digest` before they become part of any path or address.
"""

from __future__ import annotations

import hashlib
import re

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_DAG_HASH = re.compile(r"[a-z2-7]{32}")


def parse_digest(text: str) -> str:
    """`text` itself if it is a sha256 digest; raises ValueError otherwise."""
    if not _SHA256.fullmatch(text):
        raise ValueError(f"not a sha256 digest: {text[:100]!r}")
    return text


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hex_of(digest: str) -> str:
    """The 64 hex characters of a digest that was checked before."""
    return digest.removeprefix("sha256:")


def is_dag_hash(text: str) -> bool:
    """True for a complete Spack DAG hash: 32 characters of lower-case base32."""
    return _DAG_HASH.fullmatch(text) is not None
