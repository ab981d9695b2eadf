# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What Spack 1.1 makes of a path or address written in a configuration file or on its command line.

`$spack`-like placeholders, then environment variables, then `~`, then relative to the directory of the file it is
written in, then normalised; an address with a scheme Spack knows is used as it is. All functions are thread-safe.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import platform
import pwd
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

MIRROR_SCHEMES = frozenset({"file", "http", "https", "sftp", "ftp", "s3", "gs", "oci", "oci+http"})

_PLACEHOLDER = re.compile(r"\$\w+\b|\$\{\w+\}")
_ENVIRONMENT_VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})", re.ASCII)
_VERSION = re.compile(r"^__version__\s*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HostArchitecture:
    """Names as in Spack's architecture triple of this machine, and the family of its target."""

    platform: str
    os: str
    target: str
    family: str


@dataclass(frozen=True, slots=True)
class PathContext:
    """Everything placeholders may stand for. `environ` is kept out of the repr because it may hold secrets."""

    spack_root: Path | None
    environ: Mapping[str, str] = field(repr=False, compare=False)
    environment: Path | None = None
    version: str = ""


def spack_version(root: Path) -> str:
    """Version of the checkout at `root` as written in its source, without running it; "" when unknown."""
    try:
        text = (root / "lib" / "spack" / "spack" / "__init__.py").read_text("utf-8", "replace")
    except OSError:
        return ""
    match = _VERSION.search(text)
    return match[1] if match else ""


def substitute(text: str, context: PathContext) -> str:
    """`text` with placeholders, environment variables and `~` replaced; what is unknown stays as it is."""

    def placeholder(match: re.Match[str]) -> str:
        value = _placeholder_value(match[0].strip("${}").lower(), context)
        return match[0] if value is None else value

    def variable(match: re.Match[str]) -> str:
        return context.environ.get(match[1].strip("{}"), match[0])

    expanded = _PLACEHOLDER.sub(placeholder, text)
    expanded = _ENVIRONMENT_VARIABLE.sub(variable, expanded)
    return _expand_home(expanded, context.environ)


def resolve_path(text: str, base: Path, context: PathContext) -> Path:
    """The absolute, normalised path meant by `text` written in a file of directory `base`.

    Raises ValueError if it turns out to be an address of another machine.
    """
    expanded = substitute(text, context)
    parts = urlsplit(expanded)
    if parts.scheme == "file":
        expanded = unquote(parts.path)
    elif parts.scheme:
        raise ValueError(f"{parts.scheme}: is neither a path nor a scheme that can be used here")
    return Path(os.path.normpath(base / expanded))


def resolve_address(text: str, base: Path, context: PathContext) -> str:
    """The URL meant by a mirror's address; a path becomes a percent-encoded `file://` URL.

    Raises ValueError, with the reason as text, if it is neither a path nor an address of a scheme Spack knows.
    """
    if urlsplit(text).scheme in MIRROR_SCHEMES:
        return text
    return resolve_path(text, base, context).as_uri()


def folder_of(url: str) -> Path | None:
    """The directory a `file://` URL names, else None."""
    parts = urlsplit(url)
    if parts.scheme != "file" or not parts.path.startswith("/"):
        return None
    return Path(unquote(parts.path))


def user_cache_path(environ: Mapping[str, str]) -> Path:
    """Where Spack keeps what it downloads for this user."""
    return Path(_expand_home(environ.get("SPACK_USER_CACHE_PATH") or "~/.spack", environ))


@functools.cache
def host_architecture() -> HostArchitecture:
    """This machine's architecture in Spack's words; found once per process."""
    import archspec.cpu  # takes 50 ms to load and few configurations need it

    cpu = archspec.cpu.host()
    return HostArchitecture(host_platform(), _host_os(), cpu.name, cpu.family.name)


def host_platform() -> str:
    return platform.system().lower()


def _placeholder_value(name: str, context: PathContext) -> str | None:
    if name in ("spack", "spack_instance_id"):
        if context.spack_root is None:
            return None
        root = str(context.spack_root)
        return root if name == "spack" else _instance_id(root)
    if name in ("architecture", "arch", "operating_system", "os", "target", "target_family"):
        host = host_architecture()
        if name in ("architecture", "arch"):
            return f"{host.platform}-{host.os}-{host.target}"
        return {"target": host.target, "target_family": host.family}.get(name, host.os)
    match name:
        case "platform":
            return host_platform()
        case "user":
            return _user_name()
        case "tempdir":
            return tempfile.gettempdir()
        case "user_cache_path":
            return str(user_cache_path(context.environ))
        case "date":
            return datetime.now().astimezone().strftime("%Y-%m-%d")
        case "env":
            return str(context.environment) if context.environment is not None else None
        case "spack_short_version":
            return ".".join(context.version.split(".")[:2]) or None
    return None


def _instance_id(root: str) -> str:
    digest = hashlib.sha1(root.encode(), usedforsecurity=False).digest()
    return base64.b32encode(digest).decode().lower()[:7]


def _user_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _expand_home(text: str, environ: Mapping[str, str]) -> str:
    if not text.startswith("~"):
        return text
    user, slash, rest = text[1:].partition("/")
    try:
        home = environ.get("HOME") if not user else pwd.getpwnam(user).pw_dir
        home = home or pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return text
    return home.rstrip("/") + slash + rest or "/"


def _host_os() -> str:
    """Distribution and version as Spack names them, e.g. debian12, ubuntu22.04, rhel9."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    name = release.get("ID", "linux").lower().replace(" ", "_")
    name = {"ol": "oracle", "opensuse-leap": "opensuse"}.get(name, name)
    parts = re.split(r"[^\w-]", release.get("VERSION_ID", ""))
    return name + (".".join(parts[:2]) if "ubuntu" in name else parts[0])
