# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirror test`, `mirror env`, `mirror secret`, `run`, `mirror create` and `mirror destroy` as a shell meets them."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mirrors.credential_kit import script

from core.foundation.errors import UsageError
from core.mirrors.credentials.commands import CredentialCommand
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.model import Connection, Mirror
from core.services.sample import make_sample_instance
from core.services.shell_lines import Shell, variable_lines
from core.spack.instance import find_instance

ROOT = Path(__file__).parents[2]
CANARY = "c4nary \"'`$HOME !\\ ü"
ODD = 'it\'s "odd" $HOME `x` \\'
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "with space/spack"
    place.parent.mkdir()
    make_sample_instance(place)
    pair = {"id_variable": "LAB_USER", "secret_variable": "LAB_TOKEN"}
    other = {"id": "reader", "secret_variable": "READ_TOKEN"}
    mirrors = {
        "site": {"url": "oci://reg.lab/x", "push": {"access_pair": pair}, "fetch": {"access_pair": other}},
        ODD: {"url": "oci://reg.lab/y", "access_pair": pair},
        "open": "oci://reg.lab/z",
        "team": str(tmp_path / "team"),
        "broken": str(tmp_path / "file/below"),
    }
    (tmp_path / "team").mkdir()
    (tmp_path / "file").write_text("")
    (place / "etc/spack/site/mirrors.yaml").write_text(json.dumps({"mirrors": mirrors}))
    return place


