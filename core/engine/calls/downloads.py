# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about taking packages out of caches without installing them."""

from __future__ import annotations

from core.engine.messages import Call
from core.services.download_values import Downloaded, FileRow, FilesView, PackageId, UnpackedView
from core.services.values import Step


class ListFiles(Call[FilesView], frozen=True):
    """The files in the archive of a package, as rows. The whole archive is read for it."""

    method = "downloads.files"
    answer = FilesView
    row = FileRow
    instance: str
    mirror: str
    package: PackageId


class DownloadPackage(Call[Downloaded], frozen=True):
    """Save archive and spec in `directory` under the digests of their contents, verified. Rows count bytes."""

    method = "downloads.save"
    answer = Downloaded
    row = Step
    instance: str
    mirror: str
    package: PackageId
    directory: str


class SaveSpec(Call[str], frozen=True):
    """Write the spec of a package as a file that Spack's commands take in place of one; answers its path."""

    method = "downloads.save-spec"
    answer = str
    instance: str
    mirror: str
    key: str
    directory: str


class UnpackPackage(Call[UnpackedView], frozen=True):
    """Unpack the archive below `directory`, to be looked at. Rows count unpacked bytes."""

    method = "downloads.unpack"
    answer = UnpackedView
    row = Step
    instance: str
    mirror: str
    package: PackageId
    directory: str
