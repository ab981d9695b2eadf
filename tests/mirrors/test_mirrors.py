# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Mirrors resolved as Spack resolves them, with origins and without secrets."""

from __future__ import annotations

import json
import os
import platform
import pwd
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from core.mirrors.model import Connection, Mirror, MirrorKind, MirrorList
from core.mirrors.reading import mirrors_of
from core.spack import substitutions
from core.spack.config import Scope
from core.spack.instance import Instance
from core.spack.substitutions import HostArchitecture

ENVIRON = {
    "HOME": "/opt/lab/home",
    "LAB_ENV_VAR": "/from/env",
    "LAB_SECRET": "s3cret",
    "LAB_ID": "carol",
    "LAB_TOKEN": "tok",
}
PLAIN_SECRETS = ("access_token: abc", "access_pair: [id, sec]")


@pytest.fixture
def instance_of(tmp_path: Path) -> Callable[..., Instance]:
    """An instance whose scopes `s0` (highest), `s1`, … have these mirrors.yaml."""

    def make(*texts: str, directories: tuple[Path, ...] = (), **environ: str) -> Instance:
        scopes = [Scope(path.name, path) for path in directories]
        for index, text in enumerate(texts):
            directory = tmp_path / f"s{index}"
            directory.mkdir(exist_ok=True)
            (directory / "mirrors.yaml").write_text(text)
            scopes.append(Scope(f"s{index}", directory))
        root = Path("/opt/lab/spack")
        return Instance(root, root / "opt/spack", root / "opt/spack", "1.1.1", None, ENVIRON | environ, tuple(scopes))

    return make


def only(found: MirrorList) -> Mirror:
    (mirror,) = found.mirrors
    return mirror


def assert_connection(connection: Connection, expected: dict, direction: str) -> None:
    credentials = expected[f"{direction}_credentials"]
    url = expected[f"{direction}_url"]
    if isinstance(url, dict):
        assert connection.url == ""
        assert url["error"] == f"ValueError: {connection.problem}"
    else:
        assert (connection.url, connection.problem) == (url, "")
    assert connection.endpoint_url == (expected[f"{direction}_endpoint"] or "")
    assert connection.profile == credentials.get("profile", "")
    assert connection.has_token == ("access_token" in credentials)
    assert connection.has_pair == ("access_pair" in credentials)
    if "access_token" in credentials:
        assert ENVIRON[connection.token_variable] == credentials["access_token"]
    if "access_pair" in credentials:
        user = connection.user or ENVIRON[connection.user_variable]
        assert [user, ENVIRON[connection.secret_variable]] == credentials["access_pair"]


def assert_mirror(mirror: Mirror, expected: dict) -> None:
    for key in ("binary", "source", "signed", "autopush"):
        assert getattr(mirror, key) == expected[key]
    assert_connection(mirror.fetch, expected, "fetch")
    assert_connection(mirror.push, expected, "push")
    usable = "" if expected["push_usable"] is True else expected["push_usable"].removeprefix("MirrorError: ")
    if not mirror.push.problem:
        assert mirror.push_problem == usable


