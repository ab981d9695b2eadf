# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about soundness and downloads, as the window sends them: through the protocol's own encoding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.web_site import WebSite

from core.engine.calls.checks import FinishRepair, PlanRepair, VerifyCache
from core.engine.calls.downloads import DownloadPackage, ListFiles, UnpackPackage
from core.engine.calls.instances import OpenInstance
from core.engine.dispatch import handler_table
from core.engine.messages import Call, encode_call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import ReadOnlyMode
from core.services.download_values import PackageId
from core.services.sample import make_sample_instance
from core.services.verify_values import Examined

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"


class Asker:
    """Asks an engine in this process; everything goes through JSON both ways."""

    def __init__(self, state: EngineState, checkout: Path) -> None:
        self.state = state
        self.instance = self.ask(OpenInstance(str(checkout)))[0].id

    def ask(self, call: Call[Any]) -> tuple[Any, list[Any]]:
        sent = msgspec.json.decode(encode_call(call), type=type(call))
        answered = handler_table(self.state)[type(call)](sent, CancelToken())
        rows: list[Any] = []
        if isinstance(answered, Iterator):
            *batches, answered = answered
            for batch in batches:
                rows += msgspec.json.decode(msgspec.json.encode(batch), type=list[call.row])  # type: ignore[name-defined]
        return msgspec.json.decode(msgspec.json.encode(answered), type=call.answer), rows


@pytest.fixture(params=[False, True], ids=["", "read-only"])
def asker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Asker]:
    make_sample_instance(tmp_path / "spack")
    state = EngineState(read_only=request.param)
    yield Asker(state, tmp_path / "spack")
    state.close()


def test_verify_and_repair(asker: Asker) -> None:
    with WebSite(MIRRORS) as site:
        view, rows = asker.ask(VerifyCache(asker.instance, f"{site.url}/unsigned", full=True))
        assert view.sound
        assert {type(row) for row in rows} == {Examined}
        assert rows[-1] == view.examined
    view, rows = asker.ask(VerifyCache(asker.instance, str(MIRRORS / "auto-signed")))
    findings = tuple(row for row in rows if not isinstance(row, Examined))
    assert view.findings == len([finding for finding in findings if not finding.harmless]) > 0
    plan, _ = asker.ask(PlanRepair(asker.instance, str(MIRRORS / "auto-signed"), findings))
    assert plan.reindex
    if asker.state.read_only:
        with pytest.raises(ReadOnlyMode):
            asker.ask(FinishRepair(asker.instance, plan))


def test_downloads(asker: Asker, tmp_path: Path) -> None:
    package = PackageId("labzed", "1.10", "3etqutdo6x2xxhffps2ikkt6ggofkhan")
    mirror = str(MIRRORS / "unsigned")
    view, rows = asker.ask(ListFiles(asker.instance, mirror, package))
    assert view.files == len(rows) > 5
    calls = (
        DownloadPackage(asker.instance, mirror, package, str(tmp_path / "out")),
        UnpackPackage(asker.instance, mirror, package, str(tmp_path / "out")),
    )
    for call in calls:
        if asker.state.read_only:
            with pytest.raises(ReadOnlyMode):
                asker.ask(call)
        else:
            asker.ask(call)
    assert (tmp_path / "out").exists() is not asker.state.read_only
