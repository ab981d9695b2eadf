# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Queries asked of real Spack and of this program: `unshare --mount python inside_queries.py FOLDER`, see inside.py."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import inside

# All of them in one process of Spack, which takes half a second to start; null where it refuses.
ASK_SPACK = """\
import json, shlex, sys
import spack.cmd, spack.store

def hashes(text):
    specs = spack.cmd.parse_specs(shlex.split(text))
    found = {one.dag_hash(): one for spec in specs for one in spack.store.STORE.db.query(spec)}
    return [one.dag_hash() for one in sorted(found.values())]

def answer(text):
    try:
        return hashes(text)
    except Exception:
        return None

with open(sys.argv[1]) as file:
    queries = json.load(file)
with spack.store.STORE.db.read_transaction():
    answers = {text: answer(text) for text in queries}
with open(sys.argv[2], "w") as file:
    json.dump(answers, file)
"""
# Spack takes no “all” here, looks at nothing but the version when a name stands for a virtual package, and asks for
# this reference a git repository that is gone.
DIFFERENT = {"%[deptypes=all] labzed", "labmpi+shared", "labmpi target=zen3", "labgit@git.v1.0"}
NOT_THERE = "labnope"
# Through the command line of both, with its quotes and exit status.
ON_THE_COMMAND_LINE = (
    "labmpi",
    "%c=gcc",
    "labtop ^labmpi@3.1 %c=gcc",
    "labtop ^[virtuals=labmpi] labmpi-b",
    'labzed cflags="-O2 -g"',
    "++shared",
    "labmid %labzed@1.3 labgit@1.1",
    NOT_THERE,
)


def main() -> None:
    queries = [
        text
        for name in ("find-queries", "more-queries")
        for text in json.loads((inside.GOLDEN / f"expected/{name}.json").read_text())
        if text not in DIFFERENT
    ]
    spack_says, ours = asked_of_spack(queries), asked_of_us(queries)
    different = {text: (spack_says[text], ours[text]) for text in queries if spack_says[text] != ours[text]}
    assert different == {}, different
    for text in ON_THE_COMMAND_LINE:
        command = ("find", "--format", "{hash}", *shlex.split(text))
        status = 1 if text == NOT_THERE else 0
        assert inside.mirrordeck(*command, status=status) == inside.spack(inside.PRODUCER, *command, status=status)


def asked_of_spack(queries: list[str]) -> dict[str, Any]:
    files = [inside.SCRATCH / name for name in ("ask.py", "queries.json", "answers.json")]
    files[0].write_text(ASK_SPACK)
    files[1].write_text(json.dumps(queries))
    inside.spack(inside.PRODUCER, "python", *files)
    answers: dict[str, Any] = json.loads(files[2].read_text())
    return answers


def asked_of_us(queries: list[str]) -> dict[str, Any]:
    """In this process: three hundred commands would take minutes."""
    from core.foundation.errors import QueryError
    from core.spack.instance import find_instance
    from core.spack.queries import parse_query, select
    from core.spack.query_tokens import query_text_from_words

    database = find_instance(str(inside.PRODUCER), environ=inside.environment(inside.PRODUCER)).database()
    answers: dict[str, Any] = {}
    for text in queries:
        try:
            query = parse_query(query_text_from_words(shlex.split(text)))
        except QueryError:
            answers[text] = None
            continue
        answer = select(query, database.world, recipes=database.recipes)
        assert answer.unknown == [], text
        answers[text] = [record.hash for record in answer.matched]
    return answers


if __name__ == "__main__":
    inside.set_up(Path(sys.argv[1]))
    main()
