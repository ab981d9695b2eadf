# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Installing packages of a cache with the instance's own Spack: first what will come of it, then its lines."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.caches.copying import read_stored
from core.caches.folder_objects import read_ahead
from core.caches.opening import CacheAccess
from core.caches.protocol import EntryName, ReadableCache, StoredPackage
from core.foundation.cancel import CancelToken
from core.foundation.digests import is_dag_hash
from core.foundation.errors import CacheError, ErrorInfo, NotFound, SigningError, UsageError
from core.foundation.text import plural
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.packing.archive_members import read_members
from core.services.entry_records import entry_records
from core.services.install_values import (
    InstallOutlook,
    InstallPackage,
    InstallRequest,
    InstallState,
    SpackEnd,
    SpackLine,
)
from core.services.spack_lines import follow_spack
from core.signing.signatures import SignatureState
from core.spack.closures import breadth_first
from core.spack.config import MergedSection
from core.spack.install_trees import projected_prefix
from core.spack.instance import Instance
from core.spack.specs import PackageRecord, PackageState

_RUNTIME_TYPES = ("link", "run")
_NAMED = 5
_MARK = ".spack"
_MOST_MEMBERS = 10_000
_REFUSED = (SignatureState.BAD, SignatureState.OTHER_KEY)
_DONE = re.compile(r"\[\+\] (\S+)(?: \(external (\S+)\))?")
_BEGUN = re.compile(r"==> (?:Extracting (?=.* from binary cache)|Installing )(\S+)")
_FAILED = re.compile(r"==> Error: Failed to install (\S+) due to ")
_SKIPPED = re.compile(r"==> Warning: Skipping build of (\S+) since |==> Error: (\S+-\S+): Package was not installed")


