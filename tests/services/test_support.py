# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The report for others: complete, readable, without secrets, and written only when one says so."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from core.cli.main import main
from core.foundation.logs import log_dir
from core.foundation.secret import Secret
from core.services.support import collect_support, write_support
from core.spack.instance import find_instance
from core.transfers.history import Action, noted, record

CANARY = "c4nary-of-the-report"


@pytest.fixture
def troubled(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Secret:
    """Secrets wherever an old version, another program or a person may have left them."""
    mirrors = {
        "plain": {"url": f"https://me:{CANARY}@reg.lab/x", "access_pair": ["me", CANARY]},
        "site": {"url": "oci://reg.lab/x", "access_pair": {"id": "me", "secret_variable": "LAB_TOKEN"}},
    }
    (checkout / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    monkeypatch.setenv("SPACK_LAB_TOKEN", CANARY)
    log_dir().mkdir(parents=True)
    (log_dir() / "engine.log").write_text(
        f"GET https://x/?token={CANARY}\nAuthorization: Bearer {CANARY}\nkept {CANARY}\n"
    )
    record([noted(Action.PUSHED, "site", url="oci://reg.lab/x", subject="zlib@1")])
    return Secret(CANARY)


def test_t40_nothing_secret_is_in_a_report(troubled: Secret, checkout: Path, home: Path) -> None:
    files = collect_support(find_instance(str(checkout), environ={"LAB_TOKEN": troubled.reveal()}))
    assert [file.name for file in files] == ["system.txt", "instance.txt", "history.txt", "log/engine.log"]
    text = "\n".join(file.text for file in files)
    assert CANARY not in text
    assert "SPACK_LAB_TOKEN" in text
    assert 'mirror "site" oci oci://reg.lab/x' in text
    assert "zlib@1" in text
    assert str(home) not in text


def test_t40_it_is_shown_first_and_written_only_when_asked(
    troubled: Secret,
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    assert main(["--instance", str(checkout), "report"]) == 0
    shown = capsys.readouterr().out
    assert "---- system.txt" in shown
    assert CANARY not in shown
    assert set(tmp_path.rglob("*")) == before
    assert main(["--instance", str(checkout), "report", "-o", "report.zip"]) == 0
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        assert "mirrordeck-report/system.txt" in archive.namelist()
        assert all(CANARY.encode() not in archive.read(name) for name in archive.namelist())
    assert (tmp_path / "report.zip").stat().st_mode & 0o777 == 0o600


def test_parts_that_cannot_be_read_say_so(checkout: Path, tmp_path: Path) -> None:
    (checkout / "opt/spack/.spack-db/index.json").write_text("{")
    log_dir().mkdir(parents=True)
    (log_dir() / "engine.log").write_bytes(b"\xff\xfe" + b"x" * 300_000)
    system, instance, history, log = collect_support(find_instance(str(checkout), environ={}))
    assert "mirrordeck " in system.text
    assert "database: " in instance.text
    assert history.text == "\n"
    assert log.text.startswith("(100")
    assert len(log.text) < 201_000
    write_support((log,), tmp_path / "x.zip")


def test_without_an_instance_there_is_still_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--instance", str(tmp_path / "nowhere"), "report"]) == 0
    told = capsys.readouterr()
    assert "system.txt" in told.out
    assert "instance.txt" not in told.out
    assert str(tmp_path / "nowhere") in told.err
