# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The Spack command that does what a push plan does."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from core.transfers.plan import PushRequest, Signing


def spack_command(request: PushRequest, environment: str) -> str:
    """One line for a shell. `environment` is the name or the directory of the active environment, "" for none."""
    options = request.options
    words = ["spack"]
    if environment:
        words += ["-D" if PurePath(environment).is_absolute() else "-e", environment]
    words += ["buildcache", "push"]
    flags = {
        "--force": options.force,
        "--unsigned": options.signing is Signing.UNSIGNED,
        "--signed": options.signing is Signing.SIGNED,
        "--update-index": options.update_index,
        "--without-build-dependencies": not options.with_build_dependencies,
        "--private": options.private,
    }
    words += [flag for flag, wanted in flags.items() if wanted]
    values = {"--base-image": options.base_image, "--tag": options.tag}
    words += [word for flag, value in values.items() if value for word in (flag, value)]
    words.append(request.mirror)
    words += [f"/{dag_hash}" for dag_hash in request.hashes]
    words += request.queries
    return shlex.join(words)
