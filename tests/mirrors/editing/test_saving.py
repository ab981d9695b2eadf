# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Saving an edit: change on disk, two editors, links, modes, backups, undo."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from core.foundation.errors import ConfigError, Conflict, NotFound, PermissionDenied, UsageError
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.plan import PlannedEdit
from core.mirrors.editing.planning import plan_edit
from core.mirrors.editing.saving import carry_out, put_back
from core.mirrors.forms import (
    AddMirror,
    ChangeMirror,
    ConnectionForm,
    CopyMirror,
    MirrorEdit,
    MirrorForm,
    MoveMirror,
    MoveSecrets,
    RemoveMirror,
)
from core.spack.config import Scope
from core.spack.substitutions import PathContext

TEXT = "# ours\nmirrors:\n  one: /srv/one  # first\n  two:\n    url: /srv/two\n    signed: false\n"
SECRET_TEXT = "mirrors:\n  old:\n    url: s3://b/x\n    access_pair: [AKID, hunter2hunter2]\n  two: /srv/two\n"


def form(name: str, url: str = "/srv/x") -> MirrorForm:
    return MirrorForm(name, ConnectionForm(url))


@pytest.fixture
def scopes(tmp_path: Path) -> tuple[Scope, ...]:
    (tmp_path / "user").mkdir()
    (tmp_path / "user/mirrors.yaml").write_text(TEXT)
    return Scope("user", tmp_path / "user"), Scope("site", tmp_path / "site"), Scope("defaults", tmp_path / "defaults")


@pytest.fixture
def file(scopes: tuple[Scope, ...]) -> Path:
    return scopes[0].section_file("mirrors")


@pytest.fixture
def plan(scopes: tuple[Scope, ...], tmp_path: Path) -> Callable[[MirrorEdit], PlannedEdit]:
    return lambda edit: plan_edit(edit, Landscape(scopes, PathContext(tmp_path, {"HOME": "/home/u"})))


