# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`find`, `diff`, `buildcache check` and pushes of what is missing, as Spack 1.1 prints them where it has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import main
from core.services.sample import make_sample_instance

Run = Callable[..., tuple[int, str, str]]

WRAPPERS = """\
-- linux-debian12-x86_64 / no compilers -------------------------
labwrap@2024-06-01  PREFIX/labwrap-2024-06-01-u6mghwdellvldb5btmcw7miwk7jrc7hl
    labgit@1.1      PREFIX/labgit-1.1-j3bgn4yerstwtu7gti7kb3s5chle7wc6
    labsecret@4.0   PREFIX/labsecret-4.0-qjlj3hasrmj4rbxyne6axggjm4zsrj3p

labwrap@2024-06-01  PREFIX/labwrap-2024-06-01-tkbtpcx53dv63h2kcri6bmyykih3ifyv
    labgit@1.1      PREFIX/labgit-1.1-j3bgn4yerstwtu7gti7kb3s5chle7wc6
    labsecret@5.0   PREFIX/labsecret-5.0-jfjcnbo25etbwppz5mtqwtlgyjmr27kq

"""
DEEP = """\
-- linux-debian12-x86_64 / %c=gcc@12.2.0 ------------------------
vl34dzl labtop@3.1.4
mejpqx7     compiler-wrapper@1.0
a7iaj7k     gcc@12.2.0
cdhuyau     gcc-runtime@12.2.0
rzctz7n     glibc@2.36
7nyg6y4     labmid@2.0
rarjfeq         labext@7.5
3etqutd         labzed@1.10
oh5jfye     labmpi-a@4.1
js37glo     labscript@0.9
mrjm5tq     labtool@1.0.1

"""
ENVIRONMENT = """\
==> In environment PLACE
==> 2 root specs
-- no arch / no compilers ---------------------------------------
[+] vl34dzl labtop
[+] czfloom labzed@1.3~shared+static  cflags='-O2 -g'

-- linux-debian12-x86_64 / %c=gcc@12.2.0 ------------------------
vl34dzl labtop@3.1.4
czfloom labzed@1.3
"""


