# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck mirror create|destroy`: done by the instance's own Spack, with its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from core.cli.context import Context
from core.cli.login_options import NO_LOGIN_OPTIONS
from core.cli.output import Output
from core.foundation.errors import UsageError
from core.foundation.text import format_bytes, format_duration, plural, visible
from core.services.login_values import CreateOptions, DestroyPlan, SpackEnd, SpackLine
from core.services.source_mirrors import SourceMirrors

# Spack's own, by the name argparse gives them: those with a value, and switches.
_WITH_VALUE = {
    "jobs": ("-j", "--jobs", "N", "workers, together with --all"),
    "file": ("", "--file", "FILE", "file with specs to put in the mirror"),
    "exclude_file": ("", "--exclude-file", "FILE", "file with specs to leave out"),
    "exclude_specs": ("", "--exclude-specs", "SPECS", "specs to leave out"),
    "versions_per_spec": ("-n", "--versions-per-spec", "N", "how many versions of each spec, or all"),
}
_SWITCHES = {
    "all": ("-a", "--all", "all versions of all packages, or all packages of the environment"),
    "skip_unstable_versions": ("", "--skip-unstable-versions", "only versions that identify their source code"),
    "dependencies": ("-D", "--dependencies", "fetch dependencies too"),
    "private": ("", "--private", "for a private mirror: what may not be redistributed, too"),
    "force": ("-f", "--force", "concretize again what is concretized"),
    "fresh": ("-U", "--fresh", "do not reuse installed packages"),
    "reuse": ("", "--reuse", "reuse installed packages and build caches"),
    "fresh_roots": ("", "--fresh-roots", "reuse dependencies only"),
    "deprecated": ("", "--deprecated", "allow deprecated versions"),
}


def add_actions(actions: Any) -> None:
    """Add create and destroy to the actions of `mirror`."""
    create = actions.add_parser("create", help="fill a source mirror, with the instance's own Spack")
    create.add_argument("specs", metavar="SPEC", nargs="*", help="packages whose sources are fetched")
    create.add_argument("-d", "--directory", metavar="DIR", default="", help="where to (default: the source cache)")
    for name, (short, long, meta, text) in _WITH_VALUE.items():
        create.add_argument(*filter(None, (short, long)), dest=name, metavar=meta, help=text)
    for name, (short, long, text) in _SWITCHES.items():
        create.add_argument(*filter(None, (short, long)), dest=name, action="store_true", help=text)
    create.add_argument("--no-checksum", action="store_true", help="do not check what was fetched")
    create.set_defaults(run=_create, **NO_LOGIN_OPTIONS)
    destroy = actions.add_parser("destroy", help="delete everything in a mirror; its name has to be typed")
    which = destroy.add_mutually_exclusive_group(required=True)
    which.add_argument("-m", "--mirror-name", metavar="NAME", dest="mirror", help="name of a mirror")
    which.add_argument("--mirror-url", metavar="URL", dest="mirror", help="address of a mirror")
    destroy.set_defaults(run=_destroy, **NO_LOGIN_OPTIONS)


def _create(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No mirror was made")
    flags = [f"{long}={value}" for name, (_, long, *_) in _WITH_VALUE.items() if (value := getattr(options, name))]
    flags += [long for name, (_, long, _) in _SWITCHES.items() if getattr(options, name)]
    directory = str(context.cwd / options.directory) if options.directory else ""
    wanted = CreateOptions(tuple(options.specs), directory, tuple(flags), options.no_checksum)
    end = _follow(SourceMirrors(context.instance, context.access, context.cwd).create(wanted, context.token), output)
    output.note(f"{plural(end.done, 'package')} done, {end.failed} failed, in {format_duration(end.seconds)}")
    output.result("mirror create", status=end.status, done=end.done, failed=end.failed, seconds=end.seconds)
    return end.status


def _destroy(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("Nothing was deleted")
    mirrors = SourceMirrors(context.instance, context.access, context.cwd)
    plan = mirrors.plan_destroy(options.mirror, context.token)
    for line in _announced(plan):
        print(line, file=sys.stderr)
    print(f"Type the name of the mirror to delete it ({visible(plan.name)}): ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().rstrip("\n")
    if not typed:
        raise UsageError("Nothing was deleted", "no name was typed")
    end = _follow(mirrors.destroy(options.mirror, typed, context.token), output)
    output.result("mirror destroy", status=end.status, url=plan.url)
    return end.status


def _announced(plan: DestroyPlan) -> Iterator[str]:
    yield f"Everything below {visible(plan.url)} will be deleted for good."
    if plan.files is not None and plan.size_bytes is not None:
        packages = f", {plural(plan.packages, 'package')} of a build cache" if plan.packages else ""
        yield f"    {plural(plan.files, 'file')}, {format_bytes(plan.size_bytes)}{packages}"
    else:
        yield "    what lies there cannot be counted from here"
    others = [name for name in plan.used_by if name != plan.name]
    if others:
        yield f"    also used by: {visible(', '.join(others))}"
    if plan.strangers:
        yield f"    NOT part of any mirror, and deleted as well: {visible(', '.join(plan.strangers))}"


def _follow(running: Iterator[list[SpackLine] | SpackEnd], output: Output) -> SpackEnd:
    for part in running:
        if isinstance(part, SpackEnd):
            return part
        for line in part:
            output.line(line.text)
        sys.stdout.flush()
    raise AssertionError("a run of Spack ends with its end")
