# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck gpg …`: the keys of the instance, with the options of `spack gpg`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cli.asking import ask_hidden, can_ask
from core.cli.context import Context
from core.cli.keys import key_line, key_object
from core.cli.login_options import NO_LOGIN_OPTIONS, add_login_options
from core.cli.output import Output
from core.foundation.errors import UsageError
from core.foundation.secret import Secret
from core.foundation.text import visible
from core.services.keys import Keys
from core.services.keys_values import Key, KeySource
from core.signing.key_store import DEFAULT_COMMENT, NewKey


def add_parser(commands: Any) -> None:
    """Add `gpg` with its subcommands to `commands`."""
    parser = commands.add_parser("gpg", help="the keys that sign packages, and those that are trusted")
    actions = parser.add_subparsers(title="gpg commands", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a key for signing")
    create.add_argument("name", metavar="NAME", help="who it belongs to")
    create.add_argument("email", metavar="EMAIL")
    create.add_argument("--comment", default=DEFAULT_COMMENT, help="a comment in its user id")
    create.add_argument("--expires", default="0", help="when it expires: 0 (never), 90d, 2y or 2030-01-31")
    create.add_argument("--export", metavar="FILE", type=Path, help="write the public key there, too")
    create.add_argument("--export-secret", metavar="FILE", type=Path, help="write the secret key there, too")
    create.add_argument("--passphrase", action="store_true", help="ask for a passphrase (default: the key has none)")
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="the keys, as gpg lists them")
    listing.add_argument("--trusted", action="store_true", default=True, help="trusted keys (default)")
    listing.add_argument("--signing", action="store_true", help="also the keys that can sign")
    listing.set_defaults(run=_list)
    init = actions.add_parser("init", help="trust the keys that come with Spack")
    init.set_defaults(run=_init)
    trust = actions.add_parser("trust", help="trust the keys in a file")
    trust.add_argument("keyfile", metavar="FILE")
    trust.set_defaults(run=_trust)
    untrust = actions.add_parser("untrust", help="delete keys")
    untrust.add_argument("keys", metavar="KEY", nargs="+", help="fingerprint, or a part of name or address")
    untrust.add_argument("--signing", action="store_true", help="also those that can sign, for good")
    untrust.set_defaults(run=_untrust)
    export = actions.add_parser("export", help="write keys to a file")
    export.add_argument("location", metavar="FILE", type=Path)
    export.add_argument("keys", metavar="KEY", nargs="*", help="default: those that can sign here")
    export.add_argument("--secret", action="store_true", help="the secret keys")
    export.set_defaults(run=_export)
    allow = actions.add_parser("allow", help="choose whose signatures count on a mirror")
    allow.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror")
    allow.add_argument("keys", metavar="KEY", nargs="*", help="only these (default: every trusted key again)")
    allow.set_defaults(run=_allow)
    for action in (create, listing, init, trust, untrust, export, allow):
        action.set_defaults(**NO_LOGIN_OPTIONS)
    _add_publish(actions)


def _add_publish(actions: Any) -> None:
    publish = actions.add_parser("publish", help="put public keys on a mirror")
    place = publish.add_mutually_exclusive_group(required=True)
    place.add_argument("-d", "--directory", metavar="DIR", help="the mirror in this directory")
    place.add_argument("-m", "--mirror-name", metavar="NAME", help="a configured mirror")
    place.add_argument("--mirror-url", metavar="URL", help="the mirror at this address")
    publish.add_argument("--update-index", "--rebuild-index", action="store_true", help="list them, so they are found")
    publish.add_argument("keys", metavar="KEY", nargs="*", help="default: all public keys")
    add_login_options(publish)
    publish.set_defaults(run=_publish)


def _create(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was made")
    keys = _keys(context)
    passphrase = _new_passphrase(context, output) if options.passphrase else None
    wanted = NewKey(options.name, options.email, options.comment, options.expires)
    key = keys.create(wanted, passphrase)
    output.note(f"Created {key_line(key)}")
    if options.export is not None:
        keys.export([key.fingerprint], options.export)
    if options.export_secret is not None:
        keys.export([key.fingerprint], options.export_secret, secret=True, passphrase=passphrase)
    output.result("gpg create", key=key_object(key))
    return 0


def _list(options: argparse.Namespace, context: Context, output: Output) -> int:
    keys = _keys(context)
    if not output.json:
        for secret in (False, True) if options.signing else (False,):
            for line in keys.store.listing(secret=secret).splitlines():
                output.line(visible(line))
    view = keys.view()
    for warning in view.warnings:
        output.warning(warning)
    output.result("gpg list", home=view.home, keys=[key_object(key) for key in view.keys])
    return 0


def _init(_options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was imported")
    return _told("gpg init", "Trusted", _keys(context).trust_shipped(), output)


def _trust(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was imported")
    keys, source = _keys(context), KeySource(file=options.keyfile)
    offer = keys.offer(source, context.token)
    found = keys.trust(source, [offered.key.fingerprint for offered in offer.keys], context.token)
    return _told("gpg trust", "Trusted", found, output)


def _untrust(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was deleted")
    gone = _keys(context).untrust(options.keys, signing=options.signing)
    return _told("gpg untrust", "Deleted", gone, output)


def _export(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was exported")
    _keys(context).export(options.keys, options.location, secret=options.secret)
    output.result("gpg export", file=str(options.location))
    return 0


def _publish(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No key was published")
    mirror = options.mirror_name or options.mirror_url or str(context.cwd / options.directory)
    found = _keys(context).publish(mirror, options.keys, update_index=options.update_index)
    status = _told("gpg publish", "Published", found, output)
    if not options.update_index:
        output.note(f"Nobody finds them yet: mirrordeck buildcache update-index --keys {visible(mirror)}")
    return status


def _allow(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("That setting was not saved")
    keys = _keys(context)
    chosen = keys.named(options.keys) if options.keys else ()
    keys.allow(options.mirror, [key.fingerprint for key in chosen])
    if not chosen:
        output.note(f"On {visible(options.mirror)} every trusted key counts")
    return _told("gpg allow", f"On {visible(options.mirror)} counts", chosen, output)


def _told(command: str, what: str, keys: Sequence[Key], output: Output) -> int:
    for key in keys:
        output.note(f"{what} {key_line(key)}")
    output.result(command, keys=[key_object(key) for key in keys])
    return 0


def _new_passphrase(context: Context, output: Output) -> Secret:
    if not can_ask(output):
        raise UsageError("No key was made", "A passphrase is asked for at a terminal only")
    first, again = ask_hidden("Passphrase: ", context), ask_hidden("Once more: ", context)
    if not first or first != again:
        raise UsageError("No key was made", "The passphrases differ" if first else "The passphrase is empty")
    return first


def _keys(context: Context) -> Keys:
    return Keys(context.instance, context.access, context.cwd)
