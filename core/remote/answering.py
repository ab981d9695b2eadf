# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Answers to an engine elsewhere that asks for logins: from the keyring of this desktop."""

from __future__ import annotations

from core.engine.messages import CredentialAnswer, NeedCredential
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError
from core.foundation.secret import Secret
from core.mirrors.credentials.keyrings import SERVICE, Keyring, credential_in, entry_of
from core.mirrors.credentials.states import CredentialState


def answer_need(need: NeedCredential, keyring: Keyring, token: CancelToken) -> CredentialAnswer:
    """What `keyring` says to `need`; may wait for the person at it, so not for the thread of a window.

    Only Mirrordeck's own entries are read or changed. Raises Cancelled.
    """
    if need.service != SERVICE:
        return CredentialAnswer(need.id, error="only Mirrordeck's own logins are given away")
    try:
        match need.action:
            case "get":
                return _read(need, keyring)
            case "set":
                _store(need, keyring, token)
            case "delete":
                keyring.delete(need.account, token)
            case "unlock":
                keyring.unlock(token)
    except MirrordeckError as error:
        return CredentialAnswer(need.id, error=error.why or error.title)
    return CredentialAnswer(need.id)


def _read(need: NeedCredential, keyring: Keyring) -> CredentialAnswer:
    found = keyring.read(need.account)
    if found.credential is not None:
        return CredentialAnswer(need.id, Secret(entry_of(found.credential)))
    if found.state is CredentialState.MISSING:
        return CredentialAnswer(need.id)
    return CredentialAnswer(need.id, error=found.note or found.state, locked=found.state is CredentialState.LOCKED)


def _store(need: NeedCredential, keyring: Keyring, token: CancelToken) -> None:
    """Raises PermissionDenied and Cancelled."""
    credential = credential_in(need.secret.reveal()) if need.secret is not None else None
    if credential is not None:
        keyring.store(need.account, credential, token)
