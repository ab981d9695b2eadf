# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A read-only engine: requests that change something are refused whatever they ask for, the others leave no trace."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import shutil
import types
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.nothing_changes import nothing_changes

from core.engine import calls
from core.engine.dispatch import handler_table
from core.engine.messages import Call
from core.engine.state import EngineState
from core.foundation.cancel import CancelToken
from core.foundation.errors import MirrordeckError, ReadOnlyMode
from core.foundation.secret import Secret
from core.services.sample import make_sample_instance

for _module in pkgutil.iter_modules(calls.__path__):
    importlib.import_module(f"{calls.__name__}.{_module.name}")
CALLS = {call.method: call for call in Call.__subclasses__() if call.__module__.startswith("core.")}

# Requests that only look, or change nothing but what this engine has in its memory.
LOOKING = frozenset(
    """
    checks.plan-repair checks.verify contents.describe contents.file contents.find contents.graph contents.list
    contents.repositories downloads.files files.list history.list instance.list instance.open keyring.state
    keyring.unlock keys.list keys.look keys.published keys.unlock logins.check logins.describe mirrors.describe
    mirrors.last-tests
    mirrors.list mirrors.plan mirrors.plan-destroy mirrors.scopes mirrors.test mirrors.understand packages.changed
    packages.compare packages.describe packages.environments packages.explain-reuse packages.find packages.folders
    packages.graph packages.links packages.list packages.relatives packages.sizes packages.summary
    presence.compare-installed presence.coverage presence.holdings presence.list presence.missing push.plan
    report.collect transfers.clear transfers.limits transfers.move transfers.pause transfers.release transfers.retry
    transfers.stop transfers.unfinished transfers.watch upkeep.capabilities upkeep.describe-bundle upkeep.old-layout
    upkeep.plan-copy upkeep.plan-delete upkeep.plan-free upkeep.plan-migration upkeep.read-keep-list upkeep.trash
    instance.find instance.survey installs.look presence.count-missing presence.held-back presets.list push.script
    settings.changed contents.signatures
    """.split()  # noqa: SIM905
)


def made(kind: Any, hints: dict[str, object], name: str = "") -> object:
    """A value of the type `kind`, that of the field's name in `hints` where there is one."""
    if name in hints and (kind is str or not isinstance(hints[name], str)):
        return hints[name]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if type(None) in inner else made(inner[0], hints)
    if origin in (tuple, list, frozenset, dict):
        return origin()
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, msgspec.Struct)):
        return filled(kind, hints)
    return {str: "x", bool: False, int: 1, float: 1.0, bytes: b"", Secret: Secret("secret")}.get(kind)


def filled(kind: Any, hints: dict[str, object]) -> Any:
    wanted = typing.get_type_hints(kind)
    if dataclasses.is_dataclass(kind):
        fields = [
            field.name
            for field in dataclasses.fields(kind)
            if field.name in hints
            or (field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING)
        ]
    else:
        fields = [field.name for field in msgspec.structs.fields(kind) if field.required or field.name in hints]
    return kind(**{name: made(wanted[name], hints, name) for name in fields})


@pytest.fixture(scope="module")
def place(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    make_sample_instance(place / "spack")
    shutil.copytree(golden / "mirrors/unsigned", place / "spack/mirrors/team", dirs_exist_ok=True)
    return place


@pytest.fixture
def engine(place: Path, home: Path) -> Iterator[tuple[EngineState, dict[str, object]]]:
    state = EngineState(read_only=True)
    info = state.instances.open(str(place / "spack"))
    package = next(iter(info.database().records))
    hints: dict[str, object] = {
        "instance": info.id,
        "mirror": "team",
        "source": "team",
        "target": "scratch",
        "name": "team",
        "mirrors": ("team",),
        "hash": package,
        "hashes": (package,),
        "directory": str(place / "spack"),
        "path": str(place / "written"),
        "host": "127.0.0.1:9",
        "url": str(place / "spack/mirrors/team"),
    }
    yield state, hints
    state.close()


def answered(state: EngineState, call: Call[Any]) -> None:
    answer = handler_table(state)[type(call)](call, CancelToken())
    if isinstance(answer, Iterator):
        for _ in answer:
            pass


def test_every_request_that_only_looks_is_known() -> None:
    assert set(CALLS) >= LOOKING


@pytest.mark.parametrize("method", sorted(CALLS.keys() - LOOKING))
def test_requests_that_change_something_are_refused(
    method: str, engine: tuple[EngineState, dict[str, object]], place: Path, home: Path
) -> None:
    state, hints = engine
    with nothing_changes(place, home), pytest.raises(ReadOnlyMode):
        answered(state, filled(CALLS[method], hints))


@pytest.mark.parametrize("method", sorted(CALLS.keys() & LOOKING))
def test_requests_that_look_leave_no_trace(
    method: str, engine: tuple[EngineState, dict[str, object]], place: Path, home: Path
) -> None:
    state, hints = engine
    # The lock of the database is opened for writing, because some file systems lock only such files.
    refused = ""
    with nothing_changes(place, home, allowed=("/.spack-db/lock'",)):
        try:
            answered(state, filled(CALLS[method], hints))
        except MirrordeckError as error:  # not everything there is to look at is there
            refused = error.code
    assert refused != ReadOnlyMode.code
