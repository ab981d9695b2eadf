# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Editing mirrors as the window and the command do it, on a checkout of its own."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from spack.checkouts import Checkout, write

from core.foundation.errors import NotFound, PermissionDenied
from core.mirrors.model import MirrorKind
from core.mirrors.reading import mirrors_of
from core.services.instances import Instances
from core.services.mirror_addresses import understand_address
from core.services.mirror_details import describe_mirror
from core.services.mirror_edits import MirrorEdits, list_scopes
from core.services.mirror_values import (
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
from core.signing.gpg import Gnupg
from core.spack.instance import Instance, find_instance

OCI = MirrorForm(
    "cache",
    ConnectionForm("oci://registry.example/team/cache"),
    ConnectionForm("oci://registry.example/team/cache", user="bot", secret_variable="TOKEN"),
    signed=False,
)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "spack", "1.1.1")


@pytest.fixture
def instance(checkout: Checkout) -> Callable[..., Instance]:
    def open_instance(**options: str) -> Instance:
        (checkout.root.parent / "home").mkdir(exist_ok=True)
        return find_instance(str(checkout.root), environ=checkout.environ, **options)

    return open_instance


class TestScopes:
    def test_places_that_have_yet_to_be_made(self, instance, checkout: Checkout) -> None:
        rows = list_scopes(instance())
        assert [(row.name, row.writable, row.explicit_only, row.is_default) for row in rows] == [
            ("spack", True, True, False),
            ("user", True, False, True),
            ("site", True, False, False),
            ("system", True, False, False),
            ("defaults", True, True, False),
            ("defaults:base", True, True, False),
        ]
        assert [row.audience for row in rows[:4]] == [
            "everybody who uses this instance; part of Spack itself",
            "only you",
            "everybody who uses this instance",
            "everybody on this machine",
        ]
        assert rows[1].file == str(checkout.user / "mirrors.yaml")

    def test_entries_and_environments(self, instance, checkout: Checkout, tmp_path: Path) -> None:
        write(checkout.etc / "site/mirrors.yaml", "mirrors:\n  b: /b\n  a: /a\n")
        write(tmp_path / "env/spack.yaml", "spack:\n  mirrors: {e: /e}\n")
        rows = list_scopes(instance(environment_dir=str(tmp_path / "env")))
        assert (rows[0].entries, rows[0].is_default, rows[0].audience) == (
            ("e",),
            True,
            f"environment {tmp_path / 'env'}",
        )
        assert next(row for row in rows if row.name == "site").entries == ("b", "a")
        assert sum(row.is_default for row in rows) == 1

    def test_a_site_may_prefer_another_scope(self, instance, checkout: Checkout, tmp_path: Path) -> None:
        text = f"include:\n- {{name: team, path: {tmp_path}/team, optional: true}}\n"
        text += f"- {{name: mine, path: {tmp_path}/mine, optional: true, prefer_modify: true}}\n"
        write(checkout.etc / "include.yaml", text)
        assert [row.name for row in list_scopes(instance()) if row.is_default] == ["mine"]

    def test_what_spack_fetched_is_only_read(self, instance, checkout: Checkout, tmp_path: Path) -> None:
        copy = tmp_path / "home/.spack/includes/abc/mirrors.yaml"
        write(copy, "mirrors: {far: /far}\n")
        write(checkout.user / "include.yaml", "include:\n- path: https://x.example/mirrors.yaml\n  sha256: abc\n")
        row = list_scopes(instance())[2]
        assert (row.entries, row.writable, row.why_not) == (("far",), False, "this configuration is only read here")

    def test_a_file_that_cannot_be_read(self, instance, checkout: Checkout) -> None:
        write(checkout.user / "mirrors.yaml", "mirrors:\n  a: /a\n  a: /b\n")
        row = list_scopes(instance())[1]
        assert (row.writable, row.entries) == (False, ())
        assert f"{checkout.user}/mirrors.yaml:3:" in row.why_not

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
    def test_a_directory_that_may_not_be_written(self, instance, checkout: Checkout) -> None:
        checkout.user.mkdir(parents=True)
        checkout.user.chmod(0o500)
        row = list_scopes(instance())[1]
        assert (row.writable, row.why_not) == (False, f"{checkout.user} may not be written")


