# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences about what a mirror holds, and what a typed place means. No Qt."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from datetime import datetime

from core.caches.browsing import EntryKind
from core.caches.protocol import IndexUpdate
from core.foundation.text import format_age, format_bytes, plural, short_hash, visible
from core.mirrors.model import Mirror, MirrorKind
from core.services.values import ContentsRow, ContentsView, EntryDependency, EntryDetails, EntryPart, FileFacts
from core.signing.signatures import SignatureFacts, SignatureState
from gui import messages

TABLE = "What the mirror holds"
COLUMNS = ("Package / tag", "Hash", "Target", "Size", "Date", "Signed", "Installed here")
PLACE_LABEL = "Mirror"
PLACE_NAME = "Mirror, address or registry to look into"
PLACE_PLACEHOLDER = "mirror, address or registry"
FILTER = "name, version, tag, /hash …"
FILTER_NAME = "Filter contents"
SHOW = "Show"
SHOWN = ("packages", "space by package")
SPACE_TABLE = "Space by package"
SPACE_COLUMNS = ("Package", "Share of what is shown", "Size", "Duplicates", "Shared")
MORE = "More"
SECTIONS = ("", "Other images", "Index and keys", "Untagged")
UNREADABLE_NAMES = "Not understood"
INDEX, KEY_LIST = "Index", "List of keys"
NOT_IN_INDEX = "not in the index"
OLD_LAYOUT = "old format"
UNKNOWN_YET = "…"
NOT_AVAILABLE = "not available"
OPENED, CLOSED = "open", "closed"
CHOOSE = "Choose a mirror above."
CHOOSE_DETAIL = "Or type the address of a folder, a repository, or a registry, and press Return."
READING = "Reading names…"
EMPTY = "This build cache is empty."
EMPTY_DETAIL = "Push packages to it on the Packages page."
NOTHING_MATCHES_DETAIL = "Nothing here has all of these words."
NO_REPOSITORIES = "This registry has no repositories yet."
CATALOGUE_CLOSED = "This registry does not tell its repositories."
CATALOGUE_CLOSED_DETAIL = "Type the address of one, like {host}/name, and press Return."
REPOSITORIES_TABLE = "Repositories of the registry"
REPOSITORY_COLUMN = "Repository"
READING_REPOSITORIES = "Asking for the repositories…"
NO_INDEX_TITLE = "This build cache has no index"
NO_INDEX_TEXT = "Spack cannot find its packages until there is one."
MIGRATE = "Migrate…"
UPDATE_INDEX = "Update index"
INDEX_STOPPED = "The index was not updated: stopped"
UPDATING_INDEX = "Updating the index…"
STOPPED = "Stopped before everything was read."
OF_ALL = "of all"
DETAILS = "Details of the selected entry"
OVERVIEW, COMMANDS, LAYERS, SPEC = "Overview", "Commands", "Layers", "Spec"
PICTURE, FILES = "Dependencies", "Files"
SIGNATURE_WORDS = {
    SignatureState.GOOD: "trusted",
    SignatureState.OTHER_KEY: "other key",
    SignatureState.UNKNOWN_KEY: "unknown key",
    SignatureState.BAD: "bad",
    SignatureState.UNCHECKED: "not checked",
    SignatureState.UNSIGNED: messages.NO,
}
SIGNATURE, OWNER = "Signature", "Owner and mode"
NOT_HERE = "That package is not in this build cache."
READING_PICTURE = "Reading its dependencies…"
ENTRY, DIGEST, MEDIA_TYPE, SIZE, PUSHED, IN_INDEX = "Entry", "Digest", "Media type", "Size", "Date", "Index"
SPACK_MANIFEST = "Spack manifest"
READING_DETAILS = "Reading…"
NO_SPEC = "This is not a package."
NO_COMMANDS = "There is nothing to run for this."
IN_THE_INDEX, IN_NO_INDEX = "listed in it", "not listed in it"
WHY_NO_ENTRY = "Choose an entry first"
WHY_NO_DIGEST = "The digest is not known yet"
WHY_NO_IMAGE = "Only images in registries can be pulled"
WHY_NOT_INSTALLED = "This package is not installed in this Spack instance"
WHY_NOT_READING = "Nothing is being read"
WHY_NO_PLACE = "Choose a mirror first"
WHY_IS_MIRROR = "This is a mirror already"
WHY_NOT_CONFIGURED = "Only a configured mirror can be changed; this address was opened for reading"
WHY_NO_PACKAGE = "Choose a package first"
WHY_NOT_DELETABLE = "The index and keys are not deleted by themselves"
WHY_NO_TRASH = "Only folders have a trash"
WHY_NOT_OLD = "Nothing here is in the old format"
WHY_NOT_FOLDER = "Only in folders"
REPAIRED = "The build cache was repaired"
RESTORED = "What was in the trash was restored"
SHOW_TRASH = "Trash…"
INSTALLED_HERE = "Packages were installed here"
WHY_NO_GROUPS = "There are no groups"

