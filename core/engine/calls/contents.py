# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what caches hold."""

from __future__ import annotations

from core.caches.protocol import IndexUpdate
from core.engine.messages import Call
from core.services.values import ContentsRow, ContentsView, EntryDetails, RepositoriesView


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
