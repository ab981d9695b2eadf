# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What an address means that somebody typed or pasted: into one of Spack's forms, and whom it will contact.

A host is never made up: what could be a name on Docker Hub or a folder is asked about, not completed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from core.foundation.errors import ErrorInfo, describe
from core.foundation.text import visible
from core.mirrors.editing.content import has_password
from core.mirrors.model import MirrorKind, kind_of
from core.registry.references import DOCKER_HUB, parse_mirror_url
from core.registry.references import ReferenceError as NoReference
from core.services.mirror_values import AddressFacts
from core.spack.instance import Instance
from core.spack.substitutions import MIRROR_SCHEMES, folder_of, resolve_address, substitute

_COMMAND = re.compile(r"(?:docker|podman|skopeo|nerdctl)\s+(?:pull|push|inspect|login)\s+")
_REGISTRY_SCHEMES = ("docker", "docker-daemon", "registry", "oras")
_KNOWN_REGISTRIES = re.compile(
    r"(ghcr\.io|quay\.io|gcr\.io|(.+\.)?docker\.io|docker\.com|registry\..+|.+\.azurecr\.io|.+\.gcr\.io|.+\.pkg\.dev"
    r"|.+\.dkr\.ecr\..+\.amazonaws\.com|public\.ecr\.aws|harbor\..+|.*[.-]registry\..+|.+\.jfrog\.io|cr\..+|oci\..+)"
)
_REGISTRY_PORTS = (5000, 5001, 5050)
_DOCKER_HUB_NAMES = (DOCKER_HUB, "docker.io", "registry-1.docker.io", "hub.docker.com")
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_FOLDER_START = ("/", "./", "../", "~", "$")


def understand_address(instance: Instance, text: str, base: Path) -> AddressFacts:
    """What `text` means; a relative path is one of the directory `base`. Looks at folders, asks no network."""
    typed = _COMMAND.sub("", text.strip().strip("'\"<>").strip())
    typed = re.sub(r"^(--tls-verify(=\w+)?|-\S+)\s+", "", typed)
    if not typed or visible(typed) != typed or (any(char.isspace() for char in typed) and "/" not in typed):
        return _unclear(typed, "Type the address of a registry, a web server, a bucket, or a folder.")
    if has_password(typed):
        why = "everybody who can read the file could read it"
        remedy = "Leave it out of the address and give user and password as the login of this mirror."
        return _failed(ErrorInfo("usage", "The address holds a password", why, (remedy,)))
    scheme, separator, rest = typed.partition("://")
    if not separator:
        return _without_scheme(instance, typed, base)
    scheme = scheme.lower()
    if scheme in _REGISTRY_SCHEMES:
        return _registry(rest, "oci")
    if scheme in ("oci", "oci+http"):
        return _registry(rest, scheme)
    if scheme in ("http", "https"):
        return _web_or_registry(scheme, rest)
    if scheme in MIRROR_SCHEMES:
        return _elsewhere(instance, f"{scheme}://{rest}", base)
    known = ", ".join(sorted(MIRROR_SCHEMES))
    return _failed(ErrorInfo("usage", f"Spack knows no addresses that begin with {scheme}://", f"it knows {known}"))


def _without_scheme(instance: Instance, typed: str, base: Path) -> AddressFacts:
    if typed.startswith(_FOLDER_START) or typed in (".", ".."):
        return _elsewhere(instance, typed, base)
    first, slash, rest = typed.partition("/")
    host, colon, port = first.partition(":")
    looks_like_host = "." in host or host == "localhost" or (colon and port.isdigit())
    if (base / typed).is_dir() and not looks_like_host:
        return _elsewhere(instance, typed, base)
    if not looks_like_host:
        remedies = (f"For a folder: ./{typed}", f"For Docker Hub: docker.io/{typed}", f"For a server: HOST/{typed}")
        return _failed(ErrorInfo("usage", f"{visible(typed)} names no host", "nothing is assumed about it", remedies))
    if not slash or not rest.strip("/"):
        return _unclear(typed, f"Add the path on that server: {first}/team/cache")
    if host in _THIS_MACHINE:
        facts = _registry(typed, "oci+http")
        return replace(facts, notes=(*facts.notes, "A registry on this machine is taken to have no TLS."))
    return _registry(typed, "oci")


