# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences of the push plan."""

from __future__ import annotations

from collections.abc import Sequence

from core.foundation.text import format_bytes, format_duration, plural, visible
from core.registry.messages import RateLimit
from core.registry.references import ImageReference
from core.services.values import ScriptKind
from core.transfers.plan import Decision, ImageFacts, PlanItem, PushOptions, PushPlan, RegistryFacts, Signing
from gui import messages
from gui.widgets.cell import one_line

TITLE = "Push packages"
PLANNING = "Looking at what is there…"
STARTING = "Starting the push…"
CHOOSE_MIRROR = "Choose a mirror, or type a folder or an address."
TO = "to"
TO_NAME = "Mirror to push to: a name, a folder or an address"
TO_PLACEHOLDER = "mirror name, folder or address"
ADD_TARGET = "Another mirror"
REMOVE_TARGET = "Do not push to this mirror"
BUILD_DEPENDENCIES = "Build dependencies too"
PLAN_LIST = "What will happen to each package"
REPLACE_THEM = "Replace them"
REPLACE_NAME = "Replace packages that are already there"
PRIVATE_MIRROR = "Private mirror, push it too"
PRIVATE_NAME = "This mirror is private: push packages that may not be redistributed, too"
SIGNING = "Signing"
NOT_SIGNED = "not available: Spack does not sign OCI images"
INDEX = "Index"
INDEX_UPDATE, INDEX_LEAVE = "update once at the end", "leave as it is"
SHOW_COMMAND, HIDE_COMMAND = "Show Spack command", "Hide Spack command"
COMMAND_NAME = "The same push as a Spack command"
COPY_COMMAND = "Copy"
KEEP = "Save…"
KEEP_PRESET = "Save as preset"
KEEP_KINDS = {
    ScriptKind.SHELL: "Shell script…",
    ScriptKind.SLURM: "Slurm job…",
    ScriptKind.GITLAB: "GitLab CI job…",
    ScriptKind.GITHUB: "GitHub workflow…",
}
PRESET_NAME = "Name of the preset"
PRESET_PLACEHOLDER = "nightly"
PRESET_TEXT = "Keeps what is pushed, where to and how. Later it runs by its name, from cron for instance."
PRESET_KEPT = "The preset is saved"
SAVE, REPLACE_PRESET = "Save", "Replace it"
SCRIPT_WRITTEN = "The script is written"
PUSH = "Push"
PLAN_AGAIN = "Plan again"

IMAGE_OPTIONS = "Container image options"
BASE_IMAGE, TAG = "Base image", "Tag"
BASE_PLACEHOLDER, TAG_PLACEHOLDER = "ubuntu:24.04", "my-env"
BASE_CHECKED = "checked before anything is uploaded"
TAG_OPTIONAL = "one more image, of everything selected"
NOT_AN_IMAGE = "not the name of an image"
NOT_A_TAG = "letters, digits, _ . - and no .spack at the end"
SQUASH = "Squash the tagged image to at most"
SQUASH_NAME = "Layers of the tagged image"
LAYERS = "layers"
COMPLETE = "Complete images that were pushed without their dependencies"
SQUASH_NOW = "Squash it"
WHY_NO_SQUASH = "Only the image with a tag of your own can be squashed: name one first"

ARCHIVES = "Archives"
KEEP_BLOBS = "Keep those that packages were installed from"
KEEP_BLOBS_TIP = "The same bytes and padding as in the cache, if a mirror still has them; otherwise packed anew"
PACKING = "Packing in"
CHANGE = "Change…"
CHANGE_PACKING = "Change the packing folder"
ADD_TO_QUEUE = "Add to queue"
ADD_TO_QUEUE_TIP = "It waits on the Transfers page until you resume it"

WHY_PLANNING = "The plan is still being made"
WHY_NO_MIRROR = "Choose where to push first"
WHY_STARTING = "The push is being started"
WHY_ALL_THERE = "Everything is already there"
WHY_NOTHING = "Nothing of this can be pushed"

DECISIONS = {
    Decision.PUSH: "Will upload",
    Decision.COMPLETE: "Will complete",
    Decision.PRESENT: "Already there",
    Decision.HELD_BACK: "Not redistributable",
    Decision.EXTERNAL: "External",
    Decision.NOT_INSTALLED: "Not installed",
}


def heading(plan: PushPlan) -> str:
    """`12 of 40 to upload`: of what is installed or could be; externals are never pushed."""
    completing = count(plan, Decision.COMPLETE)
    more = f", {completing:,} to complete" if completing else ""
    return f"{count(plan, Decision.PUSH):,} of {wanted_count(plan):,} to upload{more}"


def heading_of_all(plans: Sequence[PushPlan]) -> str:
    """`48 to upload, to 2 mirrors`."""
    return f"{sum(count(plan, Decision.PUSH) for plan in plans):,} to upload, to {plural(len(plans), 'mirror')}"