_HOST = re.compile(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|localhost)")
_REGISTRY = re.compile(r"(?:oci|oci\+http|https?)://[^/]+/?")
_OCI = (MirrorKind.OCI, MirrorKind.OCI_HTTP)
_MANIFEST_SUFFIX = re.compile(r"(\.spec|\.key|\.index)?\.manifest\.json$")
_SHORT_DIGEST = 19
_OLD_FOLDER = "build_cache/"


# ---- places ----
COMMAND_LIST = "List binaries"
COMMAND_INDEX = "Update the index"
COMMAND_PRUNE = "What prune would delete"
COMMAND_SYNC = "Copy to another mirror"
COMMAND_INSTALL = "Install"
COMMAND_DOWNLOAD = "Download"
COMMAND_MIGRATE = "Migrate"
SOME_ENVIRONMENT, SOME_MIRROR = "ENVIRONMENT", "OTHER_MIRROR"


def place_of(text: str, mirrors: Collection[str]) -> str:
    """What was typed as a place: a mirror's name, an address, or a registry (see `is_registry`).

    A path that begins with a host, as people copy it from a web page, is a repository there.
    """
    text = text.strip()
    host, slash, rest = text.partition("/")
    if text in mirrors or "://" in text or not _HOST.fullmatch(host):
        return text
    return f"oci://{host}/{rest}" if slash and rest else f"oci://{host}"


def is_address(text: str) -> bool:
    """Whether this can be no mirror's name, by Spack's rule."""
    return "/" in text or "\\" in text or text in (".", "..")


def is_registry(place: str) -> bool:
    """Whether this is a whole registry, not a repository in it."""
    return _REGISTRY.fullmatch(place) is not None


def has_signatures(place: str, mirror: Mirror | None) -> bool:
    """Whether Spack has signatures there."""
    return mirror.fetch.kind not in _OCI if mirror is not None else not place.startswith(("oci://", "oci+http://"))


def is_local(place: str, mirror: Mirror | None) -> bool:
    """Whether reading it asks nobody on a network, as far as one can tell."""
    return mirror.fetch.folder is not None if mirror is not None else "://" not in place or place.startswith("file:")


# ---- rows ----


def is_old(row: ContentsRow) -> bool:
    """Whether this is a package in the layout of Spack before 1.0."""
    return row.kind is EntryKind.PACKAGE and row.key.startswith(_OLD_FOLDER)


def shares(others: int) -> str:
    """Behind an entry whose archive others have as well."""
    return f"same archive as {plural(others, 'other')}" if others > 0 else ""


def entry_title(row: ContentsRow) -> str:
    """What an entry is called below its group."""
    if row.kind is EntryKind.PACKAGE:
        return visible(row.version or short_name(row.key))
    if row.kind is EntryKind.INDEX:
        return INDEX
    if row.kind is EntryKind.KEY:
        name = short_name(row.key)
        return KEY_LIST if name == "keys" else f"Key {name}"
    return short_digest(row.blob_digest) if row.kind is EntryKind.UNTAGGED else visible(row.key)


def full_title(row: ContentsRow) -> str:
    if row.kind is EntryKind.PACKAGE and row.name:
        return visible(f"{row.name}@{row.version}/{short_hash(row.hash)}")
    return entry_title(row)


def short_name(key: str) -> str:
    """A tag as it is, of a path only what tells it apart."""
    return _MANIFEST_SUFFIX.sub("", key.rpartition("/")[2])


