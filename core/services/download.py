# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Taking packages out of caches without installing them: their blobs, their files to look at, their spec files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from core.caches.archives import list_archive, unpack_archive
from core.caches.copying import read_stored
from core.caches.opening import CacheAccess
from core.caches.protocol import EntryName, ReadableCache, StoredPackage
from core.foundation.cancel import CancelToken
from core.foundation.decoding import from_json
from core.foundation.digests import hex_of
from core.foundation.errors import BadSignature, MirrordeckError, NotFound, SigningError, UsageError, from_os_error
from core.foundation.files import atomic_write
from core.foundation.text import short_hash
from core.mirrors.arguments import resolve_mirror
from core.mirrors.credentials.states import Direction
from core.mirrors.model import Mirror
from core.mirrors.reading import mirrors_of
from core.packing.archive_members import MemberKind
from core.services.batches import in_batches
from core.services.contents import list_contents
from core.services.download_values import Downloaded, FileRow, FilesView, PackageId, UnpackedView
from core.services.finding import single_match
from core.spack.instance import Instance
from core.spack.queries import parse_query, select
from core.spack.spec_files import spec_file_reader
from core.spack.specs import DEPENDENCY_TYPES, spec_document

_NAMED = 5


class _SpecFile(msgspec.Struct, frozen=True):
    """What a spec document of a cache and a spec file have in common."""

    spec: msgspec.Raw


def chosen_mirrors(instance: Instance, names: Sequence[str], *, cwd: Path) -> list[Mirror]:
    """The mirrors named, or all that hold binaries, in Spack's order. Raises UsageError."""
    listing = mirrors_of(instance)
    if names:
        return [resolve_mirror(name, listing, cwd=cwd) for name in names]
    return [mirror for mirror in listing.mirrors if mirror.binary]


def find_package(
    instance: Instance, access: CacheAccess, spec: str, mirrors: Sequence[Mirror], *, cwd: Path, token: CancelToken
) -> PackageId:
    """The one package that `spec` means: an installed one, else one that a mirror lists.

    Raises UsageError naming several, NotFound, QueryError and DatabaseError.
    """
    query = parse_query(spec, read_file=spec_file_reader(cwd))
    if not query.specs:
        raise UsageError("Name a package")
    database = instance.database(token)
    record = single_match(query, database.world, database.recipes)
    if record is not None:
        return PackageId(record.name, record.version, record.hash)
    found: dict[str, PackageId] = {}
    for mirror in mirrors:
        contents = list_contents(instance, access, mirror.name or mirror.fetch.url, [spec], cwd=cwd, token=token)
        for one in contents.entries:
            found.setdefault(one.entry.hash, PackageId(one.entry.name, one.entry.version, one.entry.hash))
    if not found:
        raise NotFound(f"{spec} is neither installed nor on a mirror", ", ".join(_name(mirror) for mirror in mirrors))
    if len(found) > 1:
        labels = [f"{one.name}@{one.version}/{short_hash(one.hash)}" for one in found.values()]
        more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
        remedies = ("Use a more specific spec (e.g., prepend '/' to the hash).",)
        raise UsageError(f"{spec} matches multiple packages.", ", ".join(labels[:_NAMED]) + more, remedies=remedies)
    return next(iter(found.values()))


def locate(
    access: CacheAccess, package: PackageId, mirrors: Sequence[Mirror], token: CancelToken
) -> tuple[Mirror, ReadableCache, StoredPackage]:
    """The first of `mirrors` that has the package, with no bad signature where signatures count. Raises NotFound saying
    what each of them answered."""
    entry = EntryName(package.name, package.version, package.hash)
    answers = []
    for mirror in mirrors:
        try:
            cache = access.open(mirror, Direction.FETCH)
            stored = cache.package(entry, token=token)
            if stored.signed and mirror.signed:
                _refuse_forged(access, mirror, stored)
            return mirror, cache, stored
        except MirrordeckError as error:
            answers.append(f"{_name(mirror)}: {error.info().sentence()}")
    label = f"{package.name}@{package.version}/{short_hash(package.hash)}"
    raise NotFound(f"No mirror has {label}", "\n".join(answers) or "there is no mirror")


