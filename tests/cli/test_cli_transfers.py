# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Pushing to several mirrors at once, and going on with what another process did not finish."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import main
from core.foundation.cancel import CancelToken
from core.services.access import open_access
from core.services.push import plan_push
from core.services.sample import make_sample_instance
from core.spack.instance import find_instance
from core.transfers.journal import Journal
from core.transfers.plan import PushOptions, PushRequest, Signing
from core.transfers.queue import TransferQueue


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def run(sample, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["--instance", str(sample), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def died(sample, tmp_path) -> int:
    """A process was asked to push zlib-ng to `one` and died at once; how many packages that are."""
    instance = find_instance(str(sample), environ={})
    access = open_access(instance)
    try:
        request = PushRequest(str(tmp_path / "one"), ("zlib-ng",), options=PushOptions(signing=Signing.UNSIGNED))
        prepared = plan_push(instance, access, request, cwd=tmp_path, token=CancelToken())
        queue = TransferQueue(Journal(), workers=1)
        queue.pause(True)
        queue.add(prepared.job)
        queue.close()
        return len(prepared.plan.items)
    finally:
        access.close()


def pushed(folder: Path) -> set[str]:
    return {path.name for path in (folder / "v3/manifests/spec").rglob("*.json")}


def test_several_mirrors_at_once(run, tmp_path):
    status, out, err = run(
        "--json", "buildcache", "push", "-u", "./one", "--also", "./two", "--update-index", "zlib-ng"
    )
    assert (status, err) == (0, "")
    one, two = json.loads(out)["pushes"]
    assert [Path(push["mirror"]).name for push in (one, two)] == ["one", "two"]
    assert one["pushed"]
    assert [entry["hash"] for entry in one["pushed"]] == [entry["hash"] for entry in two["pushed"]]
    assert [entry["blob_digest"] for entry in one["pushed"]] == [entry["blob_digest"] for entry in two["pushed"]]
    assert pushed(tmp_path / "one") == pushed(tmp_path / "two")


def test_one_mirror_that_cannot_be_written_keeps_all_from_beginning(run, tmp_path):
    (tmp_path / "file").touch()
    status, _, err = run("buildcache", "push", "-u", "./one", "--also", "./file/below", "zlib-ng")
    assert status == 1
    assert "==> Error: " in err
    assert pushed(tmp_path / "one") == set()


def test_unfinished_transfers_are_listed_and_continued(run, died, tmp_path):
    status, out, _ = run("transfers", "list")
    assert status == 0
    assert f"not pushed to {(tmp_path / 'one').as_uri()}" in out
    status, out, _ = run("--json", "transfers", "continue")
    answer = json.loads(out)
    assert (status, answer["problems"], answer["failed"]) == (0, [], [])
    assert len(pushed(tmp_path / "one")) == len(answer["done"]) > 0
    _, out, _ = run("--json", "transfers", "list")
    assert json.loads(out)["transfers"] == []
    assert died >= len(answer["done"])


def test_unfinished_transfers_are_discarded_by_the_id_that_is_listed(run, died, tmp_path):
    _, out, _ = run("transfers", "list")
    status, _, err = run("transfers", "discard", "nosuch")
    assert status == 1
    assert "No unfinished transfers nosuch" in err
    assert run("transfers", "discard", out.split()[0])[0] == 0
    assert "Nothing is unfinished" in run("transfers", "list")[2]
    assert not (tmp_path / "one").exists()


def test_transfers_of_another_instance_stay(run, died, tmp_path, capsys):
    make_sample_instance(tmp_path / "other")
    assert main(["--instance", str(tmp_path / "other"), "transfers", "continue"]) == 1
    assert "another Spack instance" in capsys.readouterr().err
    _, out, _ = run("--json", "transfers", "list")
    assert len(json.loads(out)["transfers"]) == 1


def test_nothing_to_continue(run):
    assert run("transfers", "continue")[0] == 0
