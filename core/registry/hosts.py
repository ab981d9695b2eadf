# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What particular registries want that the protocol does not say: advice for people, never a condition for trying."""

from __future__ import annotations

import re
from urllib.parse import quote

from core.foundation.errors import MirrordeckError
from core.registry.references import ImageReference

_ECR = re.compile(r"[0-9]+\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_HUB = frozenset({"index.docker.io", "registry-1.docker.io", "docker.io"})


def name_problem(reference: ImageReference) -> str:
    """Why the registry cannot have a repository of that name, "" if nothing is known against it."""
    if reference.domain in _HUB and reference.name.count("/") != 1:
        return (
            f"Docker Hub has names of two parts only (user/name), {reference.name} has {reference.name.count('/') + 1}"
        )
    return ""


def access_remedies(reference: ImageReference) -> tuple[str, ...]:
    """What to do about a push refused although the credentials are good."""
    if reference.domain == "ghcr.io":
        return (
            f"Give the account or workflow write access to the package: {packages_page(reference)}, "
            "Package settings, Manage Actions access",
            "Check that the token has the scope write:packages",
        )
    return ()


def missing_remedies(reference: ImageReference) -> tuple[str, ...]:
    """What to do about a push refused because there is no such repository."""
    if found := _ECR.fullmatch(reference.domain):
        command = f"aws ecr create-repository --region {found[1]} --repository-name {reference.name}"
        return (f"Create the repository first: {command}",)
    return (f"Create the repository {reference.name} on {reference.domain} first",)


def deletion_remedies(reference: ImageReference) -> tuple[str, ...]:
    """Where things can be deleted that the registry does not delete by request."""
    page = packages_page(reference)
    return (f"Delete it on the registry's own page: {page}",) if page else ("Ask the registry's administrator",)


def packages_page(reference: ImageReference) -> str:
    """Web page of a repository where its address is known, else ""."""
    owner, _, package = reference.name.partition("/")
    if reference.domain in _HUB:
        return f"https://hub.docker.com/r/{reference.name}/tags"
    if reference.domain == "ghcr.io":
        return f"https://github.com/{owner}?tab=packages&q={quote(package, safe='')}"
    return f"https://quay.io/repository/{reference.name}?tab=tags" if reference.domain == "quay.io" else ""


def with_remedies(error: MirrordeckError, remedies: tuple[str, ...]) -> MirrordeckError:
    """`error` with `remedies` before its own."""
    error.remedies = (*remedies, *error.remedies)
    return error
