# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What verifying and repairing a build cache say. No Qt."""

from __future__ import annotations

from core.caches.protocol import IndexUpdate
from core.foundation.text import format_bytes, plural, short_hash, visible
from core.services.verify_values import Examined, Finding, FindingKind, Remedy, RepairPlan, VerifyView
from core.transfers.model import Totals
from core.transfers.plan import Decision, PushPlan
from gui import messages

QUICK, FULL = "Quick: presence and size", "Full: read and hash everything"
DEPTH = "How thoroughly"
LIMIT = "at most"
LIMIT_NAME = "Most megabytes to read in a second; empty for no limit"
LIMIT_UNIT = "MB/s"
LIMIT_ANY = "any"
VERIFY = "Verify"
VERIFY_AGAIN = "Verify again"
REPAIR = "Repair…"
TABLE = "Findings"
COLUMNS = ("Finding", "Package or file", "Repair")
BEGINNING = "Looking at what is there…"
NOTHING_YET = "Nothing found so far."
SOUND = "Everything is as it should be."
STOPPED = "Stopped. A full verification goes on from here when it is started again."
NOT_RUN = "Not verified yet"
WHY_NOTHING_TO_REPAIR = "Nothing that was found can be repaired from here"
WHY_VERIFYING = "The verification is still under way"
WHY_NO_LIMIT = "Type a number of megabytes a second, or nothing"

REPAIR_CONFIRM = "Repair"
REPAIR_PLANNING = "Working out what puts this right…"
NOTHING_PLANNED = "Nothing of this can be put right from here."
PUSHING = "Pushing packages again…"
DELETING = "Deleting what nobody can use…"
FINISHING = "Writing the mark and the index…"
CHANGED = "Something else would be deleted now"
CHANGED_WHY = "The build cache has changed meanwhile. Nothing was deleted; look at the list again."
MARK_STEP = "Write the mark that says which layout this is."
INDEX_STEP = "Write the index anew from what is there."
REPAIRED = "The build cache was repaired"
REPAIR_STEPS = "What will be done"

_NAMED = 5
KINDS = {
    FindingKind.NO_INDEX: "No index",
    FindingKind.BAD_INDEX: "Index unreadable",
    FindingKind.MISSING_IN_INDEX: "Not in the index",
    FindingKind.LISTED_BUT_GONE: "Listed but gone",
    FindingKind.UNREADABLE_MANIFEST: "Manifest unreadable",
    FindingKind.WRONG_PACKAGE: "Another package",
    FindingKind.MISSING_BLOB: "Archive missing",
    FindingKind.WRONG_SIZE: "Wrong size",
    FindingKind.WRONG_DIGEST: "Wrong digest",
    FindingKind.UNREADABLE_BLOB: "Archive unreadable",
    FindingKind.BAD_SIGNATURE: "Bad signature",
    FindingKind.NOT_SIGNED: "Not signed",
    FindingKind.UNCHECKED_SIGNATURES: "Signatures unchecked",
    FindingKind.INCOMPLETE_IMAGE: "Incomplete image",
    FindingKind.BAD_KEY: "Bad key",
    FindingKind.KEY_INDEX_WRONG: "List of keys wrong",
    FindingKind.LAYOUT_MARK: "Layout mark",
    FindingKind.DANGLING_BLOB: "Needed by nothing",
}
REMEDIES = {
    Remedy.REINDEX: "new index",
    Remedy.PUSH_AGAIN: "push again",
    Remedy.DROP: "delete",
    Remedy.MARK: "write it",
    Remedy.NOTHING: messages.NONE,
}


def pushing(totals: Totals) -> str:
    """`Pushing packages again: 3 of 12.`"""
    ended = totals.done + totals.present + totals.failed + totals.cancelled
    return f"Pushing packages again: {ended:,} of {ended + totals.waiting + totals.moving:,}."


def title(mirror: str) -> str:
    return f"Verify {visible(mirror)}"


