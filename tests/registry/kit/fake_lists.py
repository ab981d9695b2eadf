# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lists of the fake registry: tags, repositories, referrers, with every known way of turning pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from registry.kit.fake_auth import error
from registry.kit.faults import Reply
from registry.kit.wire import Request

if TYPE_CHECKING:
    from registry.kit.fake_registry import FakeRegistry


class Lists:
    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry

    def tags(self, request: Request, name: str, rest: str) -> Reply:
        registry = self._registry
        if rest != "list":
            return Reply(404)
        known = registry.tags.get(name)
        if known is None and name not in registry.blobs and name not in registry.manifests:
            return error(404, "NAME_UNKNOWN", "repository name not known to registry", name=name)
        tags = list(known or ())
        tags = sorted(tags, reverse=True) if registry.behaviour.unsorted else sorted(tags)
        if not tags and registry.behaviour.null_tags:
            return _json({"name": name, "tags": None})
        return self._page(request, tags, lambda part: {"name": name, "tags": part})

    def catalogue(self, request: Request) -> Reply:
        registry = self._registry
        names = sorted({*registry.blobs, *registry.manifests, *registry.tags})
        return self._page(request, names, lambda part: {"repositories": part})

    def referrers(self, request: Request, name: str, digest: str) -> Reply:
        registry = self._registry
        if not registry.behaviour.referrers:
            return Reply(404, b"404 page not found\n", (("Content-Type", "text/plain; charset=utf-8"),))
        found = []
        for other, (media_type, data) in registry.manifests[name].items():
            document = json.loads(data)
            if document.get("subject", {}).get("digest") == digest:
                artifact = document.get("artifactType") or document.get("config", {}).get("mediaType", "")
                row = {"mediaType": media_type, "digest": other, "size": len(data), "artifactType": artifact}
                found.append({**row, "annotations": document.get("annotations", {})})
        wanted = request.argument("artifactType")
        reply = _index([row for row in found if wanted in (None, row["artifactType"])])
        return reply.having(OCI_Filters_Applied="artifactType") if wanted else reply

    def _page(self, request: Request, names: list[str], document: object) -> Reply:
        behaviour = self._registry.behaviour
        asked = request.argument("n")
        if asked is not None and behaviour.most_n is not None and int(asked) > behaviour.most_n:
            return error(400, "UNSUPPORTED", f"n must be at most {behaviour.most_n}")
        size = behaviour.page or (int(asked) if asked and not behaviour.ignores_n else None)
        last = request.argument("last")
        start = 0
        if last is not None and last in names and not behaviour.ignores_last:
            start = names.index(last) + 1
        part = names[start:] if size is None else names[start : start + size]
        reply = _json(document(part))  # type: ignore[operator]
        if size is None or start + size >= len(names) or not part:
            return reply
        return reply.having(Link=self._link(request, part[-1], size))

    def _link(self, request: Request, last: str, size: int) -> str:
        query = "?" + urlencode({"n": size, "last": last})
        path = request.target.partition("?")[0]
        registry = self._registry
        targets = {
            "relative": path + query,
            "absolute": registry.url + path + query,
            "http": f"http://{registry.host}{path}{query}",
            "query": query,
            "several": path + query,
        }
        text = f'<{targets[registry.behaviour.link]}>; rel="next"'
        return f'</v2/>; rel="first", {text}' if registry.behaviour.link == "several" else text


def _json(document: object) -> Reply:
    return Reply(200, json.dumps(document).encode(), (("Content-Type", "application/json"),))


def _index(rows: list[dict[str, object]]) -> Reply:
    media_type = "application/vnd.oci.image.index.v1+json"
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": rows}
    return Reply(200, json.dumps(document).encode(), (("Content-Type", media_type),))
