# SPDX-License-Identifier: Apache-2.0 OR MIT
"""One scenario with real Spack, in a mount namespace of its own: `unshare --mount python inside.py SCENARIO FOLDER`.

FOLDER holds what test_real_spack.py prepared: `producer` and `consumer` (Spack checkouts), `recipes` and the empty
`scratch`. Here they appear where the sample packages were built to be (/opt/lab/spack) and under a shorter root
(/opt/s2), the only way a relocation into existing binaries can work. Of the machine nothing is changed: what is
mounted, and all that is written outside FOLDER, ends with this process.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]
GOLDEN = REPOSITORY / "tests/data/spack-1.1"
PRODUCER, CONSUMER = Path("/opt/lab/spack"), Path("/opt/s2")
SCRATCH = Path("/opt/scratch")
# Its dependency labsecret@5.0 may not be redistributed, so it is pushed but cannot be installed.
INCOMPLETE = {"tkbtpcx53dv63h2kcri6bmyykih3ifyv"}
LABZED_1_2 = "62fp442jdrn7vmvy2glifzwdqwzqimi5"
LABTOP = "2xjlh36775ifsqn5ihltmgboy6wzweks"
CONFIGURATION = {
    "bootstrap": {"root": f"{SCRATCH}/bootstrap", "sources:": [], "trusted:": {}},
    "concretizer": {"unify": False},
    "config": {"build_stage:": [f"{SCRATCH}/stage"], "source_cache": f"{SCRATCH}/source"},
    "repos:": {"lab": f"{SCRATCH}/recipes/spack_repo/lab"},
}
LISTINGS = (
    "", "-l", "-L labzed@1.3", "-p", "-d labtop", "-dlp", "-v", "-lfv", "-N", "-x", "-X -l", "-px", "-m", "-M -l",
    "--deprecated -l", "--only-deprecated", "-I", "-I -m labtool", "--no-groups -l", "--no-groups -d labwrap",
    "-vd labzed", "-H labzed", "--external", "--json labzed", "--json -d labmid", "--format '{name} {hash:7}' labtop",
    "--format '{fullname}{@version}{variants}{ arch=architecture}'", "-l 'labtop ^labmpi-a'", "-l %gcc",
)  # fmt: skip
LISTINGS_OF_AN_ENVIRONMENT = ("", "-l", "-d labmid", "--format {name}", "-x", "-m -I -l", "--json labzed")
VARIABLES: dict[str, str] = {}  # that both programs get besides


# ---- the stage ----


def set_up(folder: Path) -> None:
    """Mount everything in its place; the consumer is empty each time, and what both are configured to is this run's."""
    scratch = folder / "scratch"
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "none", scratch)
    for name in ("upper", "work", "system"):
        (scratch / name).mkdir()
    # Makes /opt writable without hiding or changing what the machine has there, for example Python itself.
    mount("-t", "overlay", "-o", f"lowerdir=/opt,upperdir={scratch}/upper,workdir={scratch}/work", "none", "/opt")
    for source, target in ((folder / "producer", PRODUCER), (folder / "consumer", CONSUMER), (scratch, SCRATCH)):
        target.mkdir(parents=True, exist_ok=True)
        mount("--bind", source, target)
    for root in (PRODUCER, CONSUMER):
        shutil.copytree(root / "etc", SCRATCH / f"{root.name}-etc")
        mount("--bind", SCRATCH / f"{root.name}-etc", root / "etc")
    (CONSUMER / "opt").mkdir(exist_ok=True)
    mount("-t", "tmpfs", "none", CONSUMER / "opt")
    shutil.copytree(folder / "recipes", SCRATCH / "recipes")
    for section, value in CONFIGURATION.items():
        (SCRATCH / f"system/{section.rstrip(':')}.yaml").write_text(json.dumps({section: value}))


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def hide_producer() -> None:
    """From here on nothing can be found in the old place by accident."""
    mount("-t", "tmpfs", "none", PRODUCER)


# ---- the two programs ----


def environment(root: Path) -> dict[str, str]:
    own = SCRATCH / root.name
    return {
        "PATH": os.environ["PATH"],
        "LC_ALL": "C.UTF-8",
        "HOME": f"{own}/home",
        "MIRRORDECK_HOME": f"{own}/mirrordeck",
        "SPACK_COLOR": "never",
        "SPACK_SYSTEM_CONFIG_PATH": f"{SCRATCH}/system",
        "SPACK_USER_CONFIG_PATH": f"{own}/user",
        "SPACK_USER_CACHE_PATH": f"{own}/cache",
        **VARIABLES,
    }