def target_state(plan: PushPlan) -> str:
    """`36 to upload, 4 already there, 212 GB free`, or what is in the way."""
    if plan.blockers:
        return plan.blockers[0].sentence()
    parts = [f"{count(plan, Decision.PUSH):,} to upload", f"{count(plan, Decision.PRESENT):,} already there"]
    if plan.free_bytes is not None:
        parts.append(f"{format_bytes(plan.free_bytes)} free")
    return ", ".join(parts)


def list_of(plan: PushPlan) -> str:
    """What the list is about, where there are several targets."""
    return f"{PLAN_LIST}, to {visible(plan.mirror)}"


def count(plan: PushPlan, *decisions: Decision) -> int:
    return sum(1 for _ in plan.of(*decisions))


def selection(plan: PushPlan, build_dependencies: int | None) -> str:
    """`3 selected, 37 run and link dependencies, 64 build dependencies`, as far as `build_dependencies` is known."""
    others = max(0, wanted_count(plan) - plan.selected)
    parts = [f"{plan.selected:,} selected"]
    if not plan.options.with_build_dependencies:
        parts.append(_dependencies(others, "run and link"))
    elif build_dependencies is None:
        parts.append(_dependencies(others, "run, link and build"))
    else:
        parts.append(_dependencies(max(0, others - build_dependencies), "run and link"))
        parts.append(_dependencies(build_dependencies, "build"))
    return ", ".join(parts) + "."


def wanted_count(plan: PushPlan) -> int:
    return sum(item.decision is not Decision.EXTERNAL for item in plan.items)


def _dependencies(count: int, kind: str) -> str:
    return f"{count:,} {kind} {'dependency' if count == 1 else 'dependencies'}"


def build_dependencies(count: int | None) -> str:
    return BUILD_DEPENDENCIES if count is None else f"{BUILD_DEPENDENCIES} (+{count:,})"


def packages(count: int) -> str:
    return plural(count, "package") if count else messages.NONE


def group_detail(decision: Decision, items: tuple[PlanItem, ...], options: PushOptions) -> str:
    """What stands behind a group: sizes, when it was checked, reasons."""
    if not items:
        if decision is Decision.PRESENT and options.force:
            return "replaced"
        return "pushed too" if decision is Decision.HELD_BACK and options.private else ""
    if decision is Decision.PUSH:
        size, kept = sum(item.size_bytes for item in items if not item.kept), sum(item.kept for item in items)
        exact = not any(item.estimated for item in items)
        parts = [f"{format_bytes(size, exact=exact)} on disk"] if size else []
        return ", ".join([*parts, f"{plural(kept, 'archive')} kept"] if kept else parts)
    if decision is Decision.COMPLETE:
        return "images that lack layers"
    if decision is Decision.PRESENT:
        return "confirmed just now"
    if decision is Decision.EXTERNAL:
        names = ", ".join(visible(item.name) for item in items[:2])
        return f"{names}{', …' if len(items) > 2 else ''}: never pushed"
    reasons = {item.reason for item in items}
    if len(items) == 1:
        return f"{visible(items[0].name)}: {one_line(items[0].reason)}"
    return one_line(reasons.pop()) if len(reasons) == 1 else "for several reasons"


def item_detail(item: PlanItem) -> str:
    if item.reason:
        return one_line(item.reason)
    if item.note:
        return f"{format_bytes(item.size_bytes, exact=not item.estimated)}, {one_line(item.note)}"
    if item.entry is not None:
        signed = {True: ", signed", False: ", unsigned", None: ""}[item.entry.signed]
        return f"{format_bytes(item.entry.stored_bytes)}{signed}"
    return format_bytes(item.size_bytes, exact=not item.estimated) if item.size_bytes else ""


def spoken_group(name: str, count: int, detail: str) -> str:
    words = f"{name}, {packages(count)}"
    return f"{words}, {detail}" if detail else words


def packing_place(folder: str, free_bytes: int | None) -> str:
    """`/home/ann/.cache/mirrordeck/packing, 3.1 GB free`."""
    return visible(folder) + (f", {format_bytes(free_bytes)} free" if free_bytes is not None else "")


def key_text(key: str, owner: str) -> str:
    """`8F21…C8CC hpc-team`."""
    short = f"{key[:4]}…{key[-4:]}" if len(key) > 8 else key
    return f"{short} {visible(owner)}".strip()


def signing(choice: Signing, *, mirror_signs: bool | None, key: str) -> str:
    """`key` is `key_text` of the key that would sign, empty while that is not known."""
    signed = f"signed with {key}" if key else messages.SIGNED
    match choice:
        case Signing.SIGNED:
            return signed
        case Signing.UNSIGNED:
            return messages.UNSIGNED
    if mirror_signs is None:
        return "as the mirror says"
    return f"as the mirror says: {signed if mirror_signs else messages.UNSIGNED}"


