# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The options of `mirrordeck buildcache push`, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.cli.login_options import add_login_options
from core.packing.model import Codec
from core.transfers.plan import Only, PushOptions, Signing


def add_parser(actions: Any, run: Callable[..., int]) -> None:
    """Add `push`, which is done by `run`, to `actions`."""
    parser = actions.add_parser("push", aliases=["create"], help="push installed packages to a build cache")
    _add_packages(parser)
    _add_ways(parser)
    add_run_options(parser)
    keeping = parser.add_mutually_exclusive_group()
    keeping.add_argument("--save-plan", metavar="FILE", type=Path, help="push nothing: write what to push, for --plan")
    keeping.add_argument(
        "--plan", metavar="FILE", type=Path, help="push what such a file says, or one of the window (-: from stdin)"
    )
    _add_images(parser)
    add_login_options(parser)
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Options of everything that pushes, beside what is pushed."""
    parser.add_argument(
        "-j", "--jobs", type=positive, metavar="N", help="packages at the same time (default: as in the settings)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")


def positive(text: str) -> int:
    """For `type=` of an option."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def push_options(options: argparse.Namespace) -> PushOptions:
    """What those of a push say, beside mirrors and packages."""
    signing = Signing.AS_MIRROR
    if options.unsigned:
        signing = Signing.UNSIGNED
    elif options.signed:
        signing = Signing.SIGNED
    return PushOptions(
        only=Only(options.only),
        with_build_dependencies=not options.without_build_dependencies,
        force=options.force,
        private=options.private,
        fail_fast=options.fail_fast,
        update_index=options.update_index,
        signing=signing,
        key=options.key,
        codec=Codec(options.codec) if options.codec else None,
        base_image=options.base_image,
        tag=options.tag,
        squash_to=options.squash,
        complete_left_out=options.complete,
        recheck=options.recheck,
        keep_blobs=options.keep_blobs,
    )


def _add_packages(parser: argparse.ArgumentParser) -> None:
    """What goes where."""
    parser.add_argument("mirror", metavar="MIRROR", nargs="?", help="name, path or url of a mirror")
    parser.add_argument("specs", metavar="SPEC", nargs="*", help="installed packages (default: the environment's)")
    parser.add_argument(
        "--missing",
        action="store_true",
        help="push what is installed of the environment, or without one all that was installed explicitly",
    )
    parser.add_argument(
        "--not-on", metavar="MIRROR", action="append", default=[], help="leave out what this mirror has, by its index"
    )
    parser.add_argument(
        "--also", metavar="MIRROR", action="append", default=[], help="push to this mirror, too; each is packed once"
    )
    parser.add_argument(
        "--only",
        choices=[Only.PACKAGE.value, Only.DEPENDENCIES.value],
        default=Only.ALL.value,
        help="push only the packages named, or only their dependencies (default: both)",
    )
    build = parser.add_mutually_exclusive_group()
    build.add_argument("--with-build-dependencies", action="store_true", help="push build dependencies too (default)")
    build.add_argument("--without-build-dependencies", action="store_true", help="leave out build dependencies")


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """How it is done."""
    parser.add_argument("-f", "--force", action="store_true", help="replace packages that are there already")
    parser.add_argument(
        "--recheck", action="store_true", help="look again at images and signatures that were seen a short time ago"
    )
    parser.add_argument(
        "--keep-blobs",
        action="store_true",
        help="push packages that were installed from a cache with the very archive they came from, if a mirror has it",
    )
    signing = parser.add_mutually_exclusive_group()
    signing.add_argument("-u", "--unsigned", action="store_true", help="push unsigned (default: as the mirror says)")
    signing.add_argument("--signed", action="store_true", help="push signed")
    signing.add_argument("-k", "--key", metavar="KEY", default="", help="sign with this key")
    parser.add_argument(
        "--update-index", "--rebuild-index", action="store_true", help="update the index after the packages"
    )
    parser.add_argument("--private", action="store_true", help="push packages that may not be redistributed, too")
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure (default: best effort)")
    parser.add_argument(
        "--codec",
        choices=[codec.value for codec in Codec],
        help="compression: default, fast (larger files, less time), spack (the very bytes Spack writes); counts more "
        "than what is set for the mirror",
    )


def _add_images(parser: argparse.ArgumentParser) -> None:
    images = parser.add_argument_group("container images (OCI registries)")
    images.add_argument("--base-image", metavar="IMAGE", default="", help="begin images with this one: ubuntu:24.04")
    images.add_argument("-t", "--tag", metavar="TAG", default="", help="also tag one image of all packages named")
    images.add_argument(
        "--squash", metavar="N", type=positive, help="packages of the tagged image share at most N layers"
    )
    images.add_argument("--complete", action="store_true", help="complete images pushed without their dependencies")
