# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from oci_lab import Lab, open_repository
from registry.kit.fake_registry import FakeRegistry


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def lab(registry: FakeRegistry, tmp_path: Path) -> Iterator[Lab]:
    with open_repository(registry) as repository:
        yield Lab(registry, repository, tmp_path)
