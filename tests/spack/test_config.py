# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Scopes and their order, and merging with origins."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
from pathlib import Path

import pytest
from checkouts import write

from core.spack.config import Scope, merged_section
from core.spack.environments import Environment
from core.spack.scopes import ScopeList, read_scopes


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")


def names(found: ScopeList) -> list[str]:
    return [scope.name for scope in found.scopes]


def scopes_of(checkout, environment: Environment | None = None, **environ: str) -> ScopeList:
    return read_scopes(checkout.root, environment=environment, environ=checkout.environ | environ)


def merged(tmp_path: Path, *texts: str, section: str = "mirrors"):
    """The section over scopes `s0` (highest), `s1`, …"""
    scopes = [
        Scope(f"s{index}", write(tmp_path / f"s{index}/{section}.yaml", t).parent) for index, t in enumerate(texts)
    ]
    return merged_section(scopes, section)


# ---- which scopes ----


def test_order_of_1_1(checkout) -> None:
    for directory in (checkout.user, checkout.system, checkout.etc / "site", checkout.etc / "defaults" / "linux"):
        directory.mkdir(parents=True)
    found = scopes_of(checkout)
    assert names(found) == ["spack", "user", "site", "system", "defaults", "defaults:linux", "defaults:base"]
    assert found.scopes[1].directory == checkout.user
    assert found.problems == ()


def test_places_that_do_not_exist_are_no_scopes(checkout) -> None:
    assert names(scopes_of(checkout)) == ["spack", "defaults", "defaults:base"]


def test_variables_move_and_disable_scopes(checkout, tmp_path: Path) -> None:
    checkout.system.mkdir()
    checkout.user.mkdir(parents=True)
    (tmp_path / "other").mkdir()
    found = scopes_of(checkout, SPACK_USER_CONFIG_PATH=str(tmp_path / "other"))
    assert found.scopes[1].directory == tmp_path / "other"
    assert names(scopes_of(checkout, SPACK_DISABLE_LOCAL_CONFIG="")) == ["spack", "defaults", "defaults:base"]


def test_a_site_may_rearrange_its_scopes(checkout, tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    checkout.user.mkdir(parents=True)
    text = f"include:\n- name: team\n  path: {tmp_path}/team\n- {{name: user, path: ~/.spack}}\n- local\n"
    write(checkout.etc / "include.yaml", text)
    (checkout.etc / "local").mkdir()
    assert names(scopes_of(checkout))[:4] == ["spack", "team", "user", "spack:local"]


def test_includes_of_includes_rank_just_below_their_includer(checkout) -> None:
    write(checkout.user / "include.yaml", "include:\n- a\n- path: b/file.yaml\n")
    write(checkout.user / "a" / "include.yaml", "include: [deeper]\n")
    write(checkout.user / "a" / "deeper" / "mirrors.yaml", "mirrors: {m: /deeper}\n")
    write(checkout.user / "b" / "file.yaml", "mirrors: {m: /file, n: /n}\n")
    (checkout.etc / "site").mkdir()
    found = scopes_of(checkout)
    assert names(found)[:6] == ["spack", "user", "user:a", "user:a:deeper", "user:b/file.yaml", "site"]
    assert merged_section(found.scopes, "mirrors").get() == {"m": "/deeper", "n": "/n"}


def test_environment_and_its_includes_are_on_top(checkout, tmp_path: Path) -> None:
    path = write(tmp_path / "envs/x/spack.yaml", "spack:\n  include: [extra.yaml]\n  mirrors: {e: ./rel}\n").parent
    write(path / "extra.yaml", "mirrors: {e: /lower, f: /f}\n")
    found = scopes_of(checkout, Environment("x", path))
    assert names(found)[:3] == ["env:x", f"env:x:{path}/extra.yaml", "spack"]
    section = merged_section(found.scopes, "mirrors")
    assert section.get() == {"e": "./rel", "f": "/f"}
    assert section.find("e").origin.line == 3


@pytest.mark.parametrize("text", ["include:: []", "include::\n- only"])
def test_double_colon_include_drops_what_is_below(checkout, text: str) -> None:
    write(checkout.user / "include.yaml", text)
    (checkout.user / "only").mkdir()
    checkout.system.mkdir()
    (checkout.etc / "site").mkdir()
    kept = ["user:only"] if "only" in text else []
    assert names(scopes_of(checkout)) == ["spack", "user", *kept, "defaults", "defaults:base"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("- missing", "does not exist"),
        ("- {path: x, when: 'arch.satisfies(1)'}", "only Spack"),
        ("- {optional: true}", "neither a path"),
        ("- 5", "neither a path"),
        ("- {git: 'https://x.invalid/r.git', branch: main, paths: [a]}", "not cloned"),
        ("- {path: 'https://x.invalid/a.yaml', sha256: abc}", "not fetched"),
        ("- ssh://host/x", "neither a path nor a scheme"),
        ("- ''", "empty"),
        ("- .", "includes itself"),
    ],
)
def test_includes_that_cannot_be_followed_are_problems(checkout, entry: str, why: str) -> None:
    file = write(checkout.user / "include.yaml", f"include:\n{entry}\n")
    write(checkout.user / "mirrors.yaml", "mirrors: {m: /m}\n")
    found = scopes_of(checkout)
    assert names(found) == ["spack", "user", "defaults", "defaults:base"]
    (problem,) = found.problems
    assert problem.title.startswith(f"{file}:2: ")
    assert why in problem.why


