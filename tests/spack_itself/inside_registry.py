# SPDX-License-Identifier: Apache-2.0 OR MIT
"""As inside.py, with a registry: `inside_registry.py SCENARIO FOLDER HOST/NAME AUTHORITY`.

It is reached by https with a certificate of AUTHORITY, and a password. Both programs learn that from Spack's
configuration.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import inside
from inside import ALL_PRESENT, CONSUMER, INCOMPLETE, PRODUCER, PUSH, SCRATCH, mirrordeck, spack
from registry.asking import Login
from registry.servers import PASSWORD, USER

from core.foundation.cancel import CancelToken
from core.network.endpoints import Endpoint
from core.registry.options import TransportOptions
from core.registry.references import ImageReference
from core.registry.repository import Repository
from core.registry.transport import Transport

INDEX = "index.spack"
TOKEN = CancelToken()


@dataclass(frozen=True)
class Address:
    """Where the mirrors `one` and `two` are: two repositories."""

    host: str
    name: str
    authority: Path


def configure(address: Address) -> None:
    pair = {"id": USER, "secret_variable": "LAB_PASSWORD"}
    mirrors = {
        mirror: {"url": f"oci://{address.host}/{address.name}/{mirror}", "access_pair": pair, "signed": False}
        for mirror in ("one", "two")
    }
    config = {**inside.CONFIGURATION["config"], "ssl_certs": str(address.authority)}
    for section, value in (("mirrors", mirrors), ("config", config)):
        (SCRATCH / f"system/{section}.yaml").write_text(json.dumps({section: value}))
    inside.VARIABLES["LAB_PASSWORD"] = PASSWORD


# ---- the registry itself ----


@contextmanager
def opened(address: Address, mirror: str) -> Iterator[Repository]:
    options = TransportOptions(ca_file=address.authority)
    transport = Transport(Endpoint("https", address.host), Login(USER, PASSWORD), options)
    try:
        yield Repository(ImageReference("https", address.host, f"{address.name}/{mirror}"), transport)
    finally:
        transport.close()


def manifests(repository: Repository) -> dict[str, dict[str, Any]]:
    """Those of packages, by tag."""
    found = {tag: repository.manifest(tag, TOKEN) for tag in repository.tags(TOKEN) if tag != INDEX}
    return {tag: json.loads(raw.data) for tag, raw in found.items() if raw is not None}


def document(repository: Repository, part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(repository.read_blob(part["digest"], part["size"], TOKEN))
    return found


def index_of(repository: Repository) -> dict[str, Any]:
    """Its records by hash; Spack writes them in any order."""
    raw = repository.manifest(INDEX, TOKEN)
    assert raw is not None
    records: dict[str, Any] = document(repository, json.loads(raw.data)["layers"][0])["database"]["installs"]
    return records


def drop_index(repository: Repository) -> None:
    raw = repository.manifest(INDEX, TOKEN)
    assert raw is not None
    assert repository.delete_manifest(raw.digest, TOKEN)


def hashes_in(tags: dict[str, Any]) -> set[str]:
    return {tag.removesuffix(".spack")[-32:] for tag in tags}


# ---- scenarios ----


def installed(address: Address) -> None:
    """Spack lists and installs all that was pushed, the result is the same as from its own archives, and it runs."""
    mirrordeck(*PUSH, "--update-index", "one", *inside.installed())
    with opened(address, "one") as repository:
        pushed = hashes_in(manifests(repository))
    assert pushed == set(inside.manifests(inside.GOLDEN / "mirrors/unsigned"))
    inside.hide_producer()
    assert inside.listed_by_spack() >= pushed
    wanted = pushed - INCOMPLETE
    spack(CONSUMER, "install", "--cache-only", *(f"/{dag_hash}" for dag_hash in sorted(wanted)))
    assert set(spack(CONSUMER, "find", "--format", "{hash}").split()) >= wanted
    inside.check_same_as_installed_before()
    inside.check_programs_run()


def same_images(address: Address) -> None:
    """What we push is what Spack pushes, down to variables that recipes set; only the time in it is another."""
    hashes = inside.installed()
    spack(PRODUCER, *PUSH, "--unsigned", "--update-index", "one", *hashes)
    mirrordeck(*PUSH, "--codec", "spack", "--update-index", "two", *hashes)
    with opened(address, "one") as one, opened(address, "two") as two:
        theirs, ours = manifests(one), manifests(two)
        assert ours.keys() == theirs.keys()
        assert index_of(two) == index_of(one)
        for tag, manifest in theirs.items():
            configs = [document(one, manifest.pop("config")), document(two, ours[tag].pop("config"))]
            for config in configs:
                assert config.pop("archive_timestamp")
            assert configs[1] == configs[0], tag
            assert ours[tag] == manifest, tag


def after_spack(address: Address) -> None:
    """What Spack pushed we list and find present, leave alone, and index to the same records."""
    hashes = inside.installed()
    spack(PRODUCER, *PUSH, "--unsigned", "--update-index", "one", *hashes)
    with opened(address, "one") as repository:
        before, index = manifests(repository), index_of(repository)
        lines = mirrordeck("buildcache", "list", "--very-long", "one").splitlines()
        assert {line.split()[0] for line in lines} == hashes_in(before)
        assert ALL_PRESENT in mirrordeck(*PUSH, "one", *hashes)
        assert manifests(repository) == before
        drop_index(repository)
        mirrordeck("buildcache", "update-index", "one")
        assert index_of(repository) == index
        assert manifests(repository) == before


def before_spack(address: Address) -> None:
    """What we pushed Spack finds present, leaves alone, and indexes to the same records."""
    hashes = inside.installed()
    mirrordeck(*PUSH, "--update-index", "one", *hashes)
    with opened(address, "one") as repository:
        before, index = manifests(repository), index_of(repository)
        assert ALL_PRESENT in spack(PRODUCER, *PUSH, "--unsigned", "one", *hashes)
        assert manifests(repository) == before
        drop_index(repository)
        spack(PRODUCER, "buildcache", "update-index", "one")
        assert index_of(repository) == index
        assert manifests(repository) == before


def at_once(address: Address) -> None:
    """Both push and index at the same time: no entry is broken, and what an index lacks is seen and mended."""
    hashes = inside.installed()
    with ThreadPoolExecutor(2) as pool, opened(address, "one") as repository:
        theirs = pool.submit(spack, PRODUCER, *PUSH, "--update-index", "--unsigned", "one", *hashes[::2])
        while not theirs.done() or hashes:
            ours = [hashes.pop() for _ in hashes[:4]] or [f"/{inside.LABZED_1_2}"]
            mirrordeck(*PUSH, "--update-index", "one", *ours)
        theirs.result()
        inside.check_nothing_lost("one", index_of, repository)


SCENARIOS = {function.__name__: function for function in (installed, same_images, after_spack, before_spack, at_once)}

if __name__ == "__main__":
    host, _, name = sys.argv[3].partition("/")
    here = Address(host, name, Path(sys.argv[4]))
    inside.set_up(Path(sys.argv[2]))
    configure(here)
    SCENARIOS[sys.argv[1]](here)