class TestPlanApplyUndo:
    def test_the_whole_way(self, instance, checkout: Checkout) -> None:
        edits, opened = MirrorEdits(), instance()
        plan = edits.plan(opened, AddMirror(OCI))
        assert (plan.scope, plan.creates_file, plan.title) == ("user", True, "Add cache to user")
        assert plan.diff.startswith(f"--- {plan.file}\n+++ {plan.file}\n@@")
        assert "+    url: oci://registry.example/team/cache\n" in plan.diff
        assert not checkout.user.exists()
        applied = edits.apply(opened, plan.id)
        assert Path(applied.file) == checkout.user / "mirrors.yaml"
        (step,) = edits.undo_steps(opened)
        assert (step.id, step.title, step.file) == (applied.undo, plan.title, applied.file)
        opened = instance()
        assert [mirror.name for mirror in mirrors_of(opened).mirrors] == ["cache"]
        undone = edits.undo(opened, applied.undo)
        assert undone.title == "Undone: Add cache to user"
        assert not (checkout.user / "mirrors.yaml").exists()
        assert edits.undo_steps(opened) == ()
        with pytest.raises(NotFound):
            edits.undo(opened, applied.undo)
        with pytest.raises(NotFound):
            edits.apply(opened, plan.id)

    def test_newest_first_and_nothing_for_nothing(self, instance) -> None:
        edits, opened = MirrorEdits(), instance()
        for name in ("one", "two"):
            edits.apply(opened, edits.plan(opened, AddMirror(MirrorForm(name, ConnectionForm("/x")))).id)
        plan = edits.plan(opened, ChangeMirror("one", MirrorForm("one", ConnectionForm("/x"))))
        assert plan.diff == ""
        assert edits.apply(opened, plan.id).undo == ""
        assert [step.title for step in edits.undo_steps(opened)] == ["Add two to user", "Add one to user"]

    def test_moved_secrets_are_not_undone(self, instance, checkout: Checkout) -> None:
        write(checkout.user / "mirrors.yaml", "mirrors:\n  s: {url: s3://b/x, access_pair: [ID, geheim-geheim]}\n")
        edits, opened = MirrorEdits(), instance()
        plan = edits.plan(opened, MoveSecrets("s"))
        assert "geheim" not in repr(plan)
        assert edits.apply(opened, plan.id).undo == ""
        assert edits.undo_steps(opened) == ()
        (mirror,) = mirrors_of(opened).mirrors
        assert (mirror.push.user, mirror.push.secret_variable) == ("ID", "MIRRORDECK_S_SECRET")

    def test_an_instance_finds_scopes_that_appear(self, checkout: Checkout) -> None:
        (checkout.root.parent / "home").mkdir()
        instances = Instances(read_only=True, environ=checkout.environ)
        opened = instances.open(str(checkout.root))
        edits = MirrorEdits()
        edits.apply(opened, edits.plan(opened, AddMirror(OCI, scope="site")).id)
        assert mirrors_of(opened).mirrors == ()
        assert [mirror.name for mirror in mirrors_of(instances.refresh_scopes(opened.id)).mirrors] == ["cache"]
        assert instances.get(opened.id).scopes != opened.scopes

    def test_a_bare_install_root_is_only_read(self, tmp_path: Path) -> None:
        (tmp_path / "root/.spack-db").mkdir(parents=True)
        opened = find_instance(str(tmp_path / "root"), environ={"HOME": str(tmp_path), "PATH": ""})
        with pytest.raises(PermissionDenied):
            MirrorEdits().plan(opened, AddMirror(OCI))


def change(**fields: object) -> ChangeMirror:
    base = MirrorForm("one", ConnectionForm("/srv/one"))
    return ChangeMirror("one", replace(base, **fields), "user")


PUSH = ConnectionForm("s3://b/x", user_variable="U", secret_variable="S", profile="p")


@pytest.mark.parametrize(
    ("edit", "command"),
    [
        (AddMirror(MirrorForm("n", ConnectionForm("/a b"))), "spack mirror add --scope user n '/a b'"),
        (
            AddMirror(OCI, scope="site"),
            "spack mirror add --scope site --unsigned cache oci://registry.example/team/cache\n"
            "spack mirror set --scope site --push --oci-username bot --oci-password-variable TOKEN cache",
        ),
        (
            AddMirror(MirrorForm("n", PUSH, source=False, signed=True, autopush=True)),
            "spack mirror add --scope user --type binary --signed --autopush --s3-profile p "
            "--s3-access-key-id-variable U --s3-access-key-secret-variable S n s3://b/x",
        ),
        (AddMirror(OCI, last=True), ""),
        (RemoveMirror("one"), "spack mirror remove --scope user one"),
        (change(fetch=ConnectionForm("/srv/new")), "spack mirror set --scope user --url /srv/new one"),
        (change(signed=False), "spack mirror set --scope user --unsigned one"),
        (change(binary=False), "spack mirror set --scope user --type source one"),
        (change(push=ConnectionForm("/srv/p")), "spack mirror set --scope user --push --url /srv/p one"),
        (change(name="other"), ""),
        (MoveMirror("one", "user", ""), ""),
        (CopyMirror("one", "site"), "spack mirror add --scope site one /srv/one"),
        (
            ChangeMirror(
                "two", MirrorForm("two", ConnectionForm("/srv/two")), "user"
            ),  # signed goes: no flag does that
            "",
        ),
    ],
)
def test_equivalent_commands(instance, checkout: Checkout, edit: MirrorEdit, command: str) -> None:
    write(checkout.user / "mirrors.yaml", "mirrors:\n  one: /srv/one\n  two: {url: /srv/two, signed: true}\n")
    assert MirrorEdits().plan(instance(), edit).command == command


