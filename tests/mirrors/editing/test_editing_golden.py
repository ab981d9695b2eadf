# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Edits of the sample files that Spack itself resolved, and of what its schema accepts and rejects."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.foundation.errors import ConfigError
from core.mirrors.editing.checks import check_result
from core.mirrors.editing.content import form_of
from core.mirrors.editing.document import Document
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.planning import plan_edit
from core.mirrors.editing.saving import carry_out
from core.mirrors.forms import AddMirror, ChangeMirror, ConnectionForm, MirrorForm, MoveMirror, RemoveMirror
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.spack.config import Scope
from core.spack.instance import Instance

SPACK = Path("/opt/lab/spack")
SECRETS = ("access_token: abc", "access_pair: [id, sec]")


@pytest.fixture(params=["string", "dict"])
def instance(request: pytest.FixtureRequest, golden: Path, tmp_path: Path) -> Instance:
    (tmp_path / "mirrors.yaml").write_text((golden / "config" / request.param / "mirrors.yaml").read_text())
    environ = {"HOME": "/home/u", "LAB_SECRET": "s"}
    return Instance(SPACK, SPACK / "opt", SPACK / "opt", "1.1.1", None, environ, (Scope("user", tmp_path),))


def mirrors(instance: Instance) -> dict[str, Mirror]:
    return {mirror.name: replace(mirror, origin=()) for mirror in mirrors_of(instance).mirrors}


def landscape(instance: Instance) -> Landscape:
    return Landscape(instance.scopes, instance.path_context)


def test_every_entry_edited_one_after_the_other(instance: Instance) -> None:
    """Only what was asked for changes in what Spack makes of the file."""
    wanted = mirrors(instance)
    for name, mirror in list(wanted.items()):
        value = landscape(instance).merged(name)
        assert value is not None
        form = form_of(name, value.plain())
        carry_out(plan_edit(ChangeMirror(name, replace(form, signed=True, autopush=True)), landscape(instance)))
        wanted[name] = replace(mirror, signed_setting=True, autopush=True)
        assert mirrors(instance) == wanted
    for name in list(wanted)[1:]:
        carry_out(plan_edit(MoveMirror(name, "user", next(iter(wanted))), landscape(instance)))
        wanted = {name: wanted[name]} | wanted
        assert list(mirrors(instance).items()) == list(wanted.items())
    carry_out(plan_edit(AddMirror(MirrorForm("new", ConnectionForm("/new"))), landscape(instance)))
    assert list(mirrors(instance)) == ["new", *wanted]
    for name in list(wanted):
        carry_out(plan_edit(RemoveMirror(name), landscape(instance)))
        del wanted[name]
        assert list(mirrors(instance)) == ["new", *wanted]


def test_forms_say_what_spack_resolves(instance: Instance, tmp_path: Path) -> None:
    for name, mirror in mirrors(instance).items():
        value = landscape(instance).merged(name)
        assert value is not None
        form = form_of(name, value.plain())
        for connection, shown in ((mirror.fetch, form.fetch), (mirror.push, form.push or form.fetch)):
            assert landscape(instance).meaning(shown.url, tmp_path / "mirrors.yaml") == connection.url
            assert (shown.user, shown.user_variable) == (connection.user, connection.user_variable)
            assert (shown.secret_variable, shown.token_variable) == (
                connection.secret_variable,
                connection.token_variable,
            )
            assert (shown.profile, shown.endpoint_url) == (connection.profile, connection.endpoint_url)
        assert (form.binary, form.source, form.signed, form.autopush) == (
            mirror.binary,
            mirror.source,
            mirror.signed_setting,
            mirror.autopush,
        )


def test_an_edit_never_leaves_what_the_schema_rejects(golden: Path) -> None:
    cases = json.loads((golden / "config/schema-cases.json").read_text())
    scope = Scope("user", Path("/x"))
    refused = 0
    for text, verdict in cases.items():
        document = Document(f"mirrors:\n  {text}\n", scope)
        if verdict["accepted"] or any(secret in text for secret in SECRETS):
            check_result(None, document, "a")
        else:
            refused += 1
            with pytest.raises(ConfigError, match=r"/x/mirrors\.yaml:2:"):
                check_result(None, document, "a")
        check_result(document.value("a"), document, "a")  # what was wrong before may be mended step by step
    assert refused > 5
