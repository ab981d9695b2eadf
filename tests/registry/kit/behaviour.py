# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How registries differ: one switch for each difference, and profiles of the known ones, named after the products."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Behaviour:
    """A correct, generous registry; every field is a deviation when changed."""

    # uploads
    mount: bool = True  # False: 202 with an upload session
    mount_needs_pull: bool = False  # 401 without pull on the source
    single_post: bool = True  # POST with ?digest= and a body; False: 202
    chunked: bool = True  # False: PATCH is 405
    largest_patch: int | None = None  # longer ones get 416 with text
    largest_body: int | None = None  # longer ones get 413
    too_large_html: bool = False  # ... as a page of a proxy
    least_chunk: int | None = None  # OCI-Chunk-Min-Length
    check_ranges: bool = True  # 416 for a chunk out of order; False: appended
    patch_status: int = 202
    stuck_range: bool = False  # Range always says the first chunk
    empty_put: int | None = None  # status for the closing PUT without a body
    newest_location_only: bool = False  # 404 BLOB_UPLOAD_INVALID for an older one
    failed_put_ends: bool = True  # a PUT with the wrong digest ends the session
    cancel: bool = True  # False: DELETE of a session is 405
    location: Literal["relative", "absolute", "http", "query"] = "relative"
    stores: Literal["all", "nothing", "last chunk"] = "all"  # what a 201 is worth
    # manifests
    checks_blobs: bool = True
    immutable_tags: bool = False
    head_manifest: bool = True
    strict_accept: bool = False  # 404 if Accept lacks the type
    content_digest: bool = True  # Docker-Content-Digest
    charset: bool = False  # Content-Type with a parameter
    largest_manifest: int = 4 * 1024 * 1024
    largest_manifest_status: int = 413
    subject_status: int | None = None  # for manifests with `subject`
    delete_manifest: int = 202  # 405: off
    delete_tag: int = 202  # 400 DIGEST_INVALID, 405: off
    # lists
    page: int | None = None  # tags on a page whatever is asked for
    most_n: int | None = None  # larger n is 400
    ignores_n: bool = False
    ignores_last: bool = False
    link: Literal["relative", "absolute", "query", "several", "http"] = "relative"
    unsorted: bool = False
    null_tags: bool = False  # `null` for an empty list
    referrers: bool = True
    # everything
    ranges: bool = True
    needs_length: bool = False  # 411/400 without Content-Length
    unseen_for: int = 0  # reads of something new that still get 404


PROFILES: dict[str, Behaviour] = {
    "correct": Behaviour(),
    "ghcr": Behaviour(
        largest_patch=4 * 1024 * 1024, delete_manifest=405, delete_tag=405, cancel=False, referrers=False
    ),
    "hub": Behaviour(delete_manifest=405, delete_tag=405, mount_needs_pull=True),
    "ecr": Behaviour(patch_status=201, stuck_range=True, empty_put=500, most_n=1000, link="absolute"),
    "ecr-immutable": Behaviour(immutable_tags=True, most_n=1000),
    "quay": Behaviour(page=50, ignores_last=False, ignores_n=True),
    "gar": Behaviour(chunked=False),
    "harbor": Behaviour(location="http", mount=False, too_large_html=True),
    "nexus": Behaviour(needs_length=True),
    "artifactory": Behaviour(stores="last chunk"),
    "zot": Behaviour(needs_length=True),
    "distribution-2.8": Behaviour(
        single_post=False,
        check_ranges=False,
        newest_location_only=True,
        strict_accept=True,
        ignores_n=True,
        unsorted=True,
        null_tags=True,
        delete_tag=400,
        referrers=False,
        largest_manifest_status=400,
        location="absolute",
    ),
}


def behaving(profile: str, **changes: object) -> Behaviour:
    return replace(PROFILES[profile], **changes)  # type: ignore[arg-type]
