# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A push as a script for a shell, a batch system or a CI service. Pure text."""

from __future__ import annotations

import shlex

from core.services.saved_pushes import saved_push_text
from core.services.values import SavedPush, ScriptKind
from core.transfers.plan import Only, PushOptions, Signing

_MOST_HASHES = 20  # beyond that a command line is not read by anybody
_END = "END_OF_PLAN"
_FRAMES = {
    ScriptKind.SHELL: """\
#!/bin/sh
# Written by Mirrordeck. What is on the mirror already is skipped.
set -eu
{lines}
""",
    ScriptKind.SLURM: """\
#!/bin/bash
#SBATCH --job-name=push
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
# Written by Mirrordeck. What is on the mirror already is skipped.
set -eu
{lines}
""",
    ScriptKind.GITLAB: """\
# Written by Mirrordeck. Runs on a runner that has the instance; logins come from variables of the project.
push-packages:
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule" || $CI_PIPELINE_SOURCE == "web"
  script:
    - |
{lines}
""",
    ScriptKind.GITHUB: """\
# Written by Mirrordeck. Runs on a runner that has the instance.
name: Push packages
on:
  workflow_dispatch:
  schedule:
    - cron: "15 3 * * *"
jobs:
  push:
    runs-on: self-hosted
    permissions:
      packages: write
    steps:
      - run: |
{lines}
""",
}
_INDENT = {ScriptKind.GITLAB: 6, ScriptKind.GITHUB: 10}


def push_script(kind: ScriptKind, saved: SavedPush) -> str:
    """The whole text of the file. Long lists of packages are in it as a plan for standard input."""
    margin = " " * _INDENT.get(kind, 0)
    return _FRAMES[kind].format(lines="\n".join(f"{margin}{line}" for line in _lines(saved)))


def push_words(saved: SavedPush) -> list[str]:
    """The command line that does the same."""
    words = ["mirrordeck", "--instance", saved.instance]
    if saved.environment:
        words += ["-D" if saved.environment.startswith("/") else "-e", saved.environment]
    else:
        words.append("-E")
    also = [f"--also={mirror}" for mirror in saved.also]
    return [*words, "buildcache", "push", *_flags(saved.request.options), *also, *_positional(saved)]


def _positional(saved: SavedPush) -> list[str]:
    request = saved.request
    return [request.mirror, *request.queries, *(f"/{dag_hash}" for dag_hash in request.hashes)]


def _lines(saved: SavedPush) -> list[str]:
    like_options = any(word.startswith("-") for word in _positional(saved))
    if len(saved.request.hashes) <= _MOST_HASHES and not like_options:
        return [shlex.join(push_words(saved))]
    plan = saved_push_text(saved).decode().splitlines()
    return [f"mirrordeck buildcache push --plan - <<'{_END}'", *plan, _END]


def _flags(options: PushOptions) -> list[str]:
    switches = {
        "--force": options.force,
        "--unsigned": options.signing is Signing.UNSIGNED,
        "--signed": options.signing is Signing.SIGNED,
        "--update-index": options.update_index,
        "--without-build-dependencies": not options.with_build_dependencies,
        "--private": options.private,
        "--fail-fast": options.fail_fast,
        "--keep-blobs": options.keep_blobs,
        "--complete": options.complete_left_out,
    }
    values = {
        "--only": options.only.value if options.only is not Only.ALL else "",
        "--key": options.key,
        "--codec": options.codec.value if options.codec is not None else "",
        "--base-image": options.base_image,
        "--tag": options.tag,
        "--squash": str(options.squash_to or ""),
    }
    words = [flag for flag, wanted in switches.items() if wanted]
    return words + [f"{flag}={value}" for flag, value in values.items() if value]
