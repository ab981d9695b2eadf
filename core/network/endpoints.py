# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Which server is meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: `scheme` https or http, `host` with the port where it is not the usual one."""

    scheme: str
    host: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}"
