# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack uses the first login of a host everywhere there: an edit that leads to that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.foundation.errors import ErrorInfo
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    MirrorEdit,
    MirrorForm,
    MoveMirror,
    RemoveMirror,
)
from core.services.mirror_edits import MirrorEdits
from core.spack.instance import find_instance

FILE = """mirrors:
  one:
    url: oci://reg.lab/one
    access_pair: {id: ann, secret_variable: ANN_TOKEN}
  far: oci://other.lab/x
"""


def form(name: str, url: str, user: str = "bob") -> MirrorForm:
    return MirrorForm(name, ConnectionForm(url, user=user, secret_variable=f"{user.upper()}_TOKEN"))


@pytest.fixture
def warnings(checkout: Path) -> Callable[..., list[ErrorInfo]]:
    """What a plan says about logins that Spack would mix up."""
    (checkout / "etc/spack/site").mkdir(parents=True, exist_ok=True)
    file = checkout / "etc/spack/site/mirrors.yaml"

    def warnings(edit: MirrorEdit, text: str = FILE) -> list[ErrorInfo]:
        file.write_text(text)
        plan = MirrorEdits().plan(find_instance(str(checkout), environ={}), edit)
        return [warning for warning in plan.warnings if warning.code == "shared-host"]

    return warnings


def test_another_user_on_the_same_host(warnings) -> None:
    (warning,) = warnings(AddMirror(form("two", "oci://reg.lab/two"), "site"))
    assert "reg.lab" in warning.title
    assert "bob with BOB_TOKEN" in warning.why  # it comes first, so it is used everywhere
    (last,) = warnings(AddMirror(form("two", "oci://reg.lab/two"), "site", last=True))
    assert last.why.startswith("Spack uses ann with ANN_TOKEN")


@pytest.mark.parametrize(
    "edit",
    [
        AddMirror(form("two", "oci://reg.lab/two", "ann"), "site"),
        AddMirror(form("two", "oci://third.lab/two"), "site"),
        AddMirror(MirrorForm("two", ConnectionForm("oci://reg.lab/two")), "site"),
        AddMirror(form("two", "s3://reg.lab/two"), "site"),
    ],
    ids=["same login", "other host", "anonymous", "no registry"],
)
def test_no_warning_where_nothing_is_mixed_up(warnings, edit: MirrorEdit) -> None:
    assert warnings(edit) == []


def test_changes_and_moves_that_matter(warnings) -> None:
    assert len(warnings(ChangeMirror("far", form("far", "oci://reg.lab/x"), "site"))) == 1
    mixed = FILE + "  two:\n    url: oci://reg.lab/two\n    access_pair: {id: bob, secret_variable: BOB_TOKEN}\n"
    (moved,) = warnings(MoveMirror("two", "site", "one"), mixed)
    assert moved.why.startswith("Spack uses bob")
    assert warnings(RemoveMirror("two", "site"), mixed) == []
    assert warnings(MoveMirror("far", "site"), mixed) == []  # said before, and it has nothing to do with this mirror
