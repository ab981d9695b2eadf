# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Sentences of the Packages page."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from core.foundation.text import format_age, format_bytes, plural, visible
from core.services.package_values import EnvironmentRow, Graph, MirrorPresence, PackageLink
from core.services.values import InstanceInfo
from gui import messages
from gui.packages.facts import OnMirror

COLUMNS = (
    "",
    "Package",
    "Version",
    "Compiler",
    "Target",
    "Variants",
    "Size",
    "Installed",
    "On mirrors",
    "Note",
    "Explicit",
    "Namespace",
    "Environments",
    "Prefix length",
    "Install tree",
    "Hash",
)
NEW = "new"
ON_NO_MIRROR = "nowhere"
VIEWS = "View"
VIEW_PACKAGES, VIEW_COVERAGE, VIEW_INSTANCES = "Packages", "Coverage", "Instances"

# Filter
FILTER = "Words, or a spec: name@version +variant %compiler ^dependency /hash"
SHOW = "Show"
SHOWN = (
    ("installed", "Installed"),
    ("explicit", "Explicit only"),
    ("implicit", "Dependencies only"),
    ("upstream", "Upstream"),
    ("new", "New since the start"),
    ("external", "External"),
    ("deprecated", "Deprecated"),
    ("missing", "Missing"),
    ("all", "All records"),
)
ENVIRONMENT = "Environment"
ANY_ENVIRONMENT = "Any environment"
WHERE = "Mirrors"
ANYWHERE = "Any mirror"
ON_NONE = "On no mirror"
GROUPS = (
    ("none", "Nothing"),
    ("compiler", "Compiler"),
    ("target", "Target"),
    ("environment", "Environment"),
    ("tree", "Install tree"),
)
WITHOUT = {
    "compiler": "No compiler",
    "target": "No target",
    "environment": "In no environment",
    "tree": "Unknown install tree",
}
SAVED_FILTERS = "Saved filters"
SAVE_FILTER = "Save this filter"
FORGET_FILTER = "Forget"
NO_SAVED_FILTERS = "No saved filters yet"
SEARCHING = "Searching…"
NOTHING_MATCHES_SPEC = "No package matches this spec."
ASKING_MISSING = "Looking for what is missing…"

# Details
DETAILS = "Details"
CLOSE_DETAILS = "Close details"
ENLARGE, SHRINK = "Enlarge details", "Show the table again"
OVERVIEW, DEPENDENCIES, FOLDERS, DOCUMENT = "Overview", "Dependencies", "Size by folder", "spec.json"
PREFIX, ARCHITECTURE, NAMESPACE = "Prefix", "Architecture", "Namespace"
HASH, PACKAGE_HASH, INSTALLED, COMPILERS = "Hash", "Package hash", "Installed", "Compilers"
IN_ENVIRONMENTS, VARIANTS, RELOCATION, ON_MIRRORS = "Environments", "Variants", "Relocation", "On mirrors"
HISTORY = "Push history"
BUILD_SPEC, MODULES, FLAGS = "Built as", "Modules", "Flags"
READING = "Reading…"
NOT_KNOWN, NEVER_READ = "not known", "never read"
NO_MIRRORS = "No mirror for binaries is configured."
FOLDER_COLUMNS = ("Folder", "", "Size", "Files")
NO_FOLDERS = "There are no files in this prefix."
DOCUMENT_NAME = "spec.json of this package"
FIND_IN_DOCUMENT = "Find in spec.json"
NEXT_MATCH, PREVIOUS_MATCH = "Next match", "Previous match"
COPY_DOCUMENT = "Copy all"

# Dependencies
TREE_NAME = "Dependencies and dependents"
NEEDS, NEEDED_BY = "Needs", "Needed by"
PICTURE_NAME = "Picture of the dependencies"
FIND_IN_PICTURE = "Find in the picture"
FIT, ZOOM_IN, ZOOM_OUT = "Fit to the window", "Zoom in", "Zoom out"
SAVE_PICTURE = "Save as SVG…"
LINES = (("link", "link"), ("run", "run only"), ("build", "build only"), ("test", "test only"))
NOT_RECORDED = "no record"

