# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What works for Mirrordeck but not for Spack 1.1 in a registry. Facts seen in Spack's behaviour, not read anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.caches.oci.names import INDEX_TAG, entry_of_tag
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.clock import Clock
from core.foundation.errors import RemoteError
from core.foundation.text import plural
from core.mirrors.credentials.identity import host_of, shared_host_warnings
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.model import Mirror
from core.network.client import Client
from core.registry.challenges import Challenge, parse_challenges
from core.registry.manifests import MANIFEST_LIMIT_BYTES
from core.registry.media_types import OCI_MANIFEST
from core.registry.paths import manifest_path, tags_path
from core.registry.repository import Repository
from core.registry.scopes import Scope
from core.services.mirror_test.steps import Finding, warning
from core.services.mirror_test.trying import FirstPage

_ANY = range(100, 600)
_HAVE_VALUES = (CredentialState.SESSION, CredentialState.STORED, CredentialState.COMMAND, CredentialState.DOCKER)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What Spack cannot do, and what helps."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class SpackView:
    """The repository of `mirror` with Spack's eyes. `page` is the answer to Spack's own request for tags."""

    access: CacheAccess
    mirror: Mirror
    mirrors: tuple[Mirror, ...]
    repository: Repository
    page: FirstPage | None
    token: CancelToken

    def look(self, spec_tags: Sequence[str]) -> Finding | str:
        """Raises the errors of the registry, and Cancelled."""
        found = [
            *self._scheme(),
            *self._login(),
            *self._tags(spec_tags),
            *self._index(),
            *self._variables(),
            *self._certificates(),
        ]
        if not found:
            return "nothing is known that Spack could not do here"
        remedies = dict.fromkeys(trouble.remedy for trouble in found if trouble.remedy)
        return warning("\n".join(trouble.what for trouble in found), " ".join(remedies))

    @property
    def _plain(self) -> bool:
        return self.repository.reference.scheme == "http"

    def _scheme(self) -> Iterator[Trouble]:
        if self._plain:
            what = (
                "Spack never sees the index of an oci+http mirror: it can push, but lists and reuses nothing from it."
            )
            yield Trouble(what, "Give the registry TLS and use oci://.")

    def _login(self) -> Iterator[Trouble]:
        """Judges the answer to Spack's first request, which is sent without any login."""
        reference = self.repository.reference
        ca_file = self.access.options(reference.domain).ca_file
        client = Client(reference.endpoint, ca_file=ca_file, clock=Clock())
        try:
            with client.answer("GET", tags_path(reference.name), expect=_ANY, token=self.token) as answer:
                status, headers = answer.status, answer.headers.all("www-authenticate")
        finally:
            client.close()
        if status == 401:
            yield from login_troubles(headers, plain=self._plain)

    def _tags(self, spec_tags: Sequence[str]) -> Iterator[Trouble]:
        page = self.page
        if page is not None and page.exists and page.tags is None:
            what = "the registry says `null` for an empty list of tags: Spack's update-index stops with an error."
            yield Trouble(what, "Push a package first, or update the index with Mirrordeck.")
        if page is not None and page.following.startswith("http:"):
            what = f"Spack stops after the first {page.tags or 0:,} tags: the registry names the next page by http."
            yield Trouble(what, "Update the index with Mirrordeck, which reads all pages.")
        foreign = [tag for tag in spec_tags if entry_of_tag(tag) is None]
        if foreign:
            names = ", ".join(foreign[:3]) + (" …" if len(foreign) > 3 else "")
            what = f"{plural(len(foreign), 'tag')} ending in .spack but naming no package: Spack's update-index stops "
            yield Trouble(f"{what}with an error ({names}).", "Delete these tags, or update the index with Mirrordeck.")

    def _index(self) -> Iterator[Trouble]:
        """Asks for the index as Spack does, and compares types as literally."""
        reference = self.repository.reference
        try:
            answer = self.repository.transport.request(
                "GET",
                manifest_path(reference.name, INDEX_TAG),
                scope=Scope(reference.name),
                expect={200, 404},
                limit=MANIFEST_LIMIT_BYTES,
                token=self.token,
                headers={"Accept": OCI_MANIFEST},
                retry=False,
            )
        except RemoteError as error:
            yield Trouble(f"Spack's request for the index fails: {error.info().sentence()}.", "")
            return
        written = answer.headers.get("content-type", "")
        if answer.status == 200 and written != OCI_MANIFEST:
            what = f"the index comes as `{written}`: Spack takes nothing but `{OCI_MANIFEST}`."
            yield Trouble(what, "Update the index with Mirrordeck; if that does not help, ask the administrator.")

    def _variables(self) -> Iterator[Trouble]:
        if self.mirror.push_problem:
            login = self.access.login(self.mirror, Direction.PUSH)
            stored = login.state in _HAVE_VALUES
            run = "Start Spack with `mirrordeck run -- spack …`, or set the variables with `mirrordeck mirror env`."
            yield Trouble(f"{self.mirror.push_problem}.", run if stored else "Set the variables, or sign in.")
        host = host_of(self.mirror.push)
        on_host = [other for other in self.mirrors if host in (host_of(other.push), host_of(other.fetch))]
        for info in shared_host_warnings(on_host):
            yield Trouble(f"{info.sentence()}.", " ".join(info.remedies))

    def _certificates(self) -> Iterator[Trouble]:
        own = self.access.servers.of(self.repository.reference.domain).ca_file
        if own and not self._plain:
            what = f"Spack does not know the authorities in {own}, which are set here for Mirrordeck."
            yield Trouble(what, f"Name them for Spack too: spack config add config:ssl_certs:{own}")


def login_troubles(headers: Sequence[str], *, plain: bool) -> Iterator[Trouble]:
    """Why Spack 1.1 cannot sign in where a registry asks with these WWW-Authenticate headers.

    It reads the first of several headers, takes the names of schemes literally, and wants realm, service and scope.
    """
    first = headers[0] if headers else ""
    literal = [found for found in parse_challenges([first]) if f"{found.scheme.capitalize()} " in f"{first} "]
    bearers = [found for found in literal if found.scheme == "bearer"]
    lacking = [_lacking(found) for found in bearers]
    remedy = "Ask whoever runs the registry; Mirrordeck can sign in."
    if "" in lacking:
        return
    if lacking:
        yield Trouble(f"Spack cannot sign in: {lacking[0]}.", remedy)
    elif not any(found.scheme == "basic" for found in literal):
        yield Trouble("Spack cannot sign in: it does not understand how the registry asks for a login.", remedy)
    elif plain:
        what = "Spack cannot push with a password over oci+http: the repeated request has no body and hangs."
        yield Trouble(what, "Give the registry TLS and use oci://.")


def _lacking(challenge: Challenge) -> str:
    """What Spack misses in a Bearer challenge, "" for nothing."""
    missing = [name for name in ("realm", "service", "scope") if not challenge.parameters.get(name)]
    if missing:
        return f"the registry names no {missing[0]} for tokens"
    return "" if challenge.realm.startswith("https://") else "the token server is not reached by https"