def repair_title(mirror: str) -> str:
    return f"Repair {visible(mirror)}"


def subject(finding: Finding) -> str:
    """The package a finding is about, else the file or tag."""
    if finding.entry is not None:
        return visible(f"{finding.entry.name}@{finding.entry.version}/{short_hash(finding.entry.hash)}")
    return visible(finding.key)


def remedy(finding: Finding) -> str:
    return "harmless" if finding.harmless and finding.remedy is Remedy.NOTHING else REMEDIES[finding.remedy]


def spoken(finding: Finding) -> str:
    """A finding for screen readers."""
    return ", ".join((KINDS[finding.kind], subject(finding), visible(finding.words), remedy(finding)))


def detail(finding: Finding) -> str:
    """Everything there is to say about one finding."""
    where = (finding.key if finding.entry is not None else "", finding.blob)
    return "\n".join((visible(finding.words), *(visible(part) for part in where if part)))


def progress(examined: Examined, findings: int) -> str:
    """`312 of 1,204 packages, 4.2 GB read, 3 findings so far`."""
    facts = [f"{examined.packages:,} of {plural(examined.total, 'package')}"] if examined.total else [BEGINNING]
    if examined.read_bytes or examined.known_bytes:
        facts.append(f"{format_bytes(examined.read_bytes)} read")
    if examined.known_bytes:
        facts.append(f"{format_bytes(examined.known_bytes)} known from the run that was stopped")
    facts.append(f"{plural(findings, 'finding')} so far" if findings else "nothing found so far")
    return ", ".join(facts)


def result(view: VerifyView) -> tuple[str, str]:
    """What came of it, and the tone to say it in."""
    examined = view.examined
    facts = [plural(examined.packages, "package"), plural(examined.blobs, "blob")]
    if examined.read_bytes or examined.known_bytes:
        facts.append(f"{format_bytes(examined.read_bytes + examined.known_bytes)} read")
    looked = f"Looked at {', '.join(facts)}."
    harmless = f" {plural(view.harmless, 'finding')} only {'costs' if view.harmless == 1 else 'cost'} space."
    more = harmless if view.harmless else ""
    if view.sound:
        return f"{SOUND if view.full else 'Everything is there with its right size.'} {looked}{more}", "ok"
    return f"{plural(view.findings, 'finding')} to put right. {looked}{more}", "warn"


# ---- repair ----


def push_step(plan: PushPlan) -> str:
    """Of a repair: what is pushed again."""
    pushed = tuple(plan.of(Decision.PUSH, Decision.COMPLETE))
    if not pushed:
        return "Nothing has to be pushed again."
    names = [visible(f"{item.name}@{item.version}/{short_hash(item.hash)}") for item in pushed]
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    where = "it is" if len(pushed) == 1 else "they are"
    return f"Push {plural(len(pushed), 'package')} again from where {where} installed: {shown}."


def delete_step(entries: int) -> str:
    one = entries == 1
    noun = "1 entry" if one else f"{entries:,} entries"
    return f"Delete {noun} that nobody can use, because the package is not installed here any more:"


def left(plan: RepairPlan) -> str:
    """What stays as it is, a line for each."""
    if not plan.left:
        return ""
    shown = [f"{subject(finding)}: {visible(finding.words)}" for finding in plan.left[:_NAMED]]
    more = [f"and {len(plan.left) - _NAMED:,} more"] if len(plan.left) > _NAMED else []
    return "\n".join((f"Stays as it is ({plural(len(plan.left), 'finding')}):", *shown, *more))


def push_failed(failed: int) -> str:
    return f"{plural(failed, 'package')} could not be pushed again"


PUSH_FAILED_WHY = "The Transfers page says why. Nothing was deleted, and the index is as it was."


def repaired(update: IndexUpdate | None) -> str:
    """Behind REPAIRED."""
    again = "It is being verified again."
    return f"Its index lists {plural(update.entries, 'package')} now. {again}" if update is not None else again
