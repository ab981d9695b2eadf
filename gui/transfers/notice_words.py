# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences about what waits for a person: unfinished transfers, mirrors that paused themselves, limits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.foundation.text import format_age, format_bytes, plural
from core.transfers.model import HoldReason, JournalOffer, MirrorHold, TransferLimits, UnfinishedPush
from gui import messages
from gui.settings_words import per_second
from gui.transfers import words
from gui.widgets.cell import one_line, place

CONTINUE, KEEP_PAUSED, DISCARD = "Continue", "Keep paused", "Discard"
DISCARD_TITLE = "Discard the unfinished transfers?"
SIGN_IN, TRY_NOW, GIVE_UP = "Sign in…", "Try now", "Give up"
GIVE_UP_TIP = "Let what waits for this mirror fail; it can be retried later"
WAITS_HERE = "They wait in the table as paused, and can be resumed one by one."
KEEPS_CACHES = "What is on the mirrors already stays there."
LIMITS = "Limits"
TODAY_TIP = "Show the history"
LIMITS_TIP = "How much is transferred at the same time, and how fast"
LIMITS_HINT = "What moves already is finished."
_MOST_NAMED = 3
_HOLDS = {
    HoldReason.NO_SPACE: "no space is left",
    HoldReason.LOGIN: "the login was refused",
    HoldReason.VANISHED: "the mirror is gone",
    HoldReason.UNREACHABLE: "no connection",
}


# ---- unfinished transfers ----


def unfinished(count: int) -> str:
    """`11 transfers were not finished`."""
    return f"{plural(count, 'transfer')} {'was' if count == 1 else 'were'} not finished"


def offer_details(offers: Sequence[JournalOffer], now: float) -> str:
    """`11 to scratch, 2 from site-oci to public; 1.2 GB of files. 2 hours ago.`"""
    pushes = [push for offer in offers for push in offer.pushes]
    named = [_leftover(push) for push in pushes[:_MOST_NAMED]]
    others = len(pushes) - len(named)
    text = ", ".join(named) + (f" and {others} more" if others else "")
    size = sum(push.bytes_left for push in pushes)
    files = f"; {format_bytes(size)} of files" if size else ""
    age = format_age(max(0.0, now - max(offer.written_at for offer in offers)))
    return f"{text}{files}. {age[:1].upper()}{age[1:]}."


def _leftover(push: UnfinishedPush) -> str:
    source = f" from {place(push.source)}" if push.source else ""
    return f"{push.waiting:,}{source} to {place(push.mirror)}"


def discard_text(count: int) -> str:
    return f"{plural(count, 'package')} will not be transferred. {KEEPS_CACHES}"


# ---- mirrors that paused themselves ----


def hold_title(hold: MirrorHold) -> str:
    """`Transfers to scratch wait: no space is left`."""
    return f"Transfers to {place(hold.mirror)} wait: {_HOLDS[hold.reason]}"


def hold_text(hold: MirrorHold, now: datetime, *, others: int) -> str:
    """Why in the server's words, what to do, how many wait, and when it is tried again by itself. `others` are mirrors
    that wait, too."""
    again = ""
    if hold.left_s is not None:
        again = f"It is tried again at {now + timedelta(seconds=hold.left_s):%H:%M:%S}."
    why = one_line(hold.error.why or hold.error.title)
    waiting = f"{plural(hold.waiting, 'transfer')} {'waits' if hold.waiting == 1 else 'wait'}."
    more = f"{plural(others, 'other mirror')} {'waits' if others == 1 else 'wait'}, too." if others else ""
    return messages.sentences(why, *map(one_line, hold.error.remedies), waiting, again, more)


def hold_status(hold: MirrorHold) -> str:
    """`scratch waits: no space is left`."""
    return f"{place(hold.mirror)} waits: {_HOLDS[hold.reason]}"


def go_on(hold: MirrorHold) -> str:
    return CONTINUE if hold.left_s is None else TRY_NOW


def pause_mirror(mirror: str, *, paused: bool) -> str:
    """`Pause all to scratch`; `mirror` is "" where none is chosen."""
    return f"{words.RESUME if paused else words.PAUSE} all to {place(mirror) or 'this mirror'}"


# ---- limits ----


def limits(now: TransferLimits | None) -> str:
    """`Limits: 4 at a time, 10 MB/s`."""
    if now is None:
        return LIMITS
    speed = "" if now.bytes_per_s is None else f", {per_second(now.bytes_per_s)}"
    return f"{LIMITS}: {now.parallel} at a time{speed}"


def finished_today(count: int) -> str:
    return f"Finished today: {count:,}"
