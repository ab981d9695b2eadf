# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck mirror add|remove|set|set-url`: the flags and messages are Spack's, the edits lose nothing."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from core.cli.context import Context
from core.cli.output import Output
from core.foundation.errors import ErrorInfo, NotFound
from core.foundation.text import visible
from core.mirrors.editing.content import form_of
from core.mirrors.editing.landscape import is_explicit_only
from core.mirrors.forms import AddMirror, ChangeMirror, ConnectionForm, MirrorEdit, MirrorForm, RemoveMirror
from core.mirrors.reading import mirrors_of
from core.packing.model import Codec
from core.services.compression import choose_compression, compression_of
from core.services.logins import mirror_named
from core.services.mirror_edits import MirrorEdits, read_landscape
from core.services.mirror_values import EditPlan
from core.spack.substitutions import MIRROR_SCHEMES


def add_actions(actions: Any) -> None:
    """Add the commands to those of `mirror`."""
    add = actions.add_parser("add", help="add a mirror")
    add.add_argument("name", metavar="MIRROR", help="a name for it")
    add.add_argument("url", metavar="URL", help="its address, or the path of a folder")
    _add_details(add)
    add.add_argument("--autopush", action="store_true", default=None, help="push to it after each installation")
    _finish(add, _add)
    remove = actions.add_parser("remove", aliases=["rm"], help="remove a mirror")
    remove.add_argument("name", metavar="MIRROR")
    remove.add_argument(
        "--all-scopes", action="store_true", help="remove it from all scopes (default: the highest that has it)"
    )
    _finish(remove, _remove)
    change = actions.add_parser("set", help="change the details of a mirror")
    change.add_argument("name", metavar="MIRROR")
    _add_direction(change, "change only the details for")
    change.add_argument("--url", metavar="URL", help="its address, or the path of a folder")
    _add_details(change)
    change.add_argument(
        "--codec",
        choices=[codec.value for codec in Codec],
        help="how Mirrordeck compresses packages for it: default (as small as Spack's, in a third of the time), fast "
        "(a third less time again, archives 8 %% larger), spack (the very bytes Spack writes)",
    )
    autopush = change.add_mutually_exclusive_group()
    autopush.add_argument("--autopush", action="store_true", default=None, help="push to it after each installation")
    autopush.add_argument("--no-autopush", action="store_false", dest="autopush", help="do not do so")
    _finish(change, _change)
    set_url = actions.add_parser("set-url", help="change the address of a mirror")
    set_url.add_argument("name", metavar="MIRROR")
    set_url.add_argument("url", metavar="URL", help="its address, or the path of a folder")
    _add_direction(set_url, "change only the address for")
    _add_connection(set_url)
    _finish(set_url, _change)
    set_url.set_defaults(type=None, signed=None, autopush=None, codec=None)


def _finish(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace, Context, Output], int]) -> None:
    parser.add_argument("--scope", default="", help="the configuration scope to change (default: as Spack chooses)")
    parser.add_argument("--dry-run", action="store_true", help="print what would change in which file, and do nothing")
    parser.set_defaults(run=run)


def _add_direction(parser: argparse.ArgumentParser, what: str) -> None:
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("--push", action="store_true", help=f"{what} pushing")
    direction.add_argument("--fetch", action="store_true", help=f"{what} fetching")


def _add_details(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--type", action="append", choices=("binary", "source"), help="what it holds; both: give it twice (default)"
    )
    signed = parser.add_mutually_exclusive_group()
    signed.add_argument("--unsigned", action="store_false", dest="signed", default=None, help="packages are unsigned")
    signed.add_argument("--signed", action="store_true", default=None, help="packages are signed")
    _add_connection(parser)


def _add_connection(parser: argparse.ArgumentParser) -> None:
    s3 = parser.add_argument_group("S3")
    user = s3.add_mutually_exclusive_group()
    user.add_argument("--s3-access-key-id", metavar="ID", default="")
    user.add_argument("--s3-access-key-id-variable", metavar="VARIABLE", default="")
    s3.add_argument("--s3-access-key-secret-variable", metavar="VARIABLE", default="")
    s3.add_argument("--s3-access-token-variable", metavar="VARIABLE", default="")
    s3.add_argument("--s3-profile", metavar="PROFILE", default="")
    s3.add_argument("--s3-endpoint-url", metavar="URL", default="")
    oci = parser.add_argument_group("OCI registries")
    user = oci.add_mutually_exclusive_group()
    user.add_argument("--oci-username", metavar="USER", default="")
    user.add_argument("--oci-username-variable", metavar="VARIABLE", default="")
    oci.add_argument("--oci-password-variable", metavar="VARIABLE", default="")


def _add(options: argparse.Namespace, context: Context, output: Output) -> int:
    connection = _with_options(ConnectionForm(_absolute(options.url, context, output)), options, output)
    form = _with_flags(MirrorForm(options.name, connection), options)
    plan = _carry_out(AddMirror(form, options.scope), options, context, output)
    output.result("mirror add", **_object(plan, options))
    return 0


def _remove(options: argparse.Namespace, context: Context, output: Output) -> int:
    scopes = [options.scope]
    if options.all_scopes and not options.scope:
        landscape = read_landscape(context.instance)
        holders = [scope for scope in landscape.holders(options.name) if not is_explicit_only(scope)]
        scopes = [scope.name for scope in holders] or [""]
    plans = []
    for scope in scopes:
        plan = _carry_out(RemoveMirror(options.name, scope), options, context, output)
        if not options.dry_run:
            output.line(visible(f"==> Removed mirror {options.name} from {plan.scope} scope"))
        plans.append(plan)
    if not plans[-1].remains.startswith("No scope"):
        output.note(visible(plans[-1].remains))
    output.result("mirror remove", removed=[_object(plan, options) for plan in plans], remains=plans[-1].remains)
    return 0


