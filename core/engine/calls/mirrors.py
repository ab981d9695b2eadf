# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about the mirrors of an instance."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.mirror_values import (
    AddressFacts,
    AppliedEdit,
    Codec,
    CompressionFacts,
    EditPlan,
    MirrorDetails,
    MirrorEdit,
    ScopeRow,
)
from core.services.values import MirrorsView


class ListMirrors(Call[MirrorsView], frozen=True):
    method = "mirrors.list"
    answer = MirrorsView
    instance: str


class ListScopes(Call[tuple[ScopeRow, ...]], frozen=True):
    """Where mirrors can be written, highest precedence first."""

    method = "mirrors.scopes"
    answer = tuple[ScopeRow, ...]
    instance: str


class PlanMirrorEdit(Call[EditPlan], frozen=True):
    """What an edit would do; nothing is changed."""

    method = "mirrors.plan"
    answer = EditPlan
    instance: str
    edit: MirrorEdit


class ApplyMirrorEdit(Call[AppliedEdit], frozen=True):
    """Save an edit that was planned in this engine."""

    method = "mirrors.apply"
    answer = AppliedEdit
    instance: str
    plan: str


class UndoMirrorEdit(Call[AppliedEdit], frozen=True):
    """Put a file back as it was before an edit, by a step's id; refused if the file changed since."""

    method = "mirrors.undo"
    answer = AppliedEdit
    instance: str
    undo: str


class UnderstandAddress(Call[AddressFacts], frozen=True):
    """What a typed or pasted address means, written in `scope` ("" for where Spack would write it). Looks at folders,
    never at the network."""

    method = "mirrors.understand"
    answer = AddressFacts
    instance: str
    text: str
    scope: str = ""


class ChooseCompression(Call[CompressionFacts], frozen=True):
    """Compress packages for this mirror with `codec` from now on."""

    method = "mirrors.choose-compression"
    answer = CompressionFacts
    instance: str
    mirror: str
    codec: Codec


class DescribeMirror(Call[MirrorDetails], frozen=True):
    """One configured mirror with everything there is to say without asking it."""

    method = "mirrors.describe"
    answer = MirrorDetails
    instance: str
    name: str
