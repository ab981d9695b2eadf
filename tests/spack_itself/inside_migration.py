# SPDX-License-Identifier: Apache-2.0 OR MIT
"""As inside.py: caches that were migrated from layout 2, and packages that we had Spack install.
`inside_migration.py SCENARIO FOLDER`"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from inside import (
    CONSUMER,
    GOLDEN,
    LABTOP,
    PRODUCER,
    SCRATCH,
    environment,
    hide_producer,
    index_of,
    listed,
    listed_by_spack,
    manifests,
    mirrordeck,
    run,
    set_up,
    spack,
)

from core.foundation.cancel import CancelToken
from core.services.access import open_access
from core.services.install_here import InstallHere
from core.services.install_values import InstallOutlook, InstallRequest, InstallState, SpackEnd
from core.spack.instance import find_instance

# Of the old sample cache, with all they need to run.
OLD_LABTOP = "mjbxaxrvnge27fbt3mdtse4ycthlg3dt"
LAB_KEY = "A721F1AE8B12BCA30AACF1F345CB9C6C81CA8CE8"


def old_cache(name: str) -> Path:
    target = SCRATCH / name
    shutil.copytree(GOLDEN / "mirrors" / name, target)
    run(["chmod", "-R", "u+w", target], environment(PRODUCER))
    return target


def installable(mirror: Path) -> set[str]:
    """Entries whose dependencies at run time are entries as well."""
    records = index_of(mirror)
    lacking = {key for key, one in records.items() if not one["in_buildcache"] and "external" not in one["spec"]}

    def needs(key: str) -> set[str]:
        edges = records[key]["spec"].get("dependencies", [])
        direct = {edge["hash"] for edge in edges if {"link", "run"} & set(edge["parameters"]["deptypes"])}
        return direct.union(*map(needs, direct))

    return {key for key in manifests(mirror) if not needs(key) & lacking}


def without_direct(records: dict[str, Any]) -> dict[str, Any]:
    """A migration of Spack says of each dependency that it is a direct one, an update of its index does not."""
    found: dict[str, Any] = json.loads(json.dumps(records).replace(', "direct": true', ""))
    return found


def check_installed_from(mirror: Path) -> None:
    wanted = installable(mirror)
    assert OLD_LABTOP in wanted
    spack(CONSUMER, "install", "--cache-only", *(f"/{dag_hash}" for dag_hash in sorted(wanted)))
    found = set(spack(CONSUMER, "find", "--format", "{hash}").split())
    assert found >= wanted
    # Only the annotation tells the compiler of these.
    assert OLD_LABTOP in spack(CONSUMER, "find", "--format", "{hash}", "labtop%gcc@12").split()
    for program in sorted(CONSUMER.glob("opt/spack/linux-x86_64/labtop-*/bin/*")):
        assert "-> 42" in run([program], environment(CONSUMER))


# ---- scenarios ----


def migrated() -> None:
    """What we migrated Spack lists, installs and runs without the old layout, and it would make the same index."""
    mirror, theirs = old_cache("v2-unsigned"), SCRATCH / "theirs"
    shutil.copytree(mirror, theirs)
    assert "To be migrated: 12 packages" in mirrordeck("buildcache", "migrate", "-u", "--dry-run", mirror)
    mirrordeck("buildcache", "migrate", "--unsigned", mirror)
    spack(PRODUCER, "mirror", "add", "--unsigned", "theirs", theirs)
    spack(PRODUCER, "buildcache", "migrate", "--unsigned", "theirs")
    assert index_of(mirror) == index_of(theirs)
    mirrordeck("buildcache", "migrate", "--unsigned", "--delete-existing", "-y", mirror)
    assert not (mirror / "build_cache").exists()
    records = index_of(mirror)
    spack(PRODUCER, "buildcache", "update-index", mirror)
    assert without_direct(index_of(mirror)) == without_direct(records)
    hide_producer()
    assert listed(mirror) >= set(manifests(mirror))
    check_installed_from(mirror)


def migrated_signed() -> None:
    """Spack takes what we signed anew once it trusts our key; a spec that was altered is not migrated."""
    home, key, mirror = PRODUCER / "opt/spack/gpg", SCRATCH / "public.asc", old_cache("v2-signed")
    shutil.rmtree(home, ignore_errors=True)  # of an earlier scenario
    home.mkdir(mode=0o700)
    gpg: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""]
    (altered,) = mirror.glob("build_cache/*-labgit-*.sig")

    altered.write_text(altered.read_text().replace('"lab"', '"bad"', 1))
    try:
        run([*gpg, "--quick-generate-key", "Thrown Away <key@invalid>", "rsa2048", "sign"], environment(PRODUCER))
        run([*gpg, "--armor", "--output", key, "--export"], environment(PRODUCER))
        run([*gpg, "--import", GOLDEN / "keys/lab-public.asc"], environment(PRODUCER))
        output = mirrordeck("buildcache", "migrate", mirror, status=1)
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"], environment(PRODUCER))
    assert "labgit" in output
    assert len(manifests(mirror)) == 11
    assert all(path.read_text().startswith("-----BEGIN PGP SIGNED") for path in manifests(mirror).values())
    shutil.rmtree(mirror / "build_cache")
    hide_producer()
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--signed", "check", mirror)
    try:
        spack(CONSUMER, "install", "--cache-only", f"/{OLD_LABTOP}", status=1)
        assert "Thrown Away" in spack(CONSUMER, "buildcache", "keys", "--install", "--trust", "--force")
        assert listed_by_spack() >= set(manifests(mirror))
        check_installed_from(mirror)
    finally:
        run(["gpgconf", "--homedir", CONSUMER / "opt/spack/gpg", "--kill", "all"], environment(CONSUMER))


def install(request: InstallRequest) -> tuple[InstallOutlook, list[str], set[str], SpackEnd]:
    """The outlook, then lines, packages that were done with, and the end."""
    environ = environment(CONSUMER)
    if os.environ.get("SPACK_FOR_TESTS_PYTHON"):
        environ["SPACK_PYTHON"] = os.environ["SPACK_FOR_TESTS_PYTHON"]
    instance = find_instance(str(CONSUMER), environ=environ)
    access = open_access(instance)
    try:
        here = InstallHere(instance, access, SCRATCH)
        outlook = here.look(request, CancelToken())
        lines: list[str] = []
        done: set[str] = set()
        for part in here.run(request, CancelToken()):
            if isinstance(part, SpackEnd):
                print(*lines, part, sep="\n", flush=True)
                return outlook, lines, done, part
            lines += [line.text for line in part]
            done |= {line.package for line in part if line.done}
    finally:
        access.close()
    raise AssertionError("no end")


def installed_here() -> None:
    """The outlook says what Spack then does, package by package."""
    hide_producer()
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--signed", "golden", GOLDEN / "mirrors/unsigned")
    refused, _, _, end = install(InstallRequest("golden", (LABTOP,)))
    assert refused.needs_unchecked
    assert (end.status, end.failed > 0) == (1, True)
    outlook, lines, done, end = install(InstallRequest("golden", (LABTOP,), unchecked=True))
    assert (end.status, end.failed) == (0, 0)
    assert any("Successfully installed labtop-3.1.4" in line for line in lines)
    expected = {f"{one.name}-{one.version}-{one.hash}" for one in outlook.packages}
    assert done == expected
    assert end.done == len(expected)
    assert {one.room for one in outlook.packages if one.state is InstallState.CACHE} == {
        len(str(PRODUCER)) - len(str(CONSUMER))
    }
    check_programs_run_of_labtop()
    again = install(InstallRequest("golden", (LABTOP,)))[0]
    assert InstallState.CACHE not in {one.state for one in again.packages}


def check_programs_run_of_labtop() -> None:
    for program in CONSUMER.glob("opt/spack/linux-x86_64/labtop-*/bin/*"):
        assert "-> 42" in run([program], environment(CONSUMER))


def too_long() -> None:
    """Where the outlook doubts, Spack fails."""
    hide_producer()
    place = SCRATCH / "system/config.yaml"
    config = json.loads(place.read_text())
    config["config"]["install_tree"] = {"root": str(SCRATCH / ("long-" * 12))}
    place.write_text(json.dumps(config))
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--unsigned", "far", GOLDEN / "mirrors/unsigned")
    outlook, lines, _, end = install(InstallRequest("far", (LABTOP,)))
    assert [one.code for one in outlook.warnings] == ["too-long"]
    assert any("CannotGrowString" in line for line in lines)
    assert end.status != 0
    assert end.failed > 0


SCENARIOS = {function.__name__: function for function in (migrated, migrated_signed, installed_here, too_long)}

if __name__ == "__main__":
    set_up(Path(sys.argv[2]))
    SCENARIOS[sys.argv[1]]()
