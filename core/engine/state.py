# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What requests share: open instances, connections, the queue, what is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.caches.opening import CacheAccess
from core.engine.asking import KeyringElsewhere
from core.foundation.cancel import CancelToken
from core.foundation.errors import NotFound, ReadOnlyMode
from core.foundation.logs import set_log_level
from core.foundation.places import cache_dir
from core.foundation.settings import Settings, Wishes, load_settings
from core.mirrors.reading import mirrors_of
from core.services.access import apply_to_access, apply_to_process, open_access
from core.services.contents_memory import ContentsMemory
from core.services.instances import Instances
from core.services.mirror_edits import MirrorEdits
from core.services.package_sizes import SizeMemory
from core.services.presence import Mirrors
from core.services.presence_memory import PresenceMemory
from core.services.values import InstanceInfo
from core.spack.instance import Instance
from core.transfers.journal import Journal
from core.transfers.model import TransferLimits
from core.transfers.packed_store import PackedStore
from core.transfers.queue import TransferQueue

# The window waits a little longer before it ends an engine that does not end.
_FINISH_S = 3.0

# `Any` stands for the call's own type: each table pairs a type with the handler that takes it.
Handler = Callable[[Any, CancelToken], object]


class EngineState:
    """State of one engine. Methods may be called from any thread."""

    def __init__(
        self, *, read_only: bool, keyring_elsewhere: KeyringElsewhere | None = None, session: str = ""
    ) -> None:
        """`keyring_elsewhere` stands for the keyring of this desktop. Ids of instances begin with `session`: a window
        with several engines tells equal paths apart, and no engine takes an id of another one."""
        self.read_only = read_only
        self.keyring_elsewhere = keyring_elsewhere
        self._own = f"{session}:" if session else ""
        self.instances = Instances(read_only=read_only)
        self.contents = ContentsMemory(cache_dir() / "contents", keep=not read_only)
        self.presence = PresenceMemory(cache_dir() / "presence", self.contents, keep=not read_only)
        self.sizes = SizeMemory(cache_dir() / "sizes", keep=not read_only)
        self.mirror_edits = MirrorEdits()
        settings = load_settings()
        self.queue = TransferQueue(Journal(), workers=settings.parallel, hold_mirrors=True)
        self._wishes: Wishes | None = None
        self._accesses: dict[str, CacheAccess] = {}
        self._lock = threading.Lock()
        self._apply(settings)
        if not read_only:
            PackedStore(settings.packing_place).clean()

    def instance(self, instance_id: str) -> Instance:
        """An instance that was opened. Raises NotFound."""
        return self.instances.get(self.plain_id(instance_id))

    def plain_id(self, instance_id: str) -> str:
        """`Instance.id` for an id that the window knows. Raises NotFound for those of other engines."""
        if not instance_id.startswith(self._own):
            raise NotFound("This Spack instance is not open", instance_id)
        return instance_id.removeprefix(self._own)

    def named(self, info: InstanceInfo) -> InstanceInfo:
        """`info` with the id that the window gets to know."""
        return replace(info, id=f"{self._own}{info.id}")

    def access(self, instance: Instance) -> CacheAccess:
        """Connections and logins for the caches of `instance`, kept until the engine ends."""
        with self._lock:
            if instance.id not in self._accesses:
                keyring = self.keyring_elsewhere.keyring() if self.keyring_elsewhere is not None else None
                access = open_access(instance, keep=not self.read_only, keyring=keyring)
                apply_to_access(access, instance, self._settings())
                self._accesses[instance.id] = access
            return self._accesses[instance.id]

    def mirrors(self, instance_id: str, *, cwd: Path) -> Mirrors:
        """The mirrors of an instance and what is known of them. Raises NotFound."""
        instance = self.instance(instance_id)
        return Mirrors(instance, self.access(instance), self.presence, cwd=cwd)

    def mirrors_changed(self, instance_id: str) -> Instance:
        """After an edit of mirrors: everything here knows the configuration as it is now. Raises NotFound."""
        instance = self.instances.refresh_scopes(self.plain_id(instance_id))
        self.access(instance).renew(mirrors_of(instance).mirrors)
        return instance

    def settings_changed(self, wishes: Wishes | None = None) -> None:
        """Follow what a person has set, from now on; `wishes` are those of a window elsewhere."""
        self._wishes = wishes or self._wishes
        settings = self._settings()
        self._apply(settings)
        with self._lock:
            accesses = dict(self._accesses)
        for instance_id, access in accesses.items():
            apply_to_access(access, self.instances.get(instance_id), settings)

    def _settings(self) -> Settings:
        settings = load_settings()
        return self._wishes.over(settings) if self._wishes is not None else settings

    def _apply(self, settings: Settings) -> None:
        apply_to_process(settings)
        set_log_level(settings.log_level)
        self.queue.set_limits(TransferLimits(settings.parallel, bytes_per_s=settings.bytes_per_s))

    def check_may_change(self, what: str) -> None:
        """Raise ReadOnlyMode if the engine may not change anything; `what` says what was not done."""
        if self.read_only:
            raise ReadOnlyMode(what, "Mirrordeck was started with --read-only")

    def close(self) -> None:
        """Let what moves end if that is soon, stop the rest cleanly, then close all connections."""
        self.queue.close(finish_s=_FINISH_S)
        for access in self._accesses.values():
            access.close()
