# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the content of a bucket can be read by everybody, as plain files on the web.

Two forms are in use (Amazon S3 user guide, "Virtual hosting of general purpose buckets"): the bucket as part of the
host's name, and as the first part of the path. Other object stores understand the latter everywhere.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

from core.foundation.errors import UsageError

_AMAZON = "s3.amazonaws.com"
_GOOGLE = "https://storage.googleapis.com"
_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,253}[a-zA-Z0-9]")


def public_address(url: str, endpoint: str) -> str:
    """The web address of `s3://bucket/prefix` or `gs://bucket/prefix`; `endpoint` is the S3 server's address, "" for
    Amazon's own.

    An endpoint without a scheme is reached by https, as Spack takes it. Raises UsageError if there is no such address.
    """
    parts = urlsplit(url)
    bucket, prefix = parts.netloc, quote(parts.path.strip("/"), safe="/")
    if parts.scheme not in ("s3", "gs") or not _BUCKET.fullmatch(bucket) or parts.query or parts.fragment:
        raise UsageError("That is not the address of a bucket", f"{url}: it must have the form s3://bucket/prefix")
    if parts.scheme == "gs":
        return f"{_GOOGLE}/{bucket}/{prefix}".rstrip("/")
    if not endpoint:
        # A dot in the bucket's name does not fit the server's certificate.
        base = f"https://{_AMAZON}/{bucket}" if "." in bucket else f"https://{bucket}.{_AMAZON}"
        return f"{base}/{prefix}".rstrip("/")
    server = (endpoint if "://" in endpoint else f"https://{endpoint}").rstrip("/")
    host = urlsplit(server).hostname or ""
    names_bucket = host.startswith(f"{bucket}.") and not _is_number(host)
    return f"{server}/{prefix}".rstrip("/") if names_bucket else f"{server}/{bucket}/{prefix}".rstrip("/")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
