# SPDX-License-Identifier: Apache-2.0 OR MIT
from __future__ import annotations

import errno
import os

import pytest

from core.foundation import errors
from core.foundation.errors import (
    Cancelled,
    MirrordeckError,
    NoSpace,
    NotFound,
    PermissionDenied,
    StorageFailed,
    describe,
    from_os_error,
)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoSpace),
        (errno.EDQUOT, NoSpace),
        (errno.EACCES, PermissionDenied),
        (errno.EROFS, PermissionDenied),
        (errno.ENOENT, NotFound),
        (errno.ESTALE, StorageFailed),
        (errno.EIO, StorageFailed),
    ],
)
def test_errors_of_the_system_are_mapped_once_and_name_the_path(number, kind):
    error = from_os_error(OSError(number, os.strerror(number), "/scratch/cache"), "Could not write")
    assert type(error) is kind
    assert str(error) == f"Could not write: /scratch/cache: {os.strerror(number)}"


def test_describe():
    assert describe(NotFound("No such mirror", "x")).code == "not-found"
    assert describe(Cancelled()).code == "cancelled"
    assert describe(PermissionError(errno.EACCES, "Permission denied", "/x")).code == "permission-denied"
    bug = describe(KeyError("hash"))
    assert (bug.code, bug.retryable) == ("unexpected", False)
    assert "KeyError" in bug.why


def test_every_code_is_used_once():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MirrordeckError)]
    codes = [kind.code for kind in kinds]
    assert len(codes) > 10
    assert len(codes) == len(set(codes))
