# SPDX-License-Identifier: Apache-2.0 OR MIT
"""As inside.py: packages that somebody tampered with are refused by Spack and by this program, and what was copied from
layout 2 is installed. `inside_tampering.py SCENARIO FOLDER`"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inside import (
    CONSUMER,
    GOLDEN,
    LABZED_1_2,
    PRODUCER,
    SCRATCH,
    blob_path,
    environment,
    hide_producer,
    index_of,
    listed,
    manifests,
    mirrordeck,
    run,
    set_up,
    spack,
)
from inside_migration import OLD_LABTOP, check_installed_from, old_cache

from core.foundation.cancel import CancelToken
from core.services.access import open_access
from core.services.install_here import InstallHere
from core.services.install_values import InstallRequest
from core.spack.instance import find_instance

ARCHIVE, SPEC = "application/vnd.spack.install", "application/vnd.spack.spec"
OTHER = "czfloomisviyu5ykh5nj7yj6fxnpf6u3"  # labzed@1.3
KEY = GOLDEN / "keys/lab-public.asc"
_BLOCK = "-----BEGIN PGP SIGNATURE-----"


def flipped(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])


def archive_byte(mirror: Path, manifest: Path, _other: Path) -> None:
    flipped(blob_path(mirror, manifest, ARCHIVE))


def archive_of_another(mirror: Path, manifest: Path, other: Path) -> None:
    shutil.copy(blob_path(mirror, other, ARCHIVE), blob_path(mirror, manifest, ARCHIVE))


def spec_of_another(mirror: Path, manifest: Path, other: Path) -> None:
    shutil.copy(blob_path(mirror, other, SPEC), blob_path(mirror, manifest, SPEC))


def manifest_names_another_archive(mirror: Path, manifest: Path, other: Path) -> None:
    ours, theirs = blob_path(mirror, manifest, ARCHIVE), blob_path(mirror, other, ARCHIVE)
    text = manifest.read_text().replace(ours.name, theirs.name)
    manifest.write_text(text.replace(f":{ours.stat().st_size},", f":{theirs.stat().st_size},"))


def manifest_of_another(_mirror: Path, manifest: Path, other: Path) -> None:
    manifest.write_bytes(other.read_bytes())


def signature_of_another(_mirror: Path, manifest: Path, other: Path) -> None:
    text = manifest.read_text().partition(_BLOCK)[0]
    manifest.write_text(text + _BLOCK + other.read_text().partition(_BLOCK)[2])


def signature_byte(_mirror: Path, manifest: Path, _other: Path) -> None:
    head, block, rest = manifest.read_text().partition(_BLOCK)
    changed = re.sub(r"[A-Z]", lambda found: "B" if found[0] == "A" else "A", rest.split("\n")[4], count=1)
    lines = rest.split("\n")
    manifest.write_text(head + block + "\n".join([*lines[:4], changed, *lines[5:]]))


def signature_taken_off(_mirror: Path, manifest: Path, _other: Path) -> None:
    found = re.search(r"\{.*\}", manifest.read_text(), re.DOTALL)
    assert found is not None
    manifest.write_text(found[0])


Way = Callable[[Path, Path, Path], None]
CONTENT: tuple[Way, ...] = (archive_byte, archive_of_another, spec_of_another)
SIGNATURE: tuple[Way, ...] = (
    manifest_names_another_archive,
    manifest_of_another,
    signature_of_another,
    signature_byte,
    signature_taken_off,
)
# The archive and spec that it names are sound: they may be looked at, but not installed from a signed mirror.
HARMLESS_TO_READ = {signature_taken_off}
# Only the installation reads all of an archive.
NOT_IN_THE_OUTLOOK = {archive_byte, archive_of_another}
# Spack takes the spec from the index and does not look whose manifest it is, as long as that is well signed.
UNNOTICED_BY_SPACK = {spec_of_another, manifest_of_another}


@contextmanager
def tampering(mirror: Path, way: Way) -> Iterator[None]:
    sound = SCRATCH / "sound"
    shutil.copytree(mirror, sound)
    found = manifests(mirror)
    print(f"\n==== {way.__name__}", flush=True)
    way(mirror, found[LABZED_1_2], found[OTHER])
    yield
    shutil.rmtree(mirror)
    sound.rename(mirror)


def configure(mirror: Path, *, signed: bool) -> None:
    """The mirror for both programs."""
    mirrors = {"tampered": {"url": str(mirror), "binary": True, "source": False, "signed": signed}}
    (SCRATCH / "system/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))


def forget_installation() -> None:
    """Spack cannot uninstall the package when another one is in its prefix."""
    for prefix in CONSUMER.glob("opt/spack/linux-x86_64/labzed-1.2-*"):
        shutil.rmtree(prefix)
    spack(CONSUMER, "reindex")


def refused_before() -> bool:
    """Whether installing from here is not even begun, or only if the person wants it without a signature."""
    environ = environment(CONSUMER)
    instance = find_instance(str(CONSUMER), environ=environ)
    access = open_access(instance)
    try:
        outlook = InstallHere(instance, access, SCRATCH).look(InstallRequest("tampered", (LABZED_1_2,)), CancelToken())
    finally:
        access.close()
    print(*outlook.blockers, f"{outlook.needs_unchecked=}", sep="\n", flush=True)
    return bool(outlook.blockers) or outlook.needs_unchecked


def refused_by_both(mirror: Path, ways: tuple[Way, ...]) -> None:
    for number, way in enumerate(ways):
        with tampering(mirror, way):
            spack(CONSUMER, "install", "--cache-only", f"/{LABZED_1_2}", status=0 if way in UNNOTICED_BY_SPACK else 1)
            if way in UNNOTICED_BY_SPACK:
                forget_installation()
            assert not list(CONSUMER.glob("opt/spack/linux-x86_64/labzed-1.2-*"))
            said = mirrordeck("buildcache", "verify", "--full", "tampered", status=1)
            assert LABZED_1_2[:7] in said or LABZED_1_2 in said
            assert way in NOT_IN_THE_OUTLOOK or refused_before()
            place = SCRATCH / f"download-{number}"
            reads = 0 if way in HARMLESS_TO_READ else 1
            mirrordeck("buildcache", "download", "-s", f"/{LABZED_1_2}", "-p", place, status=reads)
    spack(CONSUMER, "install", "--cache-only", f"/{LABZED_1_2}")
    mirrordeck("buildcache", "verify", "--full", "tampered")


def tampered() -> None:
    """Of a signed mirror nothing is taken that was not signed as it is, whatever was altered."""
    mirror = old_cache("signed")
    configure(mirror, signed=True)
    home = PRODUCER / "opt/spack/gpg"
    try:
        mirrordeck("gpg", "trust", KEY)
        spack(CONSUMER, "gpg", "trust", KEY)
        refused_by_both(mirror, (*CONTENT, *SIGNATURE))
    finally:
        for root in (PRODUCER, CONSUMER):
            run(["gpgconf", "--homedir", root / "opt/spack/gpg", "--kill", "all"], environment(root))
        shutil.rmtree(home, ignore_errors=True)


def tampered_unsigned() -> None:
    """Of an unsigned mirror nothing is taken that is not what its manifest says."""
    mirror = old_cache("unsigned")
    configure(mirror, signed=False)
    refused_by_both(mirror, CONTENT)


def copied_from_old() -> None:
    """Spack installs and runs what was copied from layout 2, which stays as it is."""
    source, target = old_cache("v2-signed"), SCRATCH / "copy"
    assert "12 signatures will be dropped" in mirrordeck("buildcache", "sync", "--all", source, target)
    assert len(manifests(target)) == 12
    records = index_of(target)
    hide_producer()
    assert listed(target) >= {key for key, one in records.items() if one["in_buildcache"]}
    assert OLD_LABTOP in records
    check_installed_from(target)


SCENARIOS = {function.__name__: function for function in (tampered, tampered_unsigned, copied_from_old)}

if __name__ == "__main__":
    set_up(Path(sys.argv[2]))
    SCENARIOS[sys.argv[1]]()