@dataclass(frozen=True, slots=True)
class InstallHere:
    """Installations into one instance, outside of its environments. Addresses are relative to `cwd`."""

    instance: Instance
    access: CacheAccess
    cwd: Path

    def look(self, request: InstallRequest, token: CancelToken) -> InstallOutlook:
        """What installing would do. Reads the index of the mirror and the beginning of each archive.

        Raises UsageError for a request without hashes, and what the cache and the database raise.
        """
        mirror = resolve_mirror(request.mirror, mirrors_of(self.instance), cwd=self.cwd)
        if not request.hashes or not all(map(is_dag_hash, request.hashes)):
            raise UsageError("No packages were named to be installed")
        cache = self.access.open(mirror, Direction.FETCH)
        index = cache.read_index(token=token)
        known = entry_records(index.records, request.hashes) if index is not None else {}
        needed = {dag_hash: known[dag_hash] for dag_hash in breadth_first(known, request.hashes, _RUNTIME_TYPES)}
        packages = self._packages(mirror, cache, needed, token)
        signatures = {one.signature for one in packages}
        unsigned = SignatureState.UNSIGNED in signatures and signatures.isdisjoint(
            (*_REFUSED, SignatureState.UNKNOWN_KEY)
        )
        return InstallOutlook(
            mirror=mirror.name or mirror.fetch.url,
            root=str(self.instance.install_root),
            packages=packages,
            command=shlex.join(["spack", *_arguments(request)]),
            needs_unchecked=unsigned,
            blockers=tuple(self._blockers(mirror, request, known, packages)),
            warnings=tuple(_warnings(packages, needed, unchecked=request.unchecked)),
        )

    def run(self, request: InstallRequest, token: CancelToken) -> Iterator[list[SpackLine] | SpackEnd]:
        """Spack's lines as they come, then how it ended. Raises UsageError, with nothing done, if the outlook has a
        blocker or signatures would be left unchecked for nothing, and as `look` and `run_spack`."""
        outlook = self.look(request, token)
        if outlook.blockers:
            first = outlook.blockers[0]
            raise UsageError(first.title, first.why, remedies=first.remedies)
        if request.unchecked and not outlook.needs_unchecked:
            why = f"what comes from {outlook.mirror} is signed, or Spack asks for no signatures there"
            raise UsageError("Signatures have to be checked here", why)
        outside = replace(self.instance, environment=None)
        yield from follow_spack(outside, self.access, _arguments(request), InstallLines().understand, token)

    def _packages(
        self, mirror: Mirror, cache: ReadableCache, needed: Mapping[str, PackageRecord], token: CancelToken
    ) -> tuple[InstallPackage, ...]:
        here = self.instance.database(token).records
        states: dict[str, InstallState] = {}
        for dag_hash, record in needed.items():
            installed = dag_hash in here and here[dag_hash].state in (PackageState.INSTALLED, PackageState.DEPRECATED)
            if record.external:
                states[dag_hash] = InstallState.EXTERNAL
            else:
                states[dag_hash] = InstallState.INSTALLED if installed else InstallState.CACHE
        wanted = [dag_hash for dag_hash, state in states.items() if state is InstallState.CACHE]

        config = self.instance.config("config")

        def look(dag_hash: str) -> InstallPackage:
            token.raise_if_cancelled()
            return self._in_cache(mirror, cache, needed[dag_hash], config, token)

        looked = dict(zip(wanted, read_ahead(look, wanted), strict=True))
        return tuple(
            looked.get(dag_hash) or InstallPackage(dag_hash, record.name, record.version, states[dag_hash])
            for dag_hash, record in needed.items()
        )

    def _in_cache(
        self, mirror: Mirror, cache: ReadableCache, record: PackageRecord, config: MergedSection, token: CancelToken
    ) -> InstallPackage:
        found = InstallPackage(record.hash, record.name, record.version, InstallState.MISSING)
        try:
            stored = cache.package(EntryName(record.name, record.version, record.hash), token=token)
        except NotFound:
            return found
        problem = ""
        try:
            read_stored(cache, stored, token)  # Spack does not look which package a manifest belongs to
        except (CacheError, NotFound, SigningError) as error:
            problem = error.info().sentence()
        signature = None
        if mirror.signed and stored.signed is not None:
            url = mirror.fetch.url
            signature = self.access.signature(url, stored.manifest).state if stored.signed else SignatureState.UNSIGNED
        room = None
        prefix = projected_prefix(self.instance.install_root, config, record)
        if prefix is not None:
            with suppress(CacheError, NotFound):  # Spack will say more about a damaged archive
                room = len(_prefix_in(cache, stored, token)) - len(str(prefix))
        size = stored.archive.size or 0
        found = replace(found, state=InstallState.CACHE, stored_bytes=size, signature=signature, room=room)
        return replace(found, problem=problem)

    def _blockers(
        self,
        mirror: Mirror,
        request: InstallRequest,
        known: Mapping[str, PackageRecord],
        packages: Sequence[InstallPackage],
    ) -> Iterator[ErrorInfo]:
        executable, root = self.instance.spack_executable, self.instance.install_root
        if executable is None or not executable.is_file():
            yield ErrorInfo("no-spack", "This needs Spack itself", "the instance is an install root without a checkout")
        if not mirror.name or not mirror.binary:
            why = "it is no configured mirror" if not mirror.name else "the mirror is configured with binary: false"
            remedies = ("Add it as a mirror of binaries.",)
            yield ErrorInfo(
                "no-mirror", f"Spack takes no binaries from {mirror.name or mirror.fetch.url}", why, remedies
            )
        if unknown := [dag_hash for dag_hash in request.hashes if dag_hash not in known]:
            title = f"The index does not list {plural(len(unknown), 'package')} that were named"
            yield ErrorInfo("not-indexed", title, f"/{unknown[0]}", ("Update the index of the mirror.",))
        place = next(path for path in (root, *root.parents) if path.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            yield ErrorInfo("permission-denied", "Nothing can be installed here", f"{place} cannot be written")
        if wrong := [one for one in packages if one.signature in _REFUSED]:
            yield ErrorInfo("signing", "Signatures are not good", _names(wrong), ("Verify the mirror.",))
        if wrong := [one for one in packages if one.problem]:
            title = f"{plural(len(wrong), 'package')} of the mirror cannot be trusted"
            yield ErrorInfo("damaged", title, wrong[0].problem, ("Verify the mirror.",))


class InstallLines:
    """Makes sense of what `spack install` prints (Spack 1.1, seen in its output). For one run."""

    def __init__(self) -> None:
        self._begun: list[str] = []
        self._done: set[str] = set()

    def understand(self, text: str) -> SpackLine:
        if found := _DONE.match(text):
            label = found[2] or found[1].rpartition("/")[2]
            self._done.add(label)
            return SpackLine(text, label, done=True)
        if found := _BEGUN.match(text):
            self._begun.append(found[1])
            # What a package is installed by prints late, after those that did the work.
            return SpackLine(text, found[1] if found[1] not in self._done else "")
        if found := _FAILED.match(text):
            begun = (label for label in reversed(self._begun) if label.startswith(f"{found[1]}-"))
            return SpackLine(text, next(begun, found[1]), failed=True)
        if found := _SKIPPED.match(text):
            return SpackLine(text, found[1] or found[2], failed=True)
        return SpackLine(text)


def _arguments(request: InstallRequest) -> list[str]:
    flags = ["--cache-only", *(["--no-check-signature"] if request.unchecked else [])]
    return ["install", *flags, *(f"/{dag_hash}" for dag_hash in request.hashes)]


def _prefix_in(cache: ReadableCache, stored: StoredPackage, token: CancelToken) -> str:
    """The path a package was built for. It is told by the first members of an archive; no more is read."""
    with cache.open_blob(stored.archive, token=token) as reader:
        for number, (member, _) in enumerate(read_members(reader)):
            above, _, name = member.path.rpartition("/")
            if name.endswith(f"-{stored.entry.hash}"):
                return f"/{member.path}"
            if name == _MARK:
                return f"/{above}"
            if number > _MOST_MEMBERS:
                break
    raise CacheError("The archive does not begin as usual", stored.archive.key)


def _warnings(
    packages: Sequence[InstallPackage], needed: Mapping[str, PackageRecord], *, unchecked: bool
) -> Iterator[ErrorInfo]:
    tight = [one for one in packages if one.room is not None and one.room < 0]
    if tight:
        longer = -min(one.room or 0 for one in tight)
        title = f"{plural(len(tight), 'package')} may not fit: paths here are up to {longer} characters longer"
        why = f"programs and libraries that hold their own path cannot be adapted to a longer one: {_names(tight)}"
        remedies = (
            f"Use an install root that is {longer} characters shorter (config:install_tree:root).",
            "Or push the packages from an instance with config:install_tree:padded_length.",
        )
        yield ErrorInfo("too-long", title, why, remedies)
    if any(one.state is InstallState.CACHE and one.room is None for one in packages):
        yield ErrorInfo("unknown-paths", "Whether all packages fit below the install root is not known")
    if missing := [one for one in packages if one.state is InstallState.MISSING]:
        title = f"{plural(len(missing), 'package')} must come from another mirror"
        yield ErrorInfo("missing", title, _names(missing))
    absent = [one for one in needed.values() if one.external and not _is_there(one)]
    if absent:
        places = ", ".join(f"{one.name} in {one.node.external.path}" for one in absent[:_NAMED] if one.node.external)
        yield ErrorInfo("no-external", f"{plural(len(absent), 'external')} are not on this machine", places)
    if not unchecked and (plain := [one for one in packages if one.signature is SignatureState.UNSIGNED]):
        title = f"{plural(len(plain), 'package')} are not signed, so Spack does not take them"
        yield ErrorInfo("unsigned", title, _names(plain), ("Allow it for this time, if you trust the mirror.",))
    if strange := [one for one in packages if one.signature is SignatureState.UNKNOWN_KEY]:
        title = f"{plural(len(strange), 'package')} are signed with a key that is not known here"
        yield ErrorInfo("unknown-key", title, _names(strange), ("Trust the keys of the mirror first.",))


def _is_there(record: PackageRecord) -> bool:
    external = record.node.external
    return external is None or external.path is None or Path(external.path).exists()


def _names(packages: Sequence[InstallPackage]) -> str:
    names = ", ".join(f"{one.name}@{one.version}" for one in packages[:_NAMED])
    return f"{names} and {len(packages) - _NAMED} more" if len(packages) > _NAMED else names
