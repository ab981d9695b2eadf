# SPDX-License-Identifier: Apache-2.0 OR MIT
"""As inside.py: what was copied, bundled and left over by a deletion. `inside_upkeep.py SCENARIO FOLDER`, and for the
scenarios with a registry HOST/NAME AUTHORITY as in inside_registry.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

from inside import (
    CONSUMER,
    GOLDEN,
    INCOMPLETE,
    LABTOP,
    LABZED_1_2,
    PRODUCER,
    PUSH,
    SCRATCH,
    blob_path,
    check_programs_run,
    check_same_as_installed_before,
    contents,
    hide_producer,
    index_of,
    installed,
    listed_by_spack,
    manifests,
    mirrordeck,
    set_up,
    spack,
)
from inside_registry import INDEX, TOKEN, Address, configure, hashes_in, opened
from inside_registry import manifests as images

INDEX_MANIFEST = "v3/manifests/index/index.manifest.json"


def push_all(mirror: Path | str, *options: str) -> None:
    mirrordeck(*PUSH, "--update-index", *options, mirror, *installed())


def listed(mirror: Path) -> set[str]:
    """As `inside.listed`, without a trace in the consumer, which other scenarios use as well."""
    place = SCRATCH / "system/mirrors.yaml"
    mirrors = json.loads(place.read_text())["mirrors"] if place.exists() else {}
    mirrors["of this scenario"] = {"url": str(mirror), "binary": True, "source": False, "signed": False}
    place.write_text(json.dumps({"mirrors": mirrors}))
    return listed_by_spack()


def install_all(mirror: Path, pushed: set[str]) -> None:
    hide_producer()
    assert listed(mirror) >= pushed
    wanted = pushed - INCOMPLETE
    spack(CONSUMER, "install", "--cache-only", *(f"/{dag_hash}" for dag_hash in sorted(wanted)))
    assert set(spack(CONSUMER, "find", "--format", "{hash}").split()) >= wanted
    check_same_as_installed_before()
    check_programs_run()


def index_blob(mirror: Path) -> str:
    return str(blob_path(mirror, mirror / INDEX_MANIFEST, "application/vnd.spack.db").relative_to(mirror))


def digests(repository: object) -> dict[str, str]:
    tags = [tag for tag in repository.tags(TOKEN) if tag != INDEX]  # type: ignore[attr-defined]
    return {tag: repository.manifest_digest(tag, TOKEN) for tag in tags}  # type: ignore[attr-defined]


# ---- scenarios with folders ----


def bundled() -> None:
    """What came out of a bundle Spack lists, installs and runs."""
    mirror, bundle, site = SCRATCH / "origin", SCRATCH / "bundle.tar", SCRATCH / "site"
    push_all(mirror, "--unsigned")
    assert "spack bootstrap mirror" in mirrordeck("buildcache", "bundle", "create", "--all", mirror, bundle)
    shutil.rmtree(mirror)
    mirrordeck("buildcache", "bundle", "import", bundle, site)
    pushed = set(manifests(site))
    assert pushed == set(manifests(GOLDEN / "mirrors/unsigned"))
    install_all(site, pushed)


def deleted() -> None:
    """After a deletion Spack lists what is left, after a restoration everything, and nothing of an empty cache."""
    mirror = SCRATCH / "cleaned"
    push_all(mirror, "--unsigned")
    pushed = set(manifests(mirror))
    mirrordeck("buildcache", "delete", "-y", "--grace", "0", mirror, f"/{LABTOP}")
    assert set(manifests(mirror)) == pushed - {LABTOP}
    left = listed(mirror)
    assert LABTOP not in left
    assert left >= pushed - {LABTOP}
    batch = re.search(r"^\d{4}-\S+", mirrordeck("buildcache", "trash", "list", mirror), re.MULTILINE)
    assert batch is not None
    mirrordeck("buildcache", "trash", "restore", mirror, batch[0])
    assert set(manifests(mirror)) == pushed
    assert listed_by_spack() >= pushed
    spack(CONSUMER, "buildcache", "update-index", mirror)
    assert listed_by_spack() >= pushed
    everything = [f"/{dag_hash}" for dag_hash in pushed]
    mirrordeck("buildcache", "delete", "-y", "--permanently", "--grace", "0", mirror, *everything)
    assert not listed_by_spack() & pushed
    assert mirrordeck("buildcache", "list", mirror) == ""


def pruned_alike() -> None:
    """Our preset deletes exactly what Spack deletes, without a keep list and with one."""
    theirs, ours, keep = SCRATCH / "theirs", SCRATCH / "ours", SCRATCH / "keep"
    spack(PRODUCER, *PUSH, "--update-index", "--unsigned", theirs, *installed())
    blob_path(theirs, manifests(theirs)[LABTOP], "application/vnd.spack.install").unlink()
    old, young = (theirs / "blobs/sha256" / (digit * 2) / (digit * 64) for digit in "0f")
    for blob in (old, young):
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(b"of nobody, or of a push that is not done yet")
    for path in theirs.rglob("*"):
        os.utime(path, (1e9, 1e9))
    os.utime(theirs / INDEX_MANIFEST, (1.5e9, 1.5e9))
    os.utime(young, (1.6e9, 1.6e9))
    shutil.copytree(theirs, ours)
    keep.write_text(f"/{LABZED_1_2}\n")
    indexes: set[str] = set()
    for arguments in ((), ("-k", keep)):
        spack(PRODUCER, "buildcache", "prune", *arguments, theirs)
        mirrordeck("buildcache", "prune", "-y", "--permanently", "--grace", "0", *arguments, ours)
        left, expected = ({path for path in contents(mirror) if path != INDEX_MANIFEST} for mirror in (ours, theirs))
        indexes |= {index_blob(mirror) for mirror in (ours, theirs)}
        assert left - indexes == expected - indexes
        assert set(manifests(ours)) == set(manifests(theirs))
        # Spack leaves the index as it was; ours lists no longer what went.
        assert {key for key, record in index_of(ours).items() if record["in_buildcache"]} == set(manifests(ours))
        os.utime(ours / INDEX_MANIFEST, (1.5e9, 1.5e9))
    assert set(manifests(ours)) == {LABZED_1_2}
    assert str(young.relative_to(theirs)) in contents(ours)
    assert str(old.relative_to(theirs)) not in contents(ours)


# ---- scenarios with a registry ----


def copied(address: Address) -> None:
    """Folder to registry to registry to folder, byte for byte; Spack lists, installs and runs the last copy."""
    first, last = SCRATCH / "first", SCRATCH / "last"
    push_all(first, "--unsigned", "--codec", "spack")
    for source, target in ((first, "one"), ("one", "two"), ("two", last)):
        mirrordeck("buildcache", "sync", "--all", source, target)
    pushed = set(manifests(first))
    with opened(address, "one") as one, opened(address, "two") as two:
        assert hashes_in(images(one)) == pushed
        assert digests(one) == digests(two)
    before, after = contents(first), contents(last)
    for path in (path for path in before if "/spec/" in path or path.startswith("blobs")):
        assert path in after, path
        assert after[path][0] == before[path][0], path
    assert index_of(last) == index_of(first)
    assert listed_by_spack() >= pushed  # of the registry
    install_all(last, pushed)


def deleted_there(address: Address) -> None:
    """After a deletion Spack lists the rest, also from an index of its own."""
    push_all("one")
    with opened(address, "one") as repository:
        pushed = hashes_in(images(repository))
        mirrordeck("buildcache", "delete", "-y", "one", f"/{LABTOP}")
        assert hashes_in(images(repository)) == pushed - {LABTOP}
    found = listed_by_spack()
    assert LABTOP not in found
    assert found >= pushed - {LABTOP}
    spack(PRODUCER, "buildcache", "update-index", "one")
    assert listed_by_spack() >= pushed - {LABTOP}


FOLDERS = {function.__name__: function for function in (bundled, deleted, pruned_alike)}
REGISTRIES = {function.__name__: function for function in (copied, deleted_there)}

if __name__ == "__main__":
    set_up(Path(sys.argv[2]))
    if sys.argv[1] in FOLDERS:
        FOLDERS[sys.argv[1]]()
    else:
        host, _, name = sys.argv[3].partition("/")
        here = Address(host, name, Path(sys.argv[4]))
        configure(here)
        REGISTRIES[sys.argv[1]](here)
