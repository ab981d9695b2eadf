# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The push plan for registries: who is contacted, what can be chosen about images, what is completed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import samples as common
import transfer_samples as samples
from fake_client import FakeClient
from push_dialogs import push_dialogs
from PySide6.QtCore import QModelIndex, Qt
from pytestqt.qtbot import QtBot

from core.engine.calls.mirrors import ListMirrors
from core.engine.calls.push import PlanPush, StartPush
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.registry.messages import RateLimit
from core.registry.references import parse_mirror_url
from core.services.values import LoginFacts, MirrorRow, MirrorsView
from core.transfers.plan import Decision, ImageFacts, PushOptions, PushRequest, RegistryFacts, Signing
from gui.push import image_options, words
from gui.push.command import spack_command
from gui.push.dialog import PushDialog
from gui.push.model import Column

HASHES = (samples.dag_hash("openmpi"),)
SITE = parse_mirror_url("oci://registry.site.org/hpc/cache")
Open = Callable[..., PushDialog]


@pytest.fixture
def open_dialog(
    qtbot: QtBot, loop: object, client: FakeClient, themed: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    monkeypatch.setattr(image_options, "_DEBOUNCE_MS", 1)
    site = MirrorRow(
        common.mirror("site-oci", "oci://registry.site.org/hpc/cache"), login=LoginFacts(CredentialState.STORED)
    )
    client.answers[ListMirrors] = MirrorsView((site, *common.mirrors_view().rows))
    client.answers[PlanPush] = lambda call: (samples.registry_plan if "oci" in call.request.mirror else samples.plan)(
        call.request.options, mirror=call.request.mirror
    )
    client.answers[StartPush] = "push-1"
    with push_dialogs(client, qtbot, HASHES) as opened:
        yield lambda mirror="site-oci": opened(mirror)


def requests(client: FakeClient) -> list[PushRequest]:
    return [call.request for call in client.asked(PlanPush)]


def wait_for(dialog: PushDialog, client: FakeClient, qtbot: QtBot, **options: Any) -> None:
    """Until a plan with these options has been asked for and shown."""

    def planned() -> bool:
        chosen = requests(client)[-1].options
        return all(getattr(chosen, name) == value for name, value in options.items())

    qtbot.waitUntil(lambda: planned() and not dialog.tasks.busy)


def unfold(dialog: PushDialog, qtbot: QtBot) -> None:
    qtbot.mouseClick(dialog.images.fold, Qt.MouseButton.LeftButton)
    assert dialog.images.content.isVisible()


def group(dialog: PushDialog, decision: Decision) -> list[str]:
    return [str(dialog.model.data(dialog.model.group(decision, column)) or "") for column in Column]


def plain(text: str) -> str:
    return text.replace("\u2009", " ")


class TestTarget:
    def test_who_is_contacted_who_can_read_and_what_is_left(self, open_dialog: Open) -> None:
        dialog = open_dialog()
        assert plain(dialog.targets.rows[0].contact.text()) == (
            "Will contact: registry.site.org  ·  public: everybody can read what you push"
            "  ·  76 of 100 requests left in 6 h"
        )
        assert dialog.targets.rows[0].address.text() == "registry.site.org/hpc/cache"

    def test_folders_are_not_contacted_and_have_no_images(self, open_dialog: Open) -> None:
        dialog = open_dialog("scratch")
        assert dialog.targets.rows[0].contact.isHidden()
        assert dialog.images.isHidden()
        assert dialog.signing.combo.isVisible()

    def test_nothing_is_offered_to_sign_with(self, open_dialog: Open, client: FakeClient) -> None:
        dialog = open_dialog()
        assert dialog.signing.sentence.isVisible()
        assert dialog.signing.sentence.text() == "not available: Spack does not sign OCI images"
        assert dialog.signing.combo.isHidden()
        assert requests(client)[-1].options.signing is Signing.AS_MIRROR

    def test_what_was_chosen_for_a_folder_does_not_sign_a_registry(
        self, open_dialog: Open, client: FakeClient, qtbot: QtBot
    ) -> None:
        dialog = open_dialog("scratch")
        dialog.signing.combo.setCurrentIndex(1)
        dialog.signing.combo.activated.emit(1)
        wait_for(dialog, client, qtbot, signing=Signing.SIGNED)
        dialog.mirror_box.edit.clear()
        qtbot.keyClicks(dialog.mirror_box.edit, "site-oci")
        qtbot.keyClick(dialog.mirror_box.edit, Qt.Key.Key_Return)
        wait_for(dialog, client, qtbot, signing=Signing.AS_MIRROR)

    def test_an_address_that_is_typed_is_a_registry_as_well(self, open_dialog: Open) -> None:
        dialog = open_dialog("oci+http://localhost:5000/lab")
        assert dialog.targets.rows[0].contact.text().startswith("Will contact: localhost:5000, unencrypted")
        assert dialog.images.isVisible()

    def test_looking_costs_requests_so_the_other_choice_is_not_counted(
        self, open_dialog: Open, client: FakeClient
    ) -> None:
        dialog = open_dialog()
        assert len(requests(client)) == 1
        assert dialog.build_box.text() == "Build dependencies too"

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (None, "Will contact: registry.site.org"),
            (RegistryFacts("h"), "Will contact: registry.site.org"),
            (RegistryFacts("h", anonymous_readable=False), "Will contact: registry.site.org  ·  private"),
            (RegistryFacts("h", None, RateLimit(7)), "Will contact: registry.site.org  ·  7 requests left"),
        ],
    )
    def test_only_what_is_known_is_said(self, facts: RegistryFacts | None, expected: str) -> None:
        assert words.contact(SITE, facts) == expected


