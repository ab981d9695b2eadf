# SPDX-License-Identifier: Apache-2.0 OR MIT
"""An engine that knows a registry, for tests of the mirror dialogs."""

from __future__ import annotations

from typing import Any

from fake_client import FakeClient
from samples import scopes

from core.engine.calls import logins, mirrors
from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.states import CredentialState
from core.mirrors.model import MirrorKind
from core.services import login_values as values
from core.services.mirror_values import (
    AddressFacts,
    AppliedEdit,
    Codec,
    CompressionFacts,
    ConnectionForm,
    EditPlan,
    EntryText,
    MirrorDetails,
    MirrorForm,
)

REGISTRY = "oci://registry.site.org/hpc/cache"
SECRET = "marker-of-a-secret"
VARIABLE = "MIRRORDECK_SITE_OCI_SECRET"
FILE = "/home/ann/.spack/mirrors.yaml"
DIFF = f"--- {FILE}\n+++ {FILE}\n@@ -1 +1,2 @@\n mirrors:\n+  site-oci: {REGISTRY}\n"
KEYRING = values.KeyringFacts("GNOME Keyring", values.KeyringCondition.READY)
FORM = MirrorForm(
    "site-oci",
    ConnectionForm(REGISTRY),
    ConnectionForm(REGISTRY, user="hpcbot", secret_variable=VARIABLE),
    source=False,
)


def step(key: str, state: str = "ok", detail: str = "", remedy: str = "") -> values.TestStep:
    return values.TestStep(values.StepKey(key), key, values.StepState(state), detail, remedy, 0.25)


def check(*, read: str = "ok", write: str = "ok") -> values.LoginCheck:
    refused = "the registry answered 403: denied"
    return values.LoginCheck(
        step("read", read, refused), step("push", write, refused, "Ask for a token that may write.")
    )


def compression(address: str) -> CompressionFacts:
    """At this one `fast` was chosen."""
    codec = Codec.FAST if address.endswith("/fast") else Codec.DEFAULT
    return CompressionFacts(codec, f"Recommended: default; nothing was measured at {address}.")


def understand(call: mirrors.UnderstandAddress) -> AddressFacts:
    if "registry" in call.text:
        return AddressFacts(
            REGISTRY, MirrorKind.OCI, "registry.site.org", "site-oci", compression=compression(call.text)
        )
    if call.text.startswith("/"):
        return AddressFacts(call.text, MirrorKind.FOLDER, "", "cache", folder_exists=False)
    if call.text.startswith("./"):
        place = {"site": "/etc/spack/site", "user": "/home/ann/.spack"}[call.scope]
        absolute = f"{place}/{call.text[2:]}"
        return AddressFacts(call.text, MirrorKind.FOLDER, "", "cache", folder_exists=True, absolute=absolute)
    if call.text.startswith("s3:"):
        return AddressFacts(call.text, MirrorKind.S3, "s3.amazonaws.com", "bucket")
    return AddressFacts("", None, "", "", problem=ErrorInfo("usage", "This names no host", "nothing is assumed"))


def plan(call: mirrors.PlanMirrorEdit) -> EditPlan:
    """Nothing changes where a mirror is written as it was."""
    same = getattr(call.edit, "base", None) is not None and call.edit.form == call.edit.base  # type: ignore[union-attr]
    return EditPlan("plan-1", "Change", "user", FILE, "" if same else DIFF, command="spack mirror add site-oci")


def overview(**changes: Any) -> values.LoginOverview:
    known: dict[str, Any] = {
        "keep": values.Keep.KEYRING,
        "state": CredentialState.STORED,
        "user": "hpcbot",
        "keyring": KEYRING,
        "variables": ("", VARIABLE),
        "variables_named": True,
        "used_by": ("site-oci", "site-test"),
    }
    return values.LoginOverview("site-oci", values.Direction.PUSH, "registry.site.org", **{**known, **changes})


def details(*, scope: str = "user", writable: bool = True, form: MirrorForm = FORM) -> MirrorDetails:
    text = EntryText(scope, FILE, 3, f"site-oci: {REGISTRY}\n", writable)
    return MirrorDetails(form.name, form, (text,), (), (), (), "")


def fill(client: FakeClient) -> FakeClient:
    """Let `client` answer everything the dialogs ask."""
    client.answers.update(
        {
            mirrors.ListScopes: scopes(),
            mirrors.UnderstandAddress: understand,
            mirrors.PlanMirrorEdit: plan,
            mirrors.ApplyMirrorEdit: AppliedEdit("user", FILE, "Change", "undo-1"),
            mirrors.DescribeMirror: details(),
            logins.KeyringState: KEYRING,
            logins.DescribeLogin: overview(),
            logins.CheckLogin: check(),
            logins.SaveLogin: overview(),
        }
    )
    return client
