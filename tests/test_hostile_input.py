# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every reader of what others wrote: whatever it gets, it understands it or refuses it in our own words, soon.

Good examples are damaged in two ways: bytes are changed, and values of documents are replaced by any others. What was
found so is kept in `FOUND`.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.caches.index import decode_index, decode_spec
from core.caches.layout2 import decode_entry
from core.caches.manifests import decode_manifest
from core.caches.oci.image import diff_ids_of, environment_of, marks_in
from core.engine.messages import ToEngine
from core.foundation.errors import MirrordeckError
from core.network.messages import Headers
from core.network.retries import retry_after_s
from core.packing.archive_members import read_members
from core.registry.messages import rate_limit_in, warnings_in
from core.registry.strict_json import decode_object
from core.services.upkeep import read_plan
from core.signing.clearsign import is_clearsigned, signed_text
from core.signing.key_listing import parse_keys
from core.spack.environments import environment_at, read_lock
from core.spack.index_document import parse_index, split_index
from core.spack.specs import decode_node

DATA = Path(__file__).parent / "data/spack-1.1"
FILE = Path("file")


@dataclass(frozen=True)
class Reader:
    read: Callable[[bytes], object]
    example: bytes
    refuses: tuple[type[Exception], ...] = (MirrordeckError,)


def _every_header(data: bytes) -> None:
    text = data.decode("latin-1")
    for name in ("retry-after", "ratelimit-remaining", "ratelimit-limit", "warning"):
        headers = Headers([(name, text)])
        rate_limit_in(headers), warnings_in(headers), retry_after_s(headers, data, 1_700_000_000.0)


def _database(data: bytes) -> None:
    parse_index(split_index(data, FILE), FILE, "/opt", upstream=False)


def _image_config(data: bytes) -> None:
    facts = decode_object(data, "config")
    diff_ids_of(facts), environment_of(facts), marks_in(facts, None)


def _archive(data: bytes) -> None:
    for _, content in read_members(io.BytesIO(data)):
        while content.read(1 << 16):
            pass


_OLD = min(DATA.glob("mirrors/v2-unsigned/build_cache/*.spec.json"))


def _old_entry(data: bytes) -> object:
    return decode_entry(data, f"build_cache/{_OLD.name}", "x")


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name in ("opt/zlib/.spack/spec.json", "opt/zlib/lib/libz.so", "ü" * 120):
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    return file.getvalue()


def _one(pattern: str) -> bytes:
    return min(DATA.glob(pattern)).read_bytes()


