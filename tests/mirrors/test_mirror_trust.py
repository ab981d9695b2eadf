# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

from pathlib import Path

import pytest

from core.foundation.errors import ConfigError, SigningError, UsageError
from core.mirrors.trust import MirrorTrust

ONE, TWO = "A" * 40, "B" * 40
FILE = "mirrordeck/config/mirror-keys.json"


def test_every_key_may_sign_until_some_are_named() -> None:
    trust = MirrorTrust()
    assert trust.of("file:///cache") == ()
    trust.put("file:///cache/", [TWO, ONE, TWO])
    assert MirrorTrust().of("file:///cache") == (ONE, TWO)
    assert trust.of("file:///other") == ()
    trust.put("file:///cache", [])
    assert MirrorTrust().of("file:///cache") == ()


def test_a_folder_is_the_same_however_its_address_is_written() -> None:
    trust = MirrorTrust()
    trust.put("file:///our cache/", [ONE])
    assert trust.of("file:///our%20cache") == trust.of("file:///our cache") == (ONE,)
    assert trust.of("file:///our") == trust.of("https://host/our cache") == ()


def test_a_mirror_without_an_address_cannot_be_set() -> None:
    with pytest.raises(UsageError):
        MirrorTrust().put("", [ONE])


@pytest.mark.parametrize("content", ["{", '{"file:///cache": {"fingerprints": "all"}}'])
def test_t26_with_a_damaged_file_nothing_counts_as_well_signed(home: Path, content: str) -> None:
    MirrorTrust().put("file:///cache", [ONE])
    (home / FILE).write_text(content)
    trust = MirrorTrust()
    for url in ("file:///cache", "file:///other"):
        with pytest.raises(SigningError, match=r"mirror-keys\.json"):
            trust.of(url)
    with pytest.raises(ConfigError):
        trust.put("file:///cache", [])


def test_t26_a_file_that_others_can_change_is_not_believed(home: Path) -> None:
    MirrorTrust().put("file:///cache", [ONE])
    (home / FILE).chmod(0o666)
    with pytest.raises(SigningError, match="can be changed by others"):
        MirrorTrust().of("file:///cache")
