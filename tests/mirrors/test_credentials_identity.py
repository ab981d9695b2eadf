# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Names under which logins are kept, and registries where Spack would mix logins up."""

from __future__ import annotations

import pytest
from mirrors.credential_kit import anonymous, connection, mirror

from core.mirrors.credentials.identity import account_of, invented_variable, shared_host_warnings
from core.mirrors.credentials.states import Direction


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("oci://reg.example.org/lab/cache", "TOKEN@reg.example.org/lab/cache"),
        ("oci+http://Reg.Example.org:5000/Lab/Cache:tag", "TOKEN@reg.example.org:5000/lab/cache"),
        ("oci://user/cache", "TOKEN@index.docker.io/user/cache"),
        ("s3://bucket/some/prefix/", "TOKEN@bucket/some/prefix"),
        ("https://me:pw@web.example.org/mirror/", "TOKEN@web.example.org/mirror"),
    ],
)
def test_account_comes_from_variable_and_address(url: str, account: str) -> None:
    assert account_of(mirror(push=connection(url)), Direction.PUSH) == account


def test_secret_of_an_s3_mirror_belongs_to_its_endpoint() -> None:
    at = {name: connection("s3://bucket/x", endpoint_url=name) for name in ("minio.lab:9000", "https://other.lab", "")}
    assert [account_of(mirror(push=place), Direction.PUSH) for place in at.values()] == [
        "TOKEN@minio.lab:9000/bucket/x",
        "TOKEN@other.lab/bucket/x",
        "TOKEN@bucket/x",
    ]


def test_directions_have_their_own_accounts() -> None:
    both = mirror(fetch=connection(secret_variable="READ"), push=connection(secret_variable="WRITE"))
    assert account_of(both, Direction.FETCH) == "READ@reg.example.org/lab/cache"
    assert account_of(both, Direction.PUSH) == "WRITE@reg.example.org/lab/cache"


def test_invented_variables() -> None:
    assert invented_variable("my-site.2", "USER") == "MIRRORDECK_MY_SITE_2_USER"
    own = mirror("my-site", push=anonymous())
    assert account_of(own, Direction.PUSH) == "MIRRORDECK_MY_SITE_SECRET@reg.example.org/lab/cache"


def test_two_logins_on_one_host_are_reported() -> None:
    first = mirror("a", push=connection("oci://h.lab/a", user="ann"), fetch=anonymous("oci://h.lab/a"))
    second = mirror("b", push=connection("oci+http://H.lab/b", user="", user_variable="B_USER", secret_variable="B"))
    elsewhere = mirror("c", push=connection("oci://h.lab:5000/c", user="cid"))
    (warning,) = shared_host_warnings([first, elsewhere, second])
    assert warning.title == "The mirrors on h.lab have different logins"
    assert warning.why == (
        "Spack uses ann with TOKEN, of a (push), everywhere on that host, and never $B_USER with B, of b (push)"
    )


def test_push_and_fetch_users_of_one_mirror_are_reported() -> None:
    both = mirror("a", fetch=connection(user="reader"), push=connection(user="writer"))
    (warning,) = shared_host_warnings([both])
    assert "Spack uses writer with TOKEN, of a (push)" in warning.why


def test_same_login_and_other_kinds_are_no_conflict() -> None:
    buckets = [mirror(name, push=connection("s3://bucket/x", user=name)) for name in "ab"]
    same = [mirror(name, push=connection(f"oci://h.lab/{name}"), fetch=anonymous()) for name in "cd"]
    assert shared_host_warnings([*buckets, *same, mirror("e", push=anonymous("oci://h.lab/e"))]) == ()
