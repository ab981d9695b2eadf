# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins that docker or podman keep, used only when a person chose to.

Files as in containers-auth.json(5) and Docker's config.json; helpers as in the docker-credential-helpers protocol.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.foundation.errors import CacheError
from core.foundation.secret import Secret
from core.foundation.text import visible
from core.mirrors.credentials.children import ChildFailed, run_quietly
from core.mirrors.credentials.files import exposure, intrusion
from core.mirrors.credentials.states import CredentialState, Login
from core.registry.credentials import IDENTITY_TOKEN_USER, Credential
from core.registry.strict_json import decode_object

# Docker Hub's names, all for the same logins.
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")
_HUB_KEY = "https://index.docker.io/v1/"

_FILE_LIMIT = 1 << 20
_HELPER_NAME = re.compile(r"[a-z0-9-]+")
_NOT_FOUND = "credentials not found in native keychain"


class DockerLogins:
    """Looks anew each time; any thread. Takes at most `timeout_s` where a helper has to be asked."""

    def __init__(self, environ: Mapping[str, str], *, timeout_s: float = 10.0) -> None:
        self._environ = environ
        self._timeout_s = timeout_s

    def known(self, host: str, repository: str) -> Login | None:
        """The state as far as the files tell, without asking a helper; None where there is no login."""
        return self._find(host, repository, ask=False)

    def login(self, host: str, repository: str) -> Login | None:
        """The login for `repository` on `host`; state MISSING with a note where a file or helper is not usable."""
        return self._find(host, repository, ask=True)

    def files(self) -> tuple[Path, ...]:
        """Where logins are looked for, first to last; a file named by the person is the only one."""
        if chosen := self._environ.get("REGISTRY_AUTH_FILE"):
            return (Path(chosen),)
        home = Path(self._environ.get("HOME") or Path.home())
        config = Path(self._environ.get("XDG_CONFIG_HOME") or home / ".config")
        docker = Path(self._environ.get("DOCKER_CONFIG") or home / ".docker")
        found = [config / "containers/auth.json", docker / "config.json"]
        if runtime := self._environ.get("XDG_RUNTIME_DIR"):
            found.insert(0, Path(runtime) / "containers/auth.json")
        return tuple(found)

    def _find(self, host: str, repository: str, *, ask: bool) -> Login | None:
        problem: Login | None = None
        for path in self.files():
            login = self._in_file(path, host, repository, ask=ask)
            if login is not None and login.state is CredentialState.DOCKER:
                return login
            problem = problem or login
        return problem

    def _in_file(self, path: Path, host: str, repository: str, *, ask: bool) -> Login | None:
        try:
            with path.open("rb") as file:
                data = file.read(_FILE_LIMIT + 1)
            document = decode_object(data, str(path)) if data.strip() else {}
        except FileNotFoundError:
            return None
        except (OSError, CacheError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not the JSON expected"
            return _problem(str(path), f"{path} cannot be read: {why}")
        auths, helpers = _table(document, "auths"), _table(document, "credHelpers")
        names = _HUB if host in _HUB else (host,)
        for name in (_HUB_KEY, *names) if host in _HUB else names:
            if isinstance(helper := helpers.get(name), str):
                return self._ask_helper(helper, name, ask=ask)
        stored = next(filter(None, (_stored(auths[key], path) for key in _matching(auths, names, repository))), None)
        if stored is not None:
            return stored if ask else Login(stored.state, stored.user, stored.source, stored.note)
        if isinstance(store := document.get("credsStore"), str) and store:
            return self._ask_helper(store, _HUB_KEY if host in _HUB else host, ask=ask)
        return None

    def _ask_helper(self, helper: str, server: str, *, ask: bool) -> Login | None:
        if not _HELPER_NAME.fullmatch(helper):
            return _problem("", f"{visible(helper)[:80]!r} cannot be the name of a credential helper")
        name = f"docker-credential-{helper}"
        program = shutil.which(name, path=self._environ.get("PATH", os.defpath))
        if program is None:
            return _problem(name, f"{name} is not installed")
        obstacle = intrusion(Path(program)) or intrusion(Path(program).resolve())
        if obstacle:
            return _problem(program, f"{program} is not started: {obstacle}")
        if not ask:
            return Login(CredentialState.DOCKER, source=program)
        try:
            status, output = run_quietly(
                (program, "get"), self._environ, data=server.encode(), timeout_s=self._timeout_s
            )
        except ChildFailed as error:
            return _problem(program, f"{program}: {error}")
        if status != 0:
            words = visible(output.decode("utf-8", "replace").strip())[:200]
            return None if words == _NOT_FOUND else _problem(program, f"{program}: {words or f'status {status}'}")
        return _answered(output, program)


def _answered(output: bytes, program: str) -> Login:
    try:
        answer = decode_object(output, "the answer of a credential helper")
    except CacheError:
        answer = {}
    user, secret = answer.get("Username"), answer.get("Secret")
    if not isinstance(user, str) or not isinstance(secret, str) or not secret:
        return _problem(program, f"{program}: its answer is not that of a credential helper")
    return Login(CredentialState.DOCKER, user, program, credential=Credential(user, Secret(secret)))


def _stored(entry: Any, path: Path) -> Login | None:
    """The login an entry of `auths` holds itself; Docker leaves it empty where a helper keeps it."""
    if not isinstance(entry, dict):
        return None
    token, encoded = entry.get("identitytoken"), entry.get("auth")
    user, secret = entry.get("username"), entry.get("password")
    if isinstance(encoded, str) and encoded:
        try:
            user, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return _problem(str(path), f"{path} holds an entry that is not encoded as it should be")
    if isinstance(token, str) and token:
        user, secret = IDENTITY_TOKEN_USER, token
    if not isinstance(user, str) or not isinstance(secret, str) or not secret.rstrip("\0"):
        return None
    credential = Credential(user, Secret(secret.rstrip("\0")))
    return Login(CredentialState.DOCKER, user, str(path), exposure(path), credential=credential)


def _matching(auths: Mapping[str, Any], names: tuple[str, ...], repository: str) -> Iterator[str]:
    """The keys of `auths` for a repository, most specific path first."""
    plain = {_plain(key): key for key in reversed(list(auths))}
    parts = repository.split("/")
    for length in range(len(parts), -1, -1):
        for name in names:
            key = plain.get("/".join((name, *parts[:length])))
            if key is not None:
                yield key


def _plain(key: str) -> str:
    """`https://host/v1/`, as docker once wrote it, is `host`."""
    scheme, separator, rest = key.partition("://")
    return rest.partition("/")[0] if separator and scheme in ("http", "https") else key.rstrip("/")


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _problem(source: str, note: str) -> Login:
    return Login(CredentialState.MISSING, source=source, note=note)
