# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Manifests of one repository over the wire (OCI distribution spec, Pulling and Pushing manifests)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.digests import digest_of, parse_digest
from core.foundation.errors import AccessDenied, BadAnswer, Refused, RemoteError, TooLarge
from core.network.bodies import BytesBody
from core.network.limits import ERROR_BYTES
from core.network.messages import Headers, Response
from core.registry.hosts import access_remedies, with_remedies
from core.registry.manifests import MANIFEST_LIMIT_BYTES, MANIFEST_PUSH_LIMIT_BYTES, RawManifest, raw_manifest
from core.registry.media_types import ALL_FOUR
from core.registry.paths import manifest_path
from core.registry.patience import asked_again
from core.registry.references import ImageReference
from core.registry.scopes import Scope
from core.registry.strict_json import refuse_web_page
from core.registry.transport import Transport

_FRESH_S = 30.0
_BLOB_UNKNOWN = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"})


class ManifestStore:
    """Any thread."""

    def __init__(self, transport: Transport, reference: ImageReference, clock: Clock) -> None:
        self._transport = transport
        self._reference = reference
        self._name = reference.name
        self._clock = clock
        self._lock = threading.Lock()
        self._written: dict[str, float] = {}  # when, by path; the oldest first

    def read(
        self, target: str, token: CancelToken, *, accept: Sequence[str] = ALL_FOUR, expected: bool = False
    ) -> RawManifest | None:
        """See `Repository.manifest`."""
        answer = self._ask("GET", target, token, accept, {200, 404}, expected=expected)
        if answer.status == 404:
            return None
        refuse_web_page(answer.body)
        raw = raw_manifest(answer.body, answer.media_type, f"the manifest {target} of {self._reference.repository}")
        if raw.digest != target and (":" in target or _stated_digest(answer.headers) not in ("", raw.digest)):
            raise BadAnswer(f"Cannot read the manifest {target}", "What the registry sent has another digest")
        return raw

    def digest(self, target: str, token: CancelToken) -> str | None:
        """See `Repository.manifest_digest`."""
        answer = self._ask("HEAD", target, token, ALL_FOUR, {200, 404, 405})
        if answer.status == 404:
            return None
        stated = _stated_digest(answer.headers) if answer.status == 200 else ""
        if stated:
            return stated
        raw = self.read(target, token)
        return raw.digest if raw else None

    def write(self, target: str, data: bytes, media_type: str, token: CancelToken) -> Headers:
        """Store `data` as `target`, a tag or its digest; the headers of the answer, none if it was there already.

        Raises TooLarge before anything is sent, BadAnswer if the registry has something else afterwards.
        """
        digest = digest_of(data)
        if len(data) > MANIFEST_PUSH_LIMIT_BYTES:
            raise TooLarge(f"Cannot push the manifest {target}", f"It has {len(data):,} bytes; registries take 4 MiB")
        path = manifest_path(self._name, target)
        try:
            answer = self._put(path, data, media_type, token)
        except AccessDenied as error:
            raise with_remedies(error, access_remedies(self._reference)) from error
        except Refused:
            # An immutable tag is refused even for what it already is; so is the repetition of a lost success.
            if ":" not in target and self.digest(target, token) == digest:
                return Headers()
            raise
        self._note_written(path, manifest_path(self._name, digest))
        if _stated_digest(answer.headers) not in ("", digest):
            raise BadAnswer(f"Cannot push the manifest {target}", "The registry stored something with another digest")
        self._confirm(digest, data, token)
        return answer.headers

    def _note_written(self, *paths: str) -> None:
        now = self._clock.monotonic()
        with self._lock:
            for path in paths:
                self._written.pop(path, None)
                self._written[path] = now
            while now - next(iter(self._written.values())) >= _FRESH_S:
                del self._written[next(iter(self._written))]

    def _put(self, path: str, data: bytes, media_type: str, token: CancelToken) -> Response:
        """Repeated while a blob is said to be missing: all were seen there before, but docker-registry 2.8 does not
        find one in the moment in which somebody else uploads the same."""

        def once() -> Response | RemoteError:
            try:
                return self._transport.request(
                    "PUT",
                    path,
                    scope=Scope(self._name, ("pull", "push")),
                    headers={"Content-Type": media_type},
                    body=BytesBody(data),
                    expect={201},
                    limit=ERROR_BYTES,
                    token=token,
                )
            except RemoteError as error:
                if _BLOB_UNKNOWN.isdisjoint(error.codes):
                    raise
                return error

        answer = asked_again(once, lambda answer: isinstance(answer, RemoteError), self._clock, token)
        if isinstance(answer, RemoteError):
            raise answer
        return answer

    def _confirm(self, digest: str, data: bytes, token: CancelToken) -> None:
        """The registry must have it. Where pulls are counted only HEAD, which is free, is used."""
        if self._transport.rate_limit() is not None:
            found = self.digest(digest, token) == digest
        else:
            raw = self.read(digest, token)
            found = raw is not None and raw.data == data
        if not found:
            raise BadAnswer(
                f"Cannot push the manifest {digest}", "The registry said it stored it, but does not have it"
            )

    def _ask(
        self,
        method: str,
        target: str,
        token: CancelToken,
        accept: Sequence[str],
        expect: Collection[int],
        *,
        expected: bool = False,
    ) -> Response:
        """Asked again if what is `expected` or was just written is not found: some registries miss things at times."""
        path = manifest_path(self._name, target)

        def once() -> Response:
            return self._transport.request(
                method,
                path,
                scope=Scope(self._name),
                headers={"Accept": ", ".join(accept)},
                expect=expect,
                limit=MANIFEST_LIMIT_BYTES,
                token=token,
            )

        if not expected and self._clock.monotonic() - self._written.get(path, -_FRESH_S) >= _FRESH_S:
            return once()
        return asked_again(once, lambda answer: answer.status == 404, self._clock, token)


def _stated_digest(headers: Headers) -> str:
    """Docker-Content-Digest if it is one of ours, else ""."""
    try:
        return parse_digest(headers.get("docker-content-digest", "").strip())
    except ValueError:
        return ""
