# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What belongs to an image without being part of it: signatures, attestations and lists of contents.

They either name the image as their `subject` (OCI distribution spec, Listing Referrers), or lie under a tag made of its
digest, as cosign does it. Neither is ever altered: their bytes are what somebody signed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer, CacheError, NotFound, Refused
from core.foundation.text import plural
from core.registry.manifests import Descriptor, ImageManifest, RawManifest, parse_manifest
from core.registry.referrers import fallback_tag
from core.registry.repository import Repository
from core.registry.strict_json import decode_object

# Several may be under one tag of these, each in a layer of its own.
_SHARED = (".sig", ".att")
_SUFFIXES = (*_SHARED, ".sbom")
# A signature of a list of contents of an image, and no deeper.
_DEPTH = 3
_ODD = (CacheError, NotFound, BadAnswer, Refused)

Bring = Callable[[Descriptor, CancelToken], object]


def attached_tags(digest: str, tags: Collection[str]) -> list[str]:
    """Those of `tags` that hold something attached to the image with that digest."""
    return [tag for suffix in _SUFFIXES if (tag := fallback_tag(digest) + suffix) in tags]


class Attachments:
    """Copies of what is attached to images of `source`; `bring` makes sure of a blob in `target`. Thread-safe.

    Methods raise what the registries raise.
    """

    def __init__(self, source: Repository, target: Repository, bring: Bring) -> None:
        self._source = source
        self._target = target
        self._bring = bring

    def lacking(self, digest: str, tags: Collection[str], token: CancelToken) -> bool:
        """Whether the target has not all that is attached to an image of the source, which has `tags`."""
        for tag in attached_tags(digest, tags):
            if not self._same(tag, token):
                return True
        there = {referrer.digest for referrer in self._source.referrers(digest, token)}
        return bool(there) and not there <= {referrer.digest for referrer in self._target.referrers(digest, token)}

    def copy(self, digest: str, tags: Collection[str], token: CancelToken) -> None:
        """Bring what is attached to an image that is in the target.

        Raises CacheError naming what cannot be copied, after all else was.
        """
        problems = [*self._copy_tags(digest, tags, token), *self._copy_referrers(digest, token, _DEPTH)]
        if problems:
            title = f"The package was copied, but not {plural(len(problems), 'attachment')} of its image"
            raise CacheError(title, "; ".join(problems))

    def _copy_tags(self, digest: str, tags: Collection[str], token: CancelToken) -> Iterator[str]:
        for tag in attached_tags(digest, tags):
            token.raise_if_cancelled()
            try:
                raw = self._source.manifest(tag, token, expected=True)
                if raw is None:
                    raise NotFound("it is listed, but not there")
                self._bring_parts(raw, token)
                there = self._target.manifest(tag, token)
                if there is None:
                    self._target.put_manifest(tag, raw.data, raw.media_type, token)
                elif there.digest != raw.digest:
                    self._add(tag, raw, there, token)
            except _ODD as error:
                yield f"{tag}: {error.info().sentence()}"

    def _copy_referrers(self, digest: str, token: CancelToken, depth: int) -> Iterator[str]:
        referrers = self._source.referrers(digest, token)
        if not referrers:
            return
        there = {referrer.digest for referrer in self._target.referrers(digest, token)}
        for referrer in referrers:
            token.raise_if_cancelled()
            try:
                if referrer.digest not in there:
                    self._copy_manifest(referrer.digest, token)
            except _ODD as error:
                yield f"{referrer.artifact_type or referrer.digest}: {error.info().sentence()}"
                continue
            if depth:
                yield from self._copy_referrers(referrer.digest, token, depth - 1)

    def _copy_manifest(self, digest: str, token: CancelToken) -> None:
        raw = self._source.manifest(digest, token, expected=True)
        if raw is None:
            raise NotFound("it is listed, but not there")
        self._bring_parts(raw, token)
        self._target.put_manifest(digest, raw.data, raw.media_type, token)

    def _bring_parts(self, raw: RawManifest, token: CancelToken) -> None:
        manifest = parse_manifest(raw)
        if not isinstance(manifest, ImageManifest):
            raise CacheError("it is an index of several images")
        for part in (*manifest.layers, manifest.config):
            token.raise_if_cancelled()
            self._bring(part, token)

    def _add(self, tag: str, raw: RawManifest, there: RawManifest, token: CancelToken) -> None:
        """Signatures that the target has under that tag stay, those of the source are added."""
        ours, theirs = decode_object(raw.data, tag), decode_object(there.data, tag)
        known = {layer["digest"] for layer in theirs.get("layers", ())}
        new = [layer for layer in ours["layers"] if layer["digest"] not in known]
        if not new:
            return
        if not tag.endswith(_SHARED) or not known:
            raise CacheError("the target has another one, which stays")
        merged: dict[str, Any] = {**theirs, "layers": [*theirs["layers"], *new]}
        data = json.dumps(merged, separators=(",", ":")).encode()
        self._target.put_manifest(tag, data, there.media_type, token)

    def _same(self, tag: str, token: CancelToken) -> bool:
        """Whether the target has all that lies under a tag of the source."""
        if self._source.manifest_digest(tag, token) == self._target.manifest_digest(tag, token):
            return True
        ours, theirs = self._source.manifest(tag, token), self._target.manifest(tag, token)
        if ours is None or theirs is None:
            return ours is None
        layers = [
            {layer["digest"] for layer in decode_object(raw.data, tag).get("layers", ())} for raw in (ours, theirs)
        ]
        return layers[0] <= layers[1]