def checked(plans: Sequence[PushPlan]) -> str:
    """`Checked just now: you may write there, 212 GB free.`; of several each says itself what is free."""
    free = plans[0].free_bytes if len(plans) == 1 else None
    where = "there" if len(plans) == 1 else "to all of them"
    space = f", {format_bytes(free)} free" if free is not None else ""
    locked = " The passphrase of the key is asked for when you push." if any(plan.key_locked for plan in plans) else ""
    return f"Checked just now: you may write {where}{space}.{locked}"


def push_button(plan: PushPlan) -> str:
    """`Push 12 packages`, `Complete 3 images`, `Write image my-env`."""
    if pushing := count(plan, Decision.PUSH):
        return f"{PUSH} {plural(pushing, 'package')}"
    if completing := count(plan, Decision.COMPLETE):
        return f"Complete {plural(completing, 'image')}"
    return f"Write image {visible(plan.options.tag)}" if plan.options.tag and count(plan, Decision.PRESENT) else PUSH


def push_button_of_all(plans: Sequence[PushPlan]) -> str:
    """As `push_button`, for several targets."""
    doing = [plan for plan in plans if not why_no_push(plan)]
    if len(doing) == 1:
        return push_button(doing[0])
    return f"{PUSH} to {plural(len(doing), 'mirror')}" if doing else PUSH


def why_no_push_at_all(plans: Sequence[PushPlan]) -> str:
    """Why nothing would happen anywhere, or one target has to be mended or removed first."""
    blocked = [plan for plan in plans if plan.blockers]
    whys = [why_no_push(plan) for plan in blocked or plans]
    return whys[0] if blocked or all(whys) else ""


def why_no_push(plan: PushPlan) -> str:
    """Why nothing would happen; "" if something does."""
    if plan.blockers:
        return plan.blockers[0].title
    if count(plan, Decision.PUSH, Decision.COMPLETE):
        return ""
    if not count(plan, Decision.PRESENT):
        return WHY_NOTHING
    return "" if plan.options.tag else WHY_ALL_THERE


def command_too_long(packages: int) -> str:
    return f"# {packages:,} packages are too many for one command line: choose fewer, or push their environment."


# ---- registries and images ----


def contact(target: ImageReference, facts: RegistryFacts | None) -> str:
    """`Will contact: registry.site.org · private · 76 of 100 requests left in 6 h`."""
    parts = [f"Will contact: {visible(target.domain)}" + (", unencrypted" if target.scheme == "http" else "")]
    if facts is not None and facts.anonymous_readable is not None:
        parts.append("public: everybody can read what you push" if facts.anonymous_readable else "private")
    if facts is not None and facts.rate_limit is not None:
        parts.append(_rate_limit(facts.rate_limit))
    return "  ·  ".join(parts)


def _rate_limit(limit: RateLimit) -> str:
    most = f" of {limit.limit:,}" if limit.limit is not None else ""
    within = f" in {format_duration(limit.window_s)}" if limit.window_s else ""
    return f"{limit.remaining:,}{most} requests left{within}"


def image_options(base: str, tag: str) -> str:
    """What the folded section says: `Container image options: ubuntu:24.04, tag my-env`."""
    chosen = ", ".join(part for part in (visible(base), f"tag {visible(tag)}" if tag else "") if part)
    return f"{IMAGE_OPTIONS}: {chosen}" if chosen else IMAGE_OPTIONS


def base_hint(base: ImageReference | None) -> str:
    return BASE_CHECKED if base is None else f"will contact: {visible(base.domain)}, {BASE_CHECKED}"


def tag_hint(tag: str, target: ImageReference | None) -> str:
    return f"{visible(target.repository)}:{tag}" if tag and target is not None else TAG_OPTIONAL


def not_layers(most: int) -> str:
    return f"{SQUASH_NAME}: a number from 1 to {most}"


def layers(count: int) -> str:
    return f"{LAYERS}; it has {count:,} now" if count else LAYERS


def environment(facts: ImageFacts) -> str:
    """Who told the variables of the images."""
    if facts.environment_note:
        return f"Variables: from the packages' files, without what recipes set ({one_line(facts.environment_note)})"
    return "Variables: told by this instance's spack, recipes included" if facts.environment_by else ""


def beyond_spack(options: PushOptions) -> str:
    """A comment below the command for what Spack has no option for, "" if there is nothing."""
    beyond = [
        text
        for text, wanted in (
            ("squash the image", options.squash_to is not None),
            ("complete what was pushed without its dependencies", options.complete_left_out),
            ("keep the archives that packages were installed from", options.keep_blobs),
        )
        if wanted
    ]
    return f"# Spack cannot {' or '.join(beyond)}." if beyond else ""


def preset_command(name: str) -> str:
    return f"It runs with: mirrordeck preset run {name}"
