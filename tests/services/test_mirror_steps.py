# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Tests of mirrors: folders, registries and others, good and broken."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.unprivileged import open_directory, run_unprivileged
from registry.clients import image
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE
from registry.servers import RunningRegistry
from services.login_world import PAIR, REPOSITORY, VARIABLE, World, world, write_mirrors

from core.caches.oci.oci_index import index_manifest
from core.foundation.cancel import CancelToken
from core.foundation.digests import digest_of
from core.foundation.errors import Cancelled, NotFound
from core.mirrors.servers import ServerSettings
from core.services import login_values as values
from core.services.login_values import StepKey, StepState
from core.services.mirror_test import memory as memories
from core.services.mirror_test import way
from core.services.mirror_test.run import MirrorTester
from core.services.mirror_test.spack_view import login_troubles
from core.transfers.plan import Signing

HASH = "abcdefghijklmnopqrstuvwxyz234567"
INDEX = json.dumps(
    {"database": {"version": "8", "installs": {HASH: {"spec": {}, "ref_count": 0, "in_buildcache": True}}}}
).encode()
Found = dict[StepKey, values.TestStep]


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def memory(home: Path) -> memories.TestMemory:
    return memories.TestMemory(home / "cache")


def fill(registry: FakeRegistry, name: str = REPOSITORY, *, index: bool = True) -> None:
    """One package, and the index that knows it."""
    registry.add_manifest(name, image(b"{}"), tag=f"zlib-1.3-{HASH}.spack")
    if index:
        registry.add_blob(name, INDEX)
        registry.add_manifest(name, index_manifest(digest_of(INDEX), len(INDEX)), tag="index.spack")


def trying(made: World, memory: memories.TestMemory, **more: Any) -> MirrorTester:
    return MirrorTester(made.instance, made.access, memory, **more)


def steps_of(made: World, memory: memories.TestMemory, name: str, **more: Any) -> tuple[list[values.TestStep], Any]:
    parts = list(trying(made, memory).run(name, CancelToken(), **more))
    assert all(isinstance(part, list) and len(part) == 1 for part in parts[:-1]), "each step as it ends"
    view = parts[-1]
    assert isinstance(view, values.TestView)
    assert list(view.steps) == [step for part in parts[:-1] for step in part]  # type: ignore[union-attr]
    return list(view.steps), view


def run(made: World, memory: memories.TestMemory, name: str, **more: Any) -> Found:
    steps, _ = steps_of(made, memory, name, **more)
    found = {step.key: step for step in steps}
    assert len(found) == len(steps)
    return found


def states(found: Found) -> dict[str, str]:
    return {key.value: step.state.value for key, step in found.items()}


