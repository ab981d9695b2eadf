# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Logins described, checked, kept and forgotten."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mirrors.credential_kit import script, search_path
from registry.kit.fake_registry import FakeRegistry
from registry.kit.wire import CA_FILE
from services.login_world import PAIR, REPOSITORY, VARIABLE, World, world, write_mirrors

from core.foundation.cancel import CancelToken
from core.foundation.errors import AuthRequired, NotFound, PermissionDenied, UsageError
from core.foundation.secret import Secret
from core.mirrors.credentials.saved_commands import SavedCommands
from core.mirrors.credentials.states import CredentialState, Direction
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.servers import ServerSettings
from core.services.login_check import LoginTrial
from core.services.login_values import Keep, KeyringCondition, LoginCheck, LoginForm, LoginOverview, StepState

TOKEN = CancelToken()
PUSH = Direction.PUSH
PASSWORD = "pass-word"


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        fake.authority.kind = "basic"
        fake.add_manifest(REPOSITORY, b"{}", tag="a")
        yield fake


@pytest.fixture
def lab(checkout: Path, registry: FakeRegistry, home: Path) -> Iterator[World]:
    url = f"oci+http://{registry.host}/{REPOSITORY}"
    mirrors = {"site": {"url": url, "access_pair": PAIR}, "same": {"url": url, "access_pair": PAIR}, "open": url}
    environ = {"PATH": search_path(home / "bin"), "HOME": str(home)}
    with world(checkout, mirrors, environ, plain_host=registry.host) as made:
        yield made


def keep(lab: World, kind: Keep, name: str = "site", **more: Any) -> LoginOverview:
    return lab.logins.save(name, PUSH, LoginForm(kind, **more), TOKEN)


def typed(secret: str = PASSWORD, user: str = "me") -> dict[str, Any]:
    return {"user": user, "secret": Secret(secret)}


def lists(lab: World, name: str = "site") -> bool:
    """Whether the mirror's tags can be listed with the login it has now."""
    from core.mirrors.reading import mirrors_of
    from core.registry.references import parse_mirror_url

    mirror = mirrors_of(lab.instance).named(name)
    assert mirror is not None
    repository = lab.access.repository(parse_mirror_url(mirror.push.url), mirror, PUSH)
    try:
        return repository.tags(TOKEN) == ["a"]
    except AuthRequired:
        return False


