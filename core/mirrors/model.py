# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A mirror as Spack 1.1 sees it. Secrets are never held: only the names of the variables that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from core.foundation.errors import ErrorInfo
from core.spack.substitutions import PathContext, folder_of

PLAIN_SECRET = "plain-secret"  # noqa: S105  the code of what is said about a secret that stands in a file


class MirrorKind(StrEnum):
    FOLDER = "folder"
    WEB = "web"
    S3 = "s3"
    GS = "gs"
    OCI = "oci"
    OCI_HTTP = "oci-http"
    FTP = "ftp"
    SFTP = "sftp"


_KINDS = {
    "file": MirrorKind.FOLDER,
    "http": MirrorKind.WEB,
    "https": MirrorKind.WEB,
    "s3": MirrorKind.S3,
    "gs": MirrorKind.GS,
    "oci": MirrorKind.OCI,
    "oci+http": MirrorKind.OCI_HTTP,
    "ftp": MirrorKind.FTP,
    "sftp": MirrorKind.SFTP,
}


def kind_of(url: str) -> MirrorKind | None:
    """What a URL leads to, None for one of an unknown scheme."""
    return _KINDS.get(urlsplit(url).scheme)


@dataclass(frozen=True, slots=True)
class Connection:
    """One direction of a mirror.

    `url` is what Spack would use now and `raw` what is written; the repr leaves both out because an address may hold a
    password. `url` is "" when `problem` says why there is none. The user is `user` itself or the content of
    `user_variable`; secret and token are only named. `unset` are the named variables that do not exist, `has_pair` and
    `has_token` tell whether the credentials are complete. `plain_secret`: the file itself holds a secret.
    """

    url: str = field(repr=False)
    raw: str = field(default="", repr=False)
    problem: str = ""
    user: str = ""
    user_variable: str = ""
    secret_variable: str = ""
    token_variable: str = ""
    profile: str = ""
    endpoint_url: str = ""
    unset: tuple[str, ...] = ()
    has_pair: bool = False
    has_token: bool = False
    plain_secret: bool = False

    @property
    def kind(self) -> MirrorKind | None:
        """What the URL leads to, None without one."""
        return kind_of(self.url)

    @property
    def folder(self) -> Path | None:
        """The directory this leads to, None for addresses of other kinds."""
        return folder_of(self.url)


class KeyOrigin(NamedTuple):
    """Where a key of an entry is written; `key` is "" for the entry itself, else like `push.url`."""

    key: str
    scope: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Mirror:
    """A configured mirror, or an anonymous one (`name` "") from an argument.

    `signed` is what holds, `signed_setting` what is written (None: nothing). `scope` is the highest one that has the
    entry, `origin` says for each key where it comes from.
    """

    name: str
    fetch: Connection
    push: Connection
    binary: bool = True
    source: bool = True
    signed_setting: bool | None = None
    autopush: bool = False
    scope: str = ""
    origin: tuple[KeyOrigin, ...] = ()

    @property
    def signed(self) -> bool:
        return self.signed_setting is not False

    @property
    def kind(self) -> MirrorKind | None:
        """What the push URL leads to, the fetch URL if there is no other; None if the entry has no URL at all."""
        return self.push.kind or self.fetch.kind

    @property
    def folder(self) -> Path | None:
        """The directory of a folder mirror."""
        return self.push.folder or self.fetch.folder

    @property
    def push_problem(self) -> str:
        """Why nothing can be pushed, in Spack's words; "" if nothing speaks against it."""
        if self.push.problem:
            return self.push.problem
        reasons = [
            f"id_variable {variable} not set in environment"
            if variable == self.push.user_variable
            else f"environment variable `{variable}` ({role}) not set"
            for variable, role in self._variables()
            if variable in self.push.unset
        ]
        if not reasons:
            return ""
        return f"invalid push configuration for mirror {self.name}: " + "\n    ".join(reasons)

    def _variables(self) -> tuple[tuple[str, str], ...]:
        return (
            (self.push.user_variable, "id_variable"),
            (self.push.secret_variable, "secret_variable"),
            (self.push.token_variable, "access_token_variable"),
        )


@dataclass(frozen=True, slots=True)
class MirrorList:
    """All mirrors in Spack's order. `context` resolves addresses given on a command line."""

    mirrors: tuple[Mirror, ...]
    problems: tuple[ErrorInfo, ...]
    context: PathContext = field(repr=False, compare=False)

    def named(self, name: str) -> Mirror | None:
        return next((mirror for mirror in self.mirrors if mirror.name == name), None)
