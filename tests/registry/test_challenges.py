# SPDX-License-Identifier: Apache-2.0 OR MIT
"""WWW-Authenticate as registries and RFC 9110 write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.registry.challenges import Challenge, parse_challenges

HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:samalba/my-app:pull,push"'

CASES = [
    (['Basic realm="lab"'], [("basic", {"realm": "lab"})]),
    (["basic"], [("basic", {})]),
    (
        [HUB],
        [
            (
                "bearer",
                {
                    "realm": "https://auth.docker.io/token",
                    "service": "registry.docker.io",
                    "scope": "repository:samalba/my-app:pull,push",
                },
            )
        ],
    ),
    # Two challenges in one header, with commas inside and between.
    (
        ['Bearer realm="https://a/t", scope="repository:x:pull,push" , Basic realm="r, s"'],
        [("bearer", {"realm": "https://a/t", "scope": "repository:x:pull,push"}), ("basic", {"realm": "r, s"})],
    ),
    # One in each of two headers; an unknown one without parameters before.
    (['Negotiate, NTLM', "Basic realm=x"], [("negotiate", {}), ("ntlm", {}), ("basic", {"realm": "x"})]),
    # token68, which must not be taken for a parameter.
    (['Negotiate YIIabc==, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
    (['Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"'],
     [("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}), ("basic", {"realm": "simple"})]),
    (['BEARER  Realm = "https://a/t" ,, SERVICE=s'], [("bearer", {"realm": "https://a/t", "service": "s"})]),
    ([',, Basic realm="x",'], [("basic", {"realm": "x"})]),
    # The first of a repeated parameter counts: nothing later may redirect us.
    (['Bearer realm="https://a/t",realm="https://evil/t"'], [("bearer", {"realm": "https://a/t"})]),
    # Broken ones must not hide a good one.
    (['Bearer realm="https://a', 'Basic realm="x"'], [("bearer", {}), ("basic", {"realm": "x"})]),
    (['=, @@ ;;, Basic realm="x"'], [("basic", {"realm": "x"})]),
    (['realm="nobody", Basic realm="x"'], [("basic", {"realm": "x"})]),
    ([""], []),
    ([], []),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "expected"), CASES)
def test_parse(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(headers) == tuple(Challenge(scheme, parameters) for scheme, parameters in expected)


def test_overlong_headers_are_ignored() -> None:
    assert parse_challenges(['Basic realm="' + "x" * 9000 + '"', "Bearer realm=y"]) == (
        Challenge("bearer", {"realm": "y"}),
    )


def test_properties() -> None:
    (found,) = parse_challenges(['Bearer realm="r",service="s",scope="repository:a:pull repository:b:push"'])
    assert (found.realm, found.service) == ("r", "s")
    assert found.scopes == ("repository:a:pull", "repository:b:push")
    (bare,) = parse_challenges(["Bearer"])
    assert (bare.realm, bare.service, bare.scopes) == ("", "", ())


@given(st.lists(st.text(alphabet=st.sampled_from('Basic Ber"\\,= \t=;@ü\0'), max_size=60), max_size=3))
def test_never_raises(headers: list[str]) -> None:
    for challenge in parse_challenges(headers):
        assert challenge.scheme == challenge.scheme.lower()


WORDS = st.text(alphabet="abcXYZ0-_", min_size=1, max_size=8)
VALUES = st.text(alphabet='ab ,="\\/:', max_size=12)


@given(st.lists(st.tuples(WORDS, st.dictionaries(WORDS.map(str.lower), VALUES, max_size=3)), min_size=1, max_size=3))
def test_what_is_written_by_the_rules_is_read_back(challenges: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    texts = [
        scheme + " " + ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
        for scheme, parameters in challenges
    ]
    expected = tuple(Challenge(scheme.lower(), parameters) for scheme, parameters in challenges)
    assert parse_challenges([", ".join(text.strip() for text in texts)]) == expected
    assert parse_challenges(texts) == expected