class TestKeeping:
    def test_in_the_keyring(self, lab: World, registry: FakeRegistry) -> None:
        before = lab.logins.describe("site", PUSH)
        assert (before.state, before.keep, before.host) == (CredentialState.MISSING, Keep.VARIABLE, registry.host)
        assert before.variables == ("", VARIABLE)
        assert before.variables_named
        after = keep(lab, Keep.KEYRING, **typed())
        assert (after.state, after.keep, after.user) == (CredentialState.STORED, Keep.KEYRING, "me")
        assert after.used_by == ("site", "same")
        assert after.keyring.state is KeyringCondition.READY
        assert list(lab.backend.entries) == [("mirrordeck", f"{VARIABLE}@{registry.host}/{REPOSITORY}")]
        assert lists(lab)
        again = lab.restarted()
        assert again.logins.describe("same", PUSH).state is CredentialState.STORED
        again.access.close()

    def test_for_this_session_only(self, lab: World) -> None:
        assert keep(lab, Keep.SESSION, **typed()).state is CredentialState.SESSION
        assert lists(lab)
        assert lab.backend.entries == {}
        again = lab.restarted()
        assert again.logins.describe("site", PUSH).state is CredentialState.MISSING
        again.access.close()

    def test_a_session_login_leaves_that_of_the_keyring(self, lab: World) -> None:
        keep(lab, Keep.KEYRING, **typed())
        assert keep(lab, Keep.SESSION, **typed("wrong")).state is CredentialState.SESSION
        assert not lists(lab)
        assert len(lab.backend.entries) == 1

    def test_a_new_login_is_used_by_connections_that_are_open(self, lab: World) -> None:
        keep(lab, Keep.SESSION, **typed("wrong"))
        assert not lists(lab)
        keep(lab, Keep.KEYRING, **typed())
        assert lists(lab)

    def test_a_command_survives_a_restart_and_its_output_is_not_kept(self, lab: World, home: Path) -> None:
        script(home / "bin/tokens", f"echo run >>{home}/runs; echo {PASSWORD}")
        after = keep(lab, Keep.COMMAND, command=("tokens", "--for", "lab"), user="me")
        assert (after.state, after.keep, after.command) == (
            CredentialState.COMMAND,
            Keep.COMMAND,
            ("tokens", "--for", "lab"),
        )
        assert not (home / "runs").exists(), "describing runs nothing"
        again = lab.restarted()
        assert lists(again)
        assert lists(again)
        again.access.close()
        assert (home / "runs").read_text() == "run\n"
        kept = (home / "mirrordeck/config/credential-commands.json").read_text()
        assert json.loads(kept) == {after_account(lab): {"argv": ["tokens", "--for", "lab"], "user": "me"}}

    def test_a_program_that_is_not_there(self, lab: World) -> None:
        with pytest.raises(UsageError, match="nosuch is not a program"):
            keep(lab, Keep.COMMAND, command=("nosuch",))
        with pytest.raises(UsageError, match="empty"):
            keep(lab, Keep.COMMAND)
        assert SavedCommands().get(after_account(lab)) is None

    def test_what_would_be_used_before_is_removed(self, lab: World, home: Path) -> None:
        script(home / "bin/tokens", f"echo {PASSWORD}")
        keep(lab, Keep.KEYRING, **typed("old"))
        assert keep(lab, Keep.COMMAND, command=("tokens",), user="me").state is CredentialState.COMMAND
        assert lab.backend.entries == {}
        assert keep(lab, Keep.KEYRING, **typed()).state is CredentialState.STORED
        assert SavedCommands().get(after_account(lab)) is None

    def test_from_the_session_into_the_keyring_without_typing_again(self, lab: World) -> None:
        keep(lab, Keep.SESSION, **typed())
        assert keep(lab, Keep.KEYRING).state is CredentialState.STORED
        assert lists(lab)

    def test_variables_are_those_that_the_file_names(self, lab: World) -> None:
        keep(lab, Keep.SESSION, **typed())
        after = keep(lab, Keep.VARIABLE, secret_variable=VARIABLE)
        assert (after.state, after.keep) == (CredentialState.MISSING, Keep.VARIABLE)
        with pytest.raises(UsageError, match=f"it names {VARIABLE}"):
            keep(lab, Keep.VARIABLE, secret_variable="OTHER")

    @pytest.mark.parametrize("kind", [Keep.KEYRING, Keep.VARIABLE])
    def test_a_mirror_that_names_no_variable(self, lab: World, kind: Keep) -> None:
        with pytest.raises(UsageError, match="it names none") as caught:
            keep(lab, kind, "open", **typed())
        assert "MIRRORDECK_OPEN_SECRET" in caught.value.remedies[0]
        assert lab.backend.calls == []
        overview = lab.logins.describe("open", PUSH)
        assert (overview.variables, overview.variables_named) == (("", "MIRRORDECK_OPEN_SECRET"), False)
        assert keep(lab, Keep.SESSION, "open", **typed()).state is CredentialState.SESSION
        assert lists(lab, "open")

    def test_an_incomplete_login(self, lab: World) -> None:
        with pytest.raises(UsageError, match="no password or token"):
            keep(lab, Keep.KEYRING, user="me")
        with pytest.raises(UsageError, match="no user name"):
            keep(lab, Keep.SESSION, "open", secret=Secret("x"))

    def test_no_such_mirror(self, lab: World) -> None:
        with pytest.raises(NotFound):
            keep(lab, Keep.SESSION, "gone", **typed())


def after_account(lab: World) -> str:
    return f"{VARIABLE}@{lab.logins.describe('site', PUSH).host}/{REPOSITORY}"


