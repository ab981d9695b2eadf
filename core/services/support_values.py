# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A report for others, as plain data."""

from __future__ import annotations

import msgspec


class SupportFile(msgspec.Struct, frozen=True):
    """One file of a report: `name` may have a folder before it."""

    name: str
    text: str
