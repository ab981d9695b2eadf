# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Mirrors edited through the engine's requests."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from core.engine.calls.mirrors import (
    ApplyMirrorEdit,
    ChooseCompression,
    DescribeMirror,
    ListMirrors,
    ListScopes,
    PlanMirrorEdit,
    UnderstandAddress,
    UndoMirrorEdit,
)
from core.engine.calls.push import PlanPush
from core.engine.dispatch import handler_table
from core.engine.messages import Call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import ReadOnlyMode
from core.services.mirror_values import AddMirror, Codec, ConnectionForm, MirrorForm, RemoveMirror
from core.services.sample import make_sample_instance
from core.transfers.plan import PushOptions, PushRequest, Signing

NEW = AddMirror(MirrorForm("new", ConnectionForm("oci://registry.example/team/cache"), signed=False))
UNSIGNED = PushOptions(signing=Signing.UNSIGNED)


class Window:
    """Asks the handlers as the window does, with everything going through JSON."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self.state = EngineState(read_only=read_only)
        self.id = self.state.instances.open(str(directory), no_environment=True).id
        self._table = handler_table(self.state)

    def ask(self, call: Call) -> object:
        sent = msgspec.json.decode(msgspec.json.encode(call), type=type(call))
        answer = self._table[type(call)](sent, CancelToken())
        return msgspec.json.decode(msgspec.json.encode(answer), type=type(call).answer)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    make_sample_instance(tmp_path / "sample")
    return tmp_path / "sample"


@pytest.fixture
def window(sample: Path):
    window = Window(sample)
    yield window
    window.state.close()


def names(window: Window) -> list[str]:
    return [row.mirror.name for row in window.ask(ListMirrors(window.id)).rows]


def test_plan_apply_describe_undo(window: Window) -> None:
    before = names(window)
    plan = window.ask(PlanMirrorEdit(window.id, NEW))
    assert names(window) == before
    applied = window.ask(ApplyMirrorEdit(window.id, plan.id))
    view = window.ask(ListMirrors(window.id))
    assert [row.mirror.name for row in view.rows] in (["new", *before], [*before, "new"])
    assert [(step.id, step.title) for step in view.undo] == [(applied.undo, plan.title)]
    details = window.ask(DescribeMirror(window.id, "new"))
    assert details.form == NEW.form
    assert "new" in next(row for row in window.ask(ListScopes(window.id)) if row.name == plan.scope).entries
    window.ask(UndoMirrorEdit(window.id, applied.undo))
    assert names(window) == before
    assert window.ask(ListMirrors(window.id)).undo == ()


def test_logins_follow_the_configuration(window: Window) -> None:
    """A mirror that was added can be opened at once, one that was removed is not found any more."""
    window.ask(ApplyMirrorEdit(window.id, window.ask(PlanMirrorEdit(window.id, NEW)).id))
    row = next(row for row in window.ask(ListMirrors(window.id)).rows if row.mirror.name == "new")
    assert row.login is not None
    window.ask(ApplyMirrorEdit(window.id, window.ask(PlanMirrorEdit(window.id, RemoveMirror("new"))).id))
    assert "new" not in names(window)


def test_addresses(window: Window) -> None:
    facts = window.ask(UnderstandAddress(window.id, "docker://registry.example/team/cache"))
    assert facts.url == "oci://registry.example/team/cache"


@pytest.mark.parametrize("scope", ["user", "site"])
def test_a_relative_path_is_written_as_typed_and_means_what_was_said(window: Window, scope: str) -> None:
    facts = window.ask(UnderstandAddress(window.id, "./near", scope))
    plan = window.ask(PlanMirrorEdit(window.id, AddMirror(MirrorForm("near", ConnectionForm(facts.url)), scope)))
    assert plan.meanings == (("./near", facts.absolute),)
    window.ask(ApplyMirrorEdit(window.id, plan.id))
    row = next(row for row in window.ask(ListMirrors(window.id)).rows if row.mirror.name == "near")
    assert row.mirror.fetch.raw == "./near"
    assert str(row.mirror.fetch.folder) == facts.absolute == f"{Path(plan.file).parent}/near"


def test_read_only_plans_but_does_not_save(sample: Path) -> None:
    window = Window(sample, read_only=True)
    try:
        plan = window.ask(PlanMirrorEdit(window.id, NEW))
        for call in (ApplyMirrorEdit(window.id, plan.id), UndoMirrorEdit(window.id, "x")):
            with pytest.raises(ReadOnlyMode):
                window.ask(call)
        assert not Path(plan.file).exists() or "new:" not in Path(plan.file).read_text()
    finally:
        window.state.close()


def test_compression_is_that_of_the_address_however_it_is_typed(window: Window, sample: Path) -> None:
    plan = window.ask(PlanMirrorEdit(window.id, AddMirror(MirrorForm("near", ConnectionForm("./near")), "user")))
    window.ask(ApplyMirrorEdit(window.id, plan.id))
    chosen = window.ask(ChooseCompression(window.id, "near", Codec.FAST))
    assert chosen.codec is Codec.FAST
    relative = window.ask(UnderstandAddress(window.id, "./near", "user"))
    assert relative.compression == chosen
    assert window.ask(UnderstandAddress(window.id, relative.absolute)).compression == chosen
    assert window.ask(UnderstandAddress(window.id, "./other", "user")).compression.codec is Codec.DEFAULT
    assert window.ask(UnderstandAddress(window.id, "https://binaries.example.org/x")).compression is None
    push = window.ask(PlanPush(window.id, PushRequest("near", ("zlib-ng",), options=UNSIGNED)))
    assert push.codec is Codec.FAST