def _web_or_registry(scheme: str, rest: str) -> AddressFacts:
    parts = urlsplit(f"{scheme}://{rest}")
    host = (parts.hostname or "").lower()
    try:
        port = parts.port
    except ValueError:
        return _unclear(rest, "The port is not a number.")
    if host == "hub.docker.com":
        image = re.sub(r"^/(r|repository/docker|_)/", "/", parts.path)
        return _registry(f"docker.io{image}", "oci")
    is_api = parts.path.startswith("/v2/")
    if is_api or _KNOWN_REGISTRIES.fullmatch(host) or port in _REGISTRY_PORTS:
        path = re.sub(r"^/v2/|/(tags/list|manifests/.*|blobs/.*)$", "/", parts.path)
        facts = _registry(f"{parts.netloc}/{path.strip('/')}", "oci" if scheme == "https" else "oci+http")
        note = f"{parts.netloc} looks like a container registry, so oci: is written instead of {scheme}:."
        return replace(facts, notes=(note, *facts.notes)) if facts.problem is None else facts
    if not host:
        return _unclear(rest, "The address has no host.")
    url = f"{scheme}://{rest}".rstrip("/")
    notes = ["A web server can only be read from. If this is a container registry, begin with oci:// instead."]
    if scheme == "http":
        notes.append("Without TLS, somebody in between could change what is fetched; signatures would tell.")
    return AddressFacts(url, MirrorKind.WEB, parts.netloc, _suggested(host, parts.path), notes=tuple(notes))


def _registry(place: str, scheme: str) -> AddressFacts:
    url = f"{scheme}://{place.strip('/')}"
    notes = []
    try:
        image = parse_mirror_url(url)
    except NoReference:
        why = "it must be HOST[:PORT]/NAME, with a name of small letters, digits, dots, dashes and slashes"
        return _failed(ErrorInfo("usage", f"{visible(place)} is no address in a registry", why))
    written = place.strip("/")
    first = written.partition("/")[0]
    if "/" not in written or (image.domain == DOCKER_HUB and first not in _DOCKER_HUB_NAMES):
        remedies = (f"For Docker Hub: {scheme}://docker.io/{written}", f"For a server: {scheme}://HOST/{written}")
        return _failed(
            ErrorInfo("usage", f"{visible(written)} names no registry", "Spack would ask Docker Hub", remedies)
        )
    if image.digest or ":" in written.rpartition("/")[2]:
        notes.append("The tag was left out: Spack chooses the tags in a cache.")
    domain = DOCKER_HUB if first in _DOCKER_HUB_NAMES else image.domain
    if scheme == "oci+http":
        notes.append("Without TLS passwords are refused unless that is allowed for this server.")
    kind = MirrorKind.OCI if scheme == "oci" else MirrorKind.OCI_HTTP
    url = f"{scheme}://{domain}/{image.name}"
    return AddressFacts(url, kind, domain, _suggested(domain, image.name), notes=tuple(notes))


def _elsewhere(instance: Instance, typed: str, base: Path) -> AddressFacts:
    """Folders, buckets, and what Spack only fetches from."""
    try:
        meant = resolve_address(typed, base, instance.path_context)
    except ValueError as error:
        return _failed(ErrorInfo("usage", f"{visible(typed)} is not the address of a mirror", str(error)))
    kind, folder = kind_of(meant), folder_of(meant)
    if folder is not None:
        written = typed if len(typed) < 2 else typed.rstrip("/") or "/"
        try:
            exists = folder.is_dir()
        except OSError as error:
            return replace(_failed(describe(error)), kind=kind)
        relative = not Path(substitute(typed, instance.path_context)).is_absolute() and not typed.startswith("file:")
        absolute = str(folder) if relative else ""
        plain = relative or str(folder) == typed or typed.startswith("file:")
        notes = () if plain else (f"This is {folder}.",)
        return AddressFacts(written, kind, "", _suggested("", str(folder)), exists, notes=notes, absolute=absolute)
    parts = urlsplit(meant)
    if not parts.netloc:
        return _unclear(typed, "The address has no bucket or host.")
    contacts = {"s3": "", "gs": "storage.googleapis.com"}.get(parts.scheme, parts.netloc)
    return AddressFacts(typed.rstrip("/"), kind, contacts, _suggested(parts.netloc, parts.path))


def _suggested(host: str, path: str) -> str:
    """A name for the mirror: the last part of the path, with that of the host where this alone says little."""
    words = [word for word in re.split(r"[^A-Za-z0-9_-]+", path) if word]
    last = words[-1].lower() if words else ""
    labels = [label for label in host.partition(":")[0].split(".") if label not in ("www", "registry", "com", "io")]
    site = labels[-2] if len(labels) > 1 else labels[0] if labels else ""
    if last in ("", "cache", "buildcache", "build-cache", "build_cache", "mirror", "spack", "binaries"):
        parents = words[-2:-1] if not site else [site]
        return "-".join([*(word.lower() for word in parents), last]).strip("-") or "mirror"
    return last


def _unclear(typed: str, remedy: str) -> AddressFacts:
    return _failed(ErrorInfo("usage", f"{visible(typed) or 'Nothing'} is not a complete address", "", (remedy,)))


def _failed(problem: ErrorInfo) -> AddressFacts:
    return AddressFacts("", None, "", "", problem=problem)
