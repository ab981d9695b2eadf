# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What registries are known to do to lists and blobs that are read, one test for each row of the table of quirks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from registry.clients import NAME, TOKEN, connected, content, descriptor
from registry.kit.behaviour import behaving
from registry.kit.canary import CanaryHost
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply

from core.foundation.digests import digest_of
from core.foundation.errors import BadAnswer

TAGS = [f"pkg-{number:04}.spack" for number in range(130)]
DATA = content(300_000)


def fill(registry: FakeRegistry) -> None:
    registry.tags[NAME] = dict.fromkeys(TAGS, digest_of(b""))


def test_q15_ecr_refuses_large_pages_and_links_absolutely(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("ecr", page=100)
    fill(registry)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == TAGS
    assert all(int(request.argument("n") or 0) <= 1000 for request in registry.seen("GET", "/tags/list"))


def test_q15_json_is_json_whatever_its_type(registry: FakeRegistry) -> None:
    fill(registry)
    registry.faults.add(path="/tags/list", headers={"Content-Type": "text/plain; charset=utf-8"})
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == TAGS


def test_q19_quay_turns_pages_by_a_token_of_its_own(registry: FakeRegistry) -> None:
    pages = {None: (TAGS[:50], "t1"), "t1": (TAGS[50:100], "t2"), "t2": (TAGS[100:], None)}

    def page(token: str | None) -> Reply:
        tags, following = pages[token]
        body = json.dumps({"name": NAME, "tags": tags}).encode()
        link = f'</v2/{NAME}/tags/list?n=50&next_page={following}>; rel="next"' if following else None
        return Reply(200, body).having(Link=link)

    for token in (None, "t1", "t2"):
        part = f"next_page={token}" if token else "/tags/list"
        registry.faults.add(path=part, change=lambda _reply, token=token: page(token))
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == TAGS
    assert [request.argument("last") for request in registry.seen("GET", "/tags/list")] == [None] * 3


def test_q27_no_pages_and_no_order(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    fill(registry)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == TAGS
    assert len(registry.seen("GET", "/tags/list")) == 1


def test_q27_the_same_page_again_and_again(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", ignores_last=True, page=50)
    fill(registry)
    with connected(registry) as repository, pytest.raises(BadAnswer, match="circles"):
        repository.tags(TOKEN)
    assert len(registry.seen("GET", "/tags/list")) == 2


def test_q36_nothing_is_asked_for_past_the_end(registry: FakeRegistry, tmp_path: Path) -> None:
    """All bytes came but the connection broke before its end: asking on would be answered 416 with half a body."""
    registry.add_blob(NAME, DATA)
    longer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA) + 1}\r\n\r\n".encode() + DATA
    registry.faults.add(method="GET", path="/blobs/", raw=longer)
    with connected(registry) as repository:
        repository.download(descriptor(DATA), tmp_path / "layer", TOKEN)
    assert (tmp_path / "layer").read_bytes() == DATA
    assert [request.headers.get("range") for request in registry.seen("GET", "/blobs/")] == [None]


def test_q36_the_body_of_a_416_is_ignored(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", cut_response=1000)
    odd = f"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: {len(DATA)}\r\n\r\nshort".encode()
    registry.faults.add(method="GET", path="/blobs/", raw=odd)
    with connected(registry) as repository:
        repository.download(descriptor(DATA), tmp_path / "layer", TOKEN)
    assert (tmp_path / "layer").read_bytes() == DATA


def test_q36_an_empty_blob_is_not_asked_for_its_first_byte(registry: FakeRegistry) -> None:
    registry.add_blob(NAME, b"")
    with connected(registry) as repository:
        assert repository.unsound([descriptor(b"")], TOKEN, read=True) == []
    assert not registry.seen("GET", "/blobs/")


def test_q38_null_is_an_empty_list(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("distribution-2.8")
    registry.add_blob(NAME, b"")
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == []


def test_q38_404_is_an_empty_list(registry: FakeRegistry) -> None:
    registry.faults.add(path="/tags/list", status=404, body="404 page not found")
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == []


def test_q40_after_a_clean_up_head_may_still_say_yes(registry: FakeRegistry) -> None:
    blob = descriptor(DATA)
    registry.faults.add(method="HEAD", path="/blobs/", status=200, raw=None, change=_sized, times=None)
    with connected(registry) as repository:
        assert repository.blob_size(blob.digest, TOKEN) == blob.size
        assert repository.unsound([blob], TOKEN) == []
        assert repository.unsound([blob], TOKEN, read=True) == [blob]
        registry.add_blob(NAME, DATA)
        assert repository.unsound([blob], TOKEN, read=True) == []
    assert {request.headers["range"] for request in registry.seen("GET", "/blobs/")} == {"bytes=0-0"}


def test_q40_an_answer_without_a_byte_is_no_proof(registry: FakeRegistry) -> None:
    blob = descriptor(DATA)
    registry.add_blob(NAME, DATA)
    registry.faults.add(method="GET", path="/blobs/", status=206, headers={"Content-Range": "bytes 0-0/300000"})
    with connected(registry) as repository:
        assert repository.unsound([blob], TOKEN, read=True) == [blob]


def _sized(reply: Reply) -> Reply:
    return reply.having(Content_Length=str(len(DATA)))


@pytest.mark.parametrize("link", ["absolute", "relative", "query", "several"])
def test_q46_every_way_to_write_a_link(registry: FakeRegistry, link: Any) -> None:
    registry.behaviour = behaving("correct", link=link, page=40)
    fill(registry)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == TAGS


def test_q46_no_other_host(registry: FakeRegistry) -> None:
    fill(registry)
    with CanaryHost() as canary, connected(registry) as repository:
        address = canary.url.replace("127.0.0.1", "localhost")
        registry.faults.add(path="/tags/list", headers={"Link": f'<{address}/v2/{NAME}/tags/list?x>; rel="next"'})
        with pytest.raises(BadAnswer, match="another host: localhost"):
            repository.tags(TOKEN)
        assert not canary.requests


def test_q48_http_links_do_not_shorten_our_list() -> None:
    """Spack stops there, so its index would have fewer packages than there are tags."""
    for certificate in (None, "server"):
        with FakeRegistry(behaving("correct", link="http", page=40), certificate=certificate) as registry:
            fill(registry)
            with connected(registry) as repository:
                assert repository.tags(TOKEN) == TAGS