def short_digest(digest: str) -> str:
    return digest[:_SHORT_DIGEST]


def size_text(size: int | None, *, reading: bool) -> str:
    if size is not None:
        return format_bytes(size)
    return UNKNOWN_YET if reading else messages.NONE


def age_text(modified: float | None, now: float, *, reading: bool) -> str:
    if modified:
        return format_age(now - modified)
    return UNKNOWN_YET if reading else messages.NONE


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def count_text(shown: int, total: int) -> str:
    """Behind the name of a group: `(6)`, or `(2 of 6)` where a filter hides some."""
    return f"({total:,})" if shown == total else f"({shown:,} of {total:,})"


def signed_word(row: ContentsRow, facts: SignatureFacts | None, *, signatures: bool) -> str:
    """Whether an entry is signed and, once the `facts` are known, what that is worth."""
    if not signatures:
        return NOT_AVAILABLE if row.kind is EntryKind.PACKAGE else messages.NONE
    if facts is not None:
        return SIGNATURE_WORDS[facts.state]
    return messages.NONE if row.signed is None else messages.YES if row.signed else messages.NO


def entry_sentence(row: ContentsRow, now: float, facts: SignatureFacts | None, *, signatures: bool) -> str:
    """An entry for screen readers."""
    if row.kind is not EntryKind.PACKAGE:
        parts = [entry_title(row)]
    else:
        signed = "" if row.signed is None else "signed" if row.signed else "unsigned"
        if facts is not None:
            signed = f"signature {signature_text(facts)[0]}"
        parts = [visible(f"{row.name} {row.version}"), short_hash(row.hash), row.target]
        parts += [signed if signatures else "signatures not available"]
        parts += ["installed here" if row.installed else "", NOT_IN_INDEX if row.in_index is False else ""]
    parts += [format_bytes(row.stored_bytes) if row.stored_bytes is not None else ""]
    parts += [f"pushed {format_age(now - row.modified)}" if row.modified else "", visible(row.problem)]
    return ", ".join(part for part in parts if part)


def group_sentence(title: str, shown: int, size: int | None, *, is_open: bool) -> str:
    parts = (title, entries(shown), format_bytes(size) if size is not None else "", OPENED if is_open else CLOSED)
    return ", ".join(part for part in parts if part)


def entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def space_sentence(title: str, count: int, size: int, doubles: int) -> str:
    """A line of the space view for screen readers."""
    again = f"{doubles:,} duplicates" if doubles else ""
    return ", ".join(part for part in (title, entries(count), format_bytes(size), again) if part)


def tags(count: int, *, registry: bool) -> str:
    return plural(count, "tag") if registry else entries(count)


# ---- page ----


def as_of(read_at: float, now: float) -> str:
    """`As of 09:41`; with the day if that was another one."""
    then, today = datetime.fromtimestamp(read_at).astimezone(), datetime.fromtimestamp(now).astimezone()
    if then.date() == today.date():
        return f"As of {then:%H:%M}"
    return f"As of {then:%Y-%m-%d %H:%M}, {format_age(now - read_at)}"


def sentence(view: ContentsView) -> str:
    now = time.time()
    facts = [f"{as_of(view.read_at, now)}, {tags(view.count, registry=bool(view.image))}"]
    if view.index_written_at:
        facts.append(f"index written {format_age(now - view.index_written_at)}")
    return ". ".join(fact[0].upper() + fact[1:] for fact in facts) + "."


def reading(names: int) -> str:
    return f"{entries(names)} found, reading sizes and dates…" if names else READING


def repositories(count: int, host: str) -> str:
    noun = "repository" if count == 1 else "repositories"
    return f"{count:,} {noun} on {visible(host)}. Press Return to open one."


def not_in_index(count: int) -> tuple[str, str]:
    """Title and text about packages that Spack cannot see."""
    one = count == 1
    title = f"{plural(count, 'package')} {'is' if one else 'are'} not in the index"
    return title, f"Spack will not find {'it' if one else 'them'} until the index is updated."


