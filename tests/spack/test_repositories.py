# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the recipes of an instance are."""

from __future__ import annotations

from pathlib import Path

from checkouts import Checkout, write

from core.spack.instance import find_instance
from core.spack.repositories import recipe_repositories


def repository(folder: Path, namespace: str) -> Path:
    write(folder / "repo.yaml", f"repo:\n  namespace: {namespace}\n")
    return folder


def repositories(checkout: Checkout, text: str) -> dict[str, Path]:
    write(checkout.etc / "repos.yaml", text)
    instance = find_instance(str(checkout.root), environ=checkout.environ)
    return recipe_repositories(instance.config("repos"), instance.path_context)


def test_folders(checkout: Checkout, tmp_path: Path) -> None:
    one, other = repository(tmp_path / "one", "site.lab"), repository(tmp_path / "other", "lab")
    repository(tmp_path / "again", "lab")
    text = f"repos:\n  a: {one}\n  b: {other}\n  c: {tmp_path}/again\n  d: {tmp_path}/nowhere\n"
    assert repositories(checkout, text) == {"site.lab": one, "lab": other}


def test_clones(checkout: Checkout, tmp_path: Path) -> None:
    default = checkout.user / "package_repos/fncqgg4"  # of this address, as Spack 1.1 names it
    builtin = repository(default / "repos/spack_repo/builtin", "builtin")
    (default / "spack-repo-index.yaml").write_text("repo_index:\n  paths:\n  - repos/spack_repo/builtin\n")
    mine = repository(tmp_path / "clone/mine", "mine")
    text = (
        "repos:\n  builtin:\n    git: https://github.com/spack/spack-packages.git\n"
        f"  mine:\n    git: ssh://host/mine.git\n    destination: {tmp_path}/clone\n    paths: [mine]\n"
        "  gone:\n    git: ssh://host/gone.git\n"
    )
    assert repositories(checkout, text) == {"builtin": builtin, "mine": mine}


def test_nothing_configured(checkout: Checkout) -> None:
    assert repositories(checkout, "repos: {}\n") == {}
    assert repositories(checkout, "repos:\n  a: {destination: 1}\n  b: [x]\n") == {}