# Comparing
COMPARE_TITLE = "Compare packages"
LEFT, RIGHT = "First", "Second"
COMPARE = "Compare"
THIS_INSTANCE = "installed here"
COMPARE_HINT = "A name, a spec or /hash that means one package, and where it is."
DIFFERENCES = "Differences"
DIFFERENCE_COLUMNS = ("Where", "What", "First", "Second")
ONLY_CAUSES = "Only what differs by itself"
SAME_HASH = "Both are the same package."
COMPARING = "Comparing…"
SAME_PLACE = "the package itself"
REUSE_TITLE = "Why was this binary not used?"
REUSE_WANTED = "Wanted"
REUSE_HINT = "An installed package, or a spec that names one, against what mirrors have of that name."
ASK_REUSE = "Look"
CANDIDATES = "Binaries of that name"
NO_INDEX_THERE = "it has no index, so Spack finds nothing there"
ASK_MIRRORS = "Ask the mirrors"
CANDIDATE_COLUMNS = ("Binary", "Mirror", "Why it was not used")
USABLE = "It could be used."
NO_CANDIDATES = "No mirror has a binary of that name."
COMPARE_WITH_CANDIDATE = "Compare field by field…"
LOOK_AGAIN = "Ask the mirrors again"
ALL_MIRRORS = "All mirrors"
EXPLAINING = "Looking at the mirrors' binaries…"
VERSUS_TITLE = "Installed against a mirror"
MISSING_THERE, MISSING_HERE, IN_BOTH = "Missing there", "Missing here", "In both"
NOTHING_MISSING_HERE = "Everything the mirror has is installed here."
NOT_TOLD = "Nothing speaks against it as far as can be told from here."
HELD_BACK = "Not redistributable"
PUSH_MISSING = "Push what is missing there…"
MISSING_HERE_NAME = "Packages on the mirror that are not installed here"
VERSUS_COLUMNS = ("Package", "Target", "Size")

# Coverage
COVERAGE_TABLE = "How much of each environment is on each mirror"
COVERAGE_EMPTY = "There is nothing to compare."
COVERAGE_EMPTY_DETAIL = "Coverage shows environments, and everything explicit, against the mirrors for binaries."
COVERAGE_READING = "Reading environments and mirrors…"
EVERYTHING_EXPLICIT = "Everything explicit"
PACKAGES_COLUMN = "Packages"
UNKNOWN_CELL = "not read yet"
COVERAGE_HINT = "A click, or Return, pushes what is missing. Dependencies count."

# Instances
INSTANCES_TABLE = "Packages of all instances"
INSTANCES_FILTER = "Words: name, version, variant, hash"
INSTANCES_READING = "Reading all instances…"
ONE_INSTANCE = "Only this instance is known."
ONE_INSTANCE_DETAIL = "Open another one to see both side by side. Those opened before are remembered."
WHICH = (
    ("all", "Everything"),
    ("everywhere", "In all instances"),
    ("not-everywhere", "Not in all instances"),
    ("one", "In one instance only"),
)
NOT_THERE, NOT_READ = "–", "not read"
AN_INSTANCE = "an instance"
NOT_INSTALLED_THERE = "It is not installed there; choose the column of another instance"

# Commands and files
COMMAND_LIST = "List what is shown"
COMMAND_FIND = "Find those selected"
COMMAND_PUSH = "Push those selected"
COMMAND_CHECK = "What a mirror lacks"
COMMAND_PREFIX = "Print the prefix"
EXPORT_TITLE = "Export the table"
EXPORT_FILTERS = ("CSV table (*.csv)", "JSON (*.json)")
PICTURE_FAILED = "The picture could not be written"

# Why an action is not possible
WHY_NO_TWO = "Select at most two packages"
WHY_NO_MIRRORS = "No mirror for binaries is configured"
WHY_NO_ENVIRONMENTS = "This instance has no environments"
WHY_NOT_MISSING = "Nothing is missing there"
WHY_COVERAGE = "Go to the list of packages first"


def not_on(mirror: str) -> str:
    return f"Not on {mirror}"