class TestKeyringTrouble:
    def test_no_keyring_is_named_and_the_session_still_works(self, lab: World) -> None:
        lab.backend.error = RuntimeError("no recommended back end")
        facts = lab.logins.keyring()
        assert (facts.state, facts.note) == (KeyringCondition.ABSENT, "no recommended back end")
        with pytest.raises(PermissionDenied, match="no recommended back end"):
            keep(lab, Keep.KEYRING, **typed())
        assert keep(lab, Keep.SESSION, **typed()).state is CredentialState.SESSION
        assert lab.logins.sign_out("site", PUSH, TOKEN) == ("site", "same")

    def test_locked(self, lab: World) -> None:
        keep(lab, Keep.KEYRING, **typed())

        class KeyringLocked(Exception):
            pass

        lab.backend.error = KeyringLocked("locked")
        overview = lab.logins.describe("site", PUSH)
        assert (overview.state, overview.keep) == (CredentialState.LOCKED, Keep.KEYRING)
        assert overview.keyring.state is KeyringCondition.LOCKED
        with pytest.raises(PermissionDenied, match="locked"):
            lab.logins.sign_out("site", PUSH, TOKEN)

    def test_a_refused_back_end_is_named(self, checkout: Path, monkeypatch) -> None:
        from core.services.access import open_access
        from core.services.logins import Logins
        from core.spack.instance import find_instance

        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
        instance = find_instance(str(checkout), environ={})
        access = open_access(instance)
        facts = Logins(instance, access).keyring()
        access.close()
        assert facts.state is KeyringCondition.ABSENT
        assert "keyrings.alt.file.PlaintextKeyring, named in PYTHON_KEYRING_BACKEND, is refused" in facts.note


class TestSigningOut:
    def test_lists_the_mirrors_that_used_it(self, lab: World) -> None:
        keep(lab, Keep.KEYRING, **typed())
        assert lab.logins.sign_out("site", PUSH, TOKEN) == ("site", "same")
        assert lab.backend.entries == {}
        assert not lists(lab)

    def test_keep_none_is_signing_out(self, lab: World, home: Path) -> None:
        script(home / "bin/tokens", "echo x")
        keep(lab, Keep.COMMAND, command=("tokens",), user="me")
        assert keep(lab, Keep.NONE).state is CredentialState.MISSING
        assert SavedCommands().get(after_account(lab)) is None


class TestContainerLogins:
    @pytest.fixture
    def docker(self, home: Path, registry: FakeRegistry) -> Path:
        path = home / ".docker/config.json"
        path.parent.mkdir()
        entry = {"auth": base64.b64encode(f"me:{PASSWORD}".encode()).decode()}
        path.write_text(json.dumps({"auths": {registry.host: entry}}))
        path.chmod(0o600)
        return path

    def test_is_offered_and_only_used_when_chosen(self, lab: World, docker: Path) -> None:
        overview = lab.logins.describe("site", PUSH)
        assert (overview.container_login, overview.state) == (str(docker), CredentialState.MISSING)
        assert not lists(lab)
        after = keep(lab, Keep.CONTAINER)
        assert (after.state, after.keep, after.source) == (CredentialState.DOCKER, Keep.CONTAINER, str(docker))
        assert lists(lab)
        again = lab.restarted()
        assert lists(again, "open"), "the choice is for the whole server and lasts"
        again.access.close()
        assert set(lab.logins.sign_out("site", PUSH, TOKEN)) == {"site", "same", "open"}
        assert not lists(lab)


