# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What every command needs from the global options."""

from __future__ import annotations

import argparse
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import ReadOnlyMode
from core.foundation.places import cache_dir
from core.services.access import open_access
from core.services.contents_memory import ContentsMemory
from core.services.instances import Instances
from core.services.presence import Mirrors
from core.services.presence_memory import PresenceMemory
from core.spack.instance import Instance

if TYPE_CHECKING:
    from core.cli.far_command import FarCaller


class Context:
    """The instance the person named or Spack's own rules find, and whether changes are allowed."""

    def __init__(self, options: argparse.Namespace, far: FarCaller | None = None) -> None:
        """`far` is who typed the command, if that was elsewhere."""
        self._options = options
        self.far = far
        if far is not None:
            options.instance = far.instance or None
        self.read_only: bool = options.read_only
        self.cwd = Path.cwd()
        self.token = CancelToken()

    def prefer(self, instance: str, environment: str) -> None:
        """Use these unless the person named others; the environment is a directory or a managed name, "" for none."""
        options = self._options
        if options.instance is None:
            options.instance = instance
            if options.env is None and options.env_dir is None and not options.no_env:
                options.no_env = not environment
                options.env = environment or None

    @cached_property
    def instance(self) -> Instance:
        options = self._options
        return Instances(read_only=self.read_only).open(
            options.instance,
            environment=options.env,
            environment_directory=options.env_dir,
            no_environment=options.no_env,
        )

    @cached_property
    def access(self) -> CacheAccess:
        """Connections and logins for this run; `close` ends them."""
        return open_access(
            self.instance,
            keep=not self.read_only,
            docker_login=self._options.docker_login,
            plain_passwords=self._options.plain_passwords,
            accept_token_server=self._options.accept_token_server,
            keyring=self.far.keyring.keyring() if self.far is not None else None,
        )

    @cached_property
    def mirrors(self) -> Mirrors:
        """The mirrors of the instance and what is remembered of them."""
        keep = not self.read_only
        contents = ContentsMemory(cache_dir() / "contents", keep=keep)
        memory = PresenceMemory(cache_dir() / "presence", contents, keep=keep)
        return Mirrors(self.instance, self.access, memory, cwd=self.cwd)

    def close(self) -> None:
        if "access" in self.__dict__:
            self.access.close()

    def check_may_change(self, what: str) -> None:
        """Raise ReadOnlyMode if `--read-only` was given; `what` says what was not done."""
        if self.read_only:
            raise ReadOnlyMode(what, "mirrordeck was started with --read-only")