def run(command: list[str | Path], environ: dict[str, str], status: int = 0) -> str:
    """Output and errors together; everything is shown, for the report of a failed test."""
    print("$", *command, flush=True)
    done = subprocess.run(
        command, env=environ, cwd=SCRATCH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout, flush=True)
    assert done.returncode == status, f"exit status {done.returncode}, expected {status}"
    return done.stdout


def spack(root: Path, *arguments: str | Path, status: int = 0) -> str:
    environ = environment(root)
    if os.environ.get("SPACK_FOR_TESTS_PYTHON"):
        environ["SPACK_PYTHON"] = os.environ["SPACK_FOR_TESTS_PYTHON"]
    return run([root / "bin/spack", *arguments], environ, status)


def mirrordeck(*arguments: str | Path, status: int = 0) -> str:
    environ = environment(PRODUCER) | {"PYTHONPATH": str(REPOSITORY)}
    return run([sys.executable, "-m", "core.cli.main", "--instance", PRODUCER, *arguments], environ, status)


PUSH = ("buildcache", "push", "--without-build-dependencies")
CODECS = ("default", "fast", "spack")
ALL_PRESENT = "All specs are already in the buildcache"


def installed() -> list[str]:
    """All of the producer's packages, as arguments of a push."""
    return mirrordeck("find", "--format", "/{hash}").split()


# ---- mirrors ----


def manifests(mirror: Path) -> dict[str, Path]:
    """Manifest of every package in `mirror`, by hash."""
    found = mirror.glob("v3/manifests/spec/*/*.spec.manifest.json")
    return {path.name.removesuffix(".spec.manifest.json")[-32:]: path for path in found}


def contents(mirror: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file."""
    files = (path for path in mirror.rglob("*") if path.is_file())
    return {str(path.relative_to(mirror)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def blob_path(mirror: Path, manifest: Path, media_type: str) -> Path:
    """The one blob of this type that `manifest` (signed or not) names."""
    body = re.search(r"\{.*\}", manifest.read_text(), re.DOTALL)
    assert body is not None
    digest: str
    (digest,) = [blob["checksum"] for blob in json.loads(body[0])["data"] if blob["mediaType"].startswith(media_type)]
    return mirror / "blobs/sha256" / digest[:2] / digest


def index_of(mirror: Path) -> dict[str, Any]:
    """The index's records by hash."""
    manifest = mirror / "v3/manifests/index/index.manifest.json"
    data = blob_path(mirror, manifest, "application/vnd.spack.db").read_bytes()
    text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    records: dict[str, Any] = json.loads(text)["database"]["installs"]
    return records


def listed(mirror: Path) -> set[str]:
    """Hashes of the consumer's `spack buildcache list`, externals too."""
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--unsigned", "listed", mirror)
    return listed_by_spack()


def listed_by_spack() -> set[str]:
    output = spack(CONSUMER, "buildcache", "list", "--allarch", "--very-long")
    return set(re.findall(r"^([a-z2-7]{32}) ", output, re.MULTILINE))


# ---- installed packages ----


def check_same_as_installed_before() -> None:
    """The packages here are what Spack made of its own archives under this root: contents, links and modes."""
    store = CONSUMER / "opt/spack/linux-x86_64"
    expected: dict[Path, tuple[int, str | bytes]] = {}
    with tarfile.open(GOLDEN / "relocated/install-tree-opt-s2.tar.gz") as archive:
        for member in archive:
            if store in Path("/", member.name).parents:
                file = None if member.issym() else archive.extractfile(member)
                expected[Path("/", member.name)] = (member.mode, file.read() if file else member.linkname)
    found: dict[Path, tuple[int, str | bytes]] = {}
    for prefix in {store / path.relative_to(store).parts[0] for path in expected}:
        for path in [prefix, *prefix.rglob("*")]:
            data = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            found[path] = (path.lstat().st_mode & 0o7777, data)
    names = {path for path in expected.keys() | found.keys() if path.name != "install_times.json"}
    wrong = sorted(path for path in names if expected.get(path) != found.get(path))
    assert not wrong, f"other than Spack's own: {wrong}"


def check_programs_run() -> None:
    programs = sorted((CONSUMER / "opt/spack/linux-x86_64").glob("*/bin/*"))
    assert {path.name for path in programs} == {"labtop", "labtop-wrapper", "labsh", "short", "long", "mid-script"}
    for program in programs:
        output = run([program, *(["-c", "echo runs"] if program.name == "labsh" else [])], environment(CONSUMER))
        assert output.strip()
        assert str(PRODUCER) not in output
        if program.name.startswith("labtop"):
            assert "-> 42" in output


# ---- scenarios ----


def unsigned() -> None:
    """Spack lists and installs all that was pushed, the result is the same as from its own archives, and it runs: with
    every codec, each for a third of the packages."""
    mirror = SCRATCH / "mirror"
    for number, codec in enumerate(CODECS):
        some = installed()[number :: len(CODECS)]
        mirrordeck(*PUSH, "--only", "package", "--codec", codec, "--update-index", "--unsigned", mirror, *some)
    pushed = set(manifests(mirror))
    assert pushed == set(manifests(GOLDEN / "mirrors/unsigned"))
    hide_producer()
    assert listed(mirror) >= pushed
    wanted = pushed - INCOMPLETE
    spack(CONSUMER, "install", "--cache-only", *(f"/{dag_hash}" for dag_hash in sorted(wanted)))
    assert set(spack(CONSUMER, "find", "--format", "{hash}").split()) >= wanted
    check_same_as_installed_before()
    check_programs_run()


def signed() -> None:
    """Spack installs what we signed once it trusts the key, and refuses what was altered afterwards."""
    home, key, mirror = PRODUCER / "opt/spack/gpg", SCRATCH / "public.asc", SCRATCH / "mirror"
    home.mkdir(mode=0o700)
    gpg: list[str | Path] = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""]
    try:
        run([*gpg, "--quick-generate-key", "Thrown Away <key@invalid>", "rsa2048", "sign"], environment(PRODUCER))
        run([*gpg, "--armor", "--output", key, "--export"], environment(PRODUCER))
        mirrordeck(*PUSH, "--update-index", "--signed", mirror, f"/{LABTOP}", f"/{LABZED_1_2}")
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"], environment(PRODUCER))
    assert all(path.read_text().startswith("-----BEGIN PGP SIGNED") for path in manifests(mirror).values())
    hide_producer()
    spack(CONSUMER, "mirror", "add", "--type", "binary", "--signed", "check", mirror)
    install = ("install", "--cache-only")
    try:
        spack(CONSUMER, *install, f"/{LABTOP}", status=1)
        assert not list(CONSUMER.glob("opt/spack/linux-x86_64/labtop-*"))
        spack(CONSUMER, "gpg", "trust", key)
        spack(CONSUMER, *install, f"/{LABTOP}")
        check_programs_run()
        refuse_altered(mirror, install)
    finally:
        run(["gpgconf", "--homedir", CONSUMER / "opt/spack/gpg", "--kill", "all"], environment(CONSUMER))


