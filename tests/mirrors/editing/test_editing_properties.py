# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What must hold for whatever people write."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.foundation.errors import ConfigError
from core.mirrors.editing.content import changed_entry, form_of, new_entry
from core.mirrors.editing.document import Document
from core.mirrors.editing.rendering import block, in_brackets, scalar
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.schema import first_breach
from core.spack.config import Scope
from core.spack.yaml_reader import parse_yaml

SCOPE = Scope("user", Path("/x"))
SIGNS = st.text("ab1:#-'\"\\{}[],&*!|>%@` \t?~.é=+<", max_size=12)
WORDS = st.sampled_from(["no", "true", "~", "1:20", "1e3", "0x1F", "null", "- a", "a: b", "a #b", "<<", "2024-01-01"])
TEXTS = st.one_of(SIGNS, WORDS, st.text(max_size=8).filter(lambda text: max(text, default="a") < "\ud800"))
# Spack takes a colon off the end of every text, so these cannot be written at all.
WRITABLE = TEXTS.filter(lambda text: not text.endswith(":"))
NAMES = st.text("abc1_-. é'#", min_size=1, max_size=8).filter(lambda text: text == text.strip())
SETTINGS = st.sampled_from(["", "a", "b"])
CONNECTIONS = st.builds(
    ConnectionForm,
    url=st.sampled_from(["/srv/a", "oci://h.example/p", "s3://b/c", "./rel"]),
    user=SETTINGS,
    secret_variable=st.just("V"),
    token_variable=SETTINGS,
    profile=SETTINGS,
    endpoint_url=SETTINGS,
).map(lambda form: form if form.user else ConnectionForm(form.url, "", "", "", form.token_variable, form.profile))
FORMS = st.builds(
    MirrorForm,
    name=st.just("m"),
    fetch=CONNECTIONS,
    push=st.none() | CONNECTIONS,
    binary=st.booleans(),
    source=st.booleans(),
    signed=st.none() | st.booleans(),
    autopush=st.booleans(),
).map(lambda form: form if form.push != form.fetch else MirrorForm("m", form.fetch))


def read(text: str) -> object:
    return parse_yaml(text, Path("/x")).data


@settings(deadline=None)  # the machine may be busy
@given(WRITABLE)
def test_texts_are_read_as_they_were_written(text: str) -> None:
    for style in ("", "'", '"'):
        assert read(f"k: {scalar(text, style=style)}\n") == {"k": text}
    assert read(f"k: {{a: {scalar(text, flow=True)}, b: {in_brackets([text])}}}") == {"k": {"a": text, "b": [text]}}
    assert read("\n".join(block({"k": {"a": text}}, 0, 2))) == {"k": {"a": text}}


@settings(deadline=None)  # the machine may be busy
@given(FORMS)
def test_a_new_entry_says_what_the_form_says(form: MirrorForm) -> None:
    entry = new_entry(form)
    assert form_of("m", entry) == form
    assert isinstance(entry, str) == (entry == form.fetch.url)


@settings(deadline=None)  # the machine may be busy
@given(FORMS, FORMS)
def test_a_changed_entry_says_what_the_form_says(old: MirrorForm, new: MirrorForm) -> None:
    entry = changed_entry(new_entry(old), old, new, below=None)
    assert form_of("m", entry) == new
    document = Document(f"mirrors:\n  m: {json.dumps(entry)}\n", SCOPE)
    value = document.value("m")
    assert value is not None
    assert first_breach(value) is None
    assert changed_entry(entry, new, new, below=None) == entry


@st.composite
def files(draw: st.DrawFn) -> str:
    """Block and flow, comments, empty lines and indents as they come."""
    step, inner = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["# top"] * draw(st.booleans()) + ["mirrors:" + draw(st.sampled_from(["", "  ", " # c"]))]
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        margin = " " * step
        lines += draw(st.lists(st.sampled_from(["", f"{margin}# above", "# margin"]), max_size=2))
        entry = new_entry(draw(FORMS))
        if isinstance(entry, str) or draw(st.booleans()):
            lines.append(f"{margin}{scalar(name)}: {in_brackets(entry)}" + draw(st.sampled_from(["", "  # behind"])))
        else:
            lines.append(f"{margin}{scalar(name)}:")
            for line in block(entry, step + inner, draw(st.integers(1, 3))):
                lines += [line, *draw(st.lists(st.sampled_from([" " * (step + inner) + "# inside", ""]), max_size=1))]
    return newline.join(lines) + draw(st.sampled_from(["", newline, newline + "# end" + newline]))


def comments(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


@settings(deadline=None, max_examples=50)
@given(files(), FORMS, st.data())
def test_any_file_any_edit(text: str, form: MirrorForm, data: st.DataObject) -> None:
    """Documents check themselves that they say what was intended; here that nothing is refused, and nothing lost."""
    document = Document(text, SCOPE)
    name = data.draw(st.sampled_from(list(document.entries)))
    entry = document.entries[name]
    source = document.source(name)
    changed = document.changed(name, changed_entry(entry, form_of(name, entry), form, below=None))
    assert form_of("m", Document(changed, SCOPE).entries[name]) == form
    before = data.draw(st.sampled_from([*(other for other in document.entries if other != name), ""]))
    moved = document.moved(name, before)
    for edited in (moved, document.added("m e w", new_entry(form)), document.renamed(name, "m e w")):
        assert comments(edited) == comments(text)
    assert not comments(text) - comments(source) - comments(changed)  # those of a key that went may go with it
    if "#" not in source:
        assert sorted(moved.replace("\r", "").split("\n")) == sorted(
            (text if text.endswith("\n") == moved.endswith("\n") else text + "\n").replace("\r", "").split("\n")
        )
    added = document.added("m e w", new_entry(form), before=before or None)
    assert Document(added, SCOPE).removed("m e w") == text
    assert Document(document.removed(name), SCOPE).entries == {
        other: content for other, content in document.entries.items() if other != name
    }


@settings(deadline=None)  # the machine may be busy
@given(st.text("ab:{}[],&*#'\"\n -<|", max_size=60))
def test_hostile_texts_are_refused_or_edited(text: str) -> None:
    try:
        document = Document(f"mirrors:\n  a: b\n  c: {text}\n", SCOPE)
    except ConfigError:
        return
    for edit in (
        lambda: document.removed("a"),
        lambda: document.added("n", {"url": "u"}),
        lambda: document.moved("a", ""),
    ):
        try:
            edited = edit()
        except ConfigError:
            continue
        assert Document(edited, SCOPE).entries.get("c") == document.entries.get("c")


@pytest.mark.parametrize("text", ["a:", "a: :", "x::"])
def test_what_spack_would_read_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not changed"):
        Document("mirrors:\n  a: b\n", SCOPE).changed("a", text)