def old_layout(count: int) -> tuple[str, str]:
    """Title and text about packages in the layout of Spack before 1.0."""
    one = count == 1
    title = f"{plural(count, 'package')} {'is' if one else 'are'} in the format of Spack before 1.0"
    return title, "Newer versions of Spack read it, but cannot push to it or list its keys."


def last_known(view: ContentsView) -> str:
    when = as_of(view.read_at, time.time()).removeprefix("As of ")
    return f"Shown is what it held at {when}."


def index_updated(update: IndexUpdate) -> tuple[str, str]:
    """Title and text after an index update."""
    facts = f"{plural(update.entries, 'package')}, {update.added:,} added, {update.dropped:,} dropped."
    if not update.skipped:
        return "The index is up to date", facts
    skipped = f"{entries(len(update.skipped))} could not be read: {update.skipped[0].sentence()}"
    return "The index was updated", messages.sentences(facts, skipped)


def pull_line(image: str, row: ContentsRow) -> str:
    """ "" for what is no image to run."""
    return f"docker pull {image}:{row.key}" if row.kind in (EntryKind.PACKAGE, EntryKind.IMAGE) else ""


def selected(count: int, size: int | None) -> str:
    return f"{count:,} selected" + (f"  ·  {format_bytes(size)}" if size is not None else "")


# ---- details ----


def parts_text(parts: Sequence[EntryPart]) -> str:
    """Layers or blobs, a line for each."""
    rows = [
        (format_bytes(part.size), visible(part.note), _sharing(part), part.digest, visible(part.media_type))
        for part in parts
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    lines = ("  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _sharing(part: EntryPart) -> str:
    if part.shared_by is None:
        return ""
    return "only here" if part.shared_by <= 1 else f"in {part.shared_by:,} entries"


def details_text(details: EntryDetails) -> str:
    """Layers, annotations and what is missing."""
    blocks = [parts_text(details.parts)]
    if details.annotations:
        blocks.append(
            "\n".join(["Annotations", *(f"  {visible(key)}: {visible(value)}" for key, value in details.annotations)])
        )
    return "\n\n".join(blocks)


def incomplete(details: EntryDetails) -> str:
    """What its image lacks, "" if nothing."""
    if details.missing:
        names = ", ".join(map(visible, details.missing))
        return f"Incomplete image: usable as a cache, not runnable until these are pushed too: {names}"
    if details.left_out:
        return f"Pushed without {', '.join(map(visible, details.left_out))}: usable as a cache, not runnable."
    return ""


def signature_text(facts: SignatureFacts) -> tuple[str, str]:
    """What there is to say about a signature, and its tone."""
    who = visible(facts.owner) or facts.fingerprint[-16:]
    why = f": {visible(facts.why)}" if facts.why else ""
    match facts.state:
        case SignatureState.GOOD:
            return f"valid, from a key you trust: {who}", "ok"
        case SignatureState.OTHER_KEY:
            return f"valid, but of a key that does not count here: {who}", "warn"
        case SignatureState.UNKNOWN_KEY:
            return f"from a key you do not trust: {who}", "warn"
        case SignatureState.BAD:
            return f"bad{why}", "bad"
        case SignatureState.UNCHECKED:
            return f"not checked{why}", "warn"
    return "not signed", "text"


def file_text(facts: FileFacts) -> str:
    """`ann:hpc -rw-r--r--`."""
    return visible(f"{facts.owner}:{facts.group} {facts.mode}")


def spec_text(details: EntryDetails) -> str:
    spec = details.spec
    if spec is None:
        return NO_SPEC
    lines = [visible(spec.text)]
    for title, direct in (("Direct dependencies", True), ("What those need", False)):
        found = [one for one in spec.dependencies if one.direct is direct]
        if found:
            width = max(len(_dependency(one)) for one in found)
            lines += ["", title, *(f"  {_dependency(one):<{width}}  {_place(one)}".rstrip() for one in found)]
    return "\n".join(lines)


def _dependency(one: EntryDependency) -> str:
    return visible(f"{one.name}@{one.version}/{short_hash(one.hash)}")


def _place(one: EntryDependency) -> str:
    here = "" if one.present is None else "in this cache" if one.present else "not in this cache"
    return "  ".join(part for part in (f"{here:<17}" if here else " " * 17, one.types) if part)
