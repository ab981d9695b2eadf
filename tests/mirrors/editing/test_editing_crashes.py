# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Killed at every step of an edit: the file is the old one or the new one, never anything else."""

from __future__ import annotations

from pathlib import Path

from helpers.crashing import crashes

from core.foundation.files import atomic_write
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.services.mirror_edits import MirrorEdits
from core.services.mirror_values import AddMirror
from core.services.sample import make_sample_instance
from core.spack.instance import find_instance


def test_t32_i2_an_edit_is_done_or_not(tmp_path: Path) -> None:
    make_sample_instance(tmp_path / "spack")
    file = tmp_path / "spack/etc/spack/site/mirrors.yaml"
    before = file.read_bytes()

    def start() -> None:
        atomic_write(file, before)

    def edit() -> None:
        instance = find_instance(str(tmp_path / "spack"), environ={})
        edits = MirrorEdits()
        plan = edits.plan(instance, AddMirror(MirrorForm("new", ConnectionForm("/srv/new")), "site"))
        edits.apply(instance, plan.id)

    seen = set()
    for crash in crashes(edit, start=start, seed=22):
        seen.add(file.read_bytes() == before)
        if file.read_bytes() == before:
            edit()  # a lock that was left behind is in nobody's way
        assert file.read_bytes().replace(b"  new: /srv/new\n", b"", 1) == before, crash.words
    assert seen == {True, False}
