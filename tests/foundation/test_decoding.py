# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from core.foundation.decoding import converted, from_json, json_decoder

ROOT = Path(__file__).parents[2]
# Each round has structs that no thread has met before; threads take turns all the time.
FIRST_MEETINGS = """
import sys, threading
import msgspec
from core.foundation.decoding import converted, from_json

sys.setswitchinterval(1e-6)
THREADS = 6
TEXT = b'{"inner": {"a0": 1}, "parts": [{"a0": 2}]}'

def work(outer, ready):
    ready.wait()
    assert from_json(TEXT, outer).inner.a0 == 1
    assert converted({"inner": {"a0": 3}, "parts": []}, outer).inner.a0 == 3

for number in range(60):
    inner = msgspec.defstruct(f"Inner{number}", [(f"a{at}", int | None, None) for at in range(9)])
    outer = msgspec.defstruct(f"Outer{number}", [("inner", inner), ("parts", list[inner])])
    ready = threading.Barrier(THREADS)
    threads = [threading.Thread(target=work, args=(outer, ready)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("all were read")
"""


class Point(msgspec.Struct):
    x: int
    unit: complex | None = None


def test_threads_that_meet_a_struct_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_MEETINGS], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout == b"all were read\n"


def test_a_decoder_is_made_once() -> None:
    assert json_decoder(dict[str, int]) is json_decoder(dict[str, int])
    assert json_decoder(dict[str, int]) is not json_decoder(dict[str, str])


def test_what_does_not_fit_is_refused() -> None:
    assert from_json(b'{"x": 1}', Point) == converted({"x": 1}, Point) == Point(1)
    with pytest.raises(msgspec.ValidationError):
        from_json(b'{"x": "1"}', Point)
    with pytest.raises(msgspec.ValidationError):
        converted({"x": "1"}, Point)


def test_types_of_a_callers_own() -> None:
    decoder = json_decoder(Point, lambda _kind, value: complex(value))
    assert decoder.decode(b'{"x": 1, "unit": "2j"}').unit == 2j


def test_nothing_else_makes_decoders() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for top in ("core", "gui")
        for path in (ROOT / top).rglob("*.py")
        if path.name != "decoding.py"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call) and makes_a_decoder(node)
    ]
    assert found == []


def makes_a_decoder(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    typed = any(keyword.arg == "type" for keyword in call.keywords)
    return name in ("msgspec.json.Decoder", "msgspec.convert") or (name == "msgspec.json.decode" and typed)