class TestChangedOnDisk:
    def test_another_entry_changed(self, plan, file: Path) -> None:
        """The edit is made on what is there now."""
        planned = plan(ChangeMirror("two", replace(form("two", "/srv/2"), signed=False)))
        file.write_text(TEXT.replace("/srv/one", "/srv/ONE") + "  three: /srv/three\n")
        carry_out(planned)
        expected = TEXT.replace("/srv/one", "/srv/ONE").replace("/srv/two", "/srv/2") + "  three: /srv/three\n"
        assert file.read_text() == expected

    @pytest.mark.parametrize(
        ("found", "word"),
        [
            (TEXT.replace("/srv/two", "/elsewhere"), "changed"),
            (TEXT.replace("signed: false", "signed: false  # careful"), "changed"),
            (TEXT.partition("  two")[0], "removed"),
        ],
    )
    @pytest.mark.parametrize(
        "edit", [ChangeMirror("two", form("two", "/srv/2")), RemoveMirror("two"), MoveMirror("two", "user", "one")]
    )
    def test_the_entry_itself_changed(self, plan, file: Path, edit: MirrorEdit, found: str, word: str) -> None:
        planned = plan(edit)
        file.write_text(found)
        with pytest.raises(Conflict, match=f"two was {word}"):
            carry_out(planned)
        assert file.read_text() == found

    def test_somebody_added_the_same_name(self, plan, file: Path) -> None:
        planned = plan(AddMirror(form("new")))
        file.write_text(TEXT + "  new: /theirs\n")
        with pytest.raises(Conflict, match="new was added"):
            carry_out(planned)

    def test_the_file_became_unreadable(self, plan, file: Path) -> None:
        planned = plan(AddMirror(form("new")))
        file.write_text("mirrors:\n  a: b\n  a: c\n")
        with pytest.raises(ConfigError, match=r"mirrors\.yaml:3"):
            carry_out(planned)

    def test_the_file_went_away(self, plan, file: Path) -> None:
        planned = plan(AddMirror(form("new")))
        file.unlink()
        carry_out(planned)
        assert file.read_text() == "mirrors:\n  new: /srv/x\n"

    def test_the_scope_appeared(self, plan, scopes: tuple[Scope, ...]) -> None:
        planned = plan(AddMirror(form("new"), scope="site"))
        assert planned.before is None
        scopes[1].place.mkdir()
        scopes[1].section_file("mirrors").write_text("mirrors:\n  theirs: /a\n")
        carry_out(planned)
        assert scopes[1].section_file("mirrors").read_text() == "mirrors:\n  new: /srv/x\n  theirs: /a\n"

    def test_two_at_once_lose_nothing(self, plan, file: Path) -> None:
        names = [f"m{number}" for number in range(6)]
        plans = [plan(AddMirror(form(name))) for name in names]
        threads = [threading.Thread(target=carry_out, args=(planned,)) for planned in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in names:
            assert f"  {name}: /srv/x\n" in file.read_text()
        assert file.read_text().endswith(TEXT.partition("mirrors:\n")[2])
        assert sorted(path.name for path in file.parent.iterdir()) == ["mirrors.yaml", "mirrors.yaml.bak"]


class TestTheFileItself:
    def test_a_backup_is_what_was_there(self, plan, file: Path) -> None:
        file.chmod(0o640)
        carry_out(plan(RemoveMirror("one")))
        backup = file.with_name("mirrors.yaml.bak")
        assert backup.read_text() == TEXT
        assert stat.S_IMODE(backup.stat().st_mode) == 0o640

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o644])
    def test_the_mode_stays(self, plan, file: Path, mode: int) -> None:
        file.chmod(mode)
        carry_out(plan(AddMirror(form("new"))))
        assert stat.S_IMODE(file.stat().st_mode) == mode

    @pytest.mark.root
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
    def test_the_owner_stays(self, plan, file: Path) -> None:
        os.chown(file, 12345, 23456)
        carry_out(plan(AddMirror(form("new"))))
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)

    def test_a_link_stays_a_link(self, plan, file: Path, tmp_path: Path) -> None:
        target = tmp_path / "dotfiles" / "spack-mirrors.yaml"
        target.parent.mkdir()
        file.rename(target)
        file.symlink_to("../dotfiles/spack-mirrors.yaml")
        saved = carry_out(plan(RemoveMirror("one")))
        assert str(file.readlink()) == "../dotfiles/spack-mirrors.yaml"
        assert "one" not in target.read_text()
        assert sorted(path.name for path in target.parent.iterdir()) == [
            "spack-mirrors.yaml",
            "spack-mirrors.yaml.bak",
        ]
        put_back(saved)
        assert file.is_symlink()
        assert target.read_text() == TEXT

    def test_a_backup_that_is_a_link_is_not_followed(self, plan, file: Path, tmp_path: Path) -> None:
        (tmp_path / "precious").write_text("keep")
        file.with_name("mirrors.yaml.bak").symlink_to(tmp_path / "precious")
        with pytest.raises(Conflict, match="symbolic link"):
            carry_out(plan(RemoveMirror("one")))
        assert (tmp_path / "precious").read_text() == "keep"
        assert file.read_text() == TEXT

    def test_nothing_to_write_to(self, plan, scopes: tuple[Scope, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        closed = {str(scopes[0].place), str(scopes[0].section_file("mirrors"))}
        allowed = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: str(path) not in closed and allowed(path, mode))
        with pytest.raises(PermissionDenied, match="may not be written") as caught:
            plan(AddMirror(form("new"), scope="user"))
        assert caught.value.title == "Nothing can be saved in user"
        with pytest.raises(PermissionDenied, match=r"user: .* may not be written"):
            plan(RemoveMirror("one"))

    def test_a_scope_that_is_only_read(self, tmp_path: Path) -> None:
        landscape = Landscape((Scope("user", tmp_path, writable=False),), PathContext(None, {}))
        with pytest.raises(PermissionDenied, match="only read"):
            plan_edit(AddMirror(form("new"), scope="user"), landscape)
        with pytest.raises(PermissionDenied, match="can be written"):
            plan_edit(AddMirror(form("new")), landscape)

    def test_a_directory_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "mirrors.yaml").mkdir()
        landscape = Landscape((Scope("user", tmp_path),), PathContext(None, {}))
        with pytest.raises(PermissionDenied, match="not a regular file"):
            plan_edit(AddMirror(form("new"), scope="user"), landscape)

    def test_directories_are_made(self, plan, scopes: tuple[Scope, ...]) -> None:
        saved = carry_out(plan(AddMirror(form("new"), scope="site")))
        assert scopes[1].section_file("mirrors").read_text() == "mirrors:\n  new: /srv/x\n"
        assert list(scopes[1].place.iterdir()) == [scopes[1].section_file("mirrors")]
        put_back(saved)
        assert not scopes[1].section_file("mirrors").exists()


