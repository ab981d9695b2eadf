# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the form for a mirror says, without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.foundation.errors import ErrorInfo
from core.foundation.text import plural, visible
from core.mirrors.model import MirrorKind
from core.services.mirror_values import AddressFacts, Codec, EditPlan, ScopeRow
from gui import messages

ADD_TITLE = "Add a mirror"
ADDRESS = "Address"
ADDRESS_EXAMPLE = "registry.site.org/hpc/cache, https://…, s3://… or a folder"
WRITTEN_AS = "Written as"
CHOOSE_FOLDER = "Choose a folder"
NAME = "Name"
PUSH_ONLY = "only for pushing; fetching is anonymous"
PUSH_ONLY_NAME = "The login is only for pushing; fetching is anonymous"
WHY_OWN_LOGIN = "Fetching has a login of its own, below"
CONTAINS = "Contains"
BINARIES, SOURCES = "binaries", "sources"
AUTOPUSH = "Push automatically after each build from source"
SIGNING = "Signing"
SIGNINGS = (("as default (signed)", None), ("signed", True), ("unsigned", False))
SAVE_IN = "Save in"
MORE = "Different fetch address, compression, own CA, search order …"
FETCH_ADDRESS = "Fetch address"
THE_SAME = "the same"
FETCH_USER = "Fetch as user"
FETCH_USER_EXAMPLE = "name or $VARIABLE"
FETCH_SECRET_VARIABLE = "Token from variable"  # noqa: S105
FETCH_LOGIN_INCOMPLETE = "A login for fetching needs a user and the variable that holds its token."
PROFILE = "Profile"
ENDPOINT = "Endpoint"
TOKEN_VARIABLE = "Session token from variable"  # noqa: S105
CA_FILE = "Own CA file"
CHOOSE_CA_FILE = "Choose a file with certificates"
PLAIN_PASSWORDS = "Send passwords unencrypted (tests on this machine only)"
PARALLEL = "Parallel uploads"
COMPRESSION = "Compression"
CODECS = (
    ("default: as small as Spack's, in a third of its time", Codec.DEFAULT),
    ("fast: a third less time than default, archives 8 % larger", Codec.FAST),
    ("spack: the very bytes Spack writes, and the time Spack needs", Codec.SPACK),
)
ORDER = "Search order"
ORDERS = (("Spack asks it first", False), ("Spack asks it last", True))
DIFFERENCE = "What changes in the file"
SHOW_COMMAND, HIDE_COMMAND = "Spack command", "Hide command"
COMMAND = "Spack command for this"
COPY = "Copy"

FROM = "In"
REMOVE = "Remove"
COPY_THERE = "Copy"
MOVE = "Move"

SUGGESTED = "Suggested; any name will do."
NO_NAME = "A name is missing."
BAD_NAME = "Spaces and slashes cannot be in a name: Spack would take it for a path."
NO_CONTENT = "Choose binaries, sources or both."
BAD_NUMBER = "Not a number from 1 to 32."
TYPE_ADDRESS = "Paste or type an address; what it means is shown below it."
PLANNING = "Working out what changes…"
NOTHING_CHANGES = "Nothing changes."

KINDS = {
    MirrorKind.FOLDER: "Folder",
    MirrorKind.WEB: "Web server: Spack reads from it, nothing can be pushed",
    MirrorKind.S3: "S3",
    MirrorKind.GS: "Google Storage",
    MirrorKind.OCI: "OCI registry",
    MirrorKind.OCI_HTTP: "OCI registry without encryption, for tests on this machine only",
    MirrorKind.FTP: "FTP server",
    MirrorKind.SFTP: "SFTP server",
}


def edit_title(name: str) -> str:
    return f"Edit {visible(name)}"


def address_text(facts: AddressFacts) -> str:
    """`OCI registry, will contact registry.site.org`."""
    if facts.problem is not None:
        return problem_text(facts.problem)
    words = [KINDS[facts.kind] if facts.kind else ""]
    if facts.contacts:
        words.append(f"will contact {visible(facts.contacts)}")
    elif facts.folder_exists is False:
        words.append("which does not exist yet and is made by the first push")
    first = ", ".join(word for word in words if word)
    return messages.sentences(first, *(visible(note) for note in facts.notes))


def path_choices(facts: AddressFacts) -> tuple[tuple[str, bool], ...]:
    """Ways to write a relative path, and whether each makes it absolute."""
    if not facts.absolute:
        return ()
    kept = f"relative to the file: {visible(facts.url)}"
    return (f"absolute: {visible(facts.absolute)}", True), (kept, False)


