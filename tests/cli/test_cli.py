# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The commands, run in this process on a sample instance."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.cli.main import main
from core.cli.output import Output
from core.foundation.errors import ErrorInfo
from core.services import package_sizes
from core.services.sample import make_sample_instance


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    make_sample_instance(directory)
    return directory


@pytest.fixture
def run(sample, capsys, tmp_path, monkeypatch):
    """Run a command in `tmp_path`; gives (status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["--instance", str(sample), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def push_json(run, *arguments: str):
    status, out, err = run("--json", "buildcache", "push", *arguments)
    assert err == ""
    assert out.count("\n") == 1
    return status, json.loads(out)


def test_find_formats(run):
    status, out, _ = run("find", "--format", "{name}@{version}/{hash:7}", "zlib-ng")
    assert status == 0
    assert out.startswith("zlib-ng@")
    status, out, _ = run("find", "-l")
    assert status == 0
    assert out.startswith("-- linux-")
    status, out, _ = run("find", "--json", "zlib-ng")
    assert {node["name"] for node in json.loads(out)} == {"zlib-ng"}


def test_find_without_a_match_is_an_error_as_in_spack(run):
    status, out, err = run("find", "nosuch")
    assert (status, out) == (1, "")
    assert err.startswith("==> Error: No package matches the query: nosuch\n")


def test_queries_about_dependencies(run):
    status, out, _ = run("find", "--format", "{name}", "hdf5 ^zlib-ng")
    assert (status, set(out.split())) == (0, {"hdf5"})


def test_wrong_query_says_where(run):
    status, _, err = run("find", "hdf5 ^zlib-ng@@1")
    assert status == 2
    assert "(character 14 of the query)" in err


def test_mirror_list(run):
    status, out, _ = run("mirror", "list")
    assert status == 0
    assert any(line.startswith("team") and "[sb] file://" in line for line in out.splitlines())


def test_push_list_and_push_again(run, tmp_path):
    target = tmp_path / "cache"
    status, result = push_json(
        run, str(target), "--unsigned", "--update-index", "--without-build-dependencies", "zlib-ng"
    )
    assert status == 0
    assert result["schema"] == 1
    (row,) = [row for row in result["pushed"] if row["name"] == "zlib-ng"]
    assert set(row) == {"hash", "name", "version", "blob_digest", "manifest_digest", "stored_bytes", "tar_bytes"}
    assert (target / "blobs" / "sha256" / row["blob_digest"][7:9] / row["blob_digest"][7:]).stat().st_size == row[
        "stored_bytes"
    ]
    assert result["index"]["entries"] == len(result["pushed"])
    status, again = push_json(run, str(target), "--unsigned", "--without-build-dependencies", "zlib-ng")
    assert status == 0
    assert again["pushed"] == []
    assert {row["hash"] for row in again["present"]} == {row["hash"] for row in result["pushed"]}
    status, out, _ = run("buildcache", "list", "-L", str(target))
    assert status == 0
    assert {line.split()[0] for line in out.splitlines()} == {row["hash"] for row in result["pushed"]}


def test_t31_an_index_that_is_behind_is_seen_and_mended_by_one_command(run, tmp_path):
    target = str(tmp_path / "cache")
    push_json(run, target, "--unsigned", "--update-index", "--without-build-dependencies", "zlib-ng")
    assert "index" not in run("buildcache", "list", target)[2]
    push_json(run, target, "--unsigned", "--without-build-dependencies", "--only", "package", "xz")
    status, _, err = run("buildcache", "list", target)
    assert status == 0
    assert "The index is behind by 1 package" in err
    assert f"mirrordeck buildcache update-index {target}" in err
    assert json.loads(run("--json", "buildcache", "list", target)[1])["not_in_index"] == 1
    assert run("buildcache", "update-index", target)[0] == 0
    assert "index" not in run("buildcache", "list", target)[2]


def test_dry_run_changes_nothing(run, tmp_path):
    status, out, _ = run("buildcache", "push", "--dry-run", "--unsigned", str(tmp_path / "cache"), "zlib-ng")
    assert status in (0, 1)
    assert "Would push" in out
    assert "about" not in out
    assert not (tmp_path / "cache").exists()


def test_a_plan_says_about_where_not_every_prefix_was_measured(run, tmp_path, monkeypatch):
    monkeypatch.setattr(package_sizes, "_MOST_LOOKED_THROUGH", 1)
    push = ("buildcache", "push", "--dry-run", "--unsigned", str(tmp_path / "cache"), "openmpi")
    assert re.search(r"Would push: \d+ packages, about .* on disk", run(*push)[1])
    assert json.loads(run("--json", *push)[1])["size_is_measured"] is False


def test_read_only_refuses_changes_but_not_looking(run, tmp_path):
    status, _, err = run("--read-only", "buildcache", "push", "--unsigned", str(tmp_path / "c"), "zlib-ng")
    assert status == 1
    assert "--read-only" in err
    assert not (tmp_path / "c").exists()
    assert run("--read-only", "buildcache", "push", "--dry-run", "-u", str(tmp_path / "c"), "zlib-ng")[0] in (0, 1)
    assert run("--read-only", "buildcache", "update-index", str(tmp_path / "c"))[0] == 1
    assert run("--read-only", "find")[0] == 0


def test_the_typo_guard_of_mirror_names(run):
    status, _, err = run("buildcache", "push", "typo", "zlib-ng")
    assert status == 2
    assert 'no mirror named "typo". Did you mean ./typo?' in err


def test_a_package_that_is_not_installed_fails_and_the_rest_is_pushed(run, tmp_path):
    _, out, _ = run("find", "--format", "{name}")
    status, result = push_json(
        run, str(tmp_path / "cache"), "-u", "--private", *sorted(set(out.split()) - {"gcc"})[:0], "zlib-ng"
    )
    assert result["pushed"]
    for row in result["failed"]:
        assert row["error"]["code"] == "not-installed"
    assert status == (1 if result["failed"] else 0)


def test_no_environment_and_no_packages(run, tmp_path):
    status, _, err = run("-E", "buildcache", "push", str(tmp_path / "cache"))
    assert status == 2
    assert "environment" in err


def test_a_wrong_instance_is_named(capsys, tmp_path):
    assert main(["--instance", str(tmp_path / "nowhere"), "find"]) != 0
    assert str(tmp_path / "nowhere") in capsys.readouterr().err


def test_a_warning_with_several_reasons_has_a_line_for_each(capsys):
    Output(json=False).warning(ErrorInfo("not-found", "2 packages cannot be copied", "a: not there\nb: not\x1b there"))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["==> Warning: 2 packages cannot be copied", "    a: not there", "    b: not\\x1b there"]


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mirrordeck ")
