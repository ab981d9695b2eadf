# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about keys and signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.engine.calls import keys
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.keys import Keys
from core.services.keys_values import Key, KeyOffer, KeysView, MirrorKeys, SigningStep


class KeyHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            keys.ListKeys: self.view,
            keys.ListPublishedKeys: self.published,
            keys.CreateKey: self.create,
            keys.LookAtKeys: self.look,
            keys.TrustKeys: self.trust,
            keys.UntrustKeys: self.untrust,
            keys.ExportKeys: self.export,
            keys.PublishKeys: self.publish,
            keys.UnlockKey: self.unlock,
            keys.AllowKeys: self.allow,
            keys.SignEntries: self.sign,
        }

    def view(self, call: keys.ListKeys, _token: CancelToken) -> KeysView:
        return self._keys(call.instance).view()

    def published(self, call: keys.ListPublishedKeys, token: CancelToken) -> Iterator[list[MirrorKeys] | int]:
        count = 0
        for count, found in enumerate(self._keys(call.instance).published(token), start=1):  # noqa: B007  the last one
            yield [found]
        yield count

    def create(self, call: keys.CreateKey, _token: CancelToken) -> Key:
        self._state.check_may_change("The key was not made")
        return self._keys(call.instance).create(call.wanted, call.passphrase)

    def look(self, call: keys.LookAtKeys, token: CancelToken) -> KeyOffer:
        return self._keys(call.instance).offer(call.source, token)

    def trust(self, call: keys.TrustKeys, token: CancelToken) -> tuple[Key, ...]:
        self._state.check_may_change("No key was imported")
        return self._keys(call.instance).trust(call.source, call.fingerprints, token)

    def untrust(self, call: keys.UntrustKeys, _token: CancelToken) -> tuple[Key, ...]:
        self._state.check_may_change("No key was deleted")
        return self._keys(call.instance).untrust(call.fingerprints, signing=call.signing)

    def export(self, call: keys.ExportKeys, _token: CancelToken) -> None:
        self._state.check_may_change("No key was exported")
        service = self._keys(call.instance)
        service.export(call.fingerprints, Path(call.path), secret=call.secret, passphrase=call.passphrase)

    def publish(self, call: keys.PublishKeys, _token: CancelToken) -> tuple[Key, ...]:
        self._state.check_may_change("No key was published")
        return self._keys(call.instance).publish(call.mirror, call.fingerprints, update_index=True)

    def unlock(self, call: keys.UnlockKey, _token: CancelToken) -> None:
        self._state.access(self._state.instance(call.instance)).gnupg.unlock(call.fingerprint, call.passphrase)

    def allow(self, call: keys.AllowKeys, _token: CancelToken) -> None:
        self._state.check_may_change("That setting was not saved")
        self._keys(call.instance).allow(call.mirror, call.fingerprints)

    def sign(self, call: keys.SignEntries, token: CancelToken) -> Iterator[list[SigningStep] | SigningStep]:
        self._state.check_may_change("Nothing was signed")
        last = SigningStep(0, 0, 0)
        for last in self._keys(call.instance).sign(call.request, token):
            yield [last]
        yield last

    def _keys(self, instance_id: str) -> Keys:
        instance = self._state.instance(instance_id)
        return Keys(instance, self._state.access(instance), Path.home())