@pytest.mark.parametrize("form", ["string", "dict"])
def test_every_mirror_is_what_spack_makes_of_it(
    golden: Path, instance_of: Callable[..., Instance], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = HostArchitecture("linux", "debian12", "x86_64_v4", "x86_64")
    monkeypatch.setattr(substitutions, "host_architecture", lambda: host)
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    directory = golden / "config" / form
    text = (directory / "expected.json").read_text()
    user = pwd.getpwuid(os.geteuid()).pw_name
    text = text.replace(f"/opt/lab/cfggold/{form}", quote(str(directory))).replace(
        "/scratch/root/", f"/scratch/{user}/"
    )
    expected = json.loads(text)["mirrors"]
    found = mirrors_of(instance_of(directories=(directory,)))
    assert [mirror.name for mirror in found.mirrors] == list(expected)
    assert found.problems == ()
    for mirror in found.mirrors:
        assert_mirror(mirror, expected[mirror.name])


def schema_cases() -> dict:
    path = Path(__file__).parents[1] / "data/spack-1.1/config/schema-cases.json"
    return json.loads(path.read_text())


@pytest.mark.parametrize("case", schema_cases())
def test_entries_are_accepted_or_refused_as_by_spack(instance_of: Callable[..., Instance], case: str) -> None:
    verdict = schema_cases()[case]
    instance = instance_of(f"mirrors:\n  {case}\n  good: /srv/good\n")
    found = mirrors_of(instance)
    assert found.mirrors[-1].name == "good"
    if verdict["accepted"]:
        assert found.problems == ()
        assert_mirror(found.mirrors[0], verdict["resolved"]["a"])
        return
    (problem,) = found.problems
    assert problem.title.startswith(f"{instance.scopes[0].directory}/mirrors.yaml:2: mirror a ")
    loads = any(text in case for text in PLAIN_SECRETS)
    assert [mirror.name for mirror in found.mirrors] == (["a", "good"] if loads else ["good"])
    assert ("plain text" in problem.title) == loads


@pytest.mark.parametrize(
    "entry",
    [
        "{url: x, push: {access_pair: {id: a}}}",
        "{url: x, access_pair: {id_variable: 5, secret_variable: S}}",
        "{url: x, access_pair: text}",
        "{url: x, access_pair: [a]}",
        "{url: x, push: {signed: true}}",
        "{url: x, push: [y]}",
        "{url: x, profile: 5}",
        "{url: x, autopush: null}",
    ],
)
def test_further_refusals(instance_of: Callable[..., Instance], entry: str) -> None:
    found = mirrors_of(instance_of(f"mirrors:\n  good: /g\n  a: {entry}\n"))
    assert [mirror.name for mirror in found.mirrors] == ["good"]
    assert "mirrors.yaml:3: mirror a is left out" in found.problems[0].title


def test_an_entry_refused_in_one_file_still_comes_from_another(instance_of: Callable[..., Instance]) -> None:
    found = mirrors_of(instance_of("mirrors: {a: 5}\n", "mirrors: {a: /lower}\n"))
    assert only(found).push.url == "file:///lower"
    assert len(found.problems) == 1


def test_a_broken_file_is_named_and_the_rest_loads(instance_of: Callable[..., Instance]) -> None:
    found = mirrors_of(instance_of("mirrors:\n\ta: x\n", "mirrors: {a: /lower}\n"))
    assert only(found).name == "a"
    assert "s0/mirrors.yaml:2: not valid YAML" in found.problems[0].title


def test_only_fetch_leaves_push_without_url(instance_of: Callable[..., Instance]) -> None:
    mirror = only(mirrors_of(instance_of("mirrors: {a: {fetch: /srv/x}}\n")))
    assert mirror.fetch.url == "file:///srv/x"
    assert (mirror.push.url, mirror.push_problem) == ("", "Mirror a has no URL configured")
    assert (mirror.kind, mirror.folder) == (MirrorKind.FOLDER, Path("/srv/x"))


def test_no_url_at_all_has_no_kind(instance_of: Callable[..., Instance]) -> None:
    mirror = only(mirrors_of(instance_of("mirrors: {a: {url: ''}}\n")))
    assert (mirror.kind, mirror.folder, mirror.fetch.problem) == (None, None, "Mirror a has no URL configured")


def test_an_address_nobody_understands_is_a_problem_of_the_connection(instance_of: Callable[..., Instance]) -> None:
    mirror = only(mirrors_of(instance_of("mirrors: {a: 'ssh://host/x'}\n")))
    assert mirror.push.url == ""
    assert "ssh" in mirror.push_problem


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/srv/x", MirrorKind.FOLDER),
        ("http://h/x", MirrorKind.WEB),
        ("https://h/x", MirrorKind.WEB),
        ("S3://b/x", MirrorKind.S3),
        ("gs://b/x", MirrorKind.GS),
        ("oci://h/x", MirrorKind.OCI),
        ("oci+http://h/x", MirrorKind.OCI_HTTP),
        ("ftp://h/x", MirrorKind.FTP),
        ("sftp://h/x", MirrorKind.SFTP),
    ],
)
def test_kinds(instance_of: Callable[..., Instance], url: str, kind: MirrorKind) -> None:
    mirror = only(mirrors_of(instance_of(f"mirrors: {{a: {{fetch: 'https://other/y', push: '{url}'}}}}\n")))
    assert mirror.kind is kind
    assert (mirror.folder is not None) == (kind is MirrorKind.FOLDER)


def test_folder_is_decoded_again(instance_of: Callable[..., Instance], tmp_path: Path) -> None:
    mirror = only(mirrors_of(instance_of("mirrors: {a: './my mirror#1'}\n")))
    assert mirror.push.url == f"file://{tmp_path}/s0/my%20mirror%231"
    assert mirror.push.raw == "./my mirror#1"
    assert mirror.folder == tmp_path / "s0" / "my mirror#1"


def test_merged_over_scopes_with_origins(instance_of: Callable[..., Instance], tmp_path: Path) -> None:
    found = mirrors_of(
        instance_of(
            "mirrors:\n  new: /n\n  z:\n    url: ./up\n",
            "mirrors:\n  z:\n    url: ./low\n    signed: false\n    push: ./p\n  old: /o\n",
        )
    )
    assert [mirror.name for mirror in found.mirrors] == ["new", "z", "old"]
    mirror = found.named("z")
    assert mirror is not None
    assert mirror.fetch.url == f"file://{tmp_path}/s0/up"
    assert mirror.push.url == f"file://{tmp_path}/s1/p"
    assert (mirror.scope, mirror.signed, mirror.signed_setting) == ("s0", False, False)
    assert (mirror.fetch.folder, mirror.push.folder) == (tmp_path / "s0/up", tmp_path / "s1/p")
    assert mirror.folder == mirror.push.folder
    upper, lower = f"{tmp_path}/s0/mirrors.yaml", f"{tmp_path}/s1/mirrors.yaml"
    assert mirror.origin == (
        ("", "s0", upper, 3),
        ("url", "s0", upper, 4),
        ("signed", "s1", lower, 4),
        ("push", "s1", lower, 5),
    )


