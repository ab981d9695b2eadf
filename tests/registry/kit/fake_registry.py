# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A registry in this process: correct unless told otherwise by a behaviour (whole classes of servers) or by faults."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from types import TracebackType

from registry.kit.behaviour import Behaviour
from registry.kit.fake_auth import Access, Authority, error
from registry.kit.fake_lists import Lists
from registry.kit.fake_uploads import Uploads
from registry.kit.faults import Faults, Reply
from registry.kit.wire import Request, Server

from core.foundation.clock import Clock
from core.network.endpoints import Endpoint

ROUTE = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>blobs/uploads|blobs|manifests|tags|referrers)/(?P<rest>.*)")
IMAGE_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class FakeRegistry:
    """`with FakeRegistry() as registry:` serves on loopback until the block ends.

    `blobs[name][digest]`, `manifests[name][digest] = (type, data)` and `tags[name][tag] = digest` may be read and
    changed at any time; so may `behaviour` and `authority`. `faults.add(…)` scripts deviations, `requests` records.
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        certificate: str | None = None,
        ask_client: bool = False,
        newest_tls: ssl.TLSVersion | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.lock = threading.RLock()
        self.blobs: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = defaultdict(dict)
        self.tags: dict[str, dict[str, str]] = defaultdict(dict)
        self.tag_writes = 0
        self.server = Server(self._answer, certificate=certificate, ask_client=ask_client, newest_tls=newest_tls)
        self.authority = Authority(self.server.url, clock or Clock())
        self.uploads = Uploads(self)
        self.lists = Lists(self)
        self._unseen: dict[str, int] = {}

    def __enter__(self) -> FakeRegistry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.server.scheme, self.server.host)

    @property
    def host(self) -> str:
        return self.server.host

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def requests(self) -> list[Request]:
        return self.server.requests

    def seen(self, method: str = "", part: str = "") -> list[Request]:
        return self.server.seen(method, part)

    def add_blob(self, name: str, data: bytes) -> str:
        with self.lock:
            self.blobs[name][digest_of(data)] = data
        return digest_of(data)

    def add_manifest(self, name: str, data: bytes, media_type: str = IMAGE_MANIFEST, tag: str | None = None) -> str:
        with self.lock:
            self.manifests[name][digest_of(data)] = (media_type, data)
            if tag is not None:
                self.tags[name][tag] = digest_of(data)
        return digest_of(data)

    def written(self, path: str) -> None:
        """Something new is at `path`; with `unseen_for` it is not found at first."""
        if self.behaviour.unseen_for:
            self._unseen[path] = self.behaviour.unseen_for

    # ---- serving ----

    def _answer(self, request: Request) -> Reply:
        with self.lock:
            if request.path == "/token":
                return self.authority.token(request)
            if request.path in ("/v2/", "/v2"):
                refusal = self.authority.refusal(request, frozenset())
                return refusal or json_reply({}).having(Docker_Distribution_Api_Version="registry/2.0")
            if request.path == "/v2/_catalog":
                needed = frozenset({("catalog", "*")})
                return self.authority.refusal(request, needed) or self.lists.catalogue(request)
            route = ROUTE.fullmatch(request.path)
            if route is None:
                return Reply(404, b"404 page not found\n", (("Content-Type", "text/plain; charset=utf-8"),))
            name, kind, rest = route["name"], route["kind"], route["rest"]
            return self.authority.refusal(request, _needed(request, name)) or self._routed(request, name, kind, rest)

    def _routed(self, request: Request, name: str, kind: str, rest: str) -> Reply:
        if self.behaviour.needs_length and "content-length" not in request.headers and request.method[0] == "P":
            return Reply(411)
        if request.method in ("GET", "HEAD") and self._unseen.get(request.path, 0) > 0:
            self._unseen[request.path] -= 1
            return error(404, "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN", "unknown here")
        handlers: dict[str, Callable[[Request, str, str], Reply]] = {
            "blobs/uploads": self.uploads.answer,
            "blobs": self._blob,
            "manifests": self._manifest,
            "tags": self.lists.tags,
            "referrers": self.lists.referrers,
        }
        return handlers[kind](request, name, rest)

    def _blob(self, request: Request, name: str, digest: str) -> Reply:
        data = self.blobs[name].get(digest)
        if data is None:
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry", digest=digest)
        if request.method == "DELETE":
            del self.blobs[name][digest]
            return Reply(202)
        reply = Reply(200, data).having(Content_Type="application/octet-stream", Docker_Content_Digest=digest)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if wanted is None or not self.behaviour.ranges:
            return reply
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if first > last:
            return Reply(416).having(Content_Range=f"bytes */{len(data)}")
        part = data[first : last + 1]
        return Reply(206, part, reply.headers).having(Content_Range=f"bytes {first}-{last}/{len(data)}")

    def _manifest(self, request: Request, name: str, target: str) -> Reply:
        if request.method == "PUT":
            return self._put_manifest(request, name, target)
        digest = target if ":" in target else self.tags[name].get(target)
        if request.method == "DELETE":
            return self._delete_manifest(name, target)
        if digest not in self.manifests[name]:
            return error(404, "MANIFEST_UNKNOWN", "manifest unknown", tag=target)
        if request.method == "HEAD" and not self.behaviour.head_manifest:
            return Reply(405)
        media_type, data = self.manifests[name][digest]
        if self.behaviour.strict_accept and media_type not in request.headers.get("accept", ""):
            return error(
                404, "MANIFEST_UNKNOWN", "OCI manifest found, but accept header does not support OCI manifests"
            )
        shown = f"{media_type}; charset=utf-8" if self.behaviour.charset else media_type
        reply = Reply(200, data).having(Content_Type=shown, ETag=f'"{digest}"')
        return reply.having(Docker_Content_Digest=digest) if self.behaviour.content_digest else reply

    def _put_manifest(self, request: Request, name: str, target: str) -> Reply:
        data, digest = request.body, digest_of(request.body)
        if len(data) > self.behaviour.largest_manifest:
            return error(self.behaviour.largest_manifest_status, "MANIFEST_INVALID", "manifest too large")
        if ":" in target and target != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        try:
            document = json.loads(data)
        except ValueError as problem:
            return error(400, "MANIFEST_INVALID", str(problem))
        if self.behaviour.subject_status is not None and "subject" in document:
            return error(self.behaviour.subject_status, "UNSUPPORTED", "Invalid JSON syntax")
        needed = [document["config"]["digest"]] if "config" in document else []
        needed += [layer["digest"] for layer in document.get("layers", [])]
        absent = [found for found in needed if found not in self.blobs[name]]
        absent += [
            child["digest"] for child in document.get("manifests", []) if child["digest"] not in self.manifests[name]
        ]
        if self.behaviour.checks_blobs and absent:
            return error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", digest=absent[0])
        if ":" not in target and self.behaviour.immutable_tags and target in self.tags[name]:
            return error(400, "TAG_INVALID", f"The image tag '{target}' already exists and the tag is immutable")
        if self.behaviour.stores != "nothing":
            media_type = request.headers.get("content-type", "").partition(";")[0]
            self.manifests[name][digest] = (media_type, data)
            if ":" not in target:
                self.tags[name][target] = digest
                self.tag_writes += 1
        self.written(f"/v2/{name}/manifests/{target}")
        reply = Reply(201).having(Location=f"/v2/{name}/manifests/{digest}")
        if "subject" in document and self.behaviour.referrers:
            reply = reply.having(OCI_Subject=document["subject"]["digest"])
        return reply.having(Docker_Content_Digest=digest) if self.behaviour.content_digest else reply

    def _delete_manifest(self, name: str, target: str) -> Reply:
        if ":" not in target:
            if self.behaviour.delete_tag == 400:
                return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
            if self.behaviour.delete_tag != 202:
                return error(self.behaviour.delete_tag, "UNSUPPORTED", "The operation is unsupported.")
            return Reply(202) if self.tags[name].pop(target, None) else error(404, "MANIFEST_UNKNOWN", "unknown tag")
        if self.behaviour.delete_manifest != 202:
            return error(self.behaviour.delete_manifest, "UNSUPPORTED", "The operation is unsupported.")
        if self.manifests[name].pop(target, None) is None:
            return error(404, "MANIFEST_UNKNOWN", "unknown manifest")
        self.tags[name] = {tag: digest for tag, digest in self.tags[name].items() if digest != target}
        return Reply(202)


def json_reply(document: object) -> Reply:
    return Reply(200, json.dumps(document).encode(), (("Content-Type", "application/json"),))


def _needed(request: Request, name: str) -> Access:
    wanted = {"GET": ("pull",), "HEAD": ("pull",), "DELETE": ("delete",)}.get(request.method, ("pull", "push"))
    if "/blobs/uploads/" in request.path:
        wanted = ("pull", "push")
    return frozenset((name, action) for action in wanted)
