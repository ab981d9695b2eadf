# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Every invariant, quirk and threat this program has to withstand has a test that bears its number.

I1-I8 are what holds after a crash at any point, Q01-Q52 what registries and proxies do, T01-T40 what attackers and bad
luck do. A test called `test_q24_q26_…` stands for both.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = {
    *(f"i{number}" for number in range(1, 9)),
    *(f"q{number:02}" for number in range(1, 53)),
    *(f"t{number:02}" for number in range(1, 41)),
}
# What is not part of this program, and why.
ELSEWHERE = {
    "q51": "buckets are only read, at a public address: there are no signatures of requests and no clock that matters",
    "t29": "keys of cosign are not used",
}
_ROW = re.compile(r"(?:i\d|[qt]\d\d)(?=_|$)")


def rows_of(name: str) -> set[str]:
    """The rows that the name of a test begins with."""
    found = set()
    for part in name.removeprefix("test_").split("_"):
        if not _ROW.fullmatch(part):
            break
        found.add(part)
    return found


def rows_tested() -> set[str]:
    return {
        row
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for row in rows_of(node.name)
    }


def test_every_row_has_a_test_of_its_name() -> None:
    assert sorted(ROWS - ELSEWHERE.keys() - rows_tested()) == []


def test_no_test_bears_the_number_of_a_row_that_does_not_exist() -> None:
    assert sorted(rows_tested() - ROWS) == []
    assert sorted(rows_tested() & ELSEWHERE.keys()) == []


def test_names_are_read_as_meant() -> None:
    assert rows_of("test_q24_q26_a_length_always") == {"q24", "q26"}
    assert rows_of("test_i7_t32_a") == {"i7", "t32"}
    assert rows_of("test_t5_is_no_row") == set()
    assert rows_of("test_what_q24_means") == set()