@pytest.fixture
def run(golden: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in `tmp_path` on the packages Spack installed; gives (status, stdout, stderr)."""
    database = tmp_path / "root/.spack-db"
    database.mkdir(parents=True)
    for name in ("index.json", "index_verifier", "lock"):
        (database / name).write_bytes((golden / "db" / name).read_bytes())
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["--instance", str(tmp_path / "root"), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


class TestFind:
    def test_dependencies_and_prefixes(self, run: Run) -> None:
        status, out, _ = run("find", "-dp", "labwrap")
        assert status == 0
        assert out.replace("/opt/lab/spack/opt/spack/linux-x86_64", "PREFIX") == WRAPPERS

    def test_dependencies_hang_below_the_nearest_that_needs_them(self, run: Run) -> None:
        assert run("find", "-dl", "/vl34")[1] == DEEP

    @pytest.mark.parametrize(
        ("options", "wanted"),
        [
            ("-x labzed", ["labzed@1.2", "labzed@1.3"]),
            ("-X labzed", ["labzed@1.3", "labzed@1.10"]),
            ("-l -M", ["mrjm5tq labtool@1.0.1"]),
            ("-I -m labtool", ["[-]  labtool@1.0.1"]),
            ("--only-deprecated", ["labscript@0.8"]),
            ("-fN labzed@1.3 +static~shared", ["lab.labzed@1.3  cflags='-O2 -g'"]),
            ("-L --external %gcc", []),
            ("-I --external labext", ["[e]  labext@7.5"]),
        ],
    )
    def test_options(self, run: Run, options: str, wanted: list[str]) -> None:
        out = run("find", *options.split())[1]
        assert [line for line in out.splitlines() if line and not line.startswith("--")] == wanted

    def test_json_with_dependencies_and_hashes(self, run: Run) -> None:
        nodes = json.loads(run("find", "--json", "-d", "labmid@2.0+docs")[1])
        assert [node["name"] for node in nodes][:3] == ["labmid", "compiler-wrapper", "gcc"]
        assert len({node["hash"] for node in nodes}) == len(nodes)
        assert run("find", "-H", "labgit@1.1")[1] == "/j3bgn4yerstwtu7gti7kb3s5chle7wc6\n"

    def test_an_environment_limits_what_is_found(self, run: Run, golden: Path, tmp_path: Path) -> None:
        shutil.copytree(golden / "environments/anon", tmp_path / "anon")
        out = run("-D", str(tmp_path / "anon"), "find", "-lx")[1]
        assert out.replace(str(tmp_path / "anon"), "PLACE") == ENVIRONMENT
        assert run("-D", str(tmp_path / "anon"), "find", "labwrap")[0] == 1

    def test_options_that_exclude_each_other(self, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            run("find", "-x", "-X")
        assert "not allowed with argument" in capsys.readouterr().err


class TestDiff:
    def test_two_installed_ones(self, run: Run) -> None:
        status, out, _ = run("diff", "/czf", "/wlw")
        assert status == 1
        assert "First reason: shared: false here, true there" in out
        assert "- cflags: -O2 -g\n+ cflags: none" in out

    def test_what_follows_is_shown_on_request(self, run: Run) -> None:
        assert "(follows)" not in run("diff", "/7ny", "/kpm")[1]
        assert "- dependency labzed: 1.10/3etqutd  (follows)" in run("diff", "-a", "/7ny", "/kpm")[1]

    def test_an_entry_of_a_mirror(self, run: Run, golden: Path) -> None:
        place = str(golden / "mirrors/unsigned")
        assert run("diff", "/czf", "/czf", "--right-on", place)[0] == 0
        status, out, _ = run("--json", "diff", "/czf", "labzed@1.2", "--right-on", place)
        answer = json.loads(out)
        assert (status, answer["same_hash"], answer["lines"][0]["field"]) == (1, False, "version")

    def test_one_that_is_not_there(self, run: Run) -> None:
        assert run("diff", "nosuch", "/czf")[0] == 1


class TestCheck:
    def test_everything_there(self, run: Run, golden: Path) -> None:
        status, out, _ = run("buildcache", "check", str(golden / "mirrors/unsigned"), "/vl34")
        assert (status, out) == (0, f"6 packages, all on {golden}/mirrors/unsigned\n")

    def test_a_mirror_must_be_named(self, run: Run) -> None:
        assert run("buildcache", "check")[0] == 2


@pytest.fixture
def sample(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on a sample instance, which has prefixes and recipes."""
    make_sample_instance(tmp_path / "spack")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["--instance", str(tmp_path / "spack"), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_check_and_push_what_is_missing_in_turns(sample: Run, tmp_path: Path) -> None:
    status, out, _ = sample("--json", "buildcache", "check", "team")
    missing = {package["name"] for package in json.loads(out)["missing"]}
    assert status == 1
    assert {"openmpi", "hdf5", "zlib-ng"} <= missing
    assert [package["name"] for package in json.loads(out)["held_back"]] == ["namd"]
    report = tmp_path / "report.json"
    assert sample("buildcache", "check", "-o", str(report), "-m", str(tmp_path / "spack/mirrors/team"))[0] == 1
    ((url, found),) = json.loads(report.read_text()).items()
    assert url == found["mirrorUrl"]
    assert {spec["short_spec"].partition("@")[0] for spec in found["rebuildSpecs"]} == missing
    status, out, _ = sample("--json", "buildcache", "push", "--missing", "--update-index", "team")
    assert status == 0
    assert missing <= {package["name"] for package in json.loads(out)["pushed"]}
    assert sample("buildcache", "check", "team")[0] == 0
    status, out, _ = sample("--json", "buildcache", "push", "--missing", "team")
    assert (status, json.loads(out)["pushed"]) == (0, [])


def test_an_environment_that_is_not_all_installed_is_pushed_as_far_as_it_is(sample: Run, tmp_path: Path) -> None:
    index = tmp_path / "spack/opt/spack/.spack-db/index.json"
    document = json.loads(index.read_bytes())
    installs = document["database"]["installs"]
    (gromacs,) = [key for key, record in installs.items() if record["spec"]["name"] == "gromacs"]
    del installs[gromacs]
    index.write_text(json.dumps(document))
    status, out, _ = sample("--json", "-e", "simulation", "buildcache", "push", "--missing", "team")
    pushed = {package["name"] for package in json.loads(out)["pushed"]}
    assert status == 0
    assert {"petsc", "fftw"} <= pushed
    status, out, _ = sample("--json", "-e", "simulation", "buildcache", "push", "team")
    failed = {package["name"]: package["error"]["why"] for package in json.loads(out)["failed"]}
    assert status == 1
    assert "gromacs" in failed


def test_only_what_no_other_mirror_has(sample: Run) -> None:
    push = ("--json", "buildcache", "push", "--without-build-dependencies")
    assert sample(*push, "--update-index", "team", "openmpi")[0] == 0
    status, out, _ = sample(*push, "--not-on", "team", "scratch", "petsc")
    pushed = {package["name"] for package in json.loads(out)["pushed"]}
    assert status == 0
    assert "petsc" in pushed
    assert "openmpi" not in pushed
    status, out, _ = sample(*push, "--not-on", "team", "scratch", "openmpi")
    assert (status, json.loads(out)["pushed"]) == (0, [])
    assert sample(*push, "--not-on", "nosuch", "scratch", "openmpi")[0] == 2
    assert sample(*push, "--missing", "scratch", "openmpi")[0] == 2
