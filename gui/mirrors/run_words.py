# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What the dialogs that run Spack say, without Qt."""

from __future__ import annotations

from core.foundation.text import format_bytes, plural, visible
from core.services.login_values import DestroyPlan, SpackEnd
from gui import messages

OUTPUT = "Output of Spack"
RUNNING = "Spack is starting…"
STOPPED = "Stopped. What was done until then stays."
STOP = "Stop"
CREATE_TITLE = "Create a source mirror"
CREATE = "Create"
CREATE_TEXT = (
    "Spack fetches the sources of these packages into a folder, for machines that cannot fetch them themselves."
)
SPECS = "Packages"
SPECS_EXAMPLE = "hdf5@1.14 openmpi +cuda"
DIRECTORY = "Folder"
CHOOSE_DIRECTORY = "Choose a folder"
SOURCE_CACHE = "Spack's own source cache"
DEPENDENCIES = "with everything they depend on"
NO_SPECS = "Name at least one package"
DESTROY = "Delete permanently"
COUNTING = "Counting what would be deleted…"
TYPE_NAME = "Type the name"


def destroy_title(mirror: str) -> str:
    return f"Delete everything in {visible(mirror)}?"


def what_goes(plan: DestroyPlan) -> str:
    """What is deleted, and whose it is."""
    facts = [
        plural(plan.packages, "package") if plan.packages is not None else "",
        plural(plan.files, "file") if plan.files is not None else "",
        format_bytes(plan.size_bytes) if plan.size_bytes is not None else "",
    ]
    counted = ", ".join(fact for fact in facts if fact)
    where = f"Spack deletes everything below {visible(plan.url)}"
    others = ", ".join(map(visible, plan.used_by))
    return messages.sentences(
        f"{where}: {counted}" if counted else where,
        "This cannot be undone",
        f"Mirrors of this address: {others}" if len(plan.used_by) > 1 else "",
        "The entry in the configuration stays.",
    )


def strangers(plan: DestroyPlan) -> str:
    if not plan.strangers:
        return ""
    return f"Not made by Spack, deleted all the same: {', '.join(map(visible, plan.strangers))}"


def type_this(name: str) -> str:
    return f"Type {visible(name)} to allow it."


def progress(count: int, package: str) -> str:
    return f"{plural(count, 'package')} so far, now {visible(package)}" if package else plural(count, "package")


def ended(end: SpackEnd) -> str:
    facts = [
        plural(end.done, "package") + " done" if end.done else "",
        f"{end.failed} failed" if end.failed else "",
        f"{end.seconds:.0f}\u2009s",
    ]
    state = "Done" if end.status == 0 else f"Spack ended with status {end.status}"
    return f"{state}: {', '.join(fact for fact in facts if fact)}."
