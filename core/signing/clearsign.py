# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The outer form of an OpenPGP clearsigned message (RFC 4880, section 7), read strictly.

GnuPG accepts foreign text around a signed message and cuts very long lines, both without a complaint. Only messages
that are nothing but one signed text and its signature are taken here, so that the text read is the one that was signed.
"""

from __future__ import annotations

import re

from core.foundation.errors import SigningError

BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
# GnuPG cuts lines of more than 19,995 characters; half of that leaves room for other programs.
LONGEST_LINE = 10_000
# Only lines that begin so are written with a dash and a blank before them by GnuPG.
_ESCAPED = (b"-", b"From ")

_MESSAGE = re.compile(
    rb"-----BEGIN PGP SIGNED MESSAGE-----\n"
    rb"(?:Hash: [A-Za-z0-9, -]+\n)+\n"
    rb"(?P<text>.*)\n"
    rb"-----BEGIN PGP SIGNATURE-----\n(?:[A-Za-z]+: [^\n]*\n)*\n(?:[A-Za-z0-9+/=]+\n)+"
    rb"-----END PGP SIGNATURE-----\n?",
    re.DOTALL,
)


def is_clearsigned(data: bytes) -> bool:
    """Whether `data` claims to be a clearsigned message."""
    return data.startswith(BEGIN)


def is_message(data: bytes) -> bool:
    """Whether `data` is exactly one message of the plain form; its signature is *not* checked."""
    try:
        signed_text(data)
    except SigningError:
        return False
    return True


def signed_text(data: bytes) -> bytes:
    """The text inside a clearsigned message, its signature *not* checked.

    The line break before the signature is not part of the text. Raises SigningError if `data` is anything but exactly
    one message of the plain form GnuPG writes.
    """
    check_lines(data)
    found = _MESSAGE.fullmatch(data)
    if found is None:
        raise SigningError("This is not a signed text", "It must be one clearsigned message with nothing around it")
    return b"\n".join(_without_dash_escape(line) for line in found["text"].split(b"\n"))


def check_lines(text: bytes) -> None:
    """Raise SigningError if `text` holds lines or characters that do not survive signing unchanged."""
    if b"\r" in text or b"\0" in text:
        raise SigningError("This text cannot be signed", "It holds carriage returns or NUL characters")
    if any(len(line) > LONGEST_LINE for line in text.split(b"\n")):
        raise SigningError("This text cannot be signed", f"It has a line of more than {LONGEST_LINE:,} characters")


def _without_dash_escape(line: bytes) -> bytes:
    if line.startswith(b"- ") and line[2:].startswith(_ESCAPED):
        return line[2:]
    if line.startswith(b"- "):
        raise SigningError("This is not a signed text", "A line inside it is escaped that GnuPG leaves as it is")
    if line.startswith(b"-"):
        raise SigningError("This is not a signed text", "A line inside it begins with an unescaped dash")
    return line
