# SPDX-License-Identifier: Apache-2.0 OR MIT
"""As inside.py: keys that were made, published and used by one program, and found good by the other.
`inside_keys.py SCENARIO FOLDER`."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from inside import (
    CONSUMER,
    LABTOP,
    LABZED_1_2,
    PRODUCER,
    PUSH,
    SCRATCH,
    check_programs_run,
    environment,
    hide_producer,
    index_of,
    manifests,
    mirrordeck,
    run,
    set_up,
    spack,
)

INSTALL = ("install", "--cache-only")
MARK = "-----BEGIN PGP SIGNED"


def fingerprints(text: str) -> list[str]:
    return re.findall(r"\b[0-9A-F]{40}\b", text)


def forget_keys(*roots: Path) -> None:
    """Other scenarios use the same checkouts, and agents outlive the mount namespace."""
    for root in roots:
        home = root / "opt/spack/gpg"
        if home.is_dir():
            run(["gpgconf", "--homedir", home, "--kill", "all"], environment(root))
            shutil.rmtree(home)


def signed_later() -> None:
    """What was pushed unsigned and signed afterwards Spack installs, once it took the key that we published."""
    mirror = SCRATCH / "mirror"
    mirrordeck(*PUSH, "--update-index", "--unsigned", mirror, f"/{LABTOP}", f"/{LABZED_1_2}")
    records = index_of(mirror)
    (key,) = fingerprints(mirrordeck("gpg", "create", "Thrown Away", "key@example.invalid"))
    # What one program says of its keys the other says, too.
    assert fingerprints(spack(PRODUCER, "gpg", "list")) == [key]
    assert mirrordeck("gpg", "list", "--signing") == spack(PRODUCER, "gpg", "list", "--signing")
    mirrordeck("buildcache", "sign", mirror)
    assert all(path.read_text().startswith(MARK) for path in manifests(mirror).values())
    assert index_of(mirror) == records
    mirrordeck("buildcache", "verify", "--full", mirror)
    forget_keys(PRODUCER)
    hide_producer()
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--signed", "check", mirror)
    spack(CONSUMER, *INSTALL, f"/{LABTOP}", status=1)
    spack(CONSUMER, "buildcache", "keys", "--install", "--trust")
    assert fingerprints(spack(CONSUMER, "gpg", "list")) == [key]
    spack(CONSUMER, *INSTALL, f"/{LABTOP}", f"/{LABZED_1_2}")
    check_programs_run()


def published() -> None:
    """Keys are found by Spack exactly when they are listed, and those that Spack published we find."""
    ours, theirs = SCRATCH / "ours", SCRATCH / "theirs"
    mirrordeck(*PUSH, "--update-index", "--unsigned", ours, f"/{LABZED_1_2}")
    (key,) = fingerprints(mirrordeck("gpg", "create", "Thrown Away", "key@example.invalid"))
    mirrordeck("gpg", "publish", "--directory", ours, key)
    spack(CONSUMER, "mirror", "add", "--type", "binary", "ours", ours)
    spack(CONSUMER, "buildcache", "keys", "-it")
    assert fingerprints(spack(CONSUMER, "gpg", "list")) == []
    mirrordeck("buildcache", "update-index", "--keys", ours)
    spack(CONSUMER, "buildcache", "keys", "-it")
    assert fingerprints(spack(CONSUMER, "gpg", "list")) == [key]
    spack(PRODUCER, "gpg", "publish", "--directory", theirs, "--update-index", key)
    names = [{path.relative_to(mirror / "v3/manifests/key") for path in files(mirror)} for mirror in (ours, theirs)]
    assert names[0] == names[1]
    mirrordeck("mirror", "add", "--scope", "user", "theirs", str(theirs))
    assert f"theirs: {key} Thrown Away" in mirrordeck("buildcache", "keys")


def files(mirror: Path) -> list[Path]:
    return [path for path in (mirror / "v3/manifests/key").iterdir() if path.is_file()]


SCENARIOS: dict[str, Callable[[], None]] = {"signed_later": signed_later, "published": published}

if __name__ == "__main__":
    set_up(Path(sys.argv[2]))
    forget_keys(PRODUCER, CONSUMER)
    try:
        SCENARIOS[sys.argv[1]]()
    finally:
        forget_keys(PRODUCER, CONSUMER)
