# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a person may set about the way to a registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.network.limits import SILENCE_S


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """Times in seconds. `client_certificate` is certificate and key.

    `private_realm` allows a token server in a private network to a registry that is not in one; `plain_passwords`
    allows sending passwords unencrypted, to http registries only.
    """

    ca_file: Path | None = None
    client_certificate: tuple[Path, Path] | None = None
    connect_timeout_s: float = 10.0
    header_timeout_s: float = SILENCE_S
    parallel_transfers: int = 4
    private_realm: bool = False
    plain_passwords: bool = False
    user_agent: str = "mirrordeck"
