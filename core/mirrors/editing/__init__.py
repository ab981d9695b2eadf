# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Editing mirrors in Spack's files by replacing nothing but the lines an edit is about."""

from __future__ import annotations