def test_double_colon_names_the_mirror_without_it(instance_of: Callable[..., Instance]) -> None:
    found = mirrors_of(instance_of("mirrors:\n  a:: {url: /a}\n", "mirrors: {a: {url: /b, signed: false}}\n"))
    assert (only(found).name, only(found).signed_setting) == ("a", None)


@pytest.mark.parametrize(("text", "setting"), [("", None), (", signed: true", True), (", signed: false", False)])
def test_signed_has_three_states(instance_of: Callable[..., Instance], text: str, setting: bool | None) -> None:
    mirror = only(mirrors_of(instance_of(f"mirrors: {{a: {{url: /a{text}}}}}\n")))
    assert (mirror.signed_setting, mirror.signed) == (setting, setting is not False)


def test_variables_are_looked_up_when_asked(instance_of: Callable[..., Instance]) -> None:
    instance = instance_of("mirrors: {a: $WHERE/x}\n", WHERE="/one")
    assert only(mirrors_of(instance)).push.url == "file:///one/x"
    (instance.scopes[0].directory / "mirrors.yaml").write_text("mirrors: {a: /two}\n")
    assert only(mirrors_of(instance)).push.url == "file:///two"


def test_null_in_a_direction_hides_what_holds_for_both(instance_of: Callable[..., Instance]) -> None:
    text = "mirrors: {a: {url: 's3://b', profile: p, push: {profile: null}}}\n"
    mirror = only(mirrors_of(instance_of(text)))
    assert (mirror.fetch.profile, mirror.push.profile) == ("p", "")


def test_unset_and_empty_variables(instance_of: Callable[..., Instance]) -> None:
    pair = "access_pair: {id_variable: NO_ID, secret_variable: EMPTY}"
    text = f"mirrors: {{a: {{url: 's3://b', access_token_variable: NO_TOKEN, {pair}}}}}\n"
    push = only(mirrors_of(instance_of(text, EMPTY=""))).push
    assert push.unset == ("NO_ID", "NO_TOKEN")
    assert not push.has_pair
    assert not push.has_token
    assert only(mirrors_of(instance_of(text, EMPTY=""))).push_problem.splitlines() == [
        "invalid push configuration for mirror a: id_variable NO_ID not set in environment",
        "    environment variable `NO_TOKEN` (access_token_variable) not set",
    ]


@pytest.mark.parametrize(
    "entry",
    [
        "{url: 's3://b', access_token: hunter2}",
        "{url: 's3://b', access_pair: [id, hunter2]}",
        "{url: 's3://b', push: {access_pair: [id, hunter2]}}",
        "https://user:hunter2@host/x",
        "{url: 's3://b', access_pair: {id: id, secret_variable: SECRET}}",
        "{url: 's3://b', bogus: hunter2}",
        "{url: 's3://b', signed: hunter2}",
    ],
)
def test_secrets_appear_nowhere(instance_of: Callable[..., Instance], entry: str) -> None:
    found = mirrors_of(instance_of(f"mirrors: {{a: {entry}}}\n", SECRET="hunter2"))
    assert "hunter2" not in repr(found)
    for mirror in found.mirrors:
        assert mirror.push.plain_secret == ("hunter2" in entry)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("123", "a number"), ("1.5", "a number"), ("1e3", "a number"), ("0x10", "a number"), (".inf", "a number")),
        *(("true", "true or false"), ("False", "true or false"), ("null", "nothing"), ("2024-01-01", "a date")),
    ],
)
def test_a_name_that_is_no_text_to_yaml_is_told(instance_of: Callable[..., Instance], name: str, kind: str) -> None:
    """Spack crashes on it; in quotes it is fine."""
    found = mirrors_of(instance_of(f"mirrors:\n  fine: /y\n  {name}: /x\n"))
    (problem,) = found.problems
    assert problem.title.endswith(f"mirrors.yaml:3: mirror {name} has a name Spack cannot use")
    assert f"is {kind} to YAML" in problem.why
    assert f'"{name}"' in problem.remedies[0]
    assert [mirror.name for mirror in found.mirrors] == ["fine", name]
    assert mirrors_of(instance_of(f'mirrors:\n  "{name}": /x\n')).problems == ()


@pytest.mark.parametrize("name", ["yes", "no", "1:20", "v1.5", "123a", "2024-01", "on", "1.2.3"])
def test_names_that_only_look_odd(instance_of: Callable[..., Instance], name: str) -> None:
    assert mirrors_of(instance_of(f"mirrors:\n  {name}: /x\n")).problems == ()
