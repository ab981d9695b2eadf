# SPDX-License-Identifier: Apache-2.0 OR MIT
"""How queries are read and written: grammar, refusals with their position, and that a query's text parses back."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.foundation.errors import QueryError
from core.spack.abstract_specs import AbstractSpec, DependencyConstraint
from core.spack.node_constraints import FlagConstraint, NodeConstraint, VariantConstraint
from core.spack.queries import Query, parse_query
from core.spack.query_tokens import query_text_from_words
from core.spack.versions import VersionList


def refused(text: str) -> QueryError:
    with pytest.raises(QueryError) as caught:
        parse_query(text)
    assert caught.value.query == text
    assert caught.value.why.endswith(f"(character {caught.value.position + 1} of the query)")
    assert caught.value.position + caught.value.length <= len(text)
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
        ("x ++a ~~b --c", "x++a~~b~~c"),
        ("x k==a,b k2:==a", "x k==a,b k2:==a"),
        ("x k==true", "x++k"),
        ("x+my.variant", "x+my.variant"),
        ("x cflags=-g cflags==-O2", "x cflags=-g cflags==-O2"),
        ("^zlib", "^zlib"),
        ("a ^ zlib@1 % gcc", "a ^zlib@1 %gcc"),
        ("a %gcc@12 ^zlib +shared %clang", "a %gcc@12 ^zlib+shared %llvm"),
        ("a %%oneapi", "a %%intel-oneapi-compilers"),
        ("a ^clang", "a ^clang"),
        ("a %cxx,c=gcc@12", "a %c,cxx=gcc@12"),
        ("a ^[virtuals=mpi] openmpi", "a ^mpi=openmpi"),
        ("a ^[virtuals=mpi] lapack=openblas", "a ^lapack,mpi=openblas"),
        ("a %[deptypes=run,link when='+b @1:'] b", "a %[when='@1:+b' deptypes=link,run] b"),
        ("a %[deptypes=all] b", "a %[deptypes=build,link,run,test] b"),
        ("a %[when='%b'] c", "a %[when=%b] c"),
        ("a ^* k=v", "a ^* k=v"),
        ("a ^+b", "a ^*+b"),
        ("a ^@2:", "a ^*@2:"),
        ("a ^k=v", "a ^k=v"),  # the package v, as k
        ("a ^[virtuals=k] +b", "a ^[virtuals=k] *+b"),
        ("a ^ns.b", "a ^b namespace=ns"),
        ("a ^/abc", "a ^* /abc"),
        ("a %c=gcc@12 %cxx=gcc@12.2:", "a %c,cxx=gcc@12.2:12"),
        ("a ^b+x ^b@1 %c", "a ^b@1+x %c"),
        ("a %b target=zen2: %b target=:zen4 os=* %b os=rhel9", "a %b os=rhel9 target=zen2,zen3,zen4"),
    ],
)
def test_grammar(text: str, canonical: str) -> None:
    query = parse_query(text)
    assert len(query.specs) == 1
    assert str(query) == canonical
    assert parse_query(canonical) == query


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("a b", ["a", "b"]),
        ("a ^b c %d e", ["a ^b", "c %d", "e"]),
        ("a/12 /34 b", ["a /12", "/34", "b"]),
        ("/12 /34", ["/12", "/34"]),
        ("a ^/12 /34", ["a ^* /12", "/34"]),
        ("^a ^b * ^c", ["^a ^b", "* ^c"]),
        ("a ^* b", ["a ^*", "b"]),
        ("a@1 , 2 b", ["a@1:2", "b"]),
    ],
)
def test_several_specs(text: str, specs: list[str]) -> None:
    assert [str(spec) for spec in parse_query(text).specs] == specs


def test_sigils() -> None:
    (spec,) = parse_query("a %b ^c %d %e ^f %%g").specs
    assert [(one.spec.node.name, one.direct) for one in spec.dependencies] == [("b", True), ("c", False), ("f", False)]
    below = [[(one.spec.node.name, one.preferred) for one in item.spec.dependencies] for item in spec.dependencies]
    assert below == [[], [("d", False), ("e", False)], [("g", True)]]


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
        ("labzed ^", 7, "missing"),
        ("labzed % ^zlib", 7, "missing"),
        ("labzed ^[virtuals=mpi]", 7, "missing"),
        ("labzed ^zlib+a~a", 14, "twice"),
        ("labzed ^zlib@1@2", 14, "versions"),
        ("labzed ^[virtuals=c gcc", 20, "only"),
        ("labzed ^[virtuals=c", 7, "never closed"),
        ("labzed ^[colour=c] gcc", 9, "deptypes"),
        ("labzed ^[virtuals=c virtuals=d] gcc", 20, "once"),
        ("labzed ^[deptypes=lunch] gcc", 9, "build, link, run, test"),
        ("labzed ^[when='@@'] gcc", 9, "condition"),
        ("labzed ^[when='a b'] gcc", 9, "one spec"),
        ("labzed ^[when='%[when=+a] b'] gcc", 9, "condition"),
        ("labzed ] gcc", 7, "closes nothing"),
        ("labzed [deptypes=link] gcc", 7, "directly behind"),
        ("labzed ^^zlib", 7, "missing"),
        ("labzed ^zlib@1 ^zlib@2", 15, "same package"),
        ("labzed %gcc+a %c=gcc~a", 14, "same package"),
        ("labzed patches==abc", 7, "inherit"),
        ("labzed target==zen3", 7, "inherit"),
        ("labzed ./spec.json", 7, "cannot be read here"),
        ("labzed ^mode=fast,slow", 17, ","),
    ],
)
def test_mistakes_are_pointed_at(text: str, position: int, word: str) -> None:
    error = refused(text)
    assert (error.title, error.position) == ("This query cannot be understood", position)
    assert word in error.why


def test_length_of_what_is_wrong() -> None:
    assert refused("labzed@1.2@1.3 x").length == len("@1.3")
    assert refused("labzed ^[when='@@'] gcc").length == len("when='@@'")
    assert refused('labzed "').length == 1


def test_endless_queries_are_refused() -> None:
    with pytest.raises(QueryError, match="20000"):
        parse_query("a" * 20_001)


@pytest.mark.parametrize(
    "text", ["@1," * 6000, "a" * 20_000, "k='" + "\\" * 19_000, "%a,b" * 5000, "^a " * 4000, "a,b" * 6000, "%[" * 9000]
)
def test_long_queries_take_no_time(text: str) -> None:
    start = time.process_time()
    with suppress(QueryError):
        parse_query(text)
    assert time.process_time() - start < 2


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
switches = st.builds(VariantConstraint, names, st.booleans(), st.just(False), st.booleans())
choices = st.builds(
    VariantConstraint,
    names,
    st.sets(values, min_size=1, max_size=3).map(lambda chosen: tuple(sorted(chosen))),
    st.booleans(),
    st.booleans(),
)
anything = st.builds(VariantConstraint, names, st.just(("*",)), st.just(False), st.booleans())
reserved = {"arch", "architecture", "platform", "os", "operating_system", "target", "namespace", "ldlibs"}
variants = st.lists(st.one_of(switches, choices, anything), max_size=4, unique_by=lambda one: one.name).map(
    lambda some: tuple(sorted((one for one in some if one.name not in reserved), key=lambda one: one.name))
)
flag_values = st.lists(
    st.sampled_from(["-g", "-O2", "-I dir", '-D"x y"', "-L'z'", "-a\\"]), min_size=1, max_size=3, unique=True
).map(tuple)
flags = st.dictionaries(st.tuples(st.sampled_from(["cflags", "fflags", "ldlibs"]), st.booleans()), flag_values).map(
    lambda chosen: tuple(FlagConstraint(name, chosen[name, kind], kind) for name, kind in sorted(chosen))
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
)
# Of dependencies of one name, and of packages without a name in front of others, a text can say less than values can.
names_of_dependencies = st.sampled_from([f"dep{number}" for number in range(40)])
dependency_nodes = st.builds(lambda node, name: replace(node, name=name), nodes, names_of_dependencies)
virtuals = st.sampled_from([(), ("mpi",), ("c", "cxx")])
deptypes = st.sampled_from([(), ("build",), ("link", "run")])
plain = st.builds(AbstractSpec, nodes.filter(lambda node: node != NodeConstraint()))


def dependencies(specs: st.SearchStrategy[AbstractSpec], direct: bool) -> st.SearchStrategy[DependencyConstraint]:
    preferred = st.booleans() if direct else st.just(False)
    when = st.one_of(st.none(), plain)
    return st.builds(DependencyConstraint, specs, st.just(direct), deptypes, virtuals, when, preferred)


def lists_of(some: st.SearchStrategy[DependencyConstraint]) -> st.SearchStrategy[tuple[DependencyConstraint, ...]]:
    return st.lists(some, max_size=2, unique_by=lambda one: one.spec.node.name).map(tuple)


direct = lists_of(dependencies(st.builds(AbstractSpec, dependency_nodes), direct=True))
below = lists_of(dependencies(st.builds(AbstractSpec, dependency_nodes, direct), direct=False))
specs = st.builds(
    lambda node, one, other: AbstractSpec(node, (*one, *other)),
    nodes,
    direct,
    below,
).filter(
    lambda spec: (
        spec != AbstractSpec(NodeConstraint())
        and len({one.spec.node.name for one in spec.dependencies}) == len(spec.dependencies)
    )
)


@settings(max_examples=200, deadline=None)
@given(specs)
def test_formatted_specs_parse_back(spec: AbstractSpec) -> None:
    assert parse_query(str(spec)) == Query((spec,))


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("ab1.@:=,+~-/*'\"\\ \ncflags^%[]wh"), max_size=30))
@example("a@1:b=c")
@example("k='x\\\\' y")
@example("^[when='^a'] b")
def test_any_text_parses_back_or_is_refused(text: str) -> None:
    try:
        specs, place = parse_query(text).specs, (0, 0)
    except QueryError as error:
        specs, place = (), (error.position, error.length)
    assert 0 <= place[0] <= sum(place) <= len(text)
    assert [parse_query(str(spec)).specs for spec in specs] == [(spec,) for spec in specs]