def _refuse_forged(access: CacheAccess, mirror: Mirror, stored: StoredPackage) -> None:
    """Raise BadSignature; whether the key is known does not matter for looking at a package."""
    try:
        access.verified(mirror.fetch.url, stored.manifest)
    except BadSignature:
        raise
    except SigningError:
        return


def download(
    access: CacheAccess,
    package: PackageId,
    directory: Path,
    mirrors: Sequence[Mirror],
    *,
    token: CancelToken,
    progress: Callable[[int], None],
) -> Downloaded:
    """Save archive and spec of a package in `directory`, under the hex digests of their contents, as Spack does.

    Both are verified before they get their names; what is there already is left alone. `progress` gets stored bytes.
    Raises NotFound, NoSpace, PermissionDenied, StorageFailed, CacheError for another package and what the cache raises.
    """
    mirror, cache, stored = locate(access, package, mirrors, token)
    read_stored(cache, stored, token)  # a manifest may name the blobs of another package, even well signed
    _make_directory(directory)
    size = 0
    for blob in (stored.spec, stored.archive):
        target = directory / hex_of(blob.digest)
        if not target.is_file():
            cache.save_blob(blob, target, token=token, progress=progress)
        size += target.stat().st_size
    return Downloaded(package, _name(mirror), hex_of(stored.archive.digest), hex_of(stored.spec.digest), size)


def list_files(
    access: CacheAccess, package: PackageId, mirrors: Sequence[Mirror], *, token: CancelToken
) -> Iterator[list[FileRow] | FilesView]:
    """Batches of the files in the archive of a package, then the view. The whole archive is read for it.

    Raises NotFound, CacheError for an archive that is damaged or none, and what the cache raises.
    """
    _, cache, stored = locate(access, package, mirrors, token)
    listing = list_archive(cache, stored, token=token)
    members = [member for member in listing.members if member.kind is not MemberKind.DIRECTORY]
    yield from in_batches(FileRow(one.path, one.kind, one.size, one.executable, one.link) for one in members)
    yield FilesView(f"/{listing.prefix}", len(members), sum(one.size for one in members))


def unpack_package(
    access: CacheAccess,
    package: PackageId,
    directory: Path,
    mirrors: Sequence[Mirror],
    *,
    token: CancelToken,
    progress: Callable[[int], None],
) -> UnpackedView:
    """Unpack the archive of a package below `directory`, to be looked at, not to be used: nothing is relocated.

    Raises UsageError if it is there already, and as `download`.
    """
    _, cache, stored = locate(access, package, mirrors, token)
    _make_directory(directory)
    target = directory / f"{package.name}-{stored.entry.version.replace('/', '_')}-{package.hash}"
    done = unpack_archive(cache, stored, target, token=token, progress=progress)
    return UnpackedView(str(target), f"/{done.prefix}", done.files, done.bytes, done.left_out)


def save_spec_files(
    instance: Instance, root: str, specs: Sequence[str], directory: Path, *, cwd: Path, token: CancelToken
) -> list[Path]:
    """Write the specs of those dependencies of the installed package `root` (itself among them) that match any of
    `specs`, as `<name>.json` into `directory`, which must exist.

    Raises UsageError, QueryError, NotFound, DatabaseError, and PermissionDenied and the like naming the file.
    """
    if not directory.is_dir():
        raise NotFound("No spec file was written", f"{directory}: no such directory")
    database = instance.database(token)
    read_file = spec_file_reader(cwd)
    record = single_match(parse_query(root, read_file=read_file), database.world, database.recipes)
    if record is None:
        raise NotFound(f"{root} matches no installed packages.")
    wanted = select(
        parse_query(" ".join(specs), read_file=read_file), database.world, recipes=database.recipes, any_state=True
    )
    matched = {one.hash for one in wanted.matched}
    written = []
    for dag_hash in database.closure([record.hash], DEPENDENCY_TYPES):
        if dag_hash in matched:
            one = database.records[dag_hash]
            document = from_json(spec_document(one, database.records), _SpecFile)
            path = directory / f"{one.name}.json"
            atomic_write(path, msgspec.json.encode(document))
            written.append(path)
    return written


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "Nothing was downloaded", directory) from error


def _name(mirror: Mirror) -> str:
    return mirror.name or mirror.fetch.url
