# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_world import World
from registry.kit.fake_registry import FakeRegistry

from core.services.sample import make_sample_instance


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample instance; nothing here changes it."""
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def world(sample: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    with FakeRegistry() as registry:
        yield World(sample, tmp_path, home / "mirrordeck", registry)
