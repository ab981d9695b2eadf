# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Before a push: what could only fail later is tried, what a person should know is said."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from core.caches.protocol import BuildCache
from core.foundation.errors import ErrorInfo, MirrordeckError, from_os_error
from core.foundation.files import new_file_mode
from core.foundation.text import format_bytes
from core.services.registry_target import RegistryTarget
from core.transfers.plan import Decision, PlanItem, PushPlan

_COMPRESSED_SHARE = 0.35


def preflight(plan: PushPlan, folder: Path | None, cache: BuildCache, target: RegistryTarget | None) -> PushPlan:
    """Everything that could only fail later is tried now; what would stop every package is a blocker."""
    warnings: list[ErrorInfo] = []
    free = None
    try:
        with target.explaining("push to") if target else nullcontext():
            cache.check_writable()
        if folder is not None:
            existing = next(path for path in (folder, *folder.parents) if path.exists())
            free = shutil.disk_usage(existing).free
            warnings = _folder_warnings(plan, existing, free)
    except MirrordeckError as error:
        info = error.info()
        return replace(plan, blockers=(replace(info, title=f"Cannot write to {folder}") if folder else info,))
    except OSError as error:
        return replace(plan, blockers=(from_os_error(error, f"Cannot write to {plan.mirror}", folder).info(),))
    if plan.options.private and plan.registry is not None and plan.registry.anonymous_readable:
        why = "Packages that may not be redistributed would be given away."
        warnings.append(ErrorInfo("public", f"Everybody can read what is pushed to {plan.mirror}", why))
    return replace(plan, warnings=tuple(warnings), free_bytes=free)


def _folder_warnings(plan: PushPlan, existing: Path, free: int) -> list[ErrorInfo]:
    warnings = []
    needed = int(sum(_stored_size(item) for item in plan.of(Decision.PUSH)))
    if needed > free:
        why = f"about {format_bytes(needed)} needed, {format_bytes(free)} free in {existing}"
        warnings.append(ErrorInfo("no-space", f"{plan.mirror} may be too small", why))
    if new_file_mode(existing) & 0o044 == 0:
        title = f"{plan.mirror}: others will not be able to read the new files"
        warnings.append(ErrorInfo("permission-denied", title, "the umask of this session hides them"))
    return warnings


def _stored_size(item: PlanItem) -> float:
    """About how much `item` will take there."""
    return item.size_bytes * (1.0 if item.kept else _COMPRESSED_SHARE)