def test_commands_of_environments(instance, checkout: Checkout, tmp_path: Path) -> None:
    write(tmp_path / "env/spack.yaml", "spack: {}\n")
    plan = MirrorEdits().plan(instance(environment_dir=str(tmp_path / "env")), AddMirror(OCI))
    assert plan.command.startswith(f"spack -D {tmp_path}/env mirror add --unsigned cache oci:")


class TestDetails:
    def test_where_everything_comes_from(self, instance, checkout: Checkout) -> None:
        write(checkout.user / "mirrors.yaml", "mirrors:\n  # mine\n  m:\n    url: ./user  # here\n")
        write(checkout.etc / "site/mirrors.yaml", "mirrors:\n  m: {url: /site, signed: false, push: s3://b/x}\n")
        opened = instance()
        details = describe_mirror(opened, Gnupg(opened.gnupg_home), "m")
        assert [(text.scope, text.line, text.text) for text in details.texts] == [
            ("user", 3, "  m:\n    url: ./user  # here\n"),
            ("site", 2, "  m: {url: /site, signed: false, push: s3://b/x}\n"),
        ]
        assert [(line.key, line.value, line.scope, line.line, line.shadowed) for line in details.origins] == [
            ("url", "./user", "user", 4, ("site: /site",)),
            ("signed", "false", "site", 2, ()),
            ("push", "s3://b/x", "site", 2, ()),
        ]
        assert details.form == MirrorForm("m", ConnectionForm("./user"), ConnectionForm("s3://b/x"), signed=False)
        assert shlex.split(details.users_must_do[0].text) == [
            *("spack", "mirror", "add", "--unsigned", "m"),
            f"{checkout.user}/user",
        ]
        assert "buildcache-destination:\n      url: " + f"{checkout.user}/user" in details.ci_snippet
        assert "push: s3://b/x" in details.ci_snippet

    def test_no_secret_is_shown(self, instance, checkout: Checkout) -> None:
        text = "mirrors:\n  s:\n    url: https://bob:passwort@x.example/a\n    access_pair: [ID, geheim-geheim]\n"
        write(
            checkout.user / "mirrors.yaml", text + "    access_token: &t tok-123456\n  t: {url: /t, access_token: *t}\n"
        )
        opened = instance()
        for name in ("s", "t"):
            details = repr(describe_mirror(opened, Gnupg(opened.gnupg_home), name))
            assert "***" in details
            for secret in ("passwort", "geheim", "tok-123456"):
                assert secret not in details

    def test_what_readers_do(self, instance, checkout: Checkout) -> None:
        text = "mirrors:\n  m:\n    url: oci://h.example/p\n    access_pair: {id: bob, secret_variable: SECRET}\n"
        write(checkout.user / "mirrors.yaml", text + "  f: /srv/f\n")
        opened = instance()
        gnupg = Gnupg(opened.gnupg_home)
        lines = [line.text for line in describe_mirror(opened, gnupg, "m").users_must_do]
        assert "spack mirror add --oci-username bob --oci-password-variable SECRET m oci://h.example/p" in lines
        assert "IFS= read -rs SECRET && export SECRET" in lines
        assert "spack buildcache keys --install --trust" not in lines
        details = describe_mirror(opened, gnupg, "f")
        assert "spack buildcache keys --install --trust" in [line.text for line in details.users_must_do]
        assert [warning.code for warning in details.autopush_warnings] == [
            "autopush-key",
            "autopush-index",
            "autopush-private",
        ]
        assert describe_mirror(opened, gnupg, "m").autopush_warnings[0].code == "autopush-index"

    def test_a_mirror_that_is_gone(self, instance) -> None:
        opened = instance()
        with pytest.raises(NotFound):
            describe_mirror(opened, Gnupg(opened.gnupg_home), "gone")


REGISTRY = "oci://registry.site.org/hpc/cache"