def _lock(folder: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        (folder / "spack.lock").write_bytes(data)
        return read_lock(environment_at(folder, None))

    return read


def _plan(folder: Path) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        (folder / "plan").write_bytes(data)
        return read_plan(folder / "plan")

    return read


_CONFIG = {
    "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "a" * 64]},
    "config": {"Env": ["PATH=/bin"], "Labels": {"a": "b"}},
}  # fmt: skip
_PLAN = {"id": "x", "url": "file:///x", "made_at": 1.0, "cutoff": 1.0, "entries": [], "blobs": [], "frees_bytes": 0}
_KEYS = b"tru::1:1:1:3:1:5\npub:u:3072:1:45CB9C6C81CA8CE8:1700000000:::u:::scESC::::::23::0:\nfpr:::::::::A721:\nuid:u::::1::A::x <x@y>::::::::::0:\n"  # noqa: E501
READERS = {
    "index": Reader(lambda data: decode_index(data, "x", versions=("6", "7", "8")), _one("mirrors/v2-unsigned/build_cache/index.json")),  # noqa: E501
    "spec": Reader(lambda data: decode_spec(data, "x"), _one("specs/*.spec.json")),
    "layout 2": Reader(_old_entry, _OLD.read_bytes()),
    "manifest": Reader(lambda data: decode_manifest(data, "x"), _one("mirrors/unsigned/v3/manifests/spec/*/*.json")),
    "clearsigned": Reader(lambda data: (is_clearsigned(data), signed_text(data)), _one("mirrors/signed/v3/manifests/spec/*/*.json")),  # noqa: E501
    "node": Reader(
        decode_node,
        b'{"name":"a","version":"1","hash":"abc","arch":{"platform":"linux","platform_os":"x","target":"y"}}',
    ),
    "database": Reader(_database, _one("db/index.json")),
    "image config": Reader(_image_config, json.dumps(_CONFIG).encode()),
    "archive": Reader(_archive, _tar()),
    "headers": Reader(_every_header, b'299 - "a \\" b", 299 - "c"; 76;w=21600'),
    "retry in a body": Reader(lambda data: retry_after_s(Headers([]), data, 1.0), b'{"errors":[{"retry_after":5}]}'),
    "key listing": Reader(parse_keys, _KEYS),
    "engine message": Reader(
        msgspec.json.Decoder(ToEngine).decode, b'{"t":"request","id":1,"method":"x","params":{}}',
        (msgspec.MsgspecError, UnicodeDecodeError, RecursionError),  # what the engine's loop catches
    ),
}  # fmt: skip
FOUND = {
    "node": [b"[" * 3000, b'{"a":' * 3000, b'{"name":"\x80"}'],
    "database": [b"[" * 3000, b'{"a":' * 3000, b'{"database":{"version":"8","installs":{"\x80":1}}}'],
    "engine message": [b'{"a":' * 3000, b'{"t":"\x80request"}'],
}


@st.composite
def damaged(draw: st.DrawFn, example: bytes) -> bytes:
    """`example` with some bytes changed, taken out, repeated or put in."""
    data = bytearray(example)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        new = draw(st.one_of(st.binary(max_size=8), st.sampled_from(_NASTY)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + length] = new
            case 1:
                del data[at:]
            case 2:
                data[at:at] = data[at : at + length]
            case _:
                data[at : at + 1] = new
    return bytes(data)


_NASTY = [
    b"\x00",
    b"\xff",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"1e999",
    b"-0",
    b"9" * 400,
    b"\\ud800",
    b"null",
    b"\r\n",
    b"-----",
]
_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["../x", "a" * 300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def replaced(document: Any, chance: random.Random, value: Any) -> Any:
    """`document` with one value somewhere in it replaced."""
    if isinstance(document, dict) and document and chance.random() < 0.85:
        key = chance.choice(list(document))
        return {**document, key: replaced(document[key], chance, value)}
    if isinstance(document, list) and document and chance.random() < 0.85:
        at = chance.randrange(len(document))
        return [*document[:at], replaced(document[at], chance, value), *document[at + 1 :]]
    return value


def check(reader: Reader, data: bytes) -> None:
    with suppress(*reader.refuses):
        reader.read(data)


_settings = settings(max_examples=60, deadline=30_000, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", READERS)
def test_examples_are_understood(name: str) -> None:
    READERS[name].read(READERS[name].example)


@pytest.mark.parametrize("name", READERS)
def test_t08_damaged_bytes_are_read_or_refused(name: str) -> None:
    reader = READERS[name]
    for data in FOUND.get(name, []):
        check(reader, data)

    @_settings
    @given(st.one_of(damaged(reader.example), st.binary(max_size=200), st.sampled_from(_NASTY)))
    def run(data: bytes) -> None:
        check(reader, data)

    run()


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.example.startswith(b"{")])
def test_t08_other_values_are_read_or_refused(name: str) -> None:
    reader = READERS[name]
    document = json.loads(reader.example)

    @_settings
    @given(st.integers(0, 2**32), _VALUES)
    def run(seed: int, value: Any) -> None:
        chance = random.Random(seed)
        changed = replaced(replaced(document, chance, value), chance, value)
        check(reader, json.dumps(changed).encode("utf-8", "surrogatepass"))

    run()


@pytest.mark.parametrize(
    ("make", "example"), [(_lock, _one("environments/anon/spack.lock")), (_plan, json.dumps(_PLAN).encode())]
)
def test_t08_files_are_read_or_refused(make: Callable[[Path], Any], example: bytes, tmp_path: Path) -> None:
    reader = Reader(make(tmp_path), example)
    document = json.loads(example)

    @_settings
    @given(st.integers(0, 2**32), _VALUES, damaged(example))
    def run(seed: int, value: Any, data: bytes) -> None:
        check(reader, data)
        check(reader, json.dumps(replaced(document, random.Random(seed), value)).encode("utf-8", "surrogatepass"))

    run()
