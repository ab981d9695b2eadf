# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Signed pushes with nothing to do run gpg for the entries once, not every time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.gnupg_home import GnupgHome

from core.services.push import PreparedPush
from core.signing.gpg import Gnupg
from core.transfers.model import PushOutcome
from core.transfers.plan import Decision, Signing

Plan = Callable[..., PreparedPush]


@pytest.fixture
def environ(gnupg: GnupgHome) -> dict[str, str]:
    return {"SPACK_GNUPGHOME": str(gnupg.path)}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Manifests whose signature gpg was asked about."""
    seen: list[bytes] = []
    verify = Gnupg.verify_clearsigned

    def counted(self: Gnupg, data: bytes, allowed: tuple[str, ...] = ()) -> bytes:
        seen.append(data)
        return verify(self, data, allowed)

    monkeypatch.setattr(Gnupg, "verify_clearsigned", counted)
    return seen


def test_gpg_looks_once_at_what_is_there(
    gnupg: GnupgHome, plan: Plan, carry_out: Callable[[PreparedPush], PushOutcome], checked: list[bytes]
) -> None:
    gnupg.make_key("mine")

    def present(**options: object) -> int:
        prepared = plan("hwloc", signing=Signing.SIGNED, private=True, **options)
        assert not any(prepared.plan.of(Decision.PUSH))
        return len(list(prepared.plan.of(Decision.PRESENT)))

    carry_out(plan("hwloc", signing=Signing.SIGNED, private=True))
    checked.clear()
    count = present()
    assert count > 1
    assert len(set(checked)) == len(checked) == count
    assert present() == count
    assert len(checked) == count, "nothing was checked again"
    assert present(recheck=True) == count
    assert len(checked) == 2 * count
    gnupg.make_key("another")
    assert present(key="mine") == count
    assert len(checked) == 3 * count, "other keys may judge otherwise"
