# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Verifying and repairing caches of an instance, in folders and registries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.caches.findings import Examined, Finding, FindingKind, Remedy
from core.caches.layout3 import LAYOUT_KEY
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, NotFound, UsageError
from core.mirrors.reading import mirrors_of
from core.services.push import PreparedPush, plan_push
from core.services.upkeep import Upkeep
from core.services.verify import finish_repair, plan_repair, stream, verify
from core.services.verify_values import VerifyView
from core.spack.instance import Instance
from core.transfers.model import ItemState, PushOutcome

TOKEN = CancelToken()


NAME = "team"  # an unsigned mirror of the sample


@pytest.fixture
def mirror(instance: Instance, plan, carry_out) -> Path:
    """The folder of a mirror that some packages were pushed to."""
    outcome = carry_out(plan("openmpi", to=NAME, update_index=True))
    assert not outcome.in_state(ItemState.FAILED)
    found = mirrors_of(instance).named(NAME)
    assert found is not None
    assert found.folder is not None
    return found.folder


def run(instance: Instance, access: CacheAccess, tmp_path: Path) -> tuple[list[Finding], VerifyView]:
    options = {"full": True, "checkpoints": tmp_path / "state", "cwd": tmp_path, "token": TOKEN}
    *findings, view = verify(instance, access, NAME, **options)
    assert isinstance(view, VerifyView)
    return findings, view


def blob_of(root: Path, name: str, number: int) -> Path:
    manifest = next(root.glob(f"v3/manifests/spec/{name}/*.json")).read_text()
    checksum = manifest.split('"checksum":"')[1 + number][:64]
    return root / f"blobs/sha256/{checksum[:2]}/{checksum}"


def test_repair_in_a_folder(
    instance: Instance,
    access: CacheAccess,
    mirror: Path,
    tmp_path: Path,
    carry_out: Callable[[PreparedPush], PushOutcome],
) -> None:
    findings, view = run(instance, access, tmp_path)
    assert (findings, view.sound) == ([], True)
    names = sorted(path.name for path in (mirror / "v3/manifests/spec").iterdir())
    archive, spec = blob_of(mirror, names[0], 0), blob_of(mirror, names[1], 1)
    archive.write_bytes(bytes(archive.stat().st_size))
    spec.unlink()
    (mirror / LAYOUT_KEY).unlink()
    foreign = mirror / f"v3/manifests/spec/foreign/foreign-1.0-{'a' * 32}.spec.manifest.json"
    foreign.parent.mkdir()
    foreign.write_text("{}")
    findings, view = run(instance, access, tmp_path)
    assert not view.sound
    assert {finding.kind for finding in findings} >= {
        FindingKind.WRONG_DIGEST,
        FindingKind.MISSING_BLOB,
        FindingKind.LAYOUT_MARK,
        FindingKind.UNREADABLE_MANIFEST,
    }
    repair = plan_repair(instance, access, NAME, findings, cwd=tmp_path, token=TOKEN)
    assert repair.push is not None
    assert repair.delete is not None
    assert len(repair.push.hashes) == 2
    assert repair.delete.keys == (foreign.relative_to(mirror).as_posix(),)
    assert (repair.mark, repair.reindex, repair.left) == (True, True, ())
    carry_out(plan_push(instance, access, repair.push, cwd=tmp_path, token=TOKEN))
    upkeep = Upkeep(instance, access, tmp_path)
    found = upkeep.plan_delete(repair.delete, TOKEN, lambda _done, _total: None)
    upkeep.apply(NAME, found.plan, permanently=False, token=TOKEN, progress=lambda _done, _total: None)
    assert finish_repair(instance, access, repair, cwd=tmp_path, token=TOKEN) is not None
    findings, view = run(instance, access, tmp_path)
    assert [finding.words for finding in findings if not finding.harmless] == []


def test_what_cannot_be_repaired_is_said(instance: Instance, access: CacheAccess, tmp_path: Path) -> None:
    findings = [
        Finding(FindingKind.BAD_KEY, "k", "A key.", Remedy.NOTHING),
        Finding(FindingKind.DANGLING_BLOB, "b", "A blob.", Remedy.NOTHING, harmless=True),
    ]
    plan = plan_repair(instance, access, str(tmp_path / "m"), findings, cwd=tmp_path, token=TOKEN)
    assert plan.left == (findings[0],)
    assert plan.empty
    with pytest.raises(UsageError, match="only be read"):
        plan_repair(instance, access, "https://127.0.0.1/x", findings, cwd=tmp_path, token=TOKEN)


def test_a_stream_tells_how_far_it_is() -> None:
    finding = Finding(FindingKind.BAD_KEY, "k", "A key.", Remedy.NOTHING)
    view = VerifyView("url", True, Examined(1, 1), 1, 0)

    def rows(progress):
        progress(Examined(1, 2))
        yield finding
        yield view

    *batches, last = stream(rows)
    assert last == view
    assert [row for batch in batches for row in batch if isinstance(row, Finding)] == [finding]
    assert batches[-1][-1] == Examined(1, 2)


@pytest.mark.parametrize("error", [NotFound("There is no build cache"), Cancelled()])
def test_a_stream_raises_what_went_wrong(error: Exception) -> None:
    def rows(_progress):
        raise error
        yield

    with pytest.raises(type(error)):
        list(stream(rows))
