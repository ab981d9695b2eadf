# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The sentences of the Keys page and its dialogs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from core.foundation.text import plural, visible
from core.services.keys_values import EXPIRY_WARNING_S, Key, KeysView, MirrorKeys
from gui.widgets.cell import Look

TABLE = "Keys"
COLUMNS = ("Owner", "Fingerprint", "Kind", "Expires", "Use", "Published on")
READING = "Reading keys…"
EMPTY = "No keys yet."
EMPTY_DETAIL = (
    "Create a key to sign what you push, or trust the key of a mirror you fetch from. "
    "Spack takes signed packages only if it has the key."
)
NO_GPG = "GnuPG was not found."
NO_GPG_DETAIL = "There is neither gpg2 nor gpg on PATH. Install GnuPG 2 to sign packages and to check signatures."
WHY_NO_GPG = "GnuPG was not found"
WHY_NO_KEY = "No key is selected"
WHY_ONE_KEY = "More than one key is selected"
NEVER = "never"
ASKING = "…"
NONE = "–"

FINGERPRINT, KIND, CREATED, EXPIRES = "Fingerprint", "Kind", "Created", "Expires"
PUBLISHED, COUNTS_ON = "Published on", "Counts on"

CREATE_TITLE = "Create a key"
CREATE_TEXT = "An RSA key of 4096 bits that can only sign, as Spack makes them."
CREATE = "Create"
NAME, EMAIL, PASSPHRASE = "Name", "Email", "Passphrase"
MAY_BE_EMPTY = "May be empty, as with Spack: then whoever can read the key's folder can sign."
EXPIRY_CHOICES = (("Never", "0"), ("In 1 year", "1y"), ("In 2 years", "2y"), ("In 5 years", "5y"))
FILE_TITLE = "Trust the key in a file"
TRUST = "Trust"
TRUST_NOTHING = "Tick the keys to trust"
TRUST_TEXT = (
    "Compare the fingerprint with what the owner told you in another way. "
    "Spack then accepts whatever this key signed, from any mirror."
)
TRUSTED_ALREADY = "trusted already"
MIRROR = "Mirror"
IMPORT_TITLE = "Import keys from a mirror"
IMPORT_TEXT = "The public keys that a mirror publishes. You see their fingerprints before anything is trusted."
IMPORT_NEXT = "Show keys"
IMPORT_NONE = "This mirror lists no keys"
PUBLISH_TITLE = "Publish to a mirror"
PUBLISH_TEXT = "Of {keys} the public half is stored there and put into the mirror's list, so that everybody finds it."
PUBLISH = "Publish"
ALLOW_TITLE = "Whose signatures count on a mirror"
ALLOW_TEXT = "Spack itself accepts every key it knows. Here you say whose signatures Mirrordeck takes for good."
ALLOW = "Save"
ACCEPTED = "Accept"
EVERY_KEY = "every key that is trusted"
NO_MIRROR = "No mirror can hold keys: registries have none, and web addresses are only read"
NO_KEY_MIRROR = "No mirror has keys"
EXPORT_TITLE = "Export public keys"
EXPORT_NAME = "keys.asc"
UNLOCK_TITLE = "Unlock the key"
UNLOCK = "Unlock"
UNLOCK_HINT = "Kept in memory until Mirrordeck is closed, and written nowhere."
UNTRUST = "Untrust"
DELETE = "Delete for good"
COMMAND_LIST = "List keys"
COMMAND_CREATE = "Create a key"
COMMAND_TRUST = "Trust the keys in a file"
COMMAND_IMPORT = "Trust keys of mirrors"
COMMAND_PUBLISH = "Publish to a mirror"
COMMAND_EXPORT = "Export"
COMMAND_UNTRUST = "Stop trusting"
SOME_NAME, SOME_ADDRESS, SOME_FILE, SOME_MIRROR = "NAME", "EMAIL", "FILE", "MIRROR"


