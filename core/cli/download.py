# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck buildcache download` and `save-specfile`, with Spack's flags and more."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from core.cli.context import Context
from core.cli.login_options import add_login_options
from core.cli.output import Output
from core.foundation.errors import UsageError
from core.foundation.text import format_bytes, plural, visible
from core.mirrors.model import Mirror
from core.services.download import (
    chosen_mirrors,
    download,
    find_package,
    list_files,
    save_spec_files,
    unpack_package,
)
from core.services.download_values import FileRow, FilesView, PackageId
from core.spack.query_tokens import query_text_from_words

_COMMAND = "buildcache download"


def add_parser(actions: Any) -> None:
    """Add `download` and `save-specfile` to the actions of `buildcache`."""
    parser = actions.add_parser("download", help="save the files of one package of a build cache")
    parser.add_argument("-s", "--spec", metavar="SPEC", required=True, help="the package, installed or on a mirror")
    parser.add_argument("-p", "--path", metavar="DIR", type=Path, help="where to save archive and spec")
    parser.add_argument(
        "-m", "--mirror", metavar="MIRROR", action="append", default=[], help="ask this mirror (default: all of them)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--unpack", action="store_true", help="unpack the archive below DIR, to look at it")
    what.add_argument("--list-files", action="store_true", help="only list the files in the archive")
    add_login_options(parser)
    parser.set_defaults(run=_download)
    specs = actions.add_parser("save-specfile", help="write specs of an installed package and its dependencies")
    specs.add_argument("--root-spec", metavar="SPEC", required=True, help="the installed package")
    specs.add_argument("-s", "--specs", metavar="SPECS", required=True, help="which of its dependencies: 'zlib cmake'")
    specs.add_argument("--specfile-dir", metavar="DIR", type=Path, required=True, help="where to write NAME.json")
    specs.set_defaults(run=_save_spec_files)


def _download(options: argparse.Namespace, context: Context, output: Output) -> int:
    if options.path is None and not options.list_files:
        raise UsageError("Nothing was downloaded", "Say where to with --path DIR")
    mirrors = chosen_mirrors(context.instance, options.mirror, cwd=context.cwd)
    spec = query_text_from_words([options.spec])
    package = find_package(context.instance, context.access, spec, mirrors, cwd=context.cwd, token=context.token)
    if options.list_files:
        return _list(package, mirrors, context, output)
    context.check_may_change("Nothing was downloaded")
    directory = context.cwd / options.path
    return (_unpack if options.unpack else _save)(package, mirrors, directory, context, output)


def _list(package: PackageId, mirrors: list[Mirror], context: Context, output: Output) -> int:
    files: list[FileRow] = []
    for answer in list_files(context.access, package, mirrors, token=context.token):
        if isinstance(answer, FilesView):
            size = format_bytes(answer.bytes)
            output.note(f"{plural(answer.files, 'file')}, {size}, installed as {visible(answer.prefix)}")
            rows = [{"path": one.path, "kind": one.kind, "size": one.size, "link": one.link} for one in files]
            output.result(_COMMAND, package=_object(package), prefix=answer.prefix, files=rows)
        else:
            files += answer
            for one in answer:
                output.line(visible(f"{one.path} -> {one.link}" if one.link else one.path))
    return 0


def _unpack(package: PackageId, mirrors: list[Mirror], directory: Path, context: Context, output: Output) -> int:
    done = unpack_package(context.access, package, directory, mirrors, token=context.token, progress=lambda _: None)
    for link in done.left_out:
        output.note(f"Left out, because it leads elsewhere: {visible(link)}")
    output.line(done.directory)
    output.result(_COMMAND, package=_object(package), directory=done.directory, left_out=list(done.left_out))
    return 0


def _save(package: PackageId, mirrors: list[Mirror], directory: Path, context: Context, output: Output) -> int:
    done = download(context.access, package, directory, mirrors, token=context.token, progress=lambda _: None)
    output.note(f"{package.name}@{package.version} from {visible(done.mirror)}: {format_bytes(done.bytes)}")
    for name in (done.archive, done.spec):
        output.line(str(directory / name))
    output.result(
        _COMMAND,
        package=_object(package),
        mirror=done.mirror,
        archive=done.archive,
        spec=done.spec,
        bytes=done.bytes,
    )
    return 0


def _object(package: PackageId) -> dict[str, str]:
    return {"hash": package.hash, "name": package.name, "version": package.version}


def _save_spec_files(options: argparse.Namespace, context: Context, output: Output) -> int:
    context.check_may_change("No spec file was written")
    written = save_spec_files(
        context.instance,
        options.root_spec,
        [options.specs],
        context.cwd / options.specfile_dir,
        cwd=context.cwd,
        token=context.token,
    )
    for path in written:
        output.line(str(path))
    output.result("buildcache save-specfile", files=[str(path) for path in written])
    return 0
