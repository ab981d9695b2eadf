# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How packages for single mirrors are compressed. Kept in `mirror-codecs.json`.

It belongs to the address a mirror pushes to: a mirror keeps it under another name and in another instance, and has none
at another address.
"""

from __future__ import annotations

from core.foundation.errors import UsageError
from core.foundation.places import config_dir
from core.mirrors.tables import Table, address_key
from core.packing.model import Codec

_FILE = "mirror-codecs.json"


class Compression:
    """What was chosen for mirrors, by the addresses they push to. Thread-safe."""

    def __init__(self) -> None:
        self._table = Table(config_dir() / _FILE, Codec)

    @property
    def problem(self) -> str:
        """Why what was chosen cannot be used, "" if it can."""
        return self._table.problem

    def of(self, url: str) -> Codec:
        """`DEFAULT` where nothing was chosen, or what was cannot be used."""
        return self._table.get(address_key(url)) or Codec.DEFAULT

    def put(self, url: str, codec: Codec) -> None:
        """Pack with `codec` for the mirror at `url` from now on. Raises as `Table.put`, and UsageError for none."""
        if not address_key(url):
            raise UsageError("This mirror has no address to push to")
        self._table.put(address_key(url), codec if codec is not Codec.DEFAULT else None)