class TestDecisions:
    def test_images_to_complete_are_a_group_of_their_own(self, open_dialog: Open) -> None:
        dialog = open_dialog()
        assert dialog.heading.text() == "12 of 42 to upload, 3 to complete"
        assert group(dialog, Decision.COMPLETE) == ["Will complete", "3 packages", "images that lack layers"]
        assert dialog.push_button.text() == "Push 12 packages"

    def test_no_such_group_without_such_images(self, open_dialog: Open) -> None:
        dialog = open_dialog("scratch")
        assert dialog.tree.isRowHidden(dialog.model.group(Decision.COMPLETE).row(), QModelIndex())

    def test_completing_is_enough_to_push(self, open_dialog: Open, client: FakeClient) -> None:
        items = (samples.item("half", decision=Decision.COMPLETE), samples.item("zlib", decision=Decision.PRESENT))
        client.answers[PlanPush] = lambda call: samples.registry_plan(call.request.options, items=items)
        dialog = open_dialog()
        assert dialog.push_button.text() == "Complete 1 image"
        assert dialog.push_button.isEnabled()

    def test_a_tag_is_enough_to_push(self, open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
        items = (samples.item("zlib", decision=Decision.PRESENT),)
        client.answers[PlanPush] = lambda call: samples.registry_plan(call.request.options, items=items)
        dialog = open_dialog()
        assert dialog.push_button.toolTip() == "Everything is already there"
        unfold(dialog, qtbot)
        qtbot.keyClicks(dialog.images.tag_edit, "my-env")
        wait_for(dialog, client, qtbot, tag="my-env")
        assert dialog.push_button.text() == "Write image my-env"
        assert dialog.push_button.isEnabled()

    def test_refusals_say_what_to_do(self, open_dialog: Open, client: FakeClient) -> None:
        error = ErrorInfo("access-denied", "Not allowed to push to hpc/cache on r", "DENIED", ("Ask for the right.",))
        client.answers[PlanPush] = lambda call: samples.registry_plan(
            call.request.options, blockers=(error,), images=None
        )
        dialog = open_dialog()
        assert dialog.notice.title == error.title
        assert "Ask for the right." in dialog.notice.accessibleName()
        assert dialog.push_button.toolTip() == error.title


class TestImageOptions:
    def test_they_are_folded_away_and_say_what_was_chosen(
        self, open_dialog: Open, client: FakeClient, qtbot: QtBot
    ) -> None:
        dialog = open_dialog()
        assert dialog.images.content.isHidden()
        assert dialog.images.fold.text() == "Container image options"
        unfold(dialog, qtbot)
        assert dialog.images.base_edit.placeholderText() == "ubuntu:24.04"
        assert dialog.images.base_hint.text() == "checked before anything is uploaded"
        qtbot.keyClicks(dialog.images.base_edit, "ubuntu:24.04")
        qtbot.keyClicks(dialog.images.tag_edit, "my-env")
        wait_for(dialog, client, qtbot, base_image="ubuntu:24.04", tag="my-env")
        assert dialog.images.base_hint.text() == "will contact: index.docker.io, checked before anything is uploaded"
        assert dialog.images.tag_hint.text() == "registry.site.org/hpc/cache:my-env"
        qtbot.mouseClick(dialog.images.fold, Qt.MouseButton.LeftButton)
        assert dialog.images.fold.text() == "Container image options: ubuntu:24.04, tag my-env"

    def test_the_old_plan_cannot_be_pushed_while_something_is_typed(self, open_dialog: Open, qtbot: QtBot) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        dialog.images._pause.setInterval(60_000)
        qtbot.keyClicks(dialog.images.tag_edit, "m")
        assert not dialog.push_button.isEnabled()

    @pytest.mark.parametrize("tag", ["my env", "-env", "x" * 129, "my-env.spack", "é"])
    def test_what_is_no_tag_is_said_at_once_and_not_asked_for(
        self, open_dialog: Open, client: FakeClient, qtbot: QtBot, tag: str
    ) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        dialog.images.tag_edit.setText(tag)
        dialog.images.tag_edit.textEdited.emit(tag)
        assert dialog.images.tag_hint.text() == "letters, digits, _ . - and no .spack at the end"
        assert dialog.images.tag_hint.property("tone") == "bad"
        qtbot.waitUntil(lambda: dialog.push_button.toolTip().startswith("Tag: letters"))
        assert len(requests(client)) == 1
        assert not dialog.busy_line.running

    def test_what_is_no_image_is_said_at_once(self, open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        qtbot.keyClicks(dialog.images.base_edit, "https://ubuntu")
        assert dialog.images.base_hint.text() == "not the name of an image"
        qtbot.waitUntil(lambda: dialog.push_button.toolTip() == "Base image: not the name of an image")
        dialog.mirror_box.edit.clear()
        qtbot.keyClicks(dialog.mirror_box.edit, "scratch")
        qtbot.keyClick(dialog.mirror_box.edit, Qt.Key.Key_Return)
        qtbot.waitUntil(dialog.push_button.isEnabled)
        assert requests(client)[-1].options.base_image == ""

    def test_only_a_tagged_image_can_be_squashed(self, open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        assert not dialog.images.squash_box.isEnabled()
        assert "name one first" in dialog.images.squash_box.toolTip()
        qtbot.keyClicks(dialog.images.tag_edit, "my-env")
        qtbot.mouseClick(dialog.images.squash_box, Qt.MouseButton.LeftButton)
        wait_for(dialog, client, qtbot, tag="my-env", squash_to=100)
        dialog.images.squash_edit.selectAll()
        qtbot.keyClicks(dialog.images.squash_edit, "40")
        wait_for(dialog, client, qtbot, squash_to=40)
        dialog.images.squash_edit.selectAll()
        qtbot.keyClick(dialog.images.squash_edit, Qt.Key.Key_Backspace)
        qtbot.waitUntil(lambda: dialog.push_button.toolTip() == "Layers of the tagged image: a number from 1 to 126")
        assert requests(client)[-1].options.squash_to == 40

    def test_too_many_layers_can_be_squashed_from_the_warning(
        self, open_dialog: Open, client: FakeClient, qtbot: QtBot
    ) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        qtbot.keyClicks(dialog.images.tag_edit, "my-env")
        wait_for(dialog, client, qtbot, tag="my-env")
        assert dialog.notice.title == "my-env will have 143 layers"
        assert dialog.images.layers.text() == "layers; it has 143 now"
        assert dialog.push_button.isEnabled()
        qtbot.mouseClick(dialog.images.fold, Qt.MouseButton.LeftButton)
        qtbot.mouseClick(dialog.notice.button, Qt.MouseButton.LeftButton)
        wait_for(dialog, client, qtbot, squash_to=100)
        assert dialog.images.squash_box.isVisible()
        assert dialog.notice.property("tone") == "info"

    def test_images_without_their_dependencies_can_be_completed(
        self, open_dialog: Open, client: FakeClient, qtbot: QtBot
    ) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        qtbot.mouseClick(dialog.images.complete_box, Qt.MouseButton.LeftButton)
        wait_for(dialog, client, qtbot, complete_left_out=True)

    def test_the_dialog_grows_for_what_is_unfolded(self, open_dialog: Open, qtbot: QtBot) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        layout = dialog.layout()
        assert layout is not None
        assert dialog.height() >= layout.totalMinimumHeightForWidth(dialog.width())

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            (ImageFacts(), ""),
            (ImageFacts("spack"), "Variables: told by this instance's spack, recipes included"),
            (
                ImageFacts("files", "there is no spack"),
                "Variables: from the packages' files, without what recipes set (there is no spack)",
            ),
        ],
    )
    def test_where_variables_come_from(self, facts: ImageFacts, expected: str) -> None:
        assert words.environment(facts) == expected

    def test_every_field_has_a_name(self, open_dialog: Open, qtbot: QtBot) -> None:
        dialog = open_dialog()
        unfold(dialog, qtbot)
        images = dialog.images
        for edit in (images.base_edit, images.tag_edit, images.squash_edit):
            assert edit.accessibleName()
        assert dialog.signing.combo.accessibleName() == "Signing"


class TestCommand:
    def test_what_spack_can_do(self) -> None:
        options = PushOptions(base_image="ubuntu:24.04", tag="my-env")
        line = spack_command(PushRequest("site-oci", hashes=("abc",), options=options), "")
        assert shlex.split(line)[1:] == [
            "buildcache", "push", "--base-image", "ubuntu:24.04", "--tag", "my-env", "site-oci", "/abc",
        ]  # fmt: skip

    def test_what_spack_cannot_do_is_said_below(self, open_dialog: Open, client: FakeClient, qtbot: QtBot) -> None:
        dialog = open_dialog()
        qtbot.mouseClick(dialog.command_button, Qt.MouseButton.LeftButton)
        assert "#" not in dialog.command.toPlainText()
        unfold(dialog, qtbot)
        qtbot.keyClicks(dialog.images.tag_edit, "my-env")
        dialog.images.squash()
        wait_for(dialog, client, qtbot, squash_to=100)
        assert "--tag my-env" in dialog.command.toPlainText()
        assert dialog.command.toPlainText().endswith("# Spack cannot squash the image.")
        both = replace(requests(client)[-1].options, complete_left_out=True)
        assert words.beyond_spack(both).count(" or ") == 1
