# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The instances elsewhere that were opened before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress

from core.foundation.errors import UsageError
from core.remote.address import Address, Place, parse_address
from gui.settings import remembered

_KEY = "remote/addresses"
_MOST = 20


def remembered_addresses() -> tuple[Address, ...]:
    """The last one first."""
    found = []
    for line in str(remembered().value(_KEY) or "").splitlines():
        with suppress(UsageError):
            found.append(parse_address(line))
    return tuple(address for address in found if not address.place.is_here)


def remember_address(address: Address) -> None:
    """Keep the address of an instance that was opened."""
    _keep([address, *(other for other in remembered_addresses() if other != address)])


def forget_others(place: Place, known: Collection[Address]) -> None:
    """Of the addresses at `place` keep only those in `known`."""
    _keep([address for address in remembered_addresses() if address.place != place or address in known])


def _keep(addresses: Sequence[Address]) -> None:
    remembered().setValue(_KEY, "\n".join(map(str, addresses[:_MOST])))
