# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Where the frozen program starts."""

from __future__ import annotations

import os
import sys

# The bundle's own libraries are for this program only: gpg, ssh and spack, which it starts, must find the system's.
original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
if original is not None:
    os.environ["LD_LIBRARY_PATH"] = original
else:
    os.environ.pop("LD_LIBRARY_PATH", None)

from core.cli.main import main  # noqa: E402 - what it imports may look at the environment

sys.exit(main())