def refuse_altered(mirror: Path, install: tuple[str, ...]) -> None:
    manifest = manifests(mirror)[LABZED_1_2]
    text = manifest.read_text()
    blob = blob_path(mirror, manifest, "application/vnd.spack.install")
    data = blob.read_bytes()
    blob.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    # Its output names what it fetched and not why it would not have it.
    assert blob.name in spack(CONSUMER, *install, f"/{LABZED_1_2}", status=1)
    blob.write_bytes(data)
    manifest.write_text(text.replace('"version":', '"version": ', 1))
    assert manifest.read_text() != text
    assert blob.name not in spack(CONSUMER, *install, f"/{LABZED_1_2}", status=1)
    assert not list(CONSUMER.glob("opt/spack/linux-x86_64/labzed-1.2-*"))
    manifest.write_text(text)
    spack(CONSUMER, *install, f"/{LABZED_1_2}")


def after_spack() -> None:
    """What Spack pushed we list and find present, leave alone, and index to the same records."""
    mirror, hashes = SCRATCH / "mirror", installed()
    spack(PRODUCER, *PUSH, "--update-index", "--unsigned", mirror, *hashes)
    before, pushed, records = contents(mirror), manifests(mirror), index_of(mirror)
    lines = mirrordeck("buildcache", "list", "--very-long", mirror).splitlines()
    assert {line.split()[0] for line in lines} == set(pushed)
    assert ALL_PRESENT in mirrordeck(*PUSH, "--unsigned", mirror, *hashes)
    assert contents(mirror) == before
    shutil.rmtree(mirror / "v3/manifests/index")
    mirrordeck("buildcache", "update-index", mirror)
    assert index_of(mirror) == records


