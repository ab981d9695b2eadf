# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache keys` and `mirrordeck buildcache sign`."""

from __future__ import annotations

import argparse
import time
from typing import Any

from core.cli.asking import agrees, can_ask
from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output, error_object
from core.cli.signing import unlock
from core.foundation.digests import is_dag_hash
from core.foundation.errors import ErrorInfo, MirrordeckError
from core.foundation.text import plural, visible
from core.services.keys import Keys
from core.services.keys_values import Key, KeyOffer, KeySource, SigningStep, SignRequest
from core.spack.query_tokens import query_text_from_words

_SIGNING = """\
Sign packages that were pushed unsigned. Each one is looked at first: its signature vouches for everything it consists
of. Packages that are signed already stay as they are.
"""


def add_actions(actions: Any) -> None:
    """Add `keys` and `sign` to the actions of `buildcache`."""
    parser = actions.add_parser("keys", help="the public keys on all mirrors")
    parser.add_argument("-i", "--install", action="store_true", help="import them, those that --trust allows")
    parser.add_argument("-t", "--trust", action="store_true", help="trust all of them (default: ask for each)")
    parser.add_argument("-f", "--force", action="store_true", help="read them again (this is always done)")
    add_login_options(parser)
    parser.set_defaults(run=_keys)
    sign = actions.add_parser("sign", help="sign what is in a build cache already", description=_SIGNING)
    sign.add_argument("mirror", metavar="MIRROR", help="name, path or url of a mirror in a folder")
    sign.add_argument("specs", metavar="SPEC", nargs="*", help="packages it holds (default: all)")
    which = sign.add_mutually_exclusive_group()
    which.add_argument("-k", "--key", metavar="KEY", default="", help="sign with this key")
    which.add_argument("--drop", action="store_true", help="take signatures off instead")
    add_login_options(sign)
    sign.set_defaults(run=_sign)


def key_line(key: Key) -> str:
    """A key as people compare it."""
    problem = f" (it {key.problem})" if key.problem else ""
    return visible(f"{key.fingerprint} {key.user_id}{problem}")


def key_object(key: Key) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "owner": key.user_id,
        "algorithm": key.algorithm,
        "created": key.created,
        "expires": key.expires,
        "trust": key.trust,
        "secret": key.secret,
        "problem": key.problem,
    }


def _keys(options: argparse.Namespace, context: Context, output: Output) -> int:
    if options.install:
        context.check_may_change("No key was imported")
    keys = Keys(context.instance, context.access, context.cwd)
    found: list[dict[str, Any]] = []
    problems: list[ErrorInfo] = []
    for published in keys.published(context.token):
        if published.problem is not None:
            problems.append(published.problem)
        for fingerprint in published.unlisted:
            output.note(f"{visible(published.mirror)}: {fingerprint} is not in the list of keys, so nobody finds it")
        if not published.listed:
            continue
        try:
            offer = keys.offer(KeySource(mirror=published.mirror), context.token)
        except MirrordeckError as error:
            problems.append(error.info())
            continue
        problems += offer.problems
        found += _offered(offer, options, keys, context, output)
    for problem in problems:
        output.warning(problem)
    if options.install and not options.trust and found and not can_ask(output):
        output.note("Use -t to install all downloaded keys")
    output.result("buildcache keys", keys=found, problems=[error_object(problem) for problem in problems])
    return 1 if problems else 0


def _offered(
    offer: KeyOffer, options: argparse.Namespace, keys: Keys, context: Context, output: Output
) -> list[dict[str, Any]]:
    """Show the keys of one mirror, and import those that are wanted."""
    shown = []
    for offered in offer.keys:
        trusted, line = offered.trusted, key_line(offered.key)
        output.line(f"{visible(offer.source.mirror)}: {line}{' (trusted)' if trusted else ''}")
        wanted = options.install and not trusted
        if wanted and (options.trust or (can_ask(output) and agrees("Trust this key?"))):
            keys.trust(offer.source, [offered.key.fingerprint], context.token)
            output.note(f"Trusted {line}")
            trusted = True
        shown.append({"mirror": offer.source.mirror, **key_object(offered.key), "trusted": trusted})
    return shown


def _sign(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("Nothing was signed")
    words = [spec for spec in options.specs if not is_dag_hash(spec.lstrip("/"))]
    query = query_text_from_words(words)
    request = SignRequest(
        options.mirror,
        tuple(spec.lstrip("/") for spec in options.specs if spec not in words),
        (query,) if query else (),
        options.key,
        options.drop,
    )
    if not options.drop:
        key = context.access.gnupg.choose_key(options.key or None)
        if context.access.gnupg.is_locked(key.fingerprint):
            unlock(key.fingerprint, context, output)
    step, told = SigningStep(0, 0, 0), time.monotonic()
    for step in Keys(context.instance, context.access, context.cwd).sign(request, context.token):
        if time.monotonic() - told > 2 and step.done < step.total:
            told = time.monotonic()
            output.note(f"{step.done:,} of {plural(step.total, 'package')}")
    for problem in step.problems:
        output.warning(problem)
    what = "Unsigned" if options.drop else "Signed"
    output.note(f"{what} {step.changed:,} of {plural(step.total, 'package')}")
    if same := step.total - step.changed - len(step.problems):
        output.note(f"{plural(same, 'package')} needed nothing")
    output.result(
        "buildcache sign",
        total=step.total,
        changed=step.changed,
        problems=[error_object(problem) for problem in step.problems],
    )
    return 1 if step.problems else 0