def on_mirrors(names: tuple[str, ...]) -> str:
    return f"on {', '.join(names)}" if names else "on no mirror"


def deprecated_for(dag_hash: str) -> str:
    return f"Replaced by /{dag_hash[:7]} in this instance and not pushed"


def held_back_because(reason: str, usual: str) -> str:
    return messages.sentences(f"{HELD_BACK}: {reason}", usual)


def section_sentence(title: str, count: int) -> str:
    return f"{title}, {plural(count, 'package')}"


def as_of(read_at: float, now: float) -> str:
    return f"as of {format_age(now - read_at)}"


def presence_line(mirror: OnMirror, here: bool, now: float) -> str:
    """`site-oci: yes, as of 2 hours ago`."""
    if mirror.read_at is None:
        return f"{visible(mirror.name)}: {NOT_KNOWN}, {visible(mirror.why_unknown) or NEVER_READ}"
    index = f", its index is from {format_age(now - mirror.index_written_at)}" if mirror.index_written_at else ""
    return f"{visible(mirror.name)}: {messages.YES if here else messages.NO}, {as_of(mirror.read_at, now)}{index}"


def missing_sentence(missing: int, mirror: str, environment: str, have: int, read_at: float | None) -> str:
    """`12 of 412 in hpc-base are missing on site-oci, dependencies counted. As of 2 minutes ago.`"""
    where = f" in {environment}" if environment else ""
    known = f" {as_of(read_at, time.time()).capitalize()}." if read_at is not None else " It has not been read yet."
    return (
        f"{missing:,} of {plural(missing + have, 'package')}{where} missing on {mirror}, dependencies counted.{known}"
    )


def count_sentence(shown: int, total: int, new: int) -> str:
    fresh = f" {new:,} new since the start." if new else ""
    return f"{messages.packages_sentence(shown, total)}{fresh}"


def measuring(done: int) -> str:
    return f"Measuring sizes, {done:,} so far."


def mirrors_age(mirrors: list[OnMirror], now: float) -> str:
    """`Mirrors as of 2 hours ago.`: the oldest."""
    read = [mirror.read_at for mirror in mirrors if mirror.read_at is not None]
    return f"Mirrors {as_of(min(read), now)}." if read else ""


def unknown_answers(count: int) -> str:
    return f"{plural(count, 'package')} left out: only recipes that cannot be read could tell."


def environment_text(row: EnvironmentRow) -> str:
    return f"{row.name}  ({row.problem.title})" if row.problem is not None else row.name


def link_words(link: PackageLink) -> str:
    """`build, link  provides mpi`."""
    virtuals = f"provides {', '.join(link.virtuals)}" if link.virtuals else ""
    state = {"": NOT_RECORDED, "installed": ""}.get(link.state, link.state)
    return "  ·  ".join(part for part in (", ".join(link.types), virtuals, state) if part)


def link_sentence(link: PackageLink) -> str:
    return ", ".join(part for part in (f"{link.name} {link.version}", link_words(link).replace("  ·  ", ", ")) if part)


def picture_sentence(graph: Graph) -> str:
    count = plural(len(graph.nodes), "package")
    return f"{count}, the nearest of {len(graph.nodes) + graph.cut:,}." if graph.cut else f"{count}."


def found_in_picture(found: int, total: int) -> str:
    return f"{found:,} of {total:,}"


def matches(at: int, total: int) -> str:
    return f"{at:,} of {total:,}" if total else "not found"


def differences(count: int, causes: int) -> str:
    if not count:
        return "No field differs."
    own = "differs by itself" if causes == 1 else "differ by themselves"
    follow = count - causes
    rest = f" {plural(follow, 'field')} {'differs' if follow == 1 else 'differ'} because of that." if follow else ""
    return f"{plural(causes, 'field')} {own}.{rest}"


def difference_sentence(where: str, what: str, left: str, right: str, *, first: bool) -> str:
    reason = ", the reason" if first else ""
    return f"{where}, {what}: {left} and {right}{reason}"


def place_of(side: str) -> str:
    return f"Where the {side.lower()} one is"


