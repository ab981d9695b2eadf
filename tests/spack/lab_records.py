# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Records to ask: those of the sample database, and made-up ones."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from core.spack.queries import parse_query, select
from core.spack.query_tests import Recipes
from core.spack.specs import PackageRecord, ParameterValue, decode_node
from core.spack.worlds import World

GOLDEN = Path(__file__).parents[1] / "data/spack-1.1"


@cache
def expected(name: str) -> Any:
    """A file of what Spack answered."""
    return json.loads((GOLDEN / f"expected/{name}.json").read_text(encoding="utf-8"))


@cache
def lab(root: str | None = None) -> World:
    """The sample database with its prefixes below `root`; without, nothing has a prefix."""
    installs = json.loads((GOLDEN / "db/index.json").read_text(encoding="utf-8"))["database"]["installs"]
    for install in installs.values():
        install["path"] = f"{root}{install['path']}" if root is not None else None
    return World({dag_hash: record_from(dag_hash, install) for dag_hash, install in installs.items()})


def found(text: str, world: World | None = None, recipes: Recipes | None = None) -> list[str]:
    return [record.hash for record in select(parse_query(text), world or lab(), recipes=recipes).matched]


def record_from(dag_hash: str, install: dict[str, Any], specfile_version: int = 5) -> PackageRecord:
    document = json.dumps(install["spec"]).encode()
    return PackageRecord(
        node=decode_node(document),
        document=document,
        hash=dag_hash,
        prefix=install.get("path"),
        install_root="/opt",
        installed=install["installed"],
        explicit=install["explicit"],
        installation_time=0.0,
        deprecated_for=install.get("deprecated_for"),
        upstream=False,
        specfile_version=specfile_version,
    )


def record_of(
    *,
    name: str = "tool",
    version: str = "1.2",
    dag_hash: str = "abcd",
    target: str = "x86_64_v3",
    needs: dict[str, tuple[PackageRecord, str]] | None = None,
    **parameters: ParameterValue,
) -> PackageRecord:
    """`needs` maps types (`build,link`) to a dependency and the virtual packages it is used as."""
    edges = [
        {
            "name": child.name,
            "hash": child.hash,
            "parameters": {"deptypes": types.split(","), "virtuals": virtuals.split(",") if virtuals else []},
        }
        for types, (child, virtuals) in (needs or {}).items()
    ]
    spec = {
        "name": name,
        "version": version,
        "arch": {"platform": "linux", "platform_os": "debian12", "target": target},
        "namespace": "lab",
        "parameters": parameters,
        "dependencies": edges,
        "hash": dag_hash,
    }
    return record_from(dag_hash, {"spec": spec, "installed": True, "explicit": True})


def world_of(*records: PackageRecord) -> World:
    return World({record.hash: record for record in records})
