# SPDX-License-Identifier: Apache-2.0 OR MIT
"""A name, a path or a URL on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.foundation.errors import UsageError
from core.mirrors.arguments import resolve_mirror
from core.mirrors.model import Connection, Mirror, MirrorList
from core.spack.substitutions import PathContext

CONTEXT = PathContext(Path("/opt/spack"), {"HOME": "/home/me", "SCRATCH": "/scratch"})
NAMED = Mirror("lab", Connection("https://host/x"), Connection("file:///srv/x"), signed_setting=False)
MIRRORS = MirrorList((NAMED,), (), CONTEXT)
CWD = Path("/work/here")


def test_a_configured_name() -> None:
    assert resolve_mirror("lab", MIRRORS, cwd=CWD) is NAMED


@pytest.mark.parametrize(
    ("argument", "url"),
    [
        (".", "file:///work/here"),
        ("..", "file:///work"),
        ("./lab", "file:///work/here/lab"),
        ("a/b c", "file:///work/here/a/b%20c"),
        ("a\\b", "file:///work/here/a%5Cb"),
        ("/srv/m/", "file:///srv/m"),
        ("~/m", "file:///home/me/m"),
        ("$spack/m", "file:///opt/spack/m"),
        ("$SCRATCH/m", "file:///scratch/m"),
        ("file:///srv/m", "file:///srv/m"),
        ("oci://host/x", "oci://host/x"),
        ("https://host/x/", "https://host/x/"),
    ],
)
def test_paths_and_urls_are_anonymous_and_signed(argument: str, url: str) -> None:
    mirror = resolve_mirror(argument, MIRRORS, cwd=CWD)
    assert mirror.push.url == mirror.fetch.url == url
    assert mirror.push.raw == argument
    assert (mirror.name, mirror.signed, mirror.signed_setting, mirror.scope) == ("", True, None, "")


@pytest.mark.parametrize("argument", ["typo", "Lab", "s3:", "..."])
def test_a_name_that_is_not_configured(argument: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve_mirror(argument, MIRRORS, cwd=CWD)
    assert caught.value.title == f'no mirror named "{argument}". Did you mean ./{argument}?'
    assert "lab" in caught.value.why
    assert caught.value.exit_status == 2


def test_without_any_mirror() -> None:
    with pytest.raises(UsageError, match="no mirror is configured"):
        resolve_mirror("lab", MirrorList((), (), CONTEXT), cwd=CWD)


@pytest.mark.parametrize("argument", ["ssh://host/x", "htps://host/x"])
def test_unknown_schemes_do_not_become_directories(argument: str) -> None:
    with pytest.raises(UsageError, match=argument):
        resolve_mirror(argument, MIRRORS, cwd=CWD)
