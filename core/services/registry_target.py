# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The registry a push goes to: who can see what arrives there, and what its refusals mean for a push."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from core.caches.opening import OCI_KINDS, CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import AccessDenied, AuthRequired, RemoteError, RemoteNotFound
from core.mirrors.credentials.states import CredentialState, Direction, Login
from core.mirrors.model import Mirror
from core.registry.references import ImageReference, parse_mirror_url
from core.registry.visibility import may_list
from core.transfers.plan import RegistryFacts

REFUSALS = (AuthRequired, AccessDenied, RemoteNotFound)
_OTHER_LOGIN = "Check the user name and the token: it may have expired, or may be good for reading only."
_NO_LOGIN = (
    "Give the mirror a login: `spack mirror set` takes --oci-username and --oci-password-variable, the name of a "
    "variable that holds the token."
)


@dataclass(frozen=True, slots=True)
class RegistryTarget:
    """`reference` is the repository that `mirror` pushes to."""

    reference: ImageReference
    mirror: Mirror
    access: CacheAccess

    @classmethod
    def of(cls, mirror: Mirror, access: CacheAccess) -> RegistryTarget | None:
        """None if `mirror` does not push to a registry."""
        if mirror.push.kind not in OCI_KINDS:
            return None
        return cls(parse_mirror_url(mirror.push.url), mirror, access)

    def facts(self, token: CancelToken) -> RegistryFacts:
        """One or two requests; what they cannot tell stays unknown. Raises Cancelled."""
        repository = self.access.repository(self.reference, self.mirror, Direction.PUSH)
        readable = None
        with suppress(RemoteError):
            readable = may_list(self.access.anonymous(self.reference).transport, self.reference.name, token)
            if readable is False and not may_list(repository.transport, self.reference.name, token):
                readable = None  # what does not exist yet is hidden from everybody, whatever becomes of it
        return RegistryFacts(self.reference.domain, readable, repository.transport.rate_limit())

    @contextmanager
    def explaining(self, action: str) -> Iterator[None]:
        """Have refusals say what was refused (`action` is "push to" or "read") to whom, and what to do about it."""
        try:
            yield
        except REFUSALS as error:
            explain_refusal(error, action, self.reference, lambda: self.access.login(self.mirror, Direction.PUSH))
            raise


def explain_refusal(error: RemoteError, action: str, reference: ImageReference, login_of: Callable[[], Login]) -> None:
    """Have `error`, one of REFUSALS, say what was refused (`action` is "push to" or "read") to whom, and what to do.

    What never got to the registry says so itself and stays as it is.
    """
    if not error.status:
        return
    host, name = reference.domain, reference.name
    login = login_of()
    said = f"{error.title}: {error.why}" if error.why else error.title
    advice = _NO_LOGIN if login.state is CredentialState.NONE_NEEDED else _OTHER_LOGIN
    if isinstance(error, AuthRequired):
        error.title, error.why = f"Could not sign in to {host}", said
        error.remedies = error.remedies or (advice,)
    elif isinstance(error, AccessDenied):
        error.title = f"Not allowed to {action} {name} on {host}"
        error.why = f"{login.user} may not do that. {said}" if login.user else said
        error.remedies = (*error.remedies, f"Ask for the right to {action} {name}.", advice)
    else:
        error.title, error.why = f"There is no repository {name} on {host}", said
