# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Scripts say the same as the push they were made of."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from core.cli.main import make_parser
from core.cli.push_options import push_options
from core.packing.model import Codec
from core.services.push_scripts import push_script, push_words
from core.services.saved_pushes import read_saved_push
from core.services.values import SavedPush, ScriptKind
from core.transfers.plan import Only, PushOptions, PushRequest, Signing

REQUEST = PushRequest("site's cache", ("hdf5 +mpi",), ("a" * 32, "b" * 32), PushOptions(update_index=True))
SAVED = SavedPush("/opt/my spack", "/envs/hpc base", REQUEST)


@st.composite
def options(draw: st.DrawFn) -> PushOptions:
    flag = st.booleans()
    signing = draw(st.sampled_from(Signing))
    names = st.sampled_from(("", "my-env", "ubuntu:24.04", "-odd"))
    return PushOptions(
        only=draw(st.sampled_from(Only)),
        with_build_dependencies=draw(flag),
        force=draw(flag),
        private=draw(flag),
        fail_fast=draw(flag),
        update_index=draw(flag),
        signing=signing,
        key=draw(names) if signing is Signing.AS_MIRROR else "",
        codec=draw(st.none() | st.sampled_from(Codec)),
        base_image=draw(names),
        tag=draw(names),
        squash_to=draw(st.none() | st.integers(1, 99)),
        complete_left_out=draw(flag),
        keep_blobs=draw(flag),
    )


@given(options())
def test_the_command_line_means_the_same(chosen: PushOptions) -> None:
    saved = SavedPush("/opt/spack", "", PushRequest("scratch", ("hdf5",), ("a" * 32,), chosen))
    parsed = make_parser().parse_args(push_words(saved)[1:])
    assert push_options(parsed) == chosen
    assert parsed.mirror == "scratch"
    assert parsed.specs == ["hdf5", "/" + "a" * 32]
    assert parsed.no_env


def started(kind: ScriptKind, saved: SavedPush, tmp_path: Path) -> list[list[str]]:
    """What a shell makes of the script: the arguments of `mirrordeck`, with its standard input as the last of them."""
    text = push_script(kind, saved)
    if kind is ScriptKind.GITLAB:
        text = yaml.safe_load(text)["push-packages"]["script"][0]
    elif kind is ScriptKind.GITHUB:
        text = yaml.safe_load(text)["jobs"]["push"]["steps"][0]["run"]
    program = tmp_path / "mirrordeck"
    program.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\ncat\n')
    program.chmod(0o755)
    run = subprocess.run(
        ["/bin/sh", "-c", text], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, input="", capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return [run.stdout.split("\0")]


@pytest.mark.parametrize("kind", ScriptKind)
def test_every_script_starts_the_same_command(kind: ScriptKind, tmp_path: Path) -> None:
    assert started(kind, SAVED, tmp_path) == [[*push_words(SAVED)[1:], ""]]


def test_names_like_options_go_into_the_plan(tmp_path: Path) -> None:
    saved = SavedPush("/opt/spack", "", PushRequest("-mirror", ("hdf5",)))
    ((*words, plan),) = started(ScriptKind.SHELL, saved, tmp_path)
    assert words == ["buildcache", "push", "--plan", "-"]
    (tmp_path / "plan.json").write_text(plan)
    assert read_saved_push(tmp_path / "plan.json") == saved


@pytest.mark.parametrize("kind", ScriptKind)
def test_long_lists_are_a_plan_inside_the_script(kind: ScriptKind, tmp_path: Path) -> None:
    many = tuple(f"{number:032d}" for number in range(500))
    saved = SavedPush("/opt/my spack", "", PushRequest("it's $HOME", (), many, PushOptions(force=True)))
    ((*words, plan),) = started(kind, saved, tmp_path)
    assert words == ["buildcache", "push", "--plan", "-"]
    (tmp_path / "plan.json").write_text(plan)
    assert read_saved_push(tmp_path / "plan.json") == saved


def test_nothing_is_left_unquoted() -> None:
    line = push_script(ScriptKind.SHELL, SAVED).splitlines()[-1]
    assert shlex.split(line) == push_words(SAVED)