def test_two_includes_of_one_name(checkout, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    text = f"include:\n- {{name: t, path: {tmp_path}/a}}\n- {{name: t, path: {tmp_path}/b}}\n"
    write(checkout.user / "include.yaml", text)
    found = scopes_of(checkout)
    assert [scope.directory for scope in found.scopes if scope.name == "t"] == [tmp_path / "a"]
    assert found.problems[0].title.endswith("include.yaml:3: an include is left out")


def test_includes_that_spack_has_fetched_before(checkout, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "includes"
    digest = base64.b32encode(hashlib.sha1(b"https://x.invalid/r.git").digest()).decode().lower()
    write(cache / digest[-7:] / "a" / "mirrors.yaml", "mirrors: {g: /g}\n")
    write(cache / "abc" / "f.yaml", "mirrors: {u: /u}\n")
    text = (
        "include:\n- {git: 'https://x.invalid/r.git', branch: main, paths: [a]}\n"
        "- {path: 'https://x.invalid/d/f.yaml', sha256: abc}\n"
    )
    write(checkout.user / "include.yaml", text)
    found = scopes_of(checkout, SPACK_USER_CACHE_PATH=str(tmp_path / "cache"))
    assert merged_section(found.scopes, "mirrors").get() == {"g": "/g", "u": "/u"}
    assert found.problems == ()


def test_order_of_0_23_with_directories_per_platform(checkout_0_23) -> None:
    write(checkout_0_23.user / "include.yaml", "include: [missing]\n")
    found = scopes_of(checkout_0_23)
    assert names(found) == [
        *("user/linux", "user", "site/linux", "site"),
        *("system/linux", "system", "defaults/linux", "defaults"),
    ]
    assert found.scopes[3].directory == checkout_0_23.etc
    assert found.problems == ()


def test_order_of_1_0(checkout_1_0) -> None:
    assert names(scopes_of(checkout_1_0)) == ["user", "site", "system", "defaults", "defaults:base"]
    assert names(scopes_of(checkout_1_0, SPACK_DISABLE_LOCAL_CONFIG="1"))[0] == "site"


def test_a_bare_install_root_has_the_users_scopes_read_only(checkout) -> None:
    found = read_scopes(None, environment=None, environ=checkout.environ)
    assert [(scope.name, scope.directory, scope.writable) for scope in found.scopes] == [
        ("user", checkout.user, False),
        ("system", checkout.system, False),
    ]


# ---- merging ----


def test_mappings_merge_by_key_and_keep_origins(tmp_path: Path) -> None:
    section = merged(
        tmp_path,
        "mirrors:\n  z: {url: A}\n",
        "mirrors:\n  y: /y\n  z:\n    url: B\n    signed: false\n    push: /p\n",
    )
    assert section.get() == {"z": {"url": "A", "signed": False, "push": "/p"}, "y": "/y"}
    assert list(section.get()) == ["z", "y"]
    url, signed = section.find("z", "url"), section.find("z", "signed")
    assert (url.origin.scope, url.origin.file, url.origin.line) == ("s0", tmp_path / "s0/mirrors.yaml", 2)
    assert [(value.content, value.origin.scope, value.origin.line) for value in url.shadowed] == [("B", "s1", 4)]
    assert (signed.origin.scope, signed.origin.line, signed.shadowed) == ("s1", 5, ())


def test_a_text_replaces_a_mapping_and_the_other_way_round(tmp_path: Path) -> None:
    section = merged(tmp_path, "mirrors: {a: x, b: {url: y}}\n", "mirrors: {a: {url: z}, b: w}\n")
    assert section.get() == {"a": "x", "b": {"url": "y"}}
    assert section.find("a").shadowed[0].plain() == {"url": "z"}


def test_lists_are_concatenated_without_repeats(tmp_path: Path) -> None:
    section = merged(tmp_path, "config: {l: [a, b]}\n", "config: {l: [b, c]}\n", "config: {l: [d]}\n", section="config")
    assert section.get("l") == ["a", "b", "c", "d"]


def test_null_replaces(tmp_path: Path) -> None:
    assert merged(tmp_path, "mirrors: {a: {push: null}}\n", "mirrors: {a: {push: x}}\n").get("a") == {"push": None}


def test_double_colon_on_the_section_drops_lower_scopes(tmp_path: Path) -> None:
    section = merged(tmp_path, "mirrors: {a: A}\n", "mirrors:: {b: B}\n", "mirrors: {c: C}\n")
    assert section.get() == {"a": "A", "b": "B"}


def test_double_colon_on_an_entry_drops_the_lower_entry(tmp_path: Path) -> None:
    section = merged(tmp_path, "mirrors:\n  a:: {url: A}\n", "mirrors: {a: {url: B, signed: false}, b: B}\n")
    assert section.get() == {"a": {"url": "A"}, "b": "B"}
    assert section.find("a").shadowed[0].plain() == {"url": "B", "signed": False}


def test_three_scopes_shadow_in_order(tmp_path: Path) -> None:
    section = merged(tmp_path, "mirrors: {a: A}\n", "mirrors: {a: B}\n", "mirrors: {a: C}\n")
    assert [value.content for value in section.find("a").shadowed] == ["B", "C"]


def test_plus_and_minus_are_part_of_a_name(tmp_path: Path) -> None:
    section = merged(tmp_path, "mirrors: {+a: A, -b: B}\n", "mirrors: {a: x}\n")
    assert section.get() == {"+a": "A", "-b": "B", "a": "x"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mirrors:\n  a: 1\n  a: 2\n", 3),
        ("mirrors:\n  - a\n", 1),
        ("mirrors:\n", 1),
        ("other: {a: b}\n", 1),
        ("- a\n", 1),
        ("a\n", 1),
    ],
)
def test_a_broken_file_is_named_and_the_rest_loads(tmp_path: Path, text: str, line: int) -> None:
    section = merged(tmp_path, "mirrors: {a: A}\n", text, "mirrors: {c: C}\n")
    assert section.get() == {"a": "A", "c": "C"}
    (problem,) = section.problems
    assert problem.code == "config"
    assert problem.title.startswith(f"{tmp_path}/s1/mirrors.yaml:{line}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named_and_the_rest_loads(tmp_path: Path) -> None:
    write(tmp_path / "s0/mirrors.yaml", "").chmod(0)
    section = merged_section([Scope("s0", tmp_path / "s0"), Scope("s1", tmp_path / "s1")], "mirrors")
    assert section.problems[0].why == "Permission denied"


def test_an_unreadable_place_is_named_and_the_rest_loads(tmp_path: Path) -> None:
    (tmp_path / "s0" / "mirrors.yaml").mkdir(parents=True)
    write(tmp_path / "s1" / "mirrors.yaml", "mirrors: {a: A}\n")
    section = merged_section([Scope("s0", tmp_path / "s0"), Scope("s1", tmp_path / "s1")], "mirrors")
    assert section.get() == {"a": "A"}
    assert str(tmp_path / "s0/mirrors.yaml") in section.problems[0].title


def test_nothing_anywhere(tmp_path: Path) -> None:
    section = merged(tmp_path, "", "# nothing\n")
    assert (section.value, section.problems, section.get("a"), section.find()) == (None, (), None, None)


def test_content_stays_out_of_the_repr(tmp_path: Path) -> None:
    assert "hunter2" not in repr(merged(tmp_path, "mirrors: {a: {access_token: hunter2}}\n", "mirrors: {a: hunter2}\n"))
