# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a bundle says to the person who receives it, and what it finds that a fresh site lacks."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping

from core.caches.bundle import SUMS, BundleFacts, Need, NeedKind
from core.foundation.text import format_bytes, plural, visible
from core.spack.specs import Node

BOOTSTRAP_PLACE = "bootstrap"
SOURCES_PLACE = "sources"

_RUNTIME = frozenset({"link", "run"})
_LISTED = 20


def needs_of(
    nodes: Mapping[str, Node], there: Collection[str], *, keys: Collection[str], signed: int, extras: Collection[str]
) -> Iterator[Need]:
    """What a site has to have besides a bundle with the packages `there`. `nodes` are these and all they depend on."""
    if BOOTSTRAP_PLACE not in extras:
        text = "A Spack that has never concretized anything needs its solver first, which it would download."
        yield Need(NeedKind.BOOTSTRAP, text, ("spack bootstrap mirror --binary-packages DIR",))
    if keys:
        text = "The packages are signed. Compare the fingerprints with the sender's, then trust the keys in the bundle."
        yield Need(NeedKind.KEYS, text, ("spack buildcache keys --install --trust",), tuple(sorted(keys)))
    elif signed:
        yield Need(NeedKind.KEYS, "The packages are signed, but the key is not in the bundle. Bring it separately.")
    runtime = {
        edge.hash
        for dag_hash in there
        if dag_hash in nodes
        for edge in nodes[dag_hash].dependencies
        if _RUNTIME.intersection(edge.deptypes)
    }
    lacking = [(key, node) for key, node in nodes.items() if key in runtime and key not in there]
    missing = sorted(f"{node.name}@{node.version}/{key[:7]}" for key, node in lacking if node.external is None)
    externals = sorted(_external(node) for _, node in lacking if node.external is not None)
    if missing and SOURCES_PLACE not in extras:
        text = (
            f"{plural(len(missing), 'package')} that others need to run are not in the bundle; Spack would build them."
        )
        yield Need(NeedKind.SOURCES, text, ("spack mirror create -d DIR -D SPEC",), tuple(missing))
    if externals:
        text = "These do not come from Spack and have to be on the machine, in the same place."
        yield Need(NeedKind.EXTERNALS, text, (), tuple(externals))


def readme(facts: BundleFacts) -> str:
    """The text of README.txt. Names in it are foreign, so they are escaped."""
    day = time.strftime("%Y-%m-%d", time.gmtime(facts.created_at))
    lines = [
        "Packages for Spack",
        "==================",
        "",
        f"{plural(facts.packages, 'package')}, {format_bytes(facts.stored_bytes)}, {facts.signed} of them signed.",
        f"Made on {day} from {visible(facts.source)}.",
        "",
        "Check that everything arrived, in this directory:",
        "",
        f"    sha256sum --check --quiet {SUMS}",
        "",
        "Use it as it stands:",
        "",
        "    spack mirror add --type binary bundle <this directory>",
        "",
        "or copy it into a cache of the site:",
        "",
        "    mirrordeck buildcache bundle import <this directory or the tar file> <mirror>",
        "",
        *_extras(facts),
        "What the site needs besides",
        "---------------------------",
        "",
    ]
    for need in facts.needs:
        lines.append(f"* {need.text}")
        lines += [f"    {command}" for command in need.commands]
        lines += [f"    - {visible(item)}" for item in need.items[:_LISTED]]
        if len(need.items) > _LISTED:
            lines.append(f"    - and {len(need.items) - _LISTED} more")
    if not facts.needs:
        lines.append("Nothing that is known.")
    return "\n".join(lines).replace("\u2009", " ") + "\n"


def _extras(facts: BundleFacts) -> list[str]:
    lines = []
    if BOOTSTRAP_PLACE in facts.extras:
        lines += ["What Spack itself needs to start is here too:", ""]
        for name, kind in (("local-sources", "sources"), ("local-binaries", "binaries")):
            lines.append(f"    spack bootstrap add --trust {name} <this directory>/{BOOTSTRAP_PLACE}/metadata/{kind}")
        lines.append("")
    if SOURCES_PLACE in facts.extras:
        lines += ["And the sources of the packages:", ""]
        lines += [f"    spack mirror add --type source sources <this directory>/{SOURCES_PLACE}", ""]
    return lines


def _external(node: Node) -> str:
    path = node.external.path if node.external is not None else None
    return f"{node.name}@{node.version}" + (f" in {path}" if path else "")