@pytest.fixture
def environ(home: Path) -> dict[str, str]:
    """With a `mirrordeck` on PATH and a login in the environment."""
    program = script(home / "bin/mirrordeck", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m core.cli.main "$@"')
    return {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "LAB_USER": "bot",
        "LAB_TOKEN": CANARY,
        "READ_TOKEN": "read-only",
    }


@pytest.fixture
def run(checkout: Path, environ: dict[str, str], tmp_path: Path) -> Run:
    def run(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["mirrordeck", "--instance", str(checkout), *words],
            cwd=tmp_path,
            env=environ,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


class TestSecret:
    def test_prints_each_part_to_another_program(self, run: Run) -> None:
        assert run("mirror", "secret", "site", "secret").stdout == f"{CANARY}\n"
        assert run("mirror", "secret", "site", "user").stdout == "bot\n"
        assert run("mirror", "secret", "--fetch", "site", "secret").stdout == "read-only\n"
        assert run("mirror", "secret", "--", ODD, "secret").stdout == f"{CANARY}\n"

    def test_refuses_to_print_to_a_terminal(self, checkout: Path, environ: dict[str, str]) -> None:
        leader, follower = pty.openpty()
        try:
            words = ["mirrordeck", "--instance", str(checkout), "mirror", "secret", "site", "secret"]
            done = subprocess.run(
                words, env=environ, stdout=follower, stderr=subprocess.PIPE, stdin=follower, check=False, timeout=60
            )
            os.set_blocking(leader, False)
            with pytest.raises(BlockingIOError):
                os.read(leader, 100)
        finally:
            os.close(leader)
            os.close(follower)
        assert done.returncode == 2
        assert b"standard output is a terminal" in done.stderr
        assert b'eval "$(mirrordeck mirror env site)"' in done.stderr
        assert CANARY.encode() not in done.stderr

    def test_never_as_json(self, run: Run) -> None:
        done = run("--json", "mirror", "secret", "site", "secret")
        assert (done.returncode, "c4nary" in done.stdout) == (2, False)

    def test_no_login(self, run: Run, environ: dict[str, str]) -> None:
        del environ["LAB_TOKEN"]
        done = run("mirror", "secret", "site", "secret")
        assert (done.returncode, done.stdout) == (1, "")
        assert "not set in the environment: LAB_TOKEN" in done.stderr


SHELLS = {
    "sh": ("sh", 'eval "$({0})"; {1}'),
    "dash": ("sh", 'eval "$({0})"; {1}'),
    "bash": ("sh", "eval $({0}); {1}"),
    "tcsh": ("csh", "eval `{0} --shell csh`; {1}"),
    "fish": ("fish", "{0} --shell fish | source; {1}"),
}


class TestEnv:
    @pytest.mark.parametrize("shell", SHELLS)
    def test_t17_the_lines_fetch_the_value_when_they_run(
        self,
        shell: str,
        checkout: Path,
        environ: dict[str, str],
        tool: Callable[[str], str],
        tmp_path: Path,
        home: Path,
    ) -> None:
        """In real shells, by a person's own way to use them; the value arrives byte for byte."""
        if shell == "tcsh":  # nothing with a blank can be written safely for it
            if " " in f"{ROOT}{sys.executable}":
                pytest.skip("this checkout has a blank in its path, which lines for tcsh cannot have")
            checkout = checkout.rename(tmp_path / "spack")
        form, kept = SHELLS[shell][1], tmp_path / "seen"
        note = "import json,os,sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
        (tmp_path / "note.py").write_text(note)
        command = form.format(
            f"mirrordeck --instance {shlex.quote(str(checkout))} -E mirror env site",
            f"{shlex.quote(sys.executable)} {tmp_path}/note.py {kept}",
        )
        # What the lines set is not in the environment: they fetch it from programs that print it.
        inner = {key: value for key, value in environ.items() if key not in ("LAB_TOKEN", "LAB_USER", "READ_TOKEN")}
        for variable, (user, secret) in {"LAB_TOKEN": ("bot", CANARY), "READ_TOKEN": ("reader", "read-only")}.items():
            printing = script(home / f"bin/{variable}", f"printf '%s\\n' {shlex.quote(secret)}")
            SavedCommands().put(f"{variable}@reg.lab/x", CredentialCommand((str(printing),), user))
        program = tool(shell)
        done = subprocess.run(
            [program, "-c", command], env=inner, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert CANARY not in done.stdout + done.stderr
        seen = json.loads(kept.read_text())
        assert (seen["LAB_USER"], seen["LAB_TOKEN"], seen["READ_TOKEN"]) == ("bot", CANARY, "read-only")

    def test_t17_odd_names_are_quoted(self, run: Run, environ: dict[str, str], tmp_path: Path) -> None:
        (line, _) = sorted(run("mirror", "env", "--", ODD).stdout.splitlines())
        assert line.startswith("LAB_TOKEN=")
        done = subprocess.run(
            ["sh", "-c", f'{line} printf %s "$LAB_TOKEN"'], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout == CANARY
        refused = run("mirror", "env", "--shell", "csh", "--", ODD)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "csh" in refused.stderr

    def test_no_line_holds_a_value(self, run: Run) -> None:
        for shell in ("sh", "fish"):
            done = run("mirror", "env", "--shell", shell, "site")
            assert "c4nary" not in done.stdout
            assert len(done.stdout.splitlines()) == 3
        assert json.loads(run("--json", "mirror", "env", "site").stdout)["mirror"] == "site"

    def test_a_mirror_that_names_no_variables(self, run: Run) -> None:
        done = run("mirror", "env", "open")
        assert (done.returncode, done.stdout) == (2, "")
        assert "names no variables" in done.stderr

    def test_t17_a_variable_that_no_shell_has(self, checkout: Path) -> None:
        side = Connection("oci://reg.lab/x", user="u", secret_variable="A;rm -rf ~")
        with pytest.raises(UsageError, match="No shell has variables"):
            variable_lines(find_instance(str(checkout), environ={}), Mirror("m", side, side), Shell.SH)


class TestRun:
    def test_the_command_gets_the_logins_in_its_environment_only(self, run: Run, tmp_path: Path) -> None:
        body = 'tr "\\0" " " </proc/$PPID/cmdline >argv; tr "\\0" " " </proc/$$/cmdline >>argv; printf %s "$LAB_TOKEN"'
        done = run("run", "--", "sh", "-c", body)
        assert (done.returncode, done.stdout) == (0, CANARY)
        assert "c4nary" not in (tmp_path / "argv").read_text()

    @pytest.mark.parametrize("dashes", [[], ["--"]])
    def test_arguments_are_the_commands_own(self, run: Run, dashes: list[str]) -> None:
        done = run("run", *dashes, "printf", "%s|", "--docker-login", "-x", "--", "a b")
        assert done.stdout == "--docker-login|-x|--|a b|"

    def test_status_signal_and_input_pass_through(self, run: Run) -> None:
        assert run("run", "--", "sh", "-c", "exit 42").returncode == 42
        assert run("run", "--", "sh", "-c", "kill -TERM $$").returncode == -15
        assert run("run", "cat", typed="typed").stdout == "typed"

    def test_what_cannot_be_started(self, run: Run) -> None:
        done = run("run", "nosuch-command")
        assert (done.returncode, done.stdout) == (127, "")
        assert "nosuch-command cannot be started" in done.stderr
        assert run("run").returncode == 2
        assert run("run", "--docker-login", "--").returncode == 2

    def test_spack_is_the_instances_own_where_path_has_none(self, run: Run, checkout: Path) -> None:
        (checkout / "bin/spack").unlink(missing_ok=True)
        script(checkout / "bin/spack", 'echo "own $@ as $LAB_USER"')
        assert run("run", "--", "spack", "install", "-j2").stdout == "own install -j2 as bot\n"


class TestTest:
    def test_one_that_works(self, run: Run) -> None:
        done = run("mirror", "test", "team")
        assert done.returncode == 0
        first, *steps = done.stdout.splitlines()
        assert first == "team: warning"
        assert any(line.split()[:1] == ["ok"] and "Write" in line for line in steps)

    def test_a_failed_step_is_status_1_and_has_its_remedy(self, run: Run) -> None:
        done = run("mirror", "test", "broken", "team")
        assert done.returncode == 1
        assert "broken: failed" in done.stdout
        assert "team: " in done.stdout

    def test_json(self, run: Run) -> None:
        done = run("--json", "mirror", "test", "broken", "team", "--as-reader")
        answer = json.loads(done.stdout)
        assert [mirror["mirror"] for mirror in answer["mirrors"]] == ["broken", "team"]
        assert all(mirror["as_reader"] for mirror in answer["mirrors"])
        assert set(answer["mirrors"][0]["steps"][0]) == {"key", "title", "state", "detail", "remedy", "seconds"}

    def test_read_only_tries_nothing(self, run: Run, tmp_path: Path, home: Path) -> None:
        done = run("--read-only", "mirror", "test", "team")
        assert "nothing is tried with --read-only" in done.stdout
        assert not (home / "mirrordeck/cache/mirror-tests.json").exists()

    def test_an_unknown_mirror(self, run: Run) -> None:
        assert run("mirror", "test", "nosuch").returncode == 1


class TestSpacksOwn:
    def test_create_hands_options_on_and_shows_the_lines(self, run: Run, checkout: Path, tmp_path: Path) -> None:
        (checkout / "bin/spack").unlink(missing_ok=True)
        script(checkout / "bin/spack", 'echo "==> Adding package zlib@1 to mirror"; printf "<%s>" "$@"; echo')
        done = run("mirror", "create", "-d", "src", "-D", "-n", "2", "zlib", "--exclude-specs", "a b", "-U")
        assert done.returncode == 0
        words = f"<-E><mirror><create><--directory><{tmp_path}/src><--exclude-specs=a b><--versions-per-spec=2>"
        assert done.stdout.splitlines() == [
            "==> Adding package zlib@1 to mirror",
            f"{words}<--dependencies><--fresh><zlib>",
        ]
        assert "1 package done, 0 failed" in done.stderr

    @pytest.mark.parametrize(("typed", "status"), [("", 2), ("tea\n", 2), ("team\n", 0)])
    def test_destroy_wants_the_name(self, run: Run, checkout: Path, tmp_path: Path, typed: str, status: int) -> None:
        (checkout / "bin/spack").unlink(missing_ok=True)
        script(checkout / "bin/spack", f"touch {tmp_path}/destroyed")
        done = run("mirror", "destroy", "-m", "team", typed=typed)
        assert done.returncode == status
        assert (tmp_path / "destroyed").exists() == (status == 0)
        assert "Type the name of the mirror to delete it (team)" in done.stderr
        assert run("--read-only", "mirror", "destroy", "-m", "team", typed="team\n").returncode == 1