class TestUndo:
    def test_steps_backwards(self, plan, file: Path) -> None:
        first = carry_out(plan(RemoveMirror("one")))
        second = carry_out(plan(AddMirror(form("new"), last=True)))
        with pytest.raises(Conflict, match="changed since"):
            put_back(first)
        put_back(second)
        put_back(first)
        assert file.read_text() == TEXT

    def test_not_over_what_others_wrote(self, plan, file: Path) -> None:
        saved = carry_out(plan(RemoveMirror("one")))
        with file.open("a") as stream:
            stream.write("  theirs: /t\n")
        with pytest.raises(Conflict):
            put_back(saved)
        assert "theirs" in file.read_text()


class TestSecrets:
    def test_no_copy_of_a_secret_is_kept(self, plan, file: Path) -> None:
        file.write_text(SECRET_TEXT)
        for edit in (AddMirror(form("new")), MoveSecrets("old")):
            planned = plan(edit)
            assert "hunter2" not in planned.diff + repr(planned)
            assert "hunter2" not in repr(carry_out(planned))
        for path in file.parent.iterdir():
            assert b"hunter2" not in path.read_bytes()

    def test_what_takes_a_secret_out_cannot_be_undone(self, plan, file: Path) -> None:
        file.write_text(SECRET_TEXT)
        assert plan(MoveSecrets("old")).takes_secrets_out
        assert plan(RemoveMirror("old")).takes_secrets_out
        assert not plan(RemoveMirror("two")).takes_secrets_out

    def test_a_secret_in_a_comment_is_told(self, plan, file: Path) -> None:
        file.write_text(SECRET_TEXT + "# was hunter2hunter2\n")
        planned = plan(MoveSecrets("old"))
        assert "hunter2" not in planned.diff
        assert [warning.title for warning in planned.warnings] == [f"{file} still holds the secret"]

    def test_a_login_in_plain_text_is_not_lost(self, plan, file: Path) -> None:
        file.write_text(SECRET_TEXT)
        changed = MirrorForm("old", ConnectionForm("s3://b/x", user="OTHER"))
        with pytest.raises(UsageError, match="would be lost"):
            plan(ChangeMirror("old", changed))
        with pytest.raises(UsageError, match="plain text"):
            plan(CopyMirror("old", "site"))

    @pytest.mark.parametrize("url", ["https://bob:geheim@x.example/a", "oci://u:geheim@h.example/p"])
    def test_addresses_with_passwords_are_refused(self, plan, url: str) -> None:
        for edit in (AddMirror(form("new", url)), ChangeMirror("one", form("one", url))):
            with pytest.raises(UsageError, match="password") as caught:
                plan(edit)
            assert "geheim" not in str(caught.value)

    def test_a_password_that_is_there_may_stay(self, plan, file: Path) -> None:
        file.write_text("mirrors:\n  one: https://bob:geheim@x.example/a\n")
        planned = plan(ChangeMirror("one", replace(form("one", "https://bob:***@x.example/a"), signed=False)))
        assert "geheim" not in planned.diff
        carry_out(planned)
        assert "url: https://bob:geheim@x.example/a\n    signed: false\n" in file.read_text()
        with pytest.raises(UsageError, match="password"):
            plan(ChangeMirror("one", form("one", "https://bob:***@other.example/a")))


