# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Addresses of instances elsewhere: what is understood, what is refused, and that nothing becomes an option of ssh."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.foundation.errors import UsageError
from core.remote.address import HERE, Address, Place, checked_place, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/opt/spack", Address(HERE, "/opt/spack")),
        ("spack", Address(HERE, "spack")),
        ("./node7:/opt", Address(HERE, "./node7:/opt")),
        ("C:/spack", Address(HERE, "C:/spack")),
        ("node7:/opt/spack", Address(Place("node7"), "/opt/spack")),
        ("alice@node7:~/spack", Address(Place("alice@node7"), "~/spack")),
        ("node7:", Address(Place("node7"), "")),
        ("node7:a:b", Address(Place("node7"), "a:b")),
        ("[::1]:/opt", Address(Place("::1"), "/opt")),
        ("alice@[fe80::1%eth0]:/opt", Address(Place("alice@fe80::1%eth0"), "/opt")),
        ("sudo:spack:/opt/spack", Address(Place(account="spack"), "/opt/spack")),
        ("sudo:spack:alice@node7:/opt", Address(Place("alice@node7", "spack"), "/opt")),
        ("a@b@c:/opt", None),
        ("-oProxyCommand=x:/opt", None),
        ("alice@-oProxyCommand=x:/opt", None),
        ("-x@node7:/opt", None),
        ("no de:/opt", None),
        ("node\n:/opt", None),
        ("@node7:/opt", None),
        (":/opt", None),
        ("sudo:-u:/opt", None),
        ("sudo::/opt", None),
        ("sudo:spack", None),
        ("sudo:a b:/opt", None),
        ("sudo:spack:-x:/opt", None),
    ],
)
def test_understood_and_refused(text: str, address: Address | None) -> None:
    if address is None:
        with pytest.raises(UsageError):
            parse_address(text)
    else:
        assert parse_address(text) == address
        assert parse_address(str(address)) == address


def test_what_is_there_is_a_path(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "node7:spack").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse_address("node7:spack") == Address(HERE, "node7:spack")
    assert parse_address("node8:spack").place == Place("node8")


@given(st.text(st.sampled_from("sudo:@[]/~%-. \n\x85") | st.characters(codec="utf-8"), max_size=30))
def test_any_text_is_understood_again_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except UsageError:
        return
    again = parse_address(str(address))
    assert again.place == address.place
    assert again.path.removeprefix("./") == address.path.removeprefix("./")
    for word in (address.place.host, address.place.account):
        assert not word.startswith("-")
        assert not any(char.isspace() or not char.isprintable() for char in word)
    assert checked_place(address.place) is address.place


@pytest.mark.parametrize(
    "place", [Place("-x"), Place("a b"), Place("a@-b"), Place(account="-u"), Place(account="a\nb"), Place("n", "a b")]
)
def test_places_that_never_were_an_address_are_refused(place: Place) -> None:
    with pytest.raises(UsageError):
        checked_place(place)


def test_titles() -> None:
    places = HERE, Place("alice@node7"), Place("node7", "spack"), Place(account="spack")
    assert [place.title for place in places] == ["", "alice@node7", "spack on node7", "spack"]
    assert [place.is_here for place in places] == [True, False, False, False]
