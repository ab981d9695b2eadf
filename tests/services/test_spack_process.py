# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Spack as a child, stood in for by scripts: lines, secrets, stopping, and what create and destroy make of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mirrors.credential_kit import script
from services.login_world import PAIR, VARIABLE, World, world

from core.foundation.cancel import CancelToken
from core.foundation.errors import Cancelled, UsageError
from core.foundation.secret import Secret
from core.mirrors.credentials.states import Direction
from core.services.child_environment import ChildEnvironment, child_environment
from core.services.login_values import CreateOptions, Keep, LoginForm, SpackEnd, SpackLine
from core.services.source_mirrors import SourceMirrors
from core.services.spack_process import SpackFailed, run_spack
from core.spack.instance import find_instance

TOKEN = CancelToken()
CANARY = "c4nary-value"


@pytest.fixture
def lab(checkout: Path, tmp_path: Path) -> Iterator[World]:
    mirrors = {
        "reg": {"url": "oci://reg.lab/x", "access_pair": {**PAIR, "id": "me"}},
        "src": str(tmp_path / "src"),
        "same": str(tmp_path / "src"),
        "web": "https://mirror.lab/x",
    }
    with world(checkout, mirrors, {"PATH": os.environ["PATH"]}) as made:
        yield made


def spack(lab: World, body: str) -> Path:
    path = Path(lab.instance.root or "") / "bin/spack"
    path.unlink(missing_ok=True)
    return script(path, body)


def plain(lab: World) -> ChildEnvironment:
    return ChildEnvironment(dict(lab.instance.environ))


def ran(lab: World, *arguments: str, environment: ChildEnvironment | None = None, **more: Any) -> tuple[list[str], int]:
    lines: list[str] = []
    running = run_spack(lab.instance, arguments, environment or plain(lab), more.pop("token", TOKEN), **more)
    while True:
        try:
            lines += next(running)
        except StopIteration as end:
            return lines, end.value


