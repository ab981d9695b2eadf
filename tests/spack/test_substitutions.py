# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What paths and addresses in configuration files become."""

from __future__ import annotations

import os
import platform
import pwd
from pathlib import Path

import pytest

from core.spack import substitutions
from core.spack.conditions import ConditionError, evaluate_condition
from core.spack.substitutions import (
    HostArchitecture,
    PathContext,
    folder_of,
    host_architecture,
    resolve_address,
    resolve_path,
    spack_version,
    substitute,
)

ENVIRON = {"HOME": "/home/me", "SCRATCH": "/scratch", "SPACK": "/from/variable"}
CONTEXT = PathContext(Path("/opt/lab/spack"), ENVIRON, Path("/envs/x"), "1.1.1")
BASE = Path("/etc/spack")


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    host_architecture.cache_clear()
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(
        substitutions, "host_architecture", lambda: HostArchitecture("linux", "debian12", "x86_64_v4", "x86_64")
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$spack/../m", "/opt/lab/spack/../m"),
        ("${SPACK}/m", "/opt/lab/spack/m"),
        ("$Spack", "/opt/lab/spack"),
        ("$spackle/m", "$spackle/m"),
        ("$env/x", "/envs/x/x"),
        ("$user_cache_path", "/home/me/.spack"),
        ("$spack_short_version", "1.1"),
        ("/srv/$arch/$platform/$os/$operating_system", "/srv/linux-debian12-x86_64_v4/linux/debian12/debian12"),
        ("$target-$target_family", "x86_64_v4-x86_64"),
        ("$SCRATCH/m", "/scratch/m"),
        ("${SCRATCH}m", "/scratchm"),
        ("$NOT_THERE/m", "$NOT_THERE/m"),
        ("~", "/home/me"),
        ("~/m", "/home/me/m"),
        ("~nobody_of_this_name/m", "~nobody_of_this_name/m"),
        ("a~/m", "a~/m"),
    ],
)
def test_placeholders_variables_and_home(written: str, meant: str) -> None:
    assert substitute(written, CONTEXT) == meant


def test_user_comes_from_the_effective_uid() -> None:
    context = PathContext(None, {"USER": "somebody-else"})
    assert substitute("$user", context) == pwd.getpwuid(os.geteuid()).pw_name


def test_instance_id_is_seven_characters_and_differs() -> None:
    other = PathContext(Path("/opt/other"), ENVIRON)
    assert substitute("$spack_instance_id", CONTEXT) == "y5tkf5d" != substitute("$spack_instance_id", other)


def test_without_checkout_or_environment_placeholders_stay() -> None:
    context = PathContext(None, {})
    text = "$spack $env $spack_short_version $spack_instance_id"
    assert substitute(text, context) == text


def test_user_cache_path_can_be_moved() -> None:
    assert substitute("$user_cache_path/x", PathContext(None, {"SPACK_USER_CACHE_PATH": "/c"})) == "/c/x"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("./rel", "file:///etc/spack/rel"),
        ("some/dir", "file:///etc/spack/some/dir"),
        ("../x/./y", "file:///etc/x/y"),
        ("/srv/a b#c?d%e;f", "file:///srv/a%20b%23c%3Fd%25e%3Bf"),
        ("/srv/ü", "file:///srv/%C3%BC"),
        ("file:///srv/$spack/../x", "file:///srv/$spack/../x"),
        ("HTTPS://host/$user/", "HTTPS://host/$user/"),
        ("oci+http://localhost:5000/c", "oci+http://localhost:5000/c"),
        ("/srv/a:b", "file:///srv/a%3Ab"),
        ("~/m", "file:///home/me/m"),
    ],
)
def test_addresses(written: str, url: str) -> None:
    assert resolve_address(written, BASE, CONTEXT) == url


@pytest.mark.parametrize("written", ["ssh://host/x", "htp://host/x", "http://[/x", "C:/x"])
def test_addresses_that_lead_nowhere(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        resolve_address(written, BASE, CONTEXT)


def test_a_variable_that_holds_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="https"):
        resolve_address("$MIRROR/x", BASE, PathContext(None, {"MIRROR": "https://host"}))


def test_file_urls_are_paths_for_includes() -> None:
    assert resolve_path("file:///srv/a%20b", BASE, CONTEXT) == Path("/srv/a b")


@pytest.mark.parametrize("path", ["/srv/a b#c?d%e;f", "/srv/ü", "/"])
def test_folder_of_a_file_url_is_the_path_again(path: str) -> None:
    assert folder_of(Path(path).as_uri()) == Path(path)


@pytest.mark.parametrize("url", ["https://host/x", "file:", "oci://x/y", ""])
def test_other_addresses_have_no_folder(url: str) -> None:
    assert folder_of(url) is None


def test_environment_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(PathContext(None, {"SECRET": "hunter2"}))


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ({"ID": "debian", "VERSION_ID": "12"}, "debian12"),
        ({"ID": "ubuntu", "VERSION_ID": "22.04"}, "ubuntu22.04"),
        ({"ID": "rhel", "VERSION_ID": "9.4"}, "rhel9"),
        ({"ID": "ol", "VERSION_ID": "8.9"}, "oracle8"),
        ({"ID": "opensuse-leap", "VERSION_ID": "15.5"}, "opensuse15"),
        ({"ID": "arch"}, "arch"),
    ],
)
def test_host_os_in_spacks_words(monkeypatch: pytest.MonkeyPatch, release: dict[str, str], name: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert host_architecture().os == name


@pytest.mark.parametrize(
    ("source", "version"),
    [
        ('"""x"""\nimport os\n__version__ = "1.1.1"\nspack_version = __version__\n', "1.1.1"),
        ("#: comment\n__version__ = '0.23.2.dev0'\n", "0.23.2.dev0"),
        ("spack_version = other\n", ""),
    ],
)
def test_version_is_read_from_the_source(tmp_path: Path, source: str, version: str) -> None:
    package = tmp_path / "lib/spack/spack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    assert spack_version(tmp_path) == version
    assert spack_version(tmp_path / "elsewhere") == ""


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('"SPACK_DISABLE_LOCAL_CONFIG" not in env', True),
        ('"SITE" in env and env["SITE"] == "lab"', True),
        ("env.get('SITE', '') != 'lab' or not env.get('NONE')", True),
        ("env.get('NONE') == None", True),
        ("platform == 'darwin'", False),
        ("platform in ('linux', 'darwin')", True),
        ("re.match(r'la.$', env['SITE'])", True),
        ("re.search('^x', env['SITE'])", False),
        ("env['SITE'].startswith('l')", True),
    ],
)
def test_conditions(condition: str, holds: bool) -> None:
    assert evaluate_condition(condition, {"SITE": "lab"}) is holds


@pytest.mark.parametrize(
    "condition",
    [
        "__import__('os').system('true')",
        "().__class__",
        "arch.satisfies('target=x86_64:')",
        "env['NONE']",
        "platform <",
        "open('/etc/passwd')",
        "env.__class__",
        "platform.endswith(1)",
        "9**9**9",
        "not " * 900 + "True",
        "(" * 500,
        "",
    ],
)
def test_conditions_only_spack_can_evaluate(condition: str) -> None:
    with pytest.raises(ConditionError):
        evaluate_condition(condition, {})
