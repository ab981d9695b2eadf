# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What tests of packing get."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_prefix import Prefix


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    (tmp_path / "prefix/.spack").mkdir(parents=True)
    (tmp_path / "prefix/.spack/spec.json").write_text("{}")
    return Prefix(tmp_path / "prefix", tmp_path / "archive.tar.gz")