class TestScopes:
    @pytest.fixture
    def both(self, scopes: tuple[Scope, ...]) -> Path:
        site = scopes[1].section_file("mirrors")
        site.parent.mkdir()
        site.write_text("mirrors:\n  one: {url: ./rel, signed: false}\n  low: /srv/low\n")
        return site

    def test_removal_takes_the_highest_and_tells_what_remains(self, plan, both: Path, file: Path) -> None:
        planned = plan(RemoveMirror("one"))
        assert planned.scope.name == "user"
        assert planned.remains == "one is still there: site has it too, as ./rel."
        carry_out(planned)
        assert plan(RemoveMirror("one")).scope.name == "site"
        assert plan(RemoveMirror("low")).remains == "No scope has a mirror low any more."

    def test_removal_of_what_nobody_has(self, plan, both: Path) -> None:
        with pytest.raises(NotFound, match="No mirror with name x in _builtin, site, user, or command_line scope"):
            plan(RemoveMirror("x"))
        with pytest.raises(NotFound, match="No mirror with name low in user scope"):
            plan(RemoveMirror("low", "user"))

    def test_spacks_own_files_only_by_name(self, plan, scopes: tuple[Scope, ...]) -> None:
        scopes[2].place.mkdir()
        scopes[2].section_file("mirrors").write_text("mirrors:\n  spack-public: https://x.example\n")
        with pytest.raises(PermissionDenied, match="belongs to Spack itself"):
            plan(RemoveMirror("spack-public"))
        assert plan(RemoveMirror("spack-public", "defaults")).scope.name == "defaults"

    def test_what_other_scopes_keep_is_told(self, plan, both: Path) -> None:
        planned = plan(ChangeMirror("one", form("one", "/srv/else"), scope="site"))
        (warning,) = planned.warnings
        assert warning.title == "user also says something about one"
        assert "the address for fetching" in warning.why
        assert "signing" not in warning.why

    def test_copying_keeps_the_meaning(self, plan, both: Path, file: Path) -> None:
        both.write_text("mirrors:\n  rel: {url: ./rel, push: ./p q, signed: false}\n")
        carry_out(plan(CopyMirror("rel", "user")))
        place = both.parent
        assert f"url: {place}/rel\n    push: {place}/p q\n    signed: false\n" in file.read_text()

    def test_changing_a_locked_entry_elsewhere(self, plan, both: Path, file: Path) -> None:
        planned = plan(ChangeMirror("low", replace(form("low", "/srv/low"), signed=False), scope="user"))
        assert [warning.code for warning in planned.warnings] == ["order"]
        carry_out(planned)
        assert file.read_text().startswith(
            "# ours\nmirrors:\n  low:\n    url: /srv/low\n    signed: false\n  one: /srv/one"
        )

    def test_flags_are_contradicted_where_they_are_inherited(self, plan, both: Path, file: Path) -> None:
        file.write_text("mirrors:\n  one:\n    url: /srv/one\n")
        both.write_text("mirrors:\n  one: {url: /x, binary: false}\n")
        carry_out(plan(ChangeMirror("one", form("one", "/srv/one"), scope="user")))
        assert file.read_text() == "mirrors:\n  one:\n    url: /srv/one\n    binary: true\n"

    def test_meanings_of_paths(self, plan, file: Path) -> None:
        planned = plan(AddMirror(MirrorForm("n", ConnectionForm("./rel"), ConnectionForm("~/push"))))
        assert planned.meanings == (("./rel", f"{file.parent}/rel"), ("~/push", "/home/u/push"))
        assert plan(AddMirror(form("n", "/srv/a"))).meanings == ()
        with pytest.raises(UsageError, match="is not the address of a mirror"):
            plan(AddMirror(form("n", "foo://bar")))


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\\b", "..", "a:", "<<", "a\nb"])
def test_names_that_cannot_be(plan, name: str) -> None:
    with pytest.raises(UsageError):
        plan(AddMirror(form(name)))


@pytest.mark.parametrize(
    "connection",
    [
        ConnectionForm(""),
        ConnectionForm("a\nb"),
        ConnectionForm(" /a"),
        ConnectionForm("/a", user="u", user_variable="V"),
        ConnectionForm("/a", user="u", secret_variable="not a name"),
        ConnectionForm("/a", token_variable="ghp-12345"),
    ],
)
def test_forms_that_cannot_be(plan, connection: ConnectionForm) -> None:
    with pytest.raises(UsageError):
        plan(AddMirror(MirrorForm("n", connection)))


def test_variables_nobody_named(plan, file: Path) -> None:
    wanted = MirrorForm("my mirror-1", ConnectionForm("oci://h.example/p"), ConnectionForm("oci://h.example/p", "bob"))
    carry_out(plan(AddMirror(wanted)))
    assert "      access_pair:\n        id: bob\n        secret_variable: MIRRORDECK_MY_MIRROR_1_SECRET\n" in (
        file.read_text()
    )


def test_no_key_of_an_entry_stays(plan, file: Path) -> None:
    for text, expected in (
        ("mirrors:\n  a:  # c\n    # d\n    fetch: /a  # e\n  b: /b\n", "  a:  # c\n    # d\n    url: /n\n  b: /b\n"),
        ("mirrors:\n  a: {fetch: /a}  # c\n", "  a: {url: /n}  # c\n"),
    ):
        file.write_text(text)
        carry_out(plan(ChangeMirror("a", form("a", "/n"))))
        assert file.read_text() == "mirrors:\n" + expected


def test_the_name_is_taken(plan) -> None:
    with pytest.raises(Conflict, match="Mirror with name one already exists"):
        plan(AddMirror(form("one")))
    with pytest.raises(Conflict, match="Mirror with name two already exists"):
        plan(ChangeMirror("one", form("two")))
    with pytest.raises(NotFound, match="No mirror found with name nine"):
        plan(ChangeMirror("nine", form("nine")))