class TestAddresses:
    @pytest.mark.parametrize(
        ("typed", "url", "contacts"),
        [
            ("oci://registry.site.org/hpc/cache", REGISTRY, "registry.site.org"),
            ("docker://registry.site.org/hpc/cache", REGISTRY, "registry.site.org"),
            ("docker pull registry.site.org/hpc/cache:1.0", REGISTRY, "registry.site.org"),
            ("  registry.site.org/hpc/cache/ ", REGISTRY, "registry.site.org"),
            ("https://registry.site.org/hpc/cache", REGISTRY, "registry.site.org"),
            ("https://registry.site.org/v2/hpc/cache/tags/list", REGISTRY, "registry.site.org"),
            ("oci://registry.site.org/hpc/cache@sha256:" + "0" * 64, REGISTRY, "registry.site.org"),
            ("host.example:5000/a/b", "oci://host.example:5000/a/b", "host.example:5000"),
            ("https://host.example:5000/a/b", "oci://host.example:5000/a/b", "host.example:5000"),
            ("http://host.example:5000/a/b", "oci+http://host.example:5000/a/b", "host.example:5000"),
            ("localhost:5000/x", "oci+http://localhost:5000/x", "localhost:5000"),
            ("ghcr.io/Org/Cache", "oci://ghcr.io/org/cache", "ghcr.io"),
            ("docker.io/user/repo", "oci://index.docker.io/user/repo", "index.docker.io"),
            ("https://hub.docker.com/r/user/repo", "oci://index.docker.io/user/repo", "index.docker.io"),
            ("https://mirror.example/spack/", "https://mirror.example/spack", "mirror.example"),
            ("http://mirror.example:8080/x//", "http://mirror.example:8080/x", "mirror.example:8080"),
            ("s3://bucket/prefix/", "s3://bucket/prefix", ""),
            ("gs://bucket/prefix", "gs://bucket/prefix", "storage.googleapis.com"),
            ("sftp://host/dir", "sftp://host/dir", "host"),
        ],
    )
    def test_what_is_written_and_who_is_asked(self, instance, typed: str, url: str, contacts: str) -> None:
        facts = understand_address(instance(), typed, Path("/"))
        assert facts.problem is None
        assert (facts.url, facts.contacts) == (url, contacts)
        assert facts.suggested_name

    @pytest.mark.parametrize(
        "typed", ["user/repo", "ubuntu", "oci://user/repo", "docker://ubuntu:24.04", "oci://cache"]
    )
    def test_docker_hub_is_never_assumed(self, instance, typed: str) -> None:
        facts = understand_address(instance(), typed, Path("/nowhere"))
        assert facts.url == ""
        assert facts.problem is not None
        assert any("docker.io/" in remedy for remedy in facts.problem.remedies)

    @pytest.mark.parametrize(
        "typed",
        ["", "   ", "foo://x", "registry.site.org", "https://", "oci://", "oci://h.example/UP CASE", "s3://", "a\nb"],
    )
    def test_incomplete(self, instance, typed: str) -> None:
        facts = understand_address(instance(), typed, Path("/nowhere"))
        assert facts.url == ""
        assert facts.problem is not None

    def test_passwords_are_not_repeated(self, instance) -> None:
        facts = understand_address(instance(), "https://bob:geheim@x.example/a", Path("/"))
        assert facts.problem is not None
        assert "geheim" not in repr(facts)

    def test_folders(self, instance, tmp_path: Path) -> None:
        (tmp_path / "mirror").mkdir()
        for typed, exists in ((f"{tmp_path}/mirror/", True), ("./mirror", True), ("mirror", True), ("./new", False)):
            facts = understand_address(instance(), typed, tmp_path)
            assert (facts.kind, facts.folder_exists, facts.contacts) == (MirrorKind.FOLDER, exists, "")
            assert facts.url == typed.rstrip("/")
        (note,) = understand_address(instance(), "$tempdir/mirror", tmp_path).notes
        assert note == f"This is {tempfile.gettempdir()}/mirror."
        relative = [
            understand_address(instance(), typed, tmp_path).absolute for typed in ("./mirror", "mirror", "../x")
        ]
        assert relative == [f"{tmp_path}/mirror", f"{tmp_path}/mirror", f"{tmp_path.parent}/x"]
        for typed in (f"{tmp_path}/mirror", f"file://{tmp_path}/mirror", "~/mirror", "$user_cache_path/x", REGISTRY):
            assert understand_address(instance(), typed, tmp_path).absolute == ""
        facts = understand_address(instance(), f"file://{tmp_path}/mirror", tmp_path)
        assert (facts.url, facts.kind) == (f"file://{tmp_path}/mirror", MirrorKind.FOLDER)

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            (REGISTRY, "site-cache"),
            ("oci://ghcr.io/lab/tools", "tools"),
            ("/srv/spack/mirror", "spack-mirror"),
            ("https://binaries.spack.io/develop", "develop"),
        ],
    )
    def test_names(self, instance, typed: str, name: str) -> None:
        assert understand_address(instance(), typed, Path("/")).suggested_name == name
