# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How the window speaks: in few places, in sentence case, calmly, and with one word for one thing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

GUI = Path(__file__).parents[2] / "gui"
WORDS = sorted({*GUI.rglob("*words.py"), GUI / "messages.py", GUI / "actions.py", GUI / "menus.py"})
OTHERS = sorted({*GUI.rglob("*.py")} - {*WORDS})
NOT_SPOKEN = {"style_sheet.py"}  # a language of its own
# What keeps its capital in the middle of a sentence: names, keys, and what is written so on pages, tabs and buttons.
NAMES = {
    "Mirrordeck", "Spack", "Google", "Storage", "Slurm", "Return", "Escape", "Space", "Push", "Mirrors", "Packages",
    "Transfers", "Contents", "Keys", "History", "Settings", "Connection",
}  # fmt: skip
INSTEAD = {
    r"director(y|ies)": "folder",
    r"binary (cache|mirror)s?": "build cache, mirror",
    r"repos?": "repository",
    r"(remote|target) mirror": "mirror",
    r"tarballs?|archive files?": "archive",
    r"credentials?|log ?on": "login",
    r"log(ged)? (in|out)": "sign in, sign out",
    r"passwords? phrase|passcode": "passphrase",
    r"app|application": "program, Mirrordeck",
    r"abort(ed|ing)?|kill(ed|ing)?|terminat\w+": "stop",
    r"illegal|invalid|fatal": "what is wrong, and how it should be",
    r"oops|sorry|please|success(ful(ly)?)?": "nothing",
}
_CAPITAL = re.compile(r"(?<![\w/.&'{<*-])([A-Z][a-z]+)\b(?![\w{}()]*=)")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is no documentation and goes to no log; `{}` stands for what is filled in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
            left_out.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            left_out.update(part for part in node.values if isinstance(part, ast.Constant))
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


def spoken(path: Path) -> Iterator[tuple[str, str]]:
    """Where and what, for texts that have words: no keys, names of icons or patterns."""
    for line, text in texts(path):
        if re.search(r"[A-Za-z]{2}", text) and not re.fullmatch(r"[\w.+/{}-]+", text):
            yield f"{path.relative_to(GUI)}:{line}", text


def stray_capitals(text: str) -> list[str]:
    starts = {0, *(match.end() for match in re.finditer(r"^\W+|(?<=[.?:…\n]) +|[.?]['”)] +|[“‘(] ?", text))}
    return [found[1] for found in _CAPITAL.finditer(text) if found.start() not in starts and found[1] not in NAMES]


@pytest.mark.parametrize("path", WORDS, ids=lambda path: str(path.relative_to(GUI)))
def test_sentence_case_calm_and_one_word_for_one_thing(path: Path) -> None:
    for where, text in spoken(path):
        assert "!" not in text, f"{where}: {text}"
        assert stray_capitals(text) == [], f"{where}: {text}"
        prose = re.sub(r"'(spack|mirrordeck) [^']*'|\$\{?\w+|--[\w-]+", "", text)
        for wrong, right in INSTEAD.items():
            assert not re.search(rf"\b({wrong})\b", prose, re.IGNORECASE), f"{where}: {text}\nsay instead: {right}"


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: str(path.relative_to(GUI)))
def test_sentences_are_nowhere_else(path: Path) -> None:
    if path.name in NOT_SPOKEN:
        return
    sentences = [(line, text) for line, text in texts(path) if re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text)]
    assert sentences == [], f"{path.relative_to(GUI)}: these belong to words.py or messages.py"


def test_wrong_capitals_would_be_seen() -> None:
    assert stray_capitals("Copy Spec") == ["Spec"]
    assert stray_capitals("Done. Nothing is left. What stays: Everything") == []
    assert stray_capitals("Ask Spack (Again)") == []
    assert stray_capitals("{} Packages of Spack. The Index is old") == ["Index"]
