# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what caches hold."""

from __future__ import annotations

from core.caches.protocol import IndexUpdate
from core.engine.messages import Call
from core.services.package_values import FoundPackages, Graph
from core.services.values import (
    ContentsRow,
    ContentsView,
    EntryDetails,
    EntrySignature,
    FileFacts,
    RepositoriesView,
)


class ListContents(Call[ContentsView], frozen=True):
    """What a cache holds: rows by name, then the same rows again as more is known of them. `mirror` is a name or any
    address; without `refresh` what is remembered is good enough."""

    method = "contents.list"
    answer = ContentsView
    row = ContentsRow
    instance: str
    mirror: str
    refresh: bool = False


class DescribeEntry(Call[EntryDetails], frozen=True):
    """One thing of a listing, by its key."""

    method = "contents.describe"
    answer = EntryDetails
    instance: str
    mirror: str
    key: str


class JudgeEntries(Call[int], frozen=True):
    """What the signatures of packages of a listing are worth, by their keys, as rows; answers how many were judged."""

    method = "contents.signatures"
    answer = int
    row = EntrySignature
    instance: str
    mirror: str
    keys: tuple[str, ...]


class DescribeFile(Call[FileFacts | None], frozen=True):
    """Whose the file of an entry is, None where caches are not made of files."""

    method = "contents.file"
    answer = FileFacts | None
    instance: str
    mirror: str
    key: str


class EntryGraph(Call[Graph], frozen=True):
    """All a package in a cache depends on; what the cache does not have is `missing`."""

    method = "contents.graph"
    answer = Graph
    instance: str
    mirror: str
    key: str
    limit: int = 300


class FindEntries(Call[FoundPackages], frozen=True):
    """Packages of a cache that match a query in Spack's language, by its index; a wrong query is an answer, not a
    failure."""

    method = "contents.find"
    answer = FoundPackages
    instance: str
    mirror: str
    text: str


class ListRepositories(Call[RepositoriesView], frozen=True):
    """The repositories of a registry; `host` may have a scheme."""

    method = "contents.repositories"
    answer = RepositoriesView
    instance: str
    host: str


class UpdateIndex(Call[IndexUpdate], frozen=True):
    """Make the index of a cache agree with what it holds; `full` reads every entry again."""

    method = "contents.update-index"
    answer = IndexUpdate
    instance: str
    mirror: str
    full: bool = False
