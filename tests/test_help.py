# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The user guide says only what is true of the program: its commands parse, its links lead somewhere."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from core.cli.main import make_parser

FOLDER = Path(__file__).parent.parent / "resources/help"
CHAPTERS = sorted(FOLDER.glob("*.md"))
_WIDEST = 120


def blocks_of(text: str, language: str = r"\w*") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands_in(text: str) -> list[list[str]]:
    """The command lines of ours in code blocks, without what shells and other programs have around them."""
    found = []
    for block in blocks_of(text):
        for line in block.splitlines():
            if inner := re.search(r"\$\((mirrordeck [^)]*)\)", line):
                found.append(shlex.split(inner[1]))
            elif ours := re.search(r"(?:^|- run: |^\s*- |\* )(mirrordeck .*)$", line):
                found.append(shlex.split(ours[1].split(" >> ")[0]))
    return found


CASES = [(chapter.name, command) for chapter in CHAPTERS for command in commands_in(chapter.read_text())]


@pytest.mark.parametrize(("chapter", "command"), CASES, ids=[" ".join(command)[:70] for _, command in CASES])
def test_every_command_is_one_of_ours(chapter: str, command: list[str]) -> None:
    complaints = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaints):
            options = make_parser().parse_args(command[1:])
    except SystemExit:
        pytest.fail(f"{chapter}: {shlex.join(command)}\n{complaints.getvalue()}")
    assert options.run is not None


def test_no_command_is_overlooked() -> None:
    lines = [line for chapter in CHAPTERS for block in blocks_of(chapter.read_text()) for line in block.splitlines()]
    assert len(CASES) == sum("mirrordeck " in line for line in lines) > 50


def test_options_named_in_sentences_are_ours() -> None:
    known = options_of(make_parser())
    for chapter in CHAPTERS:
        prose = re.sub(r"^```.*?^```", "", chapter.read_text(), flags=re.MULTILINE | re.DOTALL)
        named = {option for code in re.findall(r"`([^`]+)`", prose) for option in re.findall(r"--[a-z][a-z-]+", code)}
        assert named <= known, chapter.name


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The options of the parser and of its commands."""
    found: set[str] = set()
    for action in parser._actions:
        found.update(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            found.update(*map(options_of, action.choices.values()))
    return found


def test_yaml_is_yaml_with_the_keys_it_needs() -> None:
    texts = [text for chapter in CHAPTERS for text in blocks_of(chapter.read_text(), "yaml")]
    environment, workflow, pipeline = (YAML(typ="safe").load(text) for text in texts)
    (mirror,) = environment["spack"]["mirrors"].values()
    job = workflow["jobs"]["push"]
    assert set(mirror["access_pair"].values()) == set(job["env"])
    assert job["permissions"] == {"contents": "read", "packages": "write"}, "checking out needs the first"
    assert all(step.keys() in ({"uses"}, {"run"}) for step in job["steps"])
    assert pipeline["push"].keys() == {"variables", "script"}
    assert [step["run"].split()[0] for step in job["steps"] if "run" in step] == ["spack", "mirrordeck"]
    assert [line.split()[0] for line in pipeline["push"]["script"]] == ["spack", "mirrordeck"]


def test_wrong_commands_would_be_seen() -> None:
    assert commands_in('```\neval "$(mirrordeck mirror env x)"\n0 3 * * * mirrordeck find >> log\n```\n') == [
        ["mirrordeck", "mirror", "env", "x"],
        ["mirrordeck", "find"],
    ]
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises(SystemExit):
        make_parser().parse_args(["buildcache", "push", "--no-such-option", "scratch"])


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_chapters_have_one_title_and_living_links(chapter: Path) -> None:
    text = chapter.read_text()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.match(r"# \S", text)
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    links = re.findall(r"\[[^\]]*\]\(([^)]*)\)", prose)
    assert [link for link in links if "://" not in link and not (FOLDER / link).is_file()] == []
    assert "!" not in prose, "no exclamation marks"
    assert text.count("```") % 2 == 0
    assert max(len(line) for block in blocks_of(text) for line in block.splitlines()) <= _WIDEST


def test_actions_named_in_the_guide_exist() -> None:
    """What is in italics and ends in an ellipsis, or is named with its keys, is an action or a button."""
    from gui import actions, messages
    from gui.mirrors import editor_words
    from gui.push import words

    known = {entry.text for entry in actions._ENTRIES.values()}
    known |= {
        value for place in (messages, words, editor_words) for value in vars(place).values() if isinstance(value, str)
    }
    for chapter in CHAPTERS:
        for named in re.findall(r"(?<!\*)\*([^*\n]+…)\*(?!\*)", chapter.read_text()):
            assert named in known, f"{chapter.name}: {named}"
