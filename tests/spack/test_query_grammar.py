# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How queries are read and written: grammar, refusals with their position, and that a query's text parses back."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.foundation.errors import QueryError
from core.spack.node_constraints import NodeConstraint, VariantConstraint
from core.spack.queries import Query
from core.spack.query_tokens import query_text_from_words
from core.spack.versions import VersionList


def refused(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        Query.parse(text)
    assert caught.value.query == text
    assert caught.value.why.endswith(f"(character {caught.value.position + 1} of the query)")
    return caught.value


# ---- grammar ----


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("labzed @1.3 +shared", "labzed@1.3+shared"),
        ("labzed@ 1.2 , 1.4:", "labzed@1.2,1.4:"),
        ("labzed -shared", "labzed~shared"),
        ("lab-zed", "lab-zed"),
        ("labmpi@4:fabrics=auto", "labmpi@4: fabrics=auto"),
        ("labmpi@4:fabrics:=b,a", "labmpi@4: fabrics:=a,b"),
        ("x@git.main/new=1.2+a", "x@git.main/new=1.2+a"),
        (f"x@{'a1' * 20}=1.2", f"x@{'a1' * 20}=1.2"),
        ("a.b.c", "c namespace=a.b"),
        ("x mode=a%b^c", "x mode=a%b^c"),
        ('x label="it\'s \\"here\\""', 'x label="it\'s \\"here\\""'),
        (r"x label='a\'b c'", 'x label="a\'b c"'),
        ("x label='=b'", "x label='=b'"),
        ("x label='a b\\ '", "x label='a b\\ '"),
        ("x dev_path=/some/dir my.variant=1", "x dev_path=/some/dir my.variant=1"),
    ],
)
def test_grammar(text: str, canonical: str) -> None:
    (query,) = Query.parse(text)
    assert str(query) == canonical
    assert Query.parse(canonical) == (query,)


@pytest.mark.parametrize(
    ("text", "position", "word"),
    [
        ("labtop ++docs", 7, "++"),
        ("labtop ~~docs", 7, "~~"),
        ("labtop --docs", 7, "--"),
        ("labtop cflags==-O2", 7, "=="),
        ("labtop mode:==fast", 7, "=="),
        ("./spec.json", 0, "files"),
        ("labtop/spec.yaml", 0, "files"),
        ("labtop /tmp/spec.json", 7, "files"),
        ("labtop %%gcc", 7, "%"),
        ("labtop ^[virtuals=c] gcc", 7, "^"),
        ("^labzed", 0, "^"),
    ],
)
def test_what_is_not_supported_is_named(text: str, position: int, word: str) -> None:
    error = refused(text)
    assert error.title.endswith("not supported")
    assert word in error.title
    assert error.position == position


@pytest.mark.parametrize(
    ("text", "position", "word"),
    [
        ("labzed@1.2@1.3", 10, "versions"),
        ("labzed+a a=true", 9, "twice"),
        ("labzed mode=a mode=b", 14, "twice"),
        ("lab.labzed namespace=x", 11, "namespace"),
        ("arch=linux-debian12-x86_64 os=x", 27, "os"),
        ("target=a arch=b", 9, "target"),
        ("arch=linux--x86_64", 0, "empty"),
        ("labzed@1.4:1.2", 6, "1.4:1.2"),
        ("labzed@", 6, "@"),
        ("labzed@@1", 6, "@"),
        ("labzed@git.x,1", 12, ","),
        ("labzed mode=", 11, "="),
        ("labzed mode=''", 7, "no value"),
        ("labzed mode=a,,b", 7, "empty"),
        ("labzed mode='a", 11, "never closed"),
        ("labzed 'a b'", 7, "key="),
        ("labzed mode:=*", 7, "*"),
        ("labzed mode=a,*", 7, "*"),
        ("labzed cflags:=-g", 7, ":="),
        ("labzed target:=zen3", 7, ":="),
        ("labzed (1)", 7, "("),
        ("lab*", 3, "patterns"),
        ("labzed #", 7, "#"),
        ("labzed +", 7, "+"),
        ("labzed é", 7, "é"),
    ],
)
def test_mistakes_are_pointed_at(text: str, position: int, word: str) -> None:
    error = refused(text)
    assert (error.title, error.position) == ("This query cannot be understood", position)
    assert word in error.why


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["labzed", "cflags=-O2 -g"], "labzed cflags='-O2 -g'"),
        (["cflags=-O2"], "cflags=-O2"),
        (["cflags='-O2 -g'"], "cflags='-O2 -g'"),
        (["label=it's me"], 'label="it\'s me"'),
        (["cflags==-O2 -g"], "cflags=='-O2 -g'"),
        (["features:=a,b c"], "features:='a,b c'"),
        (["labzed cflags='-O2 -g'"], "labzed cflags='-O2 -g'"),
        (["x@git.v1=1.0", "%c=gcc"], "x@git.v1=1.0 %c=gcc"),
        ([], ""),
    ],
)
def test_shell_words(words: list[str], text: str) -> None:
    assert query_text_from_words(words) == text