def before_spack() -> None:
    """What we pushed Spack finds present, leaves alone, and indexes to the same records."""
    mirror, hashes = SCRATCH / "mirror", installed()
    mirrordeck(*PUSH, "--update-index", "--unsigned", mirror, *hashes)
    before, records = contents(mirror), index_of(mirror)
    assert ALL_PRESENT in spack(PRODUCER, *PUSH, "--unsigned", mirror, *hashes)
    assert contents(mirror) == before
    shutil.rmtree(mirror / "v3/manifests/index")
    spack(PRODUCER, "buildcache", "update-index", mirror)
    assert index_of(mirror) == records


def in_turns() -> None:
    """We push what Spack has not yet and add it to Spack's index, with the records Spack would write."""
    mirror, hashes = SCRATCH / "mirror", installed()
    spack(PRODUCER, *PUSH, "--update-index", "--unsigned", mirror, *(set(hashes) - {f"/{LABZED_1_2}"}))
    before = manifests(mirror)
    texts = {path: path.read_bytes() for path in before.values()}
    for path in texts:
        os.utime(path, (1, 1))  # long in the index, so not read again for it
    mirrordeck(*PUSH, "--update-index", "--unsigned", mirror, *hashes)
    assert {path: path.read_bytes() for path in texts} == texts
    assert manifests(mirror).keys() - before.keys() == {LABZED_1_2}
    records = index_of(mirror)
    spack(PRODUCER, "buildcache", "update-index", mirror)
    assert index_of(mirror) == records


def at_once() -> None:
    """Both push and index at the same time: no entry is broken, and what an index lacks is seen and mended."""
    mirror, hashes = SCRATCH / "mirror", installed()
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(spack, PRODUCER, *PUSH, "--update-index", "--unsigned", mirror, *hashes[::2])
        while not theirs.done() or hashes:
            ours = [hashes.pop() for _ in hashes[:4]] or [f"/{LABZED_1_2}"]
            mirrordeck(*PUSH, "--update-index", "--unsigned", mirror, *ours)
        theirs.result()
    check_nothing_lost(mirror, index_of, mirror)
    early = {path: path.read_bytes() for path in (mirror / "v3/manifests/index").glob("*.json")}
    (mirror / f"v3/manifests/spec/labzed/labzed-1.2-{LABZED_1_2}.spec.manifest.json").unlink()
    mirrordeck("buildcache", "update-index", mirror)
    late = {path: path.read_bytes() for path in early}
    mirrordeck(*PUSH, "--update-index", "--unsigned", mirror, f"/{LABZED_1_2}")
    for path, data in late.items():  # somebody who listed before writes the index after
        path.write_bytes(data)
    check_nothing_lost(mirror, index_of, mirror)


def check_nothing_lost(mirror: str | Path, index: Callable[[T], dict[str, Any]], place: T) -> None:
    """Every package is whole. What the index lacks is counted by a listing, and one command adds it."""
    listing = json.loads(mirrordeck("--json", "buildcache", "list", mirror))
    there = {package["hash"] for package in listing["packages"]}
    assert there == set(manifests(GOLDEN / "mirrors/unsigned"))
    known = {dag_hash for dag_hash, record in index(place).items() if record["in_buildcache"]}
    assert listing["not_in_index"] == len(there - known)
    print("the index lacks", len(there - known))
    if there - known:
        assert f"The index is behind by {len(there - known)} package" in mirrordeck("buildcache", "list", mirror)
    mirrordeck("buildcache", "update-index", mirror)
    assert {dag_hash for dag_hash, record in index(place).items() if record["in_buildcache"]} == there
    mirrordeck("buildcache", "verify", "--full", mirror)
    assert "behind" not in mirrordeck("buildcache", "list", mirror)


def listings() -> None:
    """What `find` prints is what Spack's own prints, to the byte, for every option and everyday query."""
    place = SCRATCH / "anon"
    shutil.copytree(GOLDEN / "environments/anon", place)
    for options in LISTINGS:
        words = shlex.split(options)
        assert mirrordeck("find", *words) == spack(PRODUCER, "find", *words), options
    for options in LISTINGS_OF_AN_ENVIRONMENT:
        ours = mirrordeck("-D", place, "find", *options.split())
        assert ours == spack(PRODUCER, "-D", place, "find", *options.split()), options


SCENARIOS = {
    function.__name__: function
    for function in (unsigned, signed, after_spack, before_spack, in_turns, at_once, listings)
}

if __name__ == "__main__":
    set_up(Path(sys.argv[2]))
    SCENARIOS[sys.argv[1]]()
