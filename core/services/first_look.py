# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What to tell somebody who sees the program for the first time. No network."""

from __future__ import annotations

from pathlib import Path

from core.foundation.cancel import CancelToken
from core.mirrors.reading import mirrors_of
from core.services.values import InstanceSurvey
from core.spack.instance import Instance
from core.spack.specs import PackageState

_USUAL_PLACES = ("~/spack", "~/src/spack", "/opt/spack", "/usr/local/spack", "/sw/spack", "/apps/spack")


def survey(instance: Instance, token: CancelToken) -> InstanceSurvey:
    """How much there is to see. Reads the database; raises DatabaseError and Cancelled."""
    records = instance.database(token).records.values()
    installed = sum(record.state is PackageState.INSTALLED for record in records)
    listing = mirrors_of(instance)
    problem = listing.problems[0].sentence() if listing.problems else ""
    return InstanceSurvey(installed, len(listing.mirrors), problem)


def usual_checkouts() -> tuple[str, ...]:
    """Checkouts of Spack where people often have them."""
    places = (Path(place).expanduser() for place in _USUAL_PLACES)
    return tuple(str(place) for place in places if (place / "bin" / "spack").is_file())