# ---- text and back ----

names = st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9_-]{0,6}", fullmatch=True)
values = (
    st.text(st.sampled_from("ab1-+*.:=%^~/\\'\" $é"), min_size=1, max_size=6)
    .map(str.strip)
    .filter(lambda value: value not in ("", "*"))
)
switches = st.builds(VariantConstraint, names, st.booleans())
choices = st.builds(
    VariantConstraint,
    names,
    st.sets(values, min_size=1, max_size=3).map(lambda chosen: tuple(sorted(chosen))),
    st.booleans(),
)
anything = st.builds(VariantConstraint, names, st.just(("*",)))
reserved = {"arch", "architecture", "platform", "os", "operating_system", "target", "namespace", "ldlibs"}
variants = st.lists(st.one_of(switches, choices, anything), max_size=4, unique_by=lambda one: one.name).map(
    lambda some: tuple(sorted((one for one in some if one.name not in reserved), key=lambda one: one.name))
)
flag_values = st.lists(
    st.sampled_from(["-g", "-O2", "-I dir", '-D"x y"', "-L'z'", "-a\\"]), min_size=1, max_size=3, unique=True
).map(tuple)
flags = st.dictionaries(st.sampled_from(["cflags", "fflags", "ldlibs"]), flag_values).map(
    lambda chosen: tuple(sorted(chosen.items()))
)
lists = st.sampled_from(["1.2", "=1.2", "1.2:", ":", "1:2,3,=4", "git.a/b=1", "git.a", "develop", f"{'0a' * 20}"])
nodes = st.builds(
    NodeConstraint,
    name=st.one_of(st.sampled_from(["", "*"]), names),
    namespace=st.one_of(st.just(""), values),
    versions=st.one_of(st.none(), lists.map(VersionList.parse)),
    variants=variants,
    flags=flags,
    platform=st.sampled_from(["", "linux", "*"]),
    os=st.sampled_from(["", "debian12"]),
    target=st.sampled_from(["", "zen3", "x86_64:", ":zen3,aarch64", "*"]),
    hash_prefix=st.sampled_from(["", "abc123"]),
).filter(lambda node: node != NodeConstraint())


@settings(max_examples=400, deadline=None)
@given(nodes)
def test_formatted_queries_parse_back(node: NodeConstraint) -> None:
    assert Query.parse(str(Query(node))) == (Query(node),)


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("ab1.@:=,+~-/*'\"\\ \ncflags"), max_size=25))
@example("a@1:b=c")
@example("k='x\\\\' y")
def test_any_text_parses_back_or_is_refused(text: str) -> None:
    try:
        queries = Query.parse(text)
    except QueryError as error:
        queries = ()
        position = error.position
    else:
        position = 0
    assert 0 <= position <= len(text)
    for query in queries:
        assert Query.parse(str(query)) == (query,)
