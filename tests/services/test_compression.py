# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The codec of a mirror: what uses it, what counts more, and what is advised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import UsageError
from core.packing.model import Codec
from core.services.compression import advice, choose_compression, compression_of, with_compression
from core.services.mirror_addresses import understand_address
from core.services.push import PreparedPush, plan_push
from core.services.saved_pushes import read_saved_push, saved_push_text
from core.services.values import SavedPush
from core.spack.instance import Instance
from core.transfers import job
from core.transfers.journal import Journal
from core.transfers.links import Link, keep_link
from core.transfers.plan import Only, PushOptions, PushRequest, Signing
from core.transfers.queue import TransferQueue

Plan = Callable[..., PreparedPush]
OPTIONS = PushOptions(only=Only.PACKAGE, with_build_dependencies=False, signing=Signing.UNSIGNED)


def test_a_push_uses_the_codec_of_its_mirror_unless_one_is_named(plan: Plan, access: CacheAccess) -> None:
    assert plan("zlib-ng").plan.codec is Codec.DEFAULT
    access.compression.put(plan("zlib-ng").plan.mirror_url, Codec.FAST)
    assert plan("zlib-ng").plan.codec is Codec.FAST
    assert plan("zlib-ng").plan.options.codec is None  # what continues it later follows the mirror
    assert plan("zlib-ng", codec=Codec.DEFAULT).plan.codec is Codec.DEFAULT
    assert plan("zlib-ng", to="./elsewhere", signing=Signing.UNSIGNED).plan.codec is Codec.DEFAULT


def test_a_push_that_was_saved_follows_the_mirror(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    for named in (None, Codec.DEFAULT):
        request = PushRequest("team", ("zlib-ng",), options=PushOptions(codec=named))
        (tmp_path / "saved.json").write_bytes(saved_push_text(SavedPush(str(instance.root), "", request)))
        choose_compression(instance, "team", Codec.SPACK)
        read = read_saved_push(tmp_path / "saved.json").request
        plan = plan_push(instance, access, read, cwd=tmp_path, token=CancelToken()).plan
        assert plan.codec is (named or Codec.SPACK)


def test_packed_once_for_each_codec(
    instance: Instance, access: CacheAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[Codec] = []

    def pack(source, target, codec, **rest):
        packed.append(codec)
        return real(source, target, codec, **rest)

    real = job.pack
    monkeypatch.setattr(job, "pack", pack)
    targets = tuple(str(tmp_path / name) for name in ("one", "two", "three", "four"))
    for target in targets[2:]:
        access.compression.put(Path(target).as_uri(), Codec.FAST)
    request = PushRequest(targets[0], ("zlib-ng",), options=OPTIONS)
    queue = TransferQueue(Journal(tmp_path / "journal"), workers=4)
    try:
        for each in request.to_each(targets[1:]):
            queue.add(plan_push(instance, access, each, cwd=tmp_path, token=CancelToken()).job)
        for push in queue.snapshot().pushes:
            assert queue.wait(push.id, 60)
            assert queue.snapshot().overall.failed == 0
    finally:
        queue.close()
    assert sorted(packed) == [Codec.DEFAULT, Codec.FAST]
    sizes = [{path.stat().st_size for path in Path(target).rglob("blobs/sha256/*/*")} for target in targets]
    assert sizes[0] == sizes[1] != sizes[2] == sizes[3]


def test_it_belongs_to_the_address(instance: Instance, plan: Plan, tmp_path: Path) -> None:
    facts = choose_compression(instance, "team", Codec.FAST)
    url = plan("zlib-ng").plan.mirror_url
    assert facts == compression_of(url)
    understood = with_compression(understand_address(instance, url, tmp_path), instance, tmp_path)
    assert understood.compression == facts
    for text in ("https://web.example.org/cache", "s3://bucket/cache", "no address"):
        assert with_compression(understand_address(instance, text, tmp_path), instance, tmp_path).compression is None
    with pytest.raises(UsageError):
        choose_compression(instance, "nosuch", Codec.FAST)


def test_nothing_measured_is_said(home: Path) -> None:
    url = "oci://reg.example.org/cache"
    assert "no push that sent 10\u2009MB here was measured yet" in compression_of(url).advice
    assert compression_of(url).advice.startswith("Recommended: default;")
    assert "no link was measured" in compression_of("file:///srv/cache").advice
    keep_link(url, Link(1.0, 30_000_000, 10.0))
    assert "the last push sent 3\u2009MB/s" in compression_of(url).advice


@pytest.mark.parametrize(
    ("megabytes_per_s", "processors", "recommended", "why"),
    [
        (12, 2, "default", "the link is what a push waits for"),
        (60, 2, "default", "the link is what a push waits for"),
        (500, 2, "fast", "saves 35 % of the time with archives 8 % larger"),
        (100, 2, "fast", "saves 29 %"),
        (70, 2, "default", "hardly save time"),
        (500, 32, "default", "the link is what a push waits for"),
        (40, 1, "fast", "saves"),
    ],
)
def test_the_advice_follows_link_and_processors(
    megabytes_per_s: int, processors: int, recommended: str, why: str
) -> None:
    told = advice(Link(0.0, megabytes_per_s * 10**7, 10.0), processors=processors, is_folder=False)
    assert told.startswith(f"Recommended: {recommended};")
    assert why in told
    assert told.count(". ") == 0  # one sentence
    assert told.endswith(".")