class TestOverview:
    def test_two_logins_on_one_host_are_warned_of(self, lab: World, checkout: Path, registry: FakeRegistry) -> None:
        url = f"oci+http://{registry.host}/{REPOSITORY}"
        other = {"id": "you", "secret_variable": "YOURS"}
        write_mirrors(
            checkout, {"site": {"url": url, "access_pair": PAIR}, "b": {"url": f"{url}/b", "access_pair": other}}
        )
        (warning,) = lab.logins.describe("site", PUSH).warnings
        assert warning.code == "shared-host"
        assert "me with LAB_TOKEN" in warning.why

    def test_folders_have_no_login(self, lab: World, checkout: Path) -> None:
        write_mirrors(checkout, {"team": str(checkout / "mirrors")})
        overview = lab.logins.describe("team", PUSH)
        assert (overview.host, overview.state, overview.shell_line) == ("", CredentialState.NONE_NEEDED, "")
        with pytest.raises(UsageError, match="team needs no login"):
            keep(lab, Keep.CONTAINER, "team")

    def test_settings_that_are_not_used_are_said(self, lab: World, home: Path) -> None:
        (home / "mirrordeck/config/mirror-settings.json").write_text("{")
        assert "mirror-settings.json" in lab.logins.describe("site", PUSH).warnings[0].why


Check = Callable[..., LoginCheck]


