# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What a spec being typed may become, from the packages there are. No Qt."""

from __future__ import annotations

import re

from core.spack.versions import version_key
from gui.packages.rows import PackageList, compiler_text

_MOST = 60
_SIGILS = "@%^+~/="
_WORD = re.compile(r"[\w.\-:,*=]*\Z")
_NAME_BEFORE = re.compile(r"(?:^|[\s^%])([a-z0-9_][\w\-]*)(?:@[^\s%^+~/]*)?(?:[+~][\w\-]+|\s+[\w\-]+=\S*|\s)*\Z")
_SWITCH = re.compile(r"(?:^|(?<=[\s\w]))[+~]{1,2}([\w\-]+)")
_VALUE = re.compile(r"[\w\-]+=\S+")


def is_spec(text: str) -> bool:
    """Whether `text` uses Spack's syntax, so that the engine must answer, rather than being plain words."""
    return any(sigil in text for sigil in _SIGILS) or any(word.startswith("-") for word in text.split())


def is_eager(before: str) -> bool:
    """Whether to offer without being asked: where a version, variant, dependency or compiler is being typed."""
    word = _WORD.search(before)
    start = word.start() if word is not None else len(before)
    return (start > 0 and before[start - 1] in "@%^+~") or "=" in before[start:]


def complete(packages: PackageList, before: str) -> tuple[int, list[str]]:
    """Where the word at the end of `before` starts, and what it may become: a few dozen, the likeliest first."""
    match = _WORD.search(before)
    start = match.start() if match is not None else len(before)
    typed = before[start:]
    sigil = before[start - 1] if start else ""
    if sigil == "@":
        return start, _versions(packages, _name_before(before[: start - 1]), typed)
    if sigil in ("+", "~"):
        return start, _switches(packages, _name_before(before[: start - 1]), typed)
    if "=" in typed:
        return start, _values(packages, _name_before(before[:start]), typed)
    if sigil == "%":
        return start, _compilers(packages, typed)
    if sigil == "/":
        return start, _starting(sorted(each for each in packages.hashes if each.startswith(typed))[:_MOST], typed)
    return start, _starting(sorted(packages.by_name), typed)


def _name_before(text: str) -> str:
    """The package whose version or variant comes after `text`."""
    match = _NAME_BEFORE.search(text)
    return match.group(1) if match is not None else ""


def _versions(packages: PackageList, name: str, typed: str) -> list[str]:
    exact = "=" if typed.startswith("=") else ""
    found = {packages.rows[at].version for at in packages.by_name.get(name, ())}
    newest_first = sorted(found, key=version_key, reverse=True)
    return _starting([f"{exact}{version}" for version in newest_first], typed)


def _variant_texts(packages: PackageList, name: str) -> set[str]:
    """Of the packages of that name; of all for none."""
    if not name:
        return {tail.variants for tail in packages.tails}
    return {packages.rows[at].variants for at in packages.by_name.get(name, ())}


def _switches(packages: PackageList, name: str, typed: str) -> list[str]:
    texts = _variant_texts(packages, name)
    return _starting(sorted({match.group(1) for text in texts for match in _SWITCH.finditer(text)}), typed)


def _values(packages: PackageList, name: str, typed: str) -> list[str]:
    """`api=default` for `api=`."""
    texts = _variant_texts(packages, name)
    found = {match.group() for text in texts for match in _VALUE.finditer(text)}
    found |= {f"target={tail.target}" for tail in packages.tails}
    return _starting(sorted(found), typed)


def _compilers(packages: PackageList, typed: str) -> list[str]:
    found = {name for tail in packages.tails for name in compiler_text(tail.compilers).split(", ") if name}
    return _starting(sorted(found), typed)


def _starting(offers: list[str], typed: str) -> list[str]:
    return [offer for offer in offers if offer.startswith(typed)][:_MOST]
