# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The command `mirrordeck`: without a subcommand it opens the window, with one it works in the terminal."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.output import Output
from core.cli.parser import Parser
from core.foundation.errors import Cancelled, MirrordeckError, describe
from core.foundation.process import ending_in_order, keep_heap_small, protect_memory
from core.foundation.redaction import crash_text
from core.foundation.release import versions
from core.foundation.settings import load_settings
from core.remote.address import parse_address

if TYPE_CHECKING:
    from core.cli.context import Context
    from core.cli.far_command import FarCaller

_INTERRUPTED = 130
# Where the commands are. Only what is asked for is imported: all of it takes as long as many a command.
_COMMANDS = {
    "find": "find",
    "diff": "diff",
    "mirror": "mirror",
    "buildcache": "buildcache",
    "transfers": "transfers",
    "gpg": "gpg",
    "preset": "preset",
    "history": "history",
    "report": "report",
    "run": "mirror_access",
}
_OPTIONS_WITH_VALUES = ("--instance", "-e", "--env", "-D", "--env-dir")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped by the person. A
    process that is asked to end does so in order, with 128 and the number of the signal."""
    protect_memory()
    keep_heap_small()
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["--engine"]:
        from core.engine.__main__ import main as serve

        serve(words[1:])
        return 0
    if words[:1] == ["--askpass"]:
        from core.cli.askpass import main as ask

        return ask(words[1:])
    if words[:1] == ["--serve-command"]:
        from core.cli.far_command import serve_command

        return serve_command(_command)
    return _command(words)


def _command(words: Sequence[str], far: FarCaller | None = None) -> int:
    """Run the command `words`, for somebody who is elsewhere if `far` is given."""
    parser = make_parser(_needed(words))
    options = parser.parse_args(words)
    if options.version:
        try:
            print("\n".join(f"{name} {number}" for name, number in versions().items()), flush=True)
        except BrokenPipeError:
            _stop_printing()
        return 0
    if options.run is None:
        return _open_window(parser, options)
    from core.cli.context import Context
    from core.services.access import apply_to_process

    output = Output(json=options.json)
    context = Context(options, far)
    apply_to_process(load_settings())
    with ending_in_order():
        return _run(words, options, context, output)


def _run(words: Sequence[str], options: argparse.Namespace, context: Context, output: Output) -> int:
    try:
        address = parse_address(options.instance) if options.instance and not context.far else None
        if address is not None and not address.place.is_here:
            from core.cli.elsewhere import run_there

            return run_there(address, words, output, may_install=options.install_engine)
        status: int = options.run(options, context, output)
    except (Cancelled, KeyboardInterrupt):
        output.note("Stopped")
        return _INTERRUPTED
    except MirrordeckError as error:
        output.error(error.info())
        return error.exit_status
    except BrokenPipeError:
        _stop_printing()
        return 1
    except OSError as error:
        output.error(describe(error))
        return 1
    except Exception as error:  # a bug of ours; its text may quote anything
        output.error(describe(error))
        print(crash_text(error), file=sys.stderr)
        return 1
    finally:
        context.close()
    return status


def _stop_printing() -> None:
    """The reader of our output has left; without this Python complains again while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _needed(words: Sequence[str]) -> Collection[str]:
    """The commands that `words` can mean: the one they name, for an odd word or help all of them."""
    rest = iter(words)
    for word in rest:
        if word in _OPTIONS_WITH_VALUES:
            next(rest, None)
        elif not word.startswith("-"):
            return (word,) if word in _COMMANDS else _COMMANDS
    return _COMMANDS if any(word.startswith(("-h", "--h")) for word in words) else ()


def make_parser(commands: Collection[str] = tuple(_COMMANDS)) -> argparse.ArgumentParser:
    """The parser of some commands; manual page and shell completions are made from that of all."""
    parser = Parser(
        prog="mirrordeck",
        description="Manage Spack mirrors and binary caches. Without a command the window opens.",
    )
    parser.add_argument("--version", action="store_true", help="show the versions of everything that matters")
    parser.add_argument(
        "--instance",
        metavar="DIR",
        help="Spack checkout or install root (default: SPACK_ROOT, PATH); on another computer [USER@]HOST:DIR, by ssh; "
        "of another account sudo:ACCOUNT:DIR. The command and its files are there.",
    )
    parser.add_argument("--install-engine", action="store_true", help="copy what is needed there without a question")
    environment = parser.add_mutually_exclusive_group()
    environment.add_argument("-e", "--env", metavar="ENV", help="run with this environment")
    environment.add_argument("-D", "--env-dir", metavar="DIR", help="run with the environment in this directory")
    environment.add_argument("-E", "--no-env", action="store_true", help="run without any environment (see SPACK_ENV)")
    parser.add_argument("--read-only", action="store_true", help="refuse every change")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--demo", action="store_true", help="open the window on a throw-away sample instance")
    parser.set_defaults(run=None)
    actions = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, module in _COMMANDS.items():
        if name in commands:
            import_module(f"core.cli.{module}").add_parser(actions)
    return parser


def _open_window(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.json:
        parser.error("--json needs a command")
    if options.demo and (options.instance or options.env or options.env_dir):
        parser.error("--demo brings its own instance")
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        print("mirrordeck: no display to open a window on. The commands work without one:", file=sys.stderr)
        parser.print_usage(sys.stderr)
        return 1
    from gui.app import WindowOptions, run_window

    window = WindowOptions(
        instance=options.instance,
        environment=options.env,
        environment_directory=options.env_dir,
        no_environment=options.no_env,
        read_only=options.read_only,
        demo=options.demo,
    )
    if not options.demo:
        return run_window(window)
    from core.services.sample import make_sample_instance

    with tempfile.TemporaryDirectory(prefix="mirrordeck-demo-") as place:
        instance = Path(place, "spack")
        make_sample_instance(instance)
        os.environ["MIRRORDECK_HOME"] = f"{place}/mirrordeck"  # settings and memory of a demo go with it
        return run_window(replace(window, instance=str(instance), no_environment=True))


if __name__ == "__main__":
    sys.exit(main())