class TestChecking:
    @pytest.fixture
    def check(self, lab: World, registry: FakeRegistry) -> Check:
        def check(
            kind: Keep = Keep.KEYRING,
            *,
            settings: ServerSettings | None = None,
            url: str = "",
            probe: bool = True,
            **more: Any,
        ) -> LoginCheck:
            connection = ConnectionForm(url or f"oci+http://{registry.host}/{REPOSITORY}", **more.pop("connection", {}))
            trial = LoginTrial(MirrorForm("new", connection), PUSH, LoginForm(kind, **more), settings)
            return trial.check(lab.instance, lab.access, TOKEN, probe=probe)

        return check

    def test_a_good_login(self, check: Check, registry: FakeRegistry) -> None:
        found = check(**typed())
        assert (found.read.state, found.write.state) == (StepState.OK, StepState.OK)
        assert found.write.detail == "me may push: an upload was opened and dropped"
        assert len(registry.seen("DELETE", "/uploads/")) == 1
        assert registry.seen("PUT") == []

    @pytest.mark.parametrize("public", [True, False])
    def test_for_pushing_only_everybody_is_tried_too(self, lab: World, registry: FakeRegistry, public: bool) -> None:
        registry.authority.anonymous_pull = public
        place = ConnectionForm(f"oci+http://{registry.host}/{REPOSITORY}")
        trial = LoginTrial(MirrorForm("new", place, place), PUSH, LoginForm(Keep.KEYRING, **typed()))
        found = trial.check(lab.instance, lab.access, TOKEN)
        assert (found.read.state, found.write.state) == (StepState.OK, StepState.OK)
        assert found.anonymous is not None
        assert found.anonymous.state is (StepState.OK if public else StepState.FAILED)

    def test_without_a_probe_no_upload_is_opened(self, check: Check, registry: FakeRegistry) -> None:
        found = check(probe=False, **typed())
        assert (found.read.state, found.write.state) == (StepState.OK, StepState.SKIPPED)
        assert registry.seen("POST") == []

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_a_read_only_token_is_named(self, check: Check, registry: FakeRegistry, kind: Any) -> None:
        registry.authority.kind = kind
        registry.authority.read_only = {"me"}
        found = check(**typed())
        assert (found.read.state, found.write.state) == (StepState.OK, StepState.FAILED)
        assert "me may read lab/cache but not push to it" in found.write.detail
        assert found.write.remedy.startswith("Use a token that may write packages too")

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_a_wrong_password(self, check: Check, registry: FakeRegistry, kind: Any) -> None:
        registry.authority.kind = kind
        found = check(**typed("wr0ng-word"))
        assert (found.read.state, found.write.state) == (StepState.FAILED, StepState.FAILED)
        assert "Could not sign in" in found.read.detail
        assert "may have expired" in found.write.remedy
        assert "wr0ng-word" not in repr(found)

    def test_a_repository_that_is_not_there_yet(self, check: Check, registry: FakeRegistry) -> None:
        found = check(url=f"oci+http://{registry.host}/lab/new", **typed())
        assert (found.read.state, found.write.state) == (StepState.WARNING, StepState.OK)
        assert "no repository lab/new" in found.read.detail

    def test_nothing_is_kept(self, check: Check, lab: World) -> None:
        check(**typed())
        assert lab.backend.calls == []
        assert not lists(lab)

    def test_passwords_are_not_sent_unencrypted_unless_that_is_chosen(
        self, check: Check, registry: FakeRegistry
    ) -> None:
        found = check(settings=ServerSettings(), **typed())
        assert "unencrypted" in found.read.detail
        assert all("authorization" not in request.headers for request in registry.requests)

    def test_own_authority_as_typed_and_as_kept(self, check: Check, lab: World) -> None:
        with FakeRegistry(certificate="server") as secure:
            secure.add_manifest(REPOSITORY, b"{}", tag="a")
            url = f"oci://{secure.host}/{REPOSITORY}"
            assert check(Keep.NONE, url=url).read.state is StepState.FAILED
            settings = ServerSettings(ca_file=str(CA_FILE))
            assert check(Keep.NONE, url=url, settings=settings).write.state is StepState.OK
            lab.logins.save_server(secure.host, settings)
            assert check(Keep.NONE, url=url).write.state is StepState.OK

    def test_from_a_variable(self, checkout: Path, registry: FakeRegistry) -> None:
        named = {"user": "me", "secret_variable": "T"}
        form = MirrorForm("new", ConnectionForm(f"oci+http://{registry.host}/{REPOSITORY}", **named))
        trial = LoginTrial(form, PUSH, LoginForm(Keep.VARIABLE))
        with world(checkout, {}, {"T": PASSWORD}, plain_host=registry.host) as made:
            assert trial.check(made.instance, made.access, TOKEN).write.state is StepState.OK
        with world(checkout, {}, {}, plain_host=registry.host) as made:
            found = trial.check(made.instance, made.access, TOKEN)
        assert (found.read.state, found.write.state) == (StepState.FAILED, StepState.SKIPPED)
        assert found.read.detail == "T is empty or not set"

    def test_from_a_command(self, check: Check, home: Path) -> None:
        script(home / "bin/tokens", f"echo {PASSWORD}")
        assert check(Keep.COMMAND, command=("tokens",), user="me").write.state is StepState.OK
        found = check(Keep.COMMAND, command=("nosuch",), user="me")
        assert "nosuch: it cannot be started" in found.read.detail

    def test_the_login_that_is_stored(self, lab: World, registry: FakeRegistry) -> None:
        keep(lab, Keep.KEYRING, **typed())
        url, pair = f"oci+http://{registry.host}/{REPOSITORY}", {"user": "me", "secret_variable": VARIABLE}
        trial = LoginTrial(MirrorForm("site", ConnectionForm(url, **pair)), PUSH, LoginForm(Keep.KEYRING))
        assert trial.check(lab.instance, lab.access, TOKEN).write.state is StepState.OK

    @pytest.mark.parametrize("url", ["/scratch/mirror", "s3://bucket/x", "https://example.org/mirror"])
    def test_other_mirrors_are_not_asked(self, check: Check, url: str) -> None:
        found = check(url=url, **typed())
        assert (found.read.state, found.write.state) == (StepState.SKIPPED, StepState.SKIPPED)

    def test_what_is_no_address(self, check: Check) -> None:
        with pytest.raises(UsageError):
            check(url="oci://reg.example.org/a//b/", **typed())


def test_i8_a_password_goes_to_its_own_host_only(lab: World, registry: FakeRegistry) -> None:
    """T01: the registry names a token server; the password is not sent in the clear to another machine's port."""
    registry.authority.kind = "bearer"
    registry.authority.realm = "http://127.0.0.2:9/token"
    form = MirrorForm("new", ConnectionForm(f"oci+http://{registry.host}/{REPOSITORY}"))
    trial = LoginTrial(form, PUSH, LoginForm(Keep.SESSION, **typed()))
    found = trial.check(lab.instance, lab.access, TOKEN)
    assert found.read.state is StepState.FAILED
    assert "not to be trusted" in found.read.detail