def as_on(mirror: str) -> str:
    return f"as on {mirror}"


def why_unknown(mirror: MirrorPresence) -> str:
    return mirror.error.sentence() if mirror.error is not None else UNKNOWN_CELL


def mirror_notes(mirrors: Iterable[MirrorPresence]) -> list[str]:
    """What keeps Spack from finding anything on some of `mirrors`."""
    notes = []
    for mirror in mirrors:
        if mirror.error is not None or mirror.read_at is None:
            notes.append(f"{mirror.mirror}: {why_unknown(mirror)}")
        elif mirror.has_index is False:
            notes.append(f"{mirror.mirror}: {NO_INDEX_THERE}")
    return notes


def no_candidates(mirrors: Sequence[MirrorPresence]) -> tuple[str, str]:
    """Why there is no binary to look at, and what follows; a mirror whose index is not known proves nothing."""
    read = [mirror for mirror in mirrors if mirror.error is None and mirror.read_at is not None]
    indexed = [mirror for mirror in read if mirror.has_index]
    if not mirrors:
        return NO_MIRRORS, ""
    if not read:
        return "No mirror could be read.", "Whether one has a binary of that name is not known."
    if not indexed:
        return "Nothing of that name is there, and no mirror has an index.", "Without an index Spack finds nothing."
    if len(read) < len(mirrors):
        return "No mirror that could be read has a binary of that name.", ""
    return NO_CANDIDATES, ""


def difference_path(path: tuple[str, ...]) -> str:
    return " › ".join(visible(part) for part in path) or SAME_PLACE


def coverage_text(have: int, total: int) -> str:
    return f"{have:,}/{total:,}"


def coverage_sentence(row: str, mirror: str, have: int, total: int, held_back: int) -> str:
    held = f", {held_back:,} not redistributable" if held_back else ""
    return f"{row} on {mirror}: {have:,} of {total:,}, {total - have - held_back:,} missing{held}"


def coverage_heading(rows: int, mirrors: int) -> str:
    return f"{plural(rows, 'environment')} and everything explicit, on {plural(mirrors, 'mirror')}. {COVERAGE_HINT}"


def not_installed(count: int) -> str:
    return f"{plural(count, 'root')} not installed"


def versus_sentence(read_at: float, there: int | None, here: int | None) -> str:
    """`As of just now. 61 MB missing there, 12 MB missing here.`"""
    sizes = ((there, "missing there"), (here, "missing here"))
    parts = [f"{format_bytes(size)} {where}" for size, where in sizes if size]
    return messages.sentences(as_of(read_at, time.time()).capitalize(), ", ".join(parts))


def instance_names(instances: Sequence[InstanceInfo]) -> list[str]:
    """The last part of each place, as much of it as tells them apart."""
    places = [Path(each.root or each.install_root) for each in instances]
    names = []
    for place in places:
        alike = sum(other.name == place.name for other in places) > 1
        names.append(visible(str(place) if alike else place.name or str(place)))
    return names


def instance_name(instance: InstanceInfo, instances: Sequence[InstanceInfo]) -> str:
    return instance_names(instances)[instances.index(instance)]


def instance_tip(instance: InstanceInfo) -> str:
    return visible(" · ".join(filter(None, (instance.root or instance.install_root, instance.version))))


def instances_sentence(shown: int, total: int, instances: int) -> str:
    """`412 of 1,204 packages of 2 instances`."""
    count = plural(total, "package") if shown == total else f"{shown:,} of {plural(total, 'package')}"
    return f"{count} of {plural(instances, 'instance')}"


def show_in(name: str) -> str:
    return f"Show in {name}"


def push_from(name: str) -> str:
    return f"Push from {name}…"


def push_count(count: int) -> str:
    return f"Push {plural(count, 'package')}…"


def already_on(count: int, mirror: str) -> str:
    return f"{count:,} already on {mirror}"


def selected_more(added: int) -> str:
    return f"{plural(added, 'more package')} selected." if added else "All of them were selected already."


def exported(rows: int, file: str) -> str:
    return f"{plural(rows, 'row')} written to {file}"
