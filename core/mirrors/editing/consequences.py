# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What follows from an edit once Spack merges all scopes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.foundation.errors import ErrorInfo
from core.mirrors.credentials.identity import hosts_of, shared_host_warnings
from core.mirrors.editing.checks import addresses
from core.mirrors.editing.content import form_of
from core.mirrors.editing.document import Entry
from core.mirrors.editing.landscape import Landscape
from core.mirrors.editing.plan import PlannedEdit
from core.mirrors.forms import ConnectionForm, MirrorForm
from core.mirrors.model import PLAIN_SECRET
from core.spack.substitutions import folder_of


def meanings(landscape: Landscape, entry: Entry | None, file: Path) -> tuple[tuple[str, str], ...]:
    """Each path of an entry whose place cannot be read off it, with that place. Raises UsageError for a bad address."""
    found = []
    for written in addresses(entry) if entry is not None else ():
        meant = landscape.meaning(written, file)
        folder = folder_of(meant)
        if meant != written and str(folder) != written:
            found.append((written, str(folder)))
    return tuple(found)


def with_shadows(plan: PlannedEdit, landscape: Landscape, wanted: MirrorForm) -> PlannedEdit:
    """The plan with a warning if other scopes keep something from being as `wanted`, or the name rename left behind."""
    value = landscape.merged(wanted.name, instead=plan.after)
    got = form_of(wanted.name, value.plain()) if value is not None else wanted
    others = [scope.name for scope in landscape.holders(wanted.name) if scope != plan.scope]
    pairs = (
        ("the address for fetching", got.fetch.url, wanted.fetch.url),
        ("the address for pushing", _push(got).url, _push(wanted).url),
        ("the login for fetching", replace(got.fetch, url=""), replace(wanted.fetch, url="")),
        ("the login for pushing", replace(_push(got), url=""), replace(_push(wanted), url="")),
        ("what it contains", (got.binary, got.source), (wanted.binary, wanted.source)),
        ("signing", got.signed, wanted.signed),
        ("autopush", got.autopush, wanted.autopush),
    )
    differing = [words for words, found, meant in pairs if found != meant]
    warnings = list(plan.warnings)
    if differing and others:
        title = f"{' and '.join(others)} also {'say' if len(others) > 1 else 'says'} something about {wanted.name}"
        why = f"Spack merges all of it, so these will not be as chosen: {', '.join(differing)}"
        warnings.append(ErrorInfo("shadowed", title, why, ("Change it in that scope.",)))
    if wanted.name != plan.name and landscape.merged(plan.name, instead=plan.after) is not None:
        why = "other scopes have an entry of that name"
        warnings.append(ErrorInfo("shadowed", f"There will still be a mirror {plan.name}", why))
    return replace(plan, warnings=tuple(warnings))


def with_order(plan: PlannedEdit, landscape: Landscape) -> PlannedEdit:
    """The plan with a warning if Spack would ask the mirrors in another order."""
    if landscape.order(plan.after) == landscape.order():
        return plan
    why = f"Spack asks the mirrors of {plan.scope.name} at another point than those of lower scopes"
    warning = ErrorInfo("order", f"The place of {plan.name} in the search order changes", why)
    return replace(plan, warnings=(*plan.warnings, warning))


def with_shared_hosts(plan: PlannedEdit, landscape: Landscape, name: str) -> PlannedEdit:
    """The plan with a warning where Spack would use the login of another mirror for `name`, or begins to mix up others
    on one host."""
    mirrors = landscape.mirrors(plan.after)
    known = shared_host_warnings(landscape.mirrors())
    own = {host for mirror in mirrors if mirror.name == name for host in hosts_of(mirror)}
    about = shared_host_warnings(mirror for mirror in mirrors if own & hosts_of(mirror))
    new = [warning for warning in shared_host_warnings(mirrors) if warning not in known and warning not in about]
    return replace(plan, warnings=(*plan.warnings, *about, *new))


def with_leftovers(plan: PlannedEdit) -> PlannedEdit:
    """The plan with a warning if a secret that the edit takes out of an entry stands elsewhere in the file as well."""
    gone = plan.document.secrets() - plan.after.secrets()
    if not any(secret in plan.after.text for secret in gone):
        return plan
    why = "in a comment, or in another place that this entry refers to"
    warning = ErrorInfo(
        PLAIN_SECRET, f"{plan.path} still holds the secret", why, ("Remove it there in a text editor.",)
    )
    return replace(plan, warnings=(*plan.warnings, warning))


def _push(form: MirrorForm) -> ConnectionForm:
    return form.push or form.fetch
