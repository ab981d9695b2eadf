# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from pathlib import Path

import pytest
from checkouts import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "spack", "1.1.1")


@pytest.fixture
def checkout_0_23(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "spack", "0.23.2.dev0")


@pytest.fixture
def checkout_1_0(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "spack", "1.0.2")