class TestRegistries:
    @pytest.fixture
    def secure(self) -> Iterator[FakeRegistry]:
        with FakeRegistry(certificate="server") as fake:
            yield fake

    @pytest.fixture
    def lab(self, checkout: Path, secure: FakeRegistry) -> Iterator[World]:
        secure.authority.kind = "bearer"
        secure.authority.realm = f"{secure.url}/token"
        secure.authority.anonymous_pull = True
        entry = {"url": f"oci://{secure.host}/{REPOSITORY}", "access_pair": PAIR}
        with world(checkout, {"site": entry}, {VARIABLE: "pass-word"}) as made:
            made.access.servers.put(secure.host, ServerSettings(ca_file=str(CA_FILE)))
            yield made

    def test_all_is_well(self, lab: World, secure: FakeRegistry, memory: memories.TestMemory) -> None:
        fill(secure)
        found = run(lab, memory, "site")
        assert list(states(found)) == [
            "resolve", "connect", "tls", "authenticate", "read", "push", "list", "index", "key", "spack", "reader",
        ]  # fmt: skip
        spack = found.pop(StepKey.SPACK)
        assert set(states(found).values()) == {"ok", "skipped"}
        assert states(found)["key"] == "skipped"
        assert "issued by" in found[StepKey.TLS].detail
        assert "valid until" in found[StepKey.TLS].detail
        assert f"signed in as me (variable, {VARIABLE}) by bearer" in found[StepKey.AUTHENTICATE].detail
        assert found[StepKey.PUSH].detail == "me may push: an upload was opened and dropped"
        assert found[StepKey.LIST].detail == "1 package"
        assert "knows all 1 package" in found[StepKey.INDEX].detail
        assert found[StepKey.READER].detail == "may read, and finds the index"
        assert spack.state is StepState.WARNING, "Spack does not know the authority"
        assert spack.remedy == f"Name them for Spack too: spack config add config:ssl_certs:{CA_FILE}"
        assert not secure.seen("PUT")
        assert len(secure.seen("DELETE", "/uploads/")) == 1

    def test_a_read_only_token(self, lab: World, secure: FakeRegistry, memory: memories.TestMemory) -> None:
        fill(secure)
        secure.authority.read_only = {"me"}
        found = run(lab, memory, "site")
        assert states(found)["read"] == "ok"
        assert found[StepKey.PUSH].state is StepState.FAILED
        assert "good for reading only" in found[StepKey.PUSH].remedy

    def test_a_wrong_password(self, lab: World, secure: FakeRegistry, memory: memories.TestMemory) -> None:
        fill(secure)
        secure.authority.users = {"me": "changed"}
        steps, view = steps_of(lab, memory, "site")
        found = {step.key: step for step in steps}
        assert view.verdict is StepState.FAILED
        assert found[StepKey.AUTHENTICATE].state is StepState.FAILED
        assert "does not accept the login" in found[StepKey.AUTHENTICATE].detail
        assert found[StepKey.READ].state is StepState.SKIPPED
        assert found[StepKey.READER].state is StepState.OK, "others still can"

    def test_a_login_that_is_not_to_be_had(
        self, checkout: Path, secure: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        entry = {"url": f"oci://{secure.host}/{REPOSITORY}", "access_pair": PAIR}
        with world(checkout, {"site": entry}) as made:
            made.access.servers.put(secure.host, ServerSettings(ca_file=str(CA_FILE)))
            secure.authority.kind = "basic"
            found = run(made, memory, "site")
        assert found[StepKey.AUTHENTICATE].state is StepState.FAILED
        assert f"not set in the environment: {VARIABLE}" in found[StepKey.AUTHENTICATE].detail
        assert found[StepKey.AUTHENTICATE].remedy == "Sign in, or set the variables."
        assert found[StepKey.READER].state is StepState.OK, "each user needs a login, as the mirror says"
        assert "each user needs a login" in found[StepKey.READER].detail

    def test_an_authority_nobody_knows(self, checkout: Path, secure: FakeRegistry, memory: memories.TestMemory) -> None:
        with world(checkout, {"site": f"oci://{secure.host}/{REPOSITORY}"}) as made:
            found = run(made, memory, "site")
        assert states(found) == {"resolve": "ok", "connect": "ok", "tls": "failed", "authenticate": "skipped"}
        assert "certificate authority in the mirror's settings" in found[StepKey.TLS].remedy

    def test_a_certificate_that_ends_soon(
        self, lab: World, secure: FakeRegistry, memory: memories.TestMemory, monkeypatch
    ) -> None:
        fill(secure)
        monkeypatch.setattr(way, "_SOON_S", 1e10)
        found = run(lab, memory, "site")
        assert found[StepKey.TLS].state is StepState.WARNING
        assert "renewed" in found[StepKey.TLS].remedy

    def test_a_private_repository_and_no_login_for_fetching(
        self, checkout: Path, secure: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        fill(secure)
        secure.authority.kind = "basic"
        url = f"oci://{secure.host}/{REPOSITORY}"
        entry = {"fetch": url, "push": {"url": url, "access_pair": PAIR}}
        with world(checkout, {"site": entry}, {VARIABLE: "pass-word"}) as made:
            made.access.servers.put(secure.host, ServerSettings(ca_file=str(CA_FILE)))
            steps, view = steps_of(made, memory, "site")
        titles = [step.title for step in steps]
        assert "Sign in, to fetch" in titles
        assert "Push, to push" in titles
        assert view.verdict is StepState.FAILED
        fetched = next(step for step in steps if step.title == "Read, to fetch")
        pushed = next(step for step in steps if step.key is StepKey.PUSH)
        assert fetched.state is not StepState.OK
        assert pushed.state is StepState.OK

    def test_as_an_ordinary_reader(self, lab: World, secure: FakeRegistry, memory: memories.TestMemory) -> None:
        fill(secure)
        found = run(lab, memory, "site", as_reader=True)
        assert list(states(found)) == ["resolve", "connect", "tls", "authenticate", "read", "list", "index", "key"]
        assert "without a login" in found[StepKey.AUTHENTICATE].detail
        assert not secure.seen("POST", "/uploads/")
        secure.authority.anonymous_pull = False
        refused = run(lab, memory, "site", as_reader=True)
        assert StepState.FAILED in (refused[StepKey.AUTHENTICATE].state, refused[StepKey.READ].state)

    def test_an_index_that_is_behind_missing_or_broken(
        self, lab: World, secure: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        fill(secure, index=False)
        found = run(lab, memory, "site")
        assert found[StepKey.INDEX].state is StepState.FAILED
        assert "update-index" in found[StepKey.INDEX].remedy
        fill(secure)
        secure.add_manifest(REPOSITORY, image(b"{ }"), tag=f"xz-5-{HASH[::-1]}.spack")
        found = run(lab, memory, "site")
        assert "it knows 1 package, but 2 are there" in found[StepKey.INDEX].detail
        secure.add_manifest(REPOSITORY, b"[]", tag="index.spack")
        assert run(lab, memory, "site")[StepKey.INDEX].state is StepState.FAILED

    def test_without_probing_nothing_is_begun(
        self, lab: World, secure: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        fill(secure)
        *_, view = trying(lab, memory, probe=False).run("site", CancelToken())
        assert isinstance(view, values.TestView)
        assert [step.state for step in view.steps if step.key is StepKey.PUSH] == [StepState.SKIPPED]
        assert not secure.seen("POST", "/uploads/")

    def test_an_empty_repository(self, lab: World, memory: memories.TestMemory) -> None:
        found = run(lab, memory, "site")
        assert (found[StepKey.READ].state, found[StepKey.PUSH].state) == (StepState.WARNING, StepState.OK)
        assert "no repository lab/cache" in found[StepKey.READ].detail


class TestSpackItself:
    def seen(self, made: World, memory: memories.TestMemory) -> values.TestStep:
        return run(made, memory, "site")[StepKey.SPACK]

    @pytest.fixture
    def plain(self, checkout: Path, registry: FakeRegistry) -> Iterator[World]:
        fill(registry)
        url = f"oci+http://{registry.host}/{REPOSITORY}"
        entry = {"url": url, "access_pair": PAIR}
        with world(checkout, {"site": entry}, {VARIABLE: "pass-word"}, plain_host=registry.host) as made:
            yield made

    def test_q48_oci_http_is_never_listed(self, plain: World, memory: memories.TestMemory) -> None:
        found = self.seen(plain, memory)
        assert found.state is StepState.WARNING
        assert "never sees the index of an oci+http mirror" in found.detail
        assert "oci://" in found.remedy

    def test_passwords_over_http_cannot_be_pushed_with(
        self, plain: World, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        registry.authority.kind = "basic"
        assert "cannot push with a password over oci+http" in self.seen(plain, memory).detail

    def test_q48_pages_that_spack_does_not_follow(
        self, plain: World, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        following = f'<http://{registry.host}/v2/{REPOSITORY}/tags/list?last=a>; rel="next"'
        registry.faults.add(path="/tags/list", headers={"Link": following}, times=1, nth=1)
        assert "Spack stops after the first 2 tags" in self.seen(plain, memory).detail

    def test_tags_that_stop_spacks_update(
        self, plain: World, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        registry.add_manifest(REPOSITORY, image(b"{ }"), tag="env.spack")
        found = self.seen(plain, memory)
        assert "1 tag ending in .spack but naming no package" in found.detail
        assert "env.spack" in found.detail

    def test_null_tags(self, plain: World, registry: FakeRegistry, memory: memories.TestMemory) -> None:
        body = b'{"name": "lab/cache", "tags": null}'
        json_type = {"Content-Type": "application/json"}
        registry.faults.add(path="/tags/list", status=200, body=body, headers=json_type, times=None)
        assert "`null` for an empty list of tags" in self.seen(plain, memory).detail

    def test_q47_a_type_with_parameters(
        self, plain: World, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        odd = "application/vnd.oci.image.manifest.v1+json; charset=utf-8"
        registry.faults.add(path="/manifests/index.spack", headers={"Content-Type": odd}, times=None)
        assert odd in self.seen(plain, memory).detail

    def test_variables_that_are_not_set_and_logins_that_collide(
        self, checkout: Path, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        fill(registry)
        url = f"oci+http://{registry.host}/{REPOSITORY}"
        mirrors = {
            "site": {"url": url, "access_pair": PAIR},
            "other": {"url": f"{url}/x", "access_pair": {"id": "you", "secret_variable": "YOURS"}},
        }
        with world(checkout, mirrors) as made:
            from core.foundation.secret import Secret
            from core.mirrors.credentials.states import Direction
            from core.services.login_values import Keep, LoginForm

            form = LoginForm(Keep.KEYRING, "me", Secret("pass-word"))
            made.logins.save("site", Direction.PUSH, form, CancelToken())
            found = self.seen(made, memory)
        assert f"environment variable `{VARIABLE}` (secret_variable) not set" in found.detail
        assert "have different logins" in found.detail
        assert "mirrordeck run -- spack" in found.remedy

    @pytest.mark.parametrize(
        ("headers", "words"),
        [
            (['Bearer realm="https://a/t",service="s",scope="x"'], ""),
            (['Basic realm="x"'], ""),
            (['Bearer realm="https://a/t",service="s"'], "names no scope"),
            (['Bearer realm="https://a/t",scope="s"'], "names no service"),
            (['Bearer realm="http://a/t",service="s",scope="x"'], "not reached by https"),
            (['bearer realm="https://a/t",service="s",scope="x"'], "does not understand"),
            (['basic realm="x"'], "does not understand"),
            (["Negotiate", 'Basic realm="x"'], "does not understand"),
            (['Bearer realm="https://a/t",service="s",scope="x", Basic realm="x"'], ""),
            ([], "does not understand"),
        ],
    )
    def test_q49_challenges(self, headers: list[str], words: str) -> None:
        found = [trouble.what for trouble in login_troubles(headers, plain=False)]
        assert (words in found[0]) if words else not found


class TestFolders:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        tmp_path.chmod(0o755)
        return tmp_path / "cache"

    @pytest.fixture
    def lab(self, checkout: Path, folder: Path) -> Iterator[World]:
        with world(checkout, {"site": {"url": str(folder), "signed": False}}) as made:
            yield made

    @pytest.fixture
    def filled(self, plan: Any, carry_out: Any, folder: Path) -> None:
        pushed = carry_out(plan("zlib-ng", to=str(folder), update_index=True, signing=Signing.UNSIGNED))
        assert not [row for row in pushed.rows if row.error]

    def test_all_is_well(self, filled: None, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        found = run(lab, memory, "site")
        assert list(states(found)) == [
            "resolve", "read", "push", "space", "group", "list", "index", "layout", "key", "reader",
        ]  # fmt: skip
        reader = found.pop(StepKey.READER)
        assert set(states(found).values()) == {"ok"}, found
        assert "owner" in found[StepKey.GROUP].detail
        assert "free" in found[StepKey.SPACE].detail
        assert "just now" in found[StepKey.INDEX].detail
        assert "layout 3" in found[StepKey.LAYOUT].detail
        assert reader.state is StepState.WARNING, "pytest's own directories are closed"
        assert "people outside the group cannot read /" in reader.detail
        assert not [path for path in folder.rglob("*") if "tmp" in path.suffix or "probe" in path.name]

    def test_a_folder_that_is_not_there_yet(self, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        found = run(lab, memory, "site")
        assert states(found) == {"resolve": "warning", "push": "ok", "space": "ok", "group": "ok"}
        assert not folder.exists()

    def test_a_file_in_its_place(self, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        folder.write_text("")
        assert states(run(lab, memory, "site")) == {"resolve": "failed"}
        write_mirrors(Path(lab.instance.root or ""), {"site": str(folder / "below/it")})
        found = run(lab, memory, "site")
        assert found[StepKey.RESOLVE].detail == f"{folder} is not a directory"

    def test_packages_without_an_index(
        self, filled: None, lab: World, folder: Path, memory: memories.TestMemory
    ) -> None:
        (folder / "v3/manifests/index/index.manifest.json").unlink()
        (folder / "v3/layout.json").unlink()
        found = run(lab, memory, "site")
        assert (found[StepKey.INDEX].state, found[StepKey.LAYOUT].state) == (StepState.FAILED, StepState.WARNING)
        assert "update-index" in found[StepKey.INDEX].remedy

    def test_a_damaged_layout_mark(self, filled: None, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        (folder / "v3/layout.json").write_text("{")
        found = run(lab, memory, "site")[StepKey.LAYOUT]
        assert found.state is StepState.WARNING
        assert "v3/layout.json is damaged" in found.detail

    def test_the_old_layout(self, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        (folder / "build_cache").mkdir(parents=True)
        found = run(lab, memory, "site")
        assert "layout 2 only" in found[StepKey.LAYOUT].detail
        assert "spack buildcache migrate" in found[StepKey.LAYOUT].remedy

    @pytest.mark.parametrize(
        ("umask", "setgid", "state", "words"),
        [
            (0o022, False, StepState.OK, "rw-r--r--"),
            (0o077, False, StepState.WARNING, "nobody else can read"),
            (0o022, True, StepState.WARNING, "the group cannot change"),
            (0o002, True, StepState.OK, "inherited"),
        ],
    )
    def test_t15_what_new_files_become(
        self, lab: World, folder: Path, memory: memories.TestMemory, umask: int, setgid: bool, state: Any, words: str
    ) -> None:
        (folder / "blobs/sha256").mkdir(parents=True)
        (folder / "blobs/sha256").chmod(0o2775 if setgid else 0o755)
        before = os.umask(umask)
        try:
            found = run(lab, memory, "site")[StepKey.GROUP]
        finally:
            os.umask(before)
        assert found.state is state
        assert words in found.detail

    def test_signing_keys(self, checkout: Path, folder: Path, memory: memories.TestMemory) -> None:
        folder.mkdir()
        with world(checkout, {"site": str(folder)}) as made:
            found = run(made, memory, "site")[StepKey.KEY]
        assert found.state is StepState.WARNING
        assert "nothing can be pushed signed from here" in found.detail
        assert "spack gpg create" in found.remedy

    def test_a_dead_mount_is_given_up(self, lab: World, folder: Path, memory: memories.TestMemory, monkeypatch) -> None:
        released = threading.Event()
        monkeypatch.setattr("core.services.mirror_test.folder._PATIENCE_S", 0.2)
        monkeypatch.setattr(Path, "is_dir", lambda path: released.wait(120) if path == folder else True)
        started = time.monotonic()
        found = run(lab, memory, "site")
        assert time.monotonic() - started < 60
        released.set()
        assert states(found) == {"resolve": "failed"}
        assert "dead mount" in found[StepKey.RESOLVE].remedy

    def test_who_else_can_read(self, lab: World, folder: Path, memory: memories.TestMemory) -> None:
        with open_directory() as place:
            closed = place / "closed"
            (closed / "v3/manifests/spec").mkdir(parents=True)
            write_mirrors(Path(lab.instance.root or ""), {"site": {"url": str(closed), "signed": False}})
            assert run(lab, memory, "site")[StepKey.READER].state is StepState.OK
            closed.chmod(0o750)
            found = run(lab, memory, "site")[StepKey.READER]
            assert found.state is StepState.WARNING
            assert f"people outside the group cannot read {closed} (drwxr-x---)" in found.detail
            reader = run(lab, memory, "site", as_reader=True)
            assert reader[StepKey.READ].state is StepState.FAILED
            assert "chmod o+rX" in reader[StepKey.READ].remedy


UNWRITABLE = """
from core.caches.opening import CacheAccess
from core.foundation.cancel import CancelToken
from core.mirrors.model import Connection, Mirror
from core.services.mirror_test.folder import FolderTest
from core.signing.gpg import Gnupg
from pathlib import Path
root = Path(sys.argv[1])
side = Connection(root.as_uri())
test = FolderTest(Mirror("site", side, side, signed_setting=False), root, Gnupg(root), CancelToken())
for step in test.steps():
    print(step.key, step.state, step.detail)
"""


def test_an_unwritable_folder_is_named() -> None:
    with open_directory() as place:
        (place / "blobs/sha256").mkdir(parents=True)
        (place / "blobs/sha256").chmod(0o555)
        said = run_unprivileged(UNWRITABLE, place, modules=("core.services.mirror_test.folder", "core.caches.opening"))
    failed = [line for line in said.splitlines() if " failed " in line]
    assert [line.split()[0] for line in failed] == ["push", "group"]
    assert all(f"{place}/blobs/sha256" in line and "Permission denied" in line for line in failed)


class TestOthers:
    def test_web_s3_and_the_rest_say_what_they_can(self, checkout: Path, memory: memories.TestMemory) -> None:
        with FakeRegistry() as server:
            mirrors = {
                "web": f"http://{server.host}/mirror",
                "minio": {"url": "s3://bucket/x", "endpoint_url": f"http://{server.host}"},
                "ftp": f"ftp://{server.host}/mirror",
                "sftp": f"sftp://{server.host}/mirror",
            }
            with world(checkout, mirrors) as made:
                found = {name: states(run(made, memory, name)) for name in mirrors}
        for name in ("web", "minio", "ftp", "sftp"):
            assert found[name]["resolve"] == found[name]["connect"] == "ok"
            assert found[name]["push"] == "skipped"
        assert found["web"]["index"] == found["minio"]["index"] == "warning", "nothing is there"
        assert found["ftp"]["read"] == found["sftp"]["read"] == "skipped"
        assert found["web"]["tls"] == "warning"

    def test_addresses_that_are_none(self, checkout: Path, memory: memories.TestMemory) -> None:
        mirrors = {"odd": "oci://reg.example.org/a/", "half": {"fetch": "https://127.0.0.1:9/x"}}
        with world(checkout, mirrors) as made:
            assert states(run(made, memory, "odd")) == {"resolve": "failed"}
            steps, _ = steps_of(made, memory, "half")
        assert [step.detail for step in steps if step.key is StepKey.PUSH] == ["Mirror half has no URL configured"]


class TestRunning:
    def test_a_dead_mirror_delays_nobody_and_can_be_stopped(
        self, checkout: Path, registry: FakeRegistry, memory: memories.TestMemory
    ) -> None:
        fill(registry)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            dead = f"oci://127.0.0.1:{silent.getsockname()[1]}/x"
            with world(checkout, {"dead": dead, "alive": f"oci+http://{registry.host}/{REPOSITORY}"}) as made:
                token = CancelToken()
                stopped: list[Exception] = []

                def work() -> None:
                    try:
                        list(trying(made, memory).run("dead", token))
                    except Cancelled as error:
                        stopped.append(error)

                thread = threading.Thread(target=work)
                thread.start()
                assert states(run(made, memory, "alive"))["read"] == "ok"
                assert thread.is_alive()
                token.cancel()
                thread.join(60)
        assert stopped
        assert not thread.is_alive()

    def test_results_are_remembered_until_the_mirror_changes(self, checkout: Path, home: Path, tmp_path: Path) -> None:
        directory = home / "cache"
        with world(checkout, {"site": str(tmp_path), "other": str(tmp_path)}) as made:
            _, view = steps_of(made, memories.TestMemory(directory), "site")
            again = trying(made, memories.TestMemory(directory))
            assert again.last() == (view,)
            assert abs(view.at - time.time()) < 60
            write_mirrors(checkout, {"site": str(tmp_path / "moved"), "other": str(tmp_path)})
            assert again.last() == ()
            assert trying(made, memories.TestMemory(directory, keep=False)).last() == ()

    def test_a_damaged_memory_is_forgotten(self, checkout: Path, home: Path, tmp_path: Path) -> None:
        directory = home / "cache"
        directory.mkdir()
        (directory / "mirror-tests.json").write_text('{"x": 1}')
        with world(checkout, {"site": str(tmp_path)}) as made:
            steps_of(made, memories.TestMemory(directory), "site")
            assert len(trying(made, memories.TestMemory(directory)).last()) == 1

    def test_no_such_mirror(self, checkout: Path, memory: memories.TestMemory) -> None:
        with world(checkout, {}) as made, pytest.raises(NotFound):
            list(trying(made, memory).run("gone", CancelToken()))


@pytest.mark.parametrize("kind", ["plain", "basic", "token"])
def test_real_registries(
    checkout: Path, real_registries: dict[str, RunningRegistry], memory: memories.TestMemory, kind: str
) -> None:
    """Debian's docker-registry: what a test begins there is gone afterwards."""
    running = real_registries[kind]
    scheme = "oci" if running.scheme == "https" else "oci+http"
    entry: dict[str, Any] = {"url": f"{scheme}://{running.host}/steps/{kind}"}
    if running.user:
        entry["access_pair"] = {"id": running.user, "secret_variable": VARIABLE}
    with world(checkout, {"site": entry}, {VARIABLE: running.password}) as made:
        if running.authority:
            made.access.servers.put(running.host, ServerSettings(ca_file=str(running.authority)))
        found = run(made, memory, "site")
    assert found[StepKey.AUTHENTICATE].state is StepState.OK
    assert found[StepKey.READ].state is StepState.WARNING, "there is no such repository yet"
    assert found[StepKey.PUSH].state is StepState.OK
    if running.authority:
        assert "issued by lab authority" in found[StepKey.TLS].detail
        assert "Spack cannot" not in found[StepKey.SPACK].detail
    left = running.data.rglob(f"{kind}/_uploads/*/startedat")  # it forgets a state of its own there
    assert not list(left)


def test_real_registries_refuse_a_wrong_password(
    checkout: Path, real_registries: dict[str, RunningRegistry], memory: memories.TestMemory
) -> None:
    for kind in ("basic", "token"):
        running = real_registries[kind]
        entry = {"url": f"oci://{running.host}/steps/{kind}", "access_pair": {"id": "lab", "secret_variable": VARIABLE}}
        with world(checkout, {"site": entry}, {VARIABLE: "wr0ng-word"}) as made:
            made.access.servers.put(running.host, ServerSettings(ca_file=str(running.authority)))
            found = run(made, memory, "site")
        assert found[StepKey.AUTHENTICATE].state is StepState.FAILED
        assert "wr0ng-word" not in repr(found)
