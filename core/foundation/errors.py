# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The one family of errors a person may see, and their words.

An error says what did not happen (`title`), why (`why`, in the outside world's own words where there are any) and what
to do (`remedies`). The outside world (operating system, gpg) is mapped to this family where it is touched and nowhere
else; pages and commands never look at errno or exit codes.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from core.foundation.redaction import redacted


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as plain data: what crosses process borders, the journal and `--json`."""

    code: str
    title: str
    why: str = ""
    remedies: tuple[str, ...] = ()
    retryable: bool = False

    def sentence(self) -> str:
        """One line for logs and terminals: title and reason."""
        return f"{self.title}: {self.why}" if self.why else self.title


class MirrordeckError(Exception):
    """Base of the family. Subclasses set `code` (stable, for `--json`), `exit_status` and `retryable`."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, title: str, why: str = "", *, remedies: tuple[str, ...] = ()) -> None:
        super().__init__(title, why)
        self.title = title
        self.why = why
        self.remedies = remedies

    def __str__(self) -> str:
        return self.info().sentence()

    def info(self) -> ErrorInfo:
        return ErrorInfo(self.code, self.title, self.why, self.remedies, self.retryable)


class UsageError(MirrordeckError):
    """The request itself makes no sense (unknown mirror, contradicting options)."""

    code = "usage"
    exit_status = 2


class ReadOnlyMode(MirrordeckError):
    """`--read-only` was given and the request would change something."""

    code = "read-only"


class NotFound(MirrordeckError):
    code = "not-found"


class Conflict(MirrordeckError):
    """Something of that name is there already, or what was to be changed has changed meanwhile."""

    code = "conflict"


class PermissionDenied(MirrordeckError):
    code = "permission-denied"
    retryable = True


class NoSpace(MirrordeckError):
    """No space, quota or inodes left below the path named in the title."""

    code = "no-space"
    retryable = True


class StorageFailed(MirrordeckError):
    """A file system answered with an error of its own (stale handle, input/output error, …)."""

    code = "storage-failed"
    retryable = True


class ContentChanged(StorageFailed):
    """A file has not the content that was written to it."""

    code = "content-changed"


class MirrorVanished(StorageFailed):
    """The folder of a mirror is no longer what it was: unmounted, renamed or deleted."""

    code = "mirror-vanished"


class ConfigError(MirrordeckError):
    """A configuration file cannot be read or breaks Spack's schema; the title names file and line."""

    code = "config"


class DatabaseError(MirrordeckError):
    """An install database, environment lock or spec document cannot be read; the title names the file."""

    code = "database"


class QueryError(MirrordeckError):
    """A spec query cannot be understood: `length` characters of it from the offset `position` on (0: something is
    missing there)."""

    code = "query"
    exit_status = 2

    def __init__(self, title: str, why: str = "", *, query: str = "", position: int = 0, length: int = 0) -> None:
        super().__init__(title, why)
        self.query = query
        self.position = position
        self.length = length


class PackageChanged(MirrordeckError):
    """Files of an installed prefix changed or vanished while they were packed."""

    code = "package-changed"
    retryable = True


class NotInstalled(MirrordeckError):
    code = "not-installed"


class SigningError(MirrordeckError):
    code = "signing"


class BadSignature(SigningError):
    """A signature was checked and is not good. Other signing errors mean that it could not be checked."""

    code = "bad-signature"


class PassphraseNeeded(SigningError):
    """The key has a passphrase, and nothing that could ask for it is at hand, or the one given is wrong."""

    code = "passphrase-needed"


class CacheError(MirrordeckError):
    """A cache holds something that cannot be understood (bad manifest, unknown layout)."""

    code = "cache"


class RemoteError(MirrordeckError):
    """A server, or the way to it, failed. `status` is HTTP's (0: no answer), `codes` are the server's own.

    `retry_after_s` is how long the server asked to wait. The server's words are in `why`.
    """

    code = "remote"

    def __init__(
        self,
        title: str,
        why: str = "",
        *,
        remedies: tuple[str, ...] = (),
        status: int = 0,
        codes: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(title, why, remedies=remedies)
        self.status = status
        self.codes = codes
        self.retry_after_s = retry_after_s


class AuthRequired(RemoteError):
    """No credentials, or the server does not take those there are."""

    code = "auth-required"


class TokenServerChanged(AuthRequired):
    """A registry wants the password sent to another server than before; a person has to agree first."""

    code = "token-server-changed"


class AccessDenied(RemoteError):
    """Who we are is known, but may not do this."""

    code = "access-denied"


class RemoteNotFound(RemoteError, NotFound):
    code = "remote-not-found"


class RateLimited(RemoteError):
    """Too many requests. `until` is the Unix time the server names, None if it names none."""

    code = "rate-limited"
    retryable = True

    def __init__(self, title: str, why: str = "", *, until: float | None = None, **details: Any) -> None:
        super().__init__(title, why, **details)
        self.until = until


class ServerError(RemoteError):
    """The server has a problem of its own."""

    code = "server-error"
    retryable = True


class NetworkDown(RemoteError):
    """No connection, or it broke or stalled. `sent_bytes` of the request's body had been handed over by then."""

    code = "network-down"
    retryable = True

    def __init__(self, title: str, why: str = "", *, sent_bytes: int = 0, **details: Any) -> None:
        super().__init__(title, why, **details)
        self.sent_bytes = sent_bytes


class WorkingOffline(RemoteError):
    """A person wants no server to be contacted now."""

    code = "offline"


class TlsError(RemoteError):
    """No trustworthy encrypted connection."""

    code = "tls"


class ProxyInterference(RemoteError):
    """Something other than the server answered: a proxy, a captive portal, a web page."""

    code = "proxy-interference"


class TooLarge(RemoteError):
    """The server does not take so much in one request."""

    code = "too-large"


class QuotaExceeded(RemoteError):
    """The account's storage is full."""

    code = "quota-exceeded"


class Refused(RemoteError):
    """The server understood the request and does not do it (400, 405, 409, 411, 412, 415, 416, …)."""

    code = "refused"


class BadAnswer(RemoteError):
    """What the server sent cannot be what it should be: longer than possible, not its own rules, a trap."""

    code = "bad-answer"


class EngineGone(MirrordeckError):
    """The engine process ended; whatever was asked of it has no answer."""

    code = "engine-gone"
    retryable = True


class Cancelled(Exception):
    """The person stopped it."""


_ERRNO_KINDS: dict[int, type[MirrordeckError]] = {
    errno.ENOSPC: NoSpace,
    errno.EDQUOT: NoSpace,
    errno.EACCES: PermissionDenied,
    errno.EPERM: PermissionDenied,
    errno.EROFS: PermissionDenied,
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotFound,
}


def from_os_error(error: OSError, title: str, path: str | os.PathLike[str] | None = None) -> MirrordeckError:
    """Map `error` to the family. `title` says what did not happen; the path is named in the reason."""
    kind = _ERRNO_KINDS.get(error.errno or 0, StorageFailed)
    where = path if path is not None else error.filename
    reason = error.strerror or str(error)
    return kind(title, f"{where}: {reason}" if where is not None else reason)


def describe(error: BaseException) -> ErrorInfo:
    """`ErrorInfo` of any exception; foreign ones become code `unexpected` (a bug of ours, shown as such)."""
    if isinstance(error, MirrordeckError):
        return error.info()
    if isinstance(error, Cancelled):
        return ErrorInfo("cancelled", "Stopped")
    if isinstance(error, OSError):
        return from_os_error(error, "The operating system refused a request").info()
    return ErrorInfo("unexpected", "Something went wrong in Mirrordeck", redacted(f"{type(error).__name__}: {error}"))