def fingerprint(text: str) -> str:
    """A fingerprint as people compare it, in groups of four."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def day(seconds: int | None) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(seconds)) if seconds is not None else NONE


def expires(key: Key) -> str:
    return day(key.expires) if key.expires is not None else NEVER


def expires_soon(key: Key) -> bool:
    return key.expires is not None and not key.problem and key.expires - time.time() < EXPIRY_WARNING_S


def use(key: Key) -> Look:
    if key.problem:
        return Look("cross", "bad", key.problem)
    if expires_soon(key):
        return Look("triangle", "warn", "expires soon")
    return Look("check", "ok", "signs, trusted" if key.secret else "trusted", quiet=True)


def use_sentence(key: Key) -> str:
    """What the key is good for, in full."""
    if key.problem:
        return f"This key {key.problem}: what it signed is refused"
    trusted = "Valid signatures of this key are from a key you trust"
    return f"Signs what you push. {trusted}" if key.secret else trusted


def published_on(key: Key, mirrors: Sequence[MirrorKeys] | None) -> str:
    """Names of mirrors; None while they are being asked."""
    if mirrors is None:
        return ASKING
    names = [visible(row.mirror) for row in mirrors if key.fingerprint in row.listed]
    names += [f"{visible(row.mirror)} (not listed)" for row in mirrors if key.fingerprint in row.unlisted]
    return ", ".join(names) or NONE


def counts_on(key: Key, mirrors: Sequence[MirrorKeys] | None) -> str:
    """Where its signatures count; None while mirrors are being asked."""
    if mirrors is None or key.problem:
        return NONE if key.problem else ASKING
    names = [visible(row.mirror) for row in mirrors if row.allowed and key.fingerprint not in row.allowed]
    return f"every mirror but {', '.join(names)}" if names else "every mirror"


def kept_in(home: str) -> str:
    return f"They are kept in {visible(home)}."


def sentence(view: KeysView) -> str:
    signing = sum(key.secret and not key.problem for key in view.keys)
    can = f"{signing} can sign" if signing else "none can sign"
    return f"{plural(len(view.keys), 'key')}, {can}. Spack accepts packages signed by any of them."


def unlisted(mirrors: Sequence[MirrorKeys]) -> str:
    """A warning about keys that nobody finds, "" without any."""
    names = [visible(row.mirror) for row in mirrors if row.unlisted]
    if not names:
        return ""
    return (
        f"Keys on {', '.join(names)} are not in the list of keys there: Spack does not find them until it is updated."
    )


def owners(keys: Sequence[Key]) -> str:
    if len(keys) == 1:
        return f"the key of {visible(keys[0].user_id)}" if keys[0].user_id else f"the key {keys[0].fingerprint}"
    return plural(len(keys), "key")


def created(key: Key) -> str:
    return f"Created the key of {visible(key.user_id)}."


def trusted(keys: Sequence[Key]) -> str:
    return f"Trusted {owners(keys)}."


def deleted(keys: Sequence[Key]) -> str:
    return f"Deleted {owners(keys)}."


def published(keys: Sequence[Key], mirror: str) -> str:
    return f"Published {owners(keys)} on {visible(mirror)}."


def exported(keys: Sequence[Key], path: str) -> str:
    return f"Exported {owners(keys)} to {visible(path)}."


def allowed(mirror: str, keys: Sequence[Key]) -> str:
    whose = f"only {owners(keys)} counts" if keys else "every trusted key counts"
    return f"On {visible(mirror)} {whose} now."


def publish_text(keys: Sequence[Key]) -> str:
    return PUBLISH_TEXT.format(keys=owners(keys))


def accept_only(keys: Sequence[Key]) -> str:
    return f"only {owners(keys)}"


def untrust_title(keys: Sequence[Key]) -> str:
    return f"Delete {owners(keys)}?"


def untrust_text(keys: Sequence[Key]) -> str:
    if any(key.secret for key in keys):
        return (
            "The secret half goes as well: nothing can ever be signed with it again unless you exported it. "
            "What it signed is refused here from now on."
        )
    return "Spack then refuses what was signed with it. The key can be trusted again at any time."


def unlock_text(owner: str, key: str) -> str:
    return f"{visible(owner)}\n{fingerprint(key)}"


def offer_title(source: str) -> str:
    return f"Keys from {visible(source)}"


def key_facts(key: Key, *, trusted: bool) -> str:
    facts = [key.algorithm, f"created {day(key.created)}", f"expires {expires(key)}"]
    facts += [f"it {key.problem}"] if key.problem else []
    return "  ·  ".join([*facts, TRUSTED_ALREADY] if trusted else facts)