def _change(options: argparse.Namespace, context: Context, output: Output) -> int:
    """`set` and `set-url`: like Spack's they look at one scope only."""
    landscape = read_landscape(context.instance)
    default = landscape.default_scope()
    scope = landscape.scope(options.scope) if options.scope else default
    entry = landscape.entry(scope, options.name) if scope is not None else None
    if scope is None or entry is None:
        if scope is not None:
            landscape.document(scope)
        elsewhere = [holder.name for holder in landscape.holders(options.name)]
        remedies = (f"It is in {' and '.join(elsewhere)}: name the scope with --scope.",) if elsewhere else ()
        raise NotFound(f"No mirror found with name {options.name}.", remedies=remedies)
    base = form_of(options.name, entry.plain())
    push = base.push or base.fetch
    url = _absolute(options.url, context, output) if options.url else ""
    if options.push:
        form = replace(base, push=_with_options(push, options, output, url))
    elif options.fetch:
        form = replace(base, fetch=_with_options(base.fetch, options, output, url), push=push)
    else:
        form = replace(base, fetch=_with_options(base.fetch, options, output, url), push=None)
        if base.push is not None:
            form = replace(form, push=_following(base.push, base.fetch, form.fetch))
    if form.push == form.fetch:
        form = replace(form, push=None)
    edit = ChangeMirror(options.name, _with_flags(form, options), scope.name, base)
    plan = _carry_out(edit, options, context, output)
    if options.codec is not None:
        compression = _choose_compression(options, context, output)
        output.result("mirror set", **_object(plan, options), compression=compression)
        return 0
    if not plan.diff:
        output.line(visible(f"==> No changes made to mirror {options.name}."))
    output.result("mirror set", **_object(plan, options))
    return 0


def _choose_compression(options: argparse.Namespace, context: Context, output: Output) -> dict[str, str]:
    """It is no part of Spack's files, and kept for the address the mirror has now."""
    codec = Codec(options.codec)
    if options.dry_run:
        facts = compression_of(mirror_named(mirrors_of(context.instance).mirrors, options.name).push.url)
    else:
        facts = choose_compression(context.instance, options.name, codec)
    verb = "would be" if options.dry_run else "are"
    output.note(visible(f"Packages for {options.name} {verb} compressed with: {codec}"))
    output.note(facts.advice)
    return {"codec": codec.value, "advice": facts.advice}


def _carry_out(edit: MirrorEdit, options: argparse.Namespace, context: Context, output: Output) -> EditPlan:
    if not options.dry_run:
        context.check_may_change("Nothing was changed")
    edits = MirrorEdits()
    plan = edits.plan(context.instance, edit)
    for warning in plan.warnings:
        output.warning(warning)
    if options.dry_run:
        for line in plan.diff.splitlines():
            output.line(visible(line))
        return plan
    edits.apply(context.instance, plan.id)
    return plan


def _with_options(form: ConnectionForm, options: argparse.Namespace, output: Output, url: str = "") -> ConnectionForm:
    """`form` with what the options say; half a login changes nothing, as in Spack."""
    changed = replace(
        form,
        url=url or form.url,
        token_variable=options.s3_access_token_variable or form.token_variable,
        profile=options.s3_profile or form.profile,
        endpoint_url=options.s3_endpoint_url or form.endpoint_url,
    )
    for user, variable, secret, words in (
        (
            options.s3_access_key_id,
            options.s3_access_key_id_variable,
            options.s3_access_key_secret_variable,
            "--s3-access-key-id and --s3-access-key-secret-variable",
        ),
        (
            options.oci_username,
            options.oci_username_variable,
            options.oci_password_variable,
            "--oci-username and --oci-password-variable",
        ),
    ):
        if not (user or variable or secret):
            continue
        login = replace(
            changed,
            user=user or ("" if variable else form.user),
            user_variable=variable or ("" if user else form.user_variable),
            secret_variable=secret or form.secret_variable,
        )
        if (login.user or login.user_variable) and login.secret_variable:
            changed = login
        else:
            title = f"Expected both parts of the access pair to be specified. (i.e. {words})"
            output.warning(ErrorInfo("usage", title))
    return changed


def _with_flags(form: MirrorForm, options: argparse.Namespace) -> MirrorForm:
    if options.type:
        form = replace(form, binary="binary" in options.type, source="source" in options.type)
    if options.signed is not None:
        form = replace(form, signed=options.signed)
    if options.autopush is not None:
        form = replace(form, autopush=options.autopush)
    return form


def _following(push: ConnectionForm, old: ConnectionForm, new: ConnectionForm) -> ConnectionForm:
    """`push` with the new details for fetching wherever it had the old ones."""
    result = push
    if push.url == old.url:
        result = replace(result, url=new.url)
    login = ("user", "user_variable", "secret_variable")
    for names in (login, ("token_variable",), ("profile",), ("endpoint_url",)):
        if all(getattr(push, name) == getattr(old, name) for name in names):
            result = replace(result, **{name: getattr(new, name) for name in names})
    return result


def _absolute(url: str, context: Context, output: Output) -> str:
    """A relative path as it is meant on a command line; in a file it would be one of the file's directory."""
    if urlsplit(url).scheme in MIRROR_SCHEMES or not url or url.startswith(("/", "~", "$")):
        return url
    path = os.path.normpath(context.cwd / url)
    output.note(visible(f"{url} is written as {path}"))
    return path


def _object(plan: EditPlan, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "scope": plan.scope,
        "file": plan.file,
        "changed": bool(plan.diff),
        "dry_run": options.dry_run,
        "diff": plan.diff,
        "warnings": plan.warnings,
    }
