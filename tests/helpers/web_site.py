# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A folder served over HTTP on loopback, as a plain web server does it."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate
from pathlib import Path

from registry.kit.faults import Reply
from registry.kit.wire import Request, Server


class WebSite(Server):
    """Serves `root`: GET, HEAD, ranges and conditions. Directories are never listed. `bucket` answers as S3 does where
    nobody may list: 403 for what is not there."""

    def __init__(self, root: Path, *, certificate: str | None = None, bucket: bool = False) -> None:
        self.root = root
        self.bucket = bucket
        self.ranges = True
        super().__init__(self._serve, certificate=certificate)

    def __enter__(self) -> WebSite:
        return self

    def _serve(self, request: Request) -> Reply:
        path = self.root / request.path.lstrip("/")
        if request.method not in ("GET", "HEAD"):
            return Reply(405)
        if not path.is_file():
            if self.bucket:
                words = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
                return Reply(403, words, (("Content-Type", "application/xml"),))
            return Reply(404, b"<html><title>404 Not Found</title></html>", (("Content-Type", "text/html"),))
        data = path.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        headers = [("ETag", tag), ("Last-Modified", formatdate(path.stat().st_mtime, usegmt=True))]
        if request.headers.get("if-none-match") == tag:
            return Reply(304, b"", tuple(headers))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if wanted is None or not self.ranges:
            return Reply(200, data, (*headers, ("Content-Length", str(len(data)))))
        start, end = int(wanted[1]), min(int(wanted[2] or len(data) - 1), len(data) - 1)
        if start >= len(data):
            return Reply(416, b"")
        headers.append(("Content-Range", f"bytes {start}-{end}/{len(data)}"))
        return Reply(206, data[start : end + 1], tuple(headers))
