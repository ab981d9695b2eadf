# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What container tools call the processors Spack knows. Facts seen in Spack 1.1's output."""

from __future__ import annotations

_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}
# Where an image's own name differs from the one Spack writes.
_ALSO_KNOWN_AS = {"x86": "386"}


def image_architecture(target: str) -> str:
    """The `architecture` of an image for a Spack target: its family, two of them renamed. Any thread.

    A target that archspec does not know stands for itself.
    """
    from archspec.cpu import TARGETS  # takes 50 ms to load

    known = TARGETS.get(target)
    family = str(known.family.name) if known is not None else target
    return _NAMES.get(family, family)


def runs_on(architecture: str, image: str) -> bool:
    """Whether an image that says it is for `image` is one for `architecture`, as `image_architecture` names it."""
    return image in (architecture, _ALSO_KNOWN_AS.get(architecture))
