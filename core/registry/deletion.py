# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Deleting manifests and tags, where a registry can (OCI distribution spec, Content Management)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import AccessDenied, AuthRequired, Refused, RemoteError
from core.network.limits import ERROR_BYTES
from core.registry.hosts import deletion_remedies
from core.registry.paths import manifest_path
from core.registry.references import ImageReference
from core.registry.scopes import Scope
from core.registry.transport import Transport


class DeleteUnsupported(Refused):
    """The registry does not delete such things by request."""

    code = "delete-unsupported"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a registry lets us do in a repository; None where that cannot be told, for lack of permission."""

    delete_manifests: bool | None
    delete_tags: bool | None


class Deletion:
    """From one repository. Any thread. Remembers what its registry cannot do."""

    def __init__(self, transport: Transport, reference: ImageReference) -> None:
        self._transport = transport
        self._reference = reference
        self._known: dict[bool, bool] = {}  # by "is a tag"

    def delete(self, target: str, token: CancelToken) -> bool:
        """Delete a tag, or the manifest with a digest, which drops all its tags. False if there is no such thing.

        Raises DeleteUnsupported with the page where it can be done, if one is known.
        """
        is_tag = ":" not in target
        path, scope = (
            manifest_path(self._reference.name, target),
            Scope(self._reference.name, ("pull", "push", "delete")),
        )
        try:
            answer = self._transport.request(
                "DELETE", path, scope=scope, expect={200, 202, 204, 404}, limit=ERROR_BYTES, token=token
            )
        except RemoteError as error:
            if not _means_unsupported(error, is_tag=is_tag):
                raise
            self._known[is_tag] = False
            raise DeleteUnsupported(
                f"{self._reference.domain} does not delete {'tags' if is_tag else 'manifests'} by request",
                error.why,
                status=error.status,
                codes=error.codes,
                remedies=deletion_remedies(self._reference),
            ) from error
        self._known[is_tag] = True
        return answer.status != 404

    def capabilities(self, token: CancelToken) -> Capabilities:
        """Found out, once, by deleting what cannot exist."""
        name = secrets.token_hex(16)
        return Capabilities(self._can(digest_of(name.encode()), token), self._can(f"no-such-tag-{name}", token))

    def _can(self, target: str, token: CancelToken) -> bool | None:
        is_tag = ":" not in target
        if is_tag not in self._known:
            try:
                self.delete(target, token)
            except DeleteUnsupported:
                return False
            except (AuthRequired, AccessDenied):
                return None
        return self._known[is_tag]


def _means_unsupported(error: RemoteError, *, is_tag: bool) -> bool:
    if error.status in (405, 501) or "UNSUPPORTED" in error.codes:
        return True
    # Distribution 2.8 looks for a digest where the tag is; nothing is wrong with any content.
    return is_tag and error.status == 400
