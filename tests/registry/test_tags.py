# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Lists: complete or an error, in bounded time and space."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry.clients import NAME, TOKEN, connected
from registry.kit.behaviour import behaving
from registry.kit.fake_registry import FakeRegistry
from registry.kit.faults import Reply

from core.foundation.cancel import CancelToken
from core.foundation.errors import BadAnswer, CacheError, Cancelled, MirrordeckError, ProxyInterference
from core.registry.paging import next_target
from core.registry.tags import catalogue

TAGS = [f"pkg-{number}.{number % 7}-{'a' * 32}.spack" for number in range(120)]


def fill(registry: FakeRegistry, tags: list[str] = TAGS) -> None:
    registry.tags[NAME] = dict.fromkeys(tags, "sha256:" + "0" * 64)


@pytest.mark.parametrize("link", ["relative", "absolute", "query", "several", "http"])
def test_all_pages_are_read_however_they_are_linked(registry: FakeRegistry, link: Any) -> None:
    registry.behaviour = behaving("correct", page=50, link=link)
    fill(registry)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == sorted(TAGS)
    assert len(registry.seen("GET", "/tags/list")) == 3


def test_one_page_is_asked_for_with_a_size_every_registry_takes(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", most_n=1000)
    fill(registry)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == sorted(TAGS)
    assert [request.argument("n") for request in registry.seen("GET", "/tags/list")] == ["1000"]


def test_no_repository_is_no_tags(registry: FakeRegistry) -> None:
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == []


@pytest.mark.parametrize("body", ['{"tags": null}', '{"tags": []}', "{}", '{"name": "x", "tags": ["a", "a"]}'])
def test_shapes_of_a_list(registry: FakeRegistry, body: str) -> None:
    registry.faults.add(path="/tags/list", status=200, body=body, headers={"Content-Type": "text/plain"})
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == (["a"] if '"a"' in body else [])


@pytest.mark.parametrize(
    "body", ['{"tags": {}}', '{"tags": [1]}', '{"tags": "a"}', "[]", "nope", '{"tags": [], "tags": []}']
)
def test_t08_other_shapes_are_refused(registry: FakeRegistry, body: str) -> None:
    registry.faults.add(path="/tags/list", status=200, body=body)
    with connected(registry) as repository, pytest.raises((BadAnswer, CacheError)):
        repository.tags(TOKEN)


def test_a_web_page_is_no_list(registry: FakeRegistry) -> None:
    registry.faults.add(path="/tags/list", status=200, body="<!DOCTYPE html><html>log in</html>")
    with connected(registry) as repository, pytest.raises(ProxyInterference):
        repository.tags(TOKEN)


def test_t12_names_that_are_no_tags_are_left_out(registry: FakeRegistry) -> None:
    body = json.dumps({"tags": ["fine", "../x", "a b", "", "a" * 129, "ü", "x\r\ny"]})
    registry.faults.add(path="/tags/list", status=200, body=body)
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == ["fine"]


@pytest.mark.parametrize(
    "target", ["http://localhost:1/v2/x", "//evil.example/v2/", "ftp://127.0.0.1/x", "http://[", "https://[::1]/x"]
)
def test_t03_a_next_page_elsewhere_is_an_error_not_the_end(registry: FakeRegistry, target: str) -> None:
    fill(registry)
    registry.faults.add(path="/tags/list", headers={"Link": f'<{target}>; rel="next"'})
    with connected(registry) as repository, pytest.raises(BadAnswer):
        repository.tags(TOKEN)
    assert len(registry.seen("GET", "/tags/list")) == 1


@pytest.mark.parametrize("header", ["nonsense; rel=next", f'<{"x" * 9000}>; rel="next"'])
def test_a_link_that_is_not_understood_is_an_error_not_the_end(registry: FakeRegistry, header: str) -> None:
    registry.faults.add(path="/tags/list", headers={"Link": header})
    fill(registry)
    with connected(registry) as repository, pytest.raises(BadAnswer):
        repository.tags(TOKEN)


def test_other_links_end_nothing_and_lead_nowhere(registry: FakeRegistry) -> None:
    fill(registry)
    registry.faults.add(path="/tags/list", headers={"Link": '<https://docs.example/next>; rel="help"; title="next"'})
    with connected(registry) as repository:
        assert repository.tags(TOKEN) == sorted(TAGS)


def test_t07_pages_in_circles_are_an_error(registry: FakeRegistry) -> None:
    fill(registry)
    turns = iter(range(1_000_000))

    def turn(reply: Reply) -> Reply:
        return reply.having(Link=f'</v2/{NAME}/tags/list?turn={next(turns)}>; rel="next"')

    registry.faults.add(path="/tags/list", times=None, change=turn)
    with connected(registry) as repository, pytest.raises(BadAnswer, match="again and again"):
        repository.tags(TOKEN)
    assert len(registry.seen("GET", "/tags/list")) < 20


@pytest.mark.parametrize("empty", [True, False])
def test_t07_a_page_that_links_to_itself_is_read_once(registry: FakeRegistry, empty: bool) -> None:
    """Empty it is the end; otherwise there should be more, and nobody can tell what."""
    fill(registry, [] if empty else TAGS)
    own = f'</v2/{NAME}/tags/list?n=1000>; rel="next"'
    registry.faults.add(path="/tags/list", times=None, headers={"Link": own})
    with connected(registry) as repository:
        if empty:
            assert repository.tags(TOKEN) == []
        else:
            with pytest.raises(BadAnswer, match="circles"):
                repository.tags(TOKEN)
    assert len(registry.seen("GET", "/tags/list")) == 1


def test_t07_a_page_beyond_all_measure_is_refused(registry: FakeRegistry) -> None:
    registry.faults.add(path="/tags/list", raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{")
    with connected(registry) as repository, pytest.raises(BadAnswer):
        repository.tags(TOKEN)


def test_stopping_between_pages(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", page=50)
    fill(registry)
    token = CancelToken()
    registry.faults.add(path="/tags/list", nth=2, change=lambda reply: (token.cancel(), reply)[1])
    with connected(registry) as repository, pytest.raises(Cancelled):
        repository.tags(token)


def test_catalogue(registry: FakeRegistry) -> None:
    registry.behaviour = behaving("correct", page=2)
    for name in ("lab/b", "lab/a", "other/c", "x"):
        registry.add_blob(name, b"")
    with connected(registry) as repository:
        assert catalogue(repository.transport, TOKEN) == ["lab/a", "lab/b", "other/c", "x"]


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_a_registry_without_catalogue(registry: FakeRegistry, status: int) -> None:
    registry.faults.add(path="/_catalog", status=status, times=None)
    with connected(registry) as repository:
        assert catalogue(repository.transport, TOKEN) is None


def test_an_outage_is_not_a_missing_catalogue(registry: FakeRegistry) -> None:
    registry.faults.add(path="/_catalog", status=503, times=None)
    with connected(registry) as repository, pytest.raises(MirrordeckError):
        catalogue(repository.transport, TOKEN)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('</a?n=1&last=x,y>; rel="next"', "/a?n=1&last=x,y"),
        ("</a>; rel=next", "/a"),
        ('</a>;title="a, b";rel="prev", </b>; rel="NEXT"', "/b"),
        ('</a>; rel="first next"', "/a"),
        ('</a>; REL="next"; x', "/a"),
        ('</a>; rel="prev"', None),
        ("", None),
        ("</a>", None),
    ],
)
def test_links(header: str, target: str | None) -> None:
    assert next_target(header) == target


@given(st.text(alphabet='<>;, ="relnxt/?*', max_size=300))
def test_links_of_any_shape_do_no_harm(header: str) -> None:
    assert isinstance(next_target(header), str | None)


@pytest.mark.parametrize("unit", ["<", "<a>;", '<a>; rel="', "<a>;;=", "; a=", " ", "<a> ,", '<a>;a="b" '])
def test_links_are_read_in_no_time(unit: str) -> None:
    header = (unit * 9000)[:8192]
    started = time.perf_counter()
    next_target(header)
    assert time.perf_counter() - started < 0.5
