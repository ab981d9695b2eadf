# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`buildcache verify`, `download`, `save-specfile`, and `list` for caches on the web and of the old layout."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.web_site import WebSite

from core.cli.main import main
from core.services.sample import make_sample_instance

MIRRORS = Path(__file__).parents[1] / "data/spack-1.1/mirrors"


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


def answer(run, *arguments: str):
    status, out, _ = run("--json", *arguments)
    assert out.count("\n") == 1
    return status, json.loads(out)


@pytest.fixture
def cache(run, tmp_path) -> str:
    """A folder two packages were pushed to."""
    place = str(tmp_path / "cache")
    assert run("buildcache", "push", "-u", "--update-index", "--only", "package", place, "zlib-ng")[0] == 0
    return place


def test_verify(run, cache, tmp_path):
    status, out, err = run("buildcache", "verify", "--full", cache)
    assert (status, out) == (0, "")
    assert "sound (1 package, 3 blobs, " in err
    archive = max(Path(cache).glob("blobs/sha256/*/*"), key=lambda path: path.stat().st_size)
    archive.write_bytes(bytes(archive.stat().st_size))
    assert run("buildcache", "verify", cache)[0] == 0, "quick does not read it"
    status, out, err = run("buildcache", "verify", "--full", cache)
    assert status == 1
    assert out.startswith("The archive of zlib-ng@")
    assert archive.name in out
    assert "1 finding (" in err
    status, found = answer(run, "buildcache", "verify", "--full", "--limit-rate", "100MB", cache)
    assert (status, found["sound"]) == (1, False)
    (finding,) = found["findings"]
    assert (finding["kind"], finding["package"]["name"]) == ("wrong-digest", "zlib-ng")
    assert finding["blob"] == f"sha256:{archive.name}"


def test_repair(run, cache):
    root = Path(cache)
    (root / "v3/layout.json").unlink()
    next(root.glob("v3/manifests/index/*.json")).unlink()
    status, _, err = run("buildcache", "verify", "--repair", cache)
    assert status == 2
    assert "needs --yes-to-all" in err
    status, found = answer(run, "buildcache", "verify", "--repair", "-y", cache)
    assert status == 0
    assert found["repair"]["steps"] == ["write the layout mark again", "make the index anew"]
    assert found["repair"]["complete"]
    assert run("buildcache", "verify", "--full", cache)[0] == 0
    status, _, err = run("--read-only", "buildcache", "verify", cache)
    assert status == 0


def test_verify_on_the_web(run):
    with WebSite(MIRRORS) as site:
        status, _, err = run("buildcache", "verify", "--full", f"{site.url}/unsigned")
        assert status == 0
        assert "20 packages" in err
        status, _, err = run("buildcache", "update-index", f"{site.url}/unsigned")
        assert (status, len(site.seen("POST") + site.seen("PUT"))) == (2, 0)
        assert "web addresses can only be read" in err


@pytest.mark.parametrize("mirror", ["unsigned", "v2-unsigned"])
def test_list(run, mirror):
    folder = answer(run, "buildcache", "list", str(MIRRORS / mirror))[1]["packages"]
    with WebSite(MIRRORS) as site:
        status, web = answer(run, "buildcache", "list", f"{site.url}/{mirror}")
        assert status == 0
        status, out, _ = run("buildcache", "list", f"{site.url}/{mirror}", "labzed@1.10")
        assert (status, out) == (0, "labzed@1.10\n")
    names = [(row["name"], row["version"], row["hash"]) for row in folder]
    assert [(row["name"], row["version"], row["hash"]) for row in web["packages"]] == names
    assert {row["stored_bytes"] for row in web["packages"]} == {None}
    assert all(row["stored_bytes"] for row in folder)


def test_list_says_more_where_that_is_wanted(run):
    mirror = str(MIRRORS / "unsigned")
    assert run("buildcache", "list", "-a", "-v", mirror, "labmid+docs")[1].splitlines() == [
        "labmid@2.0+docs build_system=generic features:=alpha,gamma label=x-y mode=exact"
    ]
    assert run("buildcache", "list", "-N", "-l", mirror, "labgit@1.1")[1] == "j3bgn4y lab.labgit@1.1\n"
    # Without an index nobody knows more than the names.
    assert run("buildcache", "list", "-N", "-v", str(MIRRORS / "auto-unsigned"))[1] == "labzed@1.2\n"


def test_a_copy_from_the_old_layout_says_what_is_lost_before(run, tmp_path):
    source, target = str(MIRRORS / "v2-signed"), tmp_path / "copy"
    status, out, err = run("buildcache", "sync", "--all", "--dry-run", source, str(target))
    assert (status, target.exists()) == (0, False)
    assert "To be copied: 12 packages" in out
    assert "12 signatures will be dropped" in err
    status, found = answer(run, "buildcache", "sync", "--all", "--dry-run", source, str(target))
    assert [one["title"] for one in found["warnings"]] == ["12 signatures will be dropped"]
    assert run("buildcache", "sync", "--all", source, str(target))[0] == 0
    assert run("buildcache", "verify", "--full", str(target))[0] == 0


def test_a_mirror_of_sources_is_no_build_cache(run):
    status, out, err = run("buildcache", "list", str(MIRRORS / "source"))
    assert (status != 0, out) == (True, "")
    assert "sources of packages only" in err


def test_list_without_an_index(run):
    with WebSite(MIRRORS) as site:
        status, out, err = run("buildcache", "list", f"{site.url}/auto-unsigned")
    assert (status, out) == (1, "")
    assert "web addresses cannot be listed" in err


def test_download(run, tmp_path):
    mirror = str(MIRRORS / "unsigned")
    status, out, _ = run("buildcache", "download", "-s", "labzed@1.10", "-p", "out", "-m", mirror)
    assert status == 0
    assert sorted(out.split()) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    status, out, err = run("buildcache", "download", "-s", "labzed@1.10", "--list-files", "-m", mirror)
    assert status == 0
    assert ".spack/spec.json" in out.splitlines()
    assert "installed as /opt/lab/" in err
    status, found = answer(run, "buildcache", "download", "-s", "labzed@1.10", "--unpack", "-p", "in", "-m", mirror)
    assert status == 0
    assert (Path(found["directory"]) / ".spack/spec.json").is_file()
    assert run("buildcache", "download", "-s", "labzed@1.10", "-m", mirror)[0] == 2
    assert run("--read-only", "buildcache", "download", "-s", "labzed@1.10", "-p", "no", "-m", mirror)[0] == 1
    assert not (tmp_path / "no").exists()
    shutil.rmtree(tmp_path / "in")


def test_save_specfile(run, tmp_path):
    (tmp_path / "specs").mkdir()
    arguments = ("buildcache", "save-specfile", "--root-spec", "openmpi", "-s", "openmpi", "--specfile-dir")
    status, out, _ = run(*arguments, "specs")
    assert (status, out) == (0, f"{tmp_path}/specs/openmpi.json\n")
    assert json.loads((tmp_path / "specs/openmpi.json").read_text())["spec"]["nodes"][0]["name"] == "openmpi"
    assert run(*arguments, "missing")[0] == 1