class TestRunning:
    def test_lines_and_status(self, lab: World) -> None:
        spack(lab, 'echo "$@"; printf "a\\tb\\n\\nno end" >&2; exit 3')
        assert ran(lab, "mirror", "list") == (["-E mirror list", "a    b", "", "no end"], 3)

    def test_lines_come_while_it_works(self, lab: World, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "go")
        spack(lab, f"echo first; read x <{tmp_path}/go; echo second")
        with closing(run_spack(lab.instance, [], plain(lab), TOKEN)) as running:
            assert next(running) == ["first"]
            (tmp_path / "go").write_text("\n")
            assert next(running) == ["second"]

    def test_what_a_terminal_would_interpret_is_shown(self, lab: World) -> None:
        spack(lab, "printf '10%%\\r 50%%\\r100%%\\r\\n\\033[31mred\\n\\377\\n'")
        assert ran(lab)[0] == ["100%", "\\x1b[31mred", "�"]

    def test_text_in_pieces(self, lab: World) -> None:
        spack(
            lab, "printf '\\303'; sleep 0.05; printf '\\274\\n'; head -c 300000 /dev/zero | tr '\\0' x; echo; echo end"
        )
        first, long, end = ran(lab)[0]
        assert (first, len(long), end) == ("ü", 4000, "end")

    def test_injected_secrets_are_blanked(self, lab: World) -> None:
        spack(lab, f'echo "it is ${VARIABLE}!"')
        environment = ChildEnvironment({**lab.instance.environ, VARIABLE: CANARY}, (Secret(CANARY), Secret("it")))
        assert ran(lab, environment=environment)[0] == ["it is ***!"]

    def test_t22_it_has_no_terminal_and_nothing_to_read(self, lab: World) -> None:
        spack(lab, "read x || echo none; [ -t 0 ] || echo no terminal")
        assert ran(lab)[0] == ["none", "no terminal"]

    def test_cancelling_ends_it_and_what_it_started(self, lab: World, tmp_path: Path) -> None:
        spack(
            lab,
            f"trap 'echo tidied >{tmp_path}/tidy; exit 130' INT; sleep 300 & echo $! >{tmp_path}/pid; echo on; wait",
        )
        token = CancelToken()
        running = run_spack(lab.instance, [], plain(lab), token)
        assert next(running) == ["on"]
        token.cancel()
        with pytest.raises(Cancelled):
            next(running)
        assert (tmp_path / "tidy").read_text() == "tidied\n"
        assert ended(int((tmp_path / "pid").read_text()))

    def test_closing_ends_one_that_does_not_listen(self, lab: World, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr("core.services.spack_process._GRACE_S", 0.2)
        spack(lab, f"trap '' INT; echo $$ >{tmp_path}/pid; echo on; sleep 300")
        running = run_spack(lab.instance, [], plain(lab), TOKEN)
        assert next(running) == ["on"]
        running.close()
        assert ended(int((tmp_path / "pid").read_text()))

    def test_a_time_limit(self, lab: World) -> None:
        spack(lab, "exec sleep 300")
        with pytest.raises(SpackFailed, match=r"longer than 0\.3 s"):
            ran(lab, time_limit_s=0.3)

    def test_something_it_left_running_delays_nobody(self, lab: World) -> None:
        spack(lab, "sleep 300 & echo done")
        started = time.monotonic()
        assert ran(lab) == (["done"], 0)
        assert time.monotonic() - started < 120

    def test_one_that_cannot_be_started(self, lab: World) -> None:
        spack(lab, "").chmod(0o644)
        with pytest.raises(SpackFailed, match="Permission denied"):
            ran(lab)

    def test_a_bare_install_root_has_none(self, lab: World) -> None:
        bare = find_instance(str(lab.instance.install_root), environ={})
        with pytest.raises(UsageError, match="without a checkout"):
            next(run_spack(bare, [], ChildEnvironment({}), TOKEN))


def ended(pid: int) -> bool:
    """Whether it is gone, or about to be."""
    for _ in range(6000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


class TestEnvironment:
    def test_values_from_the_keyring_stand_in_it(self, lab: World) -> None:
        lab.logins.save("reg", Direction.PUSH, LoginForm(Keep.KEYRING, "me", Secret(CANARY)), TOKEN)
        made = child_environment(lab.instance, lab.access)
        assert made.variables[VARIABLE] == CANARY
        assert made.variables["PATH"] == lab.instance.environ["PATH"]
        assert CANARY not in repr(made)
        assert [secret.reveal() for secret in made.secrets] == [CANARY]

    def test_a_locked_keyring_is_told(self, lab: World) -> None:
        class KeyringLocked(Exception):
            pass

        lab.backend.error = KeyringLocked()
        (problem,) = child_environment(lab.instance, lab.access).problems
        assert (problem.title, problem.why.split(";")[0]) == (
            f"{VARIABLE} is not set for Spack",
            "the keyring is locked",
        )

    def test_what_the_environment_says_stays(self, checkout: Path) -> None:
        with world(checkout, {"reg": {"url": "oci://reg.lab/x", "access_pair": PAIR}}, {VARIABLE: CANARY}) as made:
            found = child_environment(made.instance, made.access)
        assert found.variables == {VARIABLE: CANARY}
        assert [secret.reveal() for secret in found.secrets] == [CANARY], "so that Spack's lines do not show it"


def parts_of(running: Iterator[Any]) -> tuple[list[SpackLine], SpackEnd]:
    *lines, end = running
    assert isinstance(end, SpackEnd)
    return [line for part in lines for line in part], end


class TestCreate:
    def test_progress_by_package(self, lab: World, tmp_path: Path) -> None:
        lab.logins.save("reg", Direction.PUSH, LoginForm(Keep.SESSION, "me", Secret(CANARY)), TOKEN)
        spack(
            lab,
            f'echo "$@" >{tmp_path}/argv; echo "${VARIABLE}" >{tmp_path}/value\n'
            'echo "==> Adding package zlib@1.3 to mirror"; echo "==> Adding package xz@5 to mirror"\n'
            'echo "==> Warning: Error while fetching xz@5" >&2; echo "    ${LAB_TOKEN}"; exit 1',
        )
        options = CreateOptions(("zlib", "xz@5"), "/m/src", ("--dependencies",))
        lines, end = parts_of(SourceMirrors(lab.instance, lab.access, tmp_path).create(options, TOKEN))
        assert (tmp_path / "argv").read_text() == "-E mirror create --directory /m/src --dependencies zlib xz@5\n"
        assert (tmp_path / "value").read_text() == f"{CANARY}\n"
        assert [(line.package, line.failed) for line in lines] == [
            ("zlib@1.3", False),
            ("xz@5", False),
            ("xz@5", True),
            ("", False),
        ]
        assert lines[-1].text == "    ***"
        assert (end.status, end.done, end.failed) == (1, 1, 1)

    def test_an_option_is_no_package(self, lab: World, tmp_path: Path) -> None:
        spack(lab, f"touch {tmp_path}/started")
        with pytest.raises(UsageError):
            parts_of(SourceMirrors(lab.instance, lab.access, tmp_path).create(CreateOptions(("--all",)), TOKEN))
        assert not (tmp_path / "started").exists()


class TestDestroy:
    @pytest.fixture
    def mirrors(self, lab: World, tmp_path: Path) -> SourceMirrors:
        for name in ("_source-cache/archive/ab/x.tar", "zlib/zlib-1.tar", "v3/layout.json", "thesis.tex"):
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("four")
        spack(lab, f'echo "$@" >{tmp_path}/argv')
        return SourceMirrors(lab.instance, lab.access, tmp_path)

    def test_lists_what_goes(self, mirrors: SourceMirrors) -> None:
        plan = mirrors.plan_destroy("src", TOKEN)
        assert (plan.files, plan.size_bytes, plan.packages) == (4, 16, 0)
        assert plan.strangers == ("thesis.tex",)
        assert plan.used_by == ("src", "same")

    def test_its_own_trash_is_no_stranger(self, mirrors: SourceMirrors, tmp_path: Path) -> None:
        (tmp_path / "src/.mirrordeck-trash/batch").mkdir(parents=True)
        assert mirrors.plan_destroy("src", TOKEN).strangers == ("thesis.tex",)

    @pytest.mark.parametrize("typed", ["", "sr", "SRC", "src ", "same"])
    def test_only_with_the_name_typed(self, mirrors: SourceMirrors, tmp_path: Path, typed: str) -> None:
        with pytest.raises(UsageError, match="its name has to be typed: src"):
            parts_of(mirrors.destroy("src", typed, TOKEN))
        assert not (tmp_path / "argv").exists()
        assert parts_of(mirrors.destroy("src", "src", TOKEN))[1].status == 0
        assert (tmp_path / "argv").read_text() == "-E mirror destroy --mirror-name=src\n"

    def test_by_address(self, mirrors: SourceMirrors, tmp_path: Path) -> None:
        plan = mirrors.plan_destroy("./src", TOKEN)
        assert plan.name == (tmp_path / "src").as_uri()
        parts_of(mirrors.destroy("./src", plan.name, TOKEN))
        assert (tmp_path / "argv").read_text() == f"-E mirror destroy --mirror-url={plan.name}\n"

    @pytest.mark.parametrize("name", ["reg", "web"])
    def test_where_spack_deletes_nothing(self, mirrors: SourceMirrors, name: str) -> None:
        with pytest.raises(UsageError, match="Spack deletes nothing"):
            mirrors.plan_destroy(name, TOKEN)

    def test_a_folder_that_is_not_there(self, lab: World, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="not a directory"):
            SourceMirrors(lab.instance, lab.access, tmp_path).plan_destroy("src", TOKEN)
