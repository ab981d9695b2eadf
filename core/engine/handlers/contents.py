# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Requests about what caches hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.caches.protocol import IndexUpdate
from core.engine.calls import contents
from core.engine.messages import Call
from core.engine.state import EngineState, Handler
from core.foundation.cancel import CancelToken
from core.services.contents import update_index
from core.services.contents_details import describe_entry, judge_entries
from core.services.contents_specs import entry_graph, file_facts, find_entries
from core.services.contents_view import Place, list_repositories, open_place, view_contents
from core.services.package_values import FoundPackages, Graph
from core.services.values import (
    ContentsRow,
    ContentsView,
    EntryDetails,
    EntrySignature,
    FileFacts,
    RepositoriesView,
)


class ContentsHandlers:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    def table(self) -> dict[type[Call[Any]], Handler]:
        return {
            contents.ListContents: self.list_contents,
            contents.DescribeEntry: self.describe,
            contents.JudgeEntries: self.judge,
            contents.DescribeFile: self.file,
            contents.EntryGraph: self.graph,
            contents.FindEntries: self.find,
            contents.ListRepositories: self.repositories,
            contents.UpdateIndex: self.update_index,
        }

    def list_contents(
        self, call: contents.ListContents, token: CancelToken
    ) -> Iterator[list[ContentsRow] | ContentsView]:
        instance = self._state.instance(call.instance)
        return view_contents(
            instance,
            self._state.access(instance),
            self._state.contents,
            call.mirror,
            refresh=call.refresh,
            cwd=Path.home(),
            token=token,
        )

    def describe(self, call: contents.DescribeEntry, token: CancelToken) -> EntryDetails:
        instance = self._state.instance(call.instance)
        access = self._state.access(instance)
        place = open_place(instance, access, call.mirror, cwd=Path.home())
        return describe_entry(place, self._state.contents, call.key, token, signature=access.signature)

    def judge(self, call: contents.JudgeEntries, token: CancelToken) -> Iterator[list[EntrySignature] | int]:
        access = self._state.access(self._state.instance(call.instance))
        keys, count = frozenset(call.keys), 0
        judged = judge_entries(self._place(call), self._state.contents, keys, token, signature=access.signature)
        for count, one in enumerate(judged, start=1):  # noqa: B007  the last one
            yield [one]
        yield count

    def file(self, call: contents.DescribeFile, _token: CancelToken) -> FileFacts | None:
        return file_facts(self._place(call), call.key)

    def graph(self, call: contents.EntryGraph, token: CancelToken) -> Graph:
        return entry_graph(self._place(call), self._state.contents, call.key, call.limit, token)

    def find(self, call: contents.FindEntries, token: CancelToken) -> FoundPackages:
        return find_entries(self._place(call).cache, call.text, token)

    def _place(
        self, call: contents.JudgeEntries | contents.DescribeFile | contents.EntryGraph | contents.FindEntries
    ) -> Place:
        instance = self._state.instance(call.instance)
        return open_place(instance, self._state.access(instance), call.mirror, cwd=Path.home())

    def repositories(self, call: contents.ListRepositories, token: CancelToken) -> RepositoriesView:
        return list_repositories(self._state.access(self._state.instance(call.instance)), call.host, token)

    def update_index(self, call: contents.UpdateIndex, token: CancelToken) -> IndexUpdate:
        self._state.check_may_change("The index was not updated")
        instance = self._state.instance(call.instance)
        return update_index(
            instance,
            self._state.access(instance),
            call.mirror,
            full=call.full,
            cwd=Path.home(),
            token=token,
            progress=lambda _done, _total: None,
        )