def problem_text(problem: ErrorInfo) -> str:
    return messages.sentences(*(visible(part) for part in (problem.title, problem.why, *problem.remedies)))


def is_autopush(warning: ErrorInfo) -> bool:
    """True for what belongs beside the choice to push automatically."""
    return warning.code.startswith("autopush")


def name_taken(scope: str) -> str:
    return f"There is a mirror of this name in {visible(scope)} already."


def name_hides(scopes: list[str]) -> str:
    return f"It will be used instead of the mirror of this name in {' and '.join(map(visible, scopes))}."


def name_hidden(scope: str) -> str:
    return f"The mirror of this name in {visible(scope)} comes first and will be used instead of this one."


def scope_text(scope: ScopeRow) -> str:
    """`user (~/.spack/mirrors.yaml): only you`."""
    note = scope.audience if scope.writable else "locked"
    return f"{visible(scope.name)} ({visible(near_home(scope.file))})" + (f": {visible(note)}" if note else "")


def locked(name: str, scope: ScopeRow, target: str) -> tuple[str, str]:
    """Title and text for a mirror that is set where one may not write."""
    why = visible(scope.why_not) if scope.why_not else "It belongs to the Spack checkout itself"
    text = f"Saving copies it to {visible(target)} and changes it there; the entry in {visible(scope.name)} stays."
    return f"{visible(name)} is set in {visible(scope.name)}", messages.sentences(why, text)


def difference(plan: EditPlan, added: int, removed: int) -> str:
    """`~/.spack/mirrors.yaml: 5 lines added, a new file`."""
    facts = [f"{plural(added, 'line')} added" if added else "", f"{plural(removed, 'line')} removed" if removed else ""]
    if plan.creates_file:
        facts.append("a new file")
    changes = ", ".join(fact for fact in facts if fact) or "nothing changes"
    return f"{visible(near_home(plan.file))}: {changes}"


def meanings(plan: EditPlan) -> str:
    """What relative paths and variables stand for."""
    pairs = [f"{visible(written)} means {visible(meant)}" for written, meant in plan.meanings if written != meant]
    return messages.sentences(*pairs)


def login_not_saved(name: str) -> str:
    return f"{visible(name)} was saved, but its login was not"


def remove_title(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"Remove {visible(names[0])}?"
    return f"Remove {len(names)} mirrors?"


REMOVE_TEXT = "Only the entry in the configuration goes. What the mirror holds stays where it is."


def entry_in(scope: str, file: str) -> str:
    return f"{visible(scope)} ({visible(near_home(file))})"


def copy_title(name: str, scope: str) -> str:
    return f"Copy {visible(name)} to {visible(scope)}"


def copy_text(scope: str) -> str:
    return f"The copy is used instead of the entry in {visible(scope)}, and you may change it."


def keyring_title(name: str) -> str:
    return f"Move the secret of {visible(name)} to the keyring"


KEYRING_TEXT = (
    "The secret is stored in the keyring first. Then the file names a variable instead of it, which Mirrordeck fills "
    "for every Spack it starts."
)


def added(name: str, file: str) -> str:
    return f"{visible(name)} was added to {visible(near_home(file))}"


def changed(name: str, file: str) -> str:
    return f"{visible(name)} was changed in {visible(near_home(file))}"


def nothing_written(name: str) -> str:
    return f"{visible(name)}: no file had to change"


def removed(names: Sequence[str]) -> str:
    verb = "was" if len(names) == 1 else "were"
    return f"{', '.join(map(visible, names))} {verb} removed"


def copied(name: str, scope: str) -> str:
    return f"{visible(name)} was copied to {visible(scope)}"


def moved_to_keyring(name: str) -> str:
    return f"The secret of {visible(name)} is in the keyring now"


def moved(name: str, before: str, file: str) -> str:
    place = f"before {visible(before)}" if before else "last"
    return f"{visible(name)} now comes {place} in {visible(near_home(file))}"


def undone(title: str) -> str:
    return f"Undone: {visible(title)}"


def undo(title: str) -> str:
    return f"Undo: {visible(title)}"


def other_scope(name: str, scope: str) -> str:
    return (
        f"{visible(name)} is set in {visible(scope)}. The order can be changed only inside one scope: Spack asks the "
        "mirrors of a higher scope first."
    )


def scope_locked(scope: str, why: str) -> str:
    return messages.sentences(f"{visible(scope)} cannot be written", visible(why))


def near_home(file: str) -> str:
    """Paths below a person's home as people write them."""
    home = str(Path.home())
    return file.replace(home, "~", 1) if file.startswith(f"{home}/") else file
