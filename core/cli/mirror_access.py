# SPDX-License-Identifier: Apache-2.0 OR MIT
"""`mirrordeck mirror test|env|secret` and `mirrordeck run`: do mirrors work, and their logins for other programs."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from core.cli.context import Context
from core.cli.login_options import NO_LOGIN_OPTIONS, add_login_options
from core.cli.output import Output
from core.foundation.errors import AuthRequired, UsageError, from_os_error
from core.foundation.places import cache_dir
from core.foundation.process import restore_core_limit
from core.foundation.text import format_duration, visible
from core.mirrors.credentials.states import Direction
from core.mirrors.reading import mirrors_of
from core.services.child_environment import child_environment
from core.services.login_values import StepState, TestStep, TestView
from core.services.logins import mirror_named
from core.services.mirror_test.memory import TestMemory
from core.services.mirror_test.run import MirrorTester
from core.services.shell_lines import Shell, variable_lines

_AT_ONCE = 8
_NOT_FOUND = 127
_NOT_STARTED = 126


def add_actions(actions: Any) -> None:
    """Add test, env and secret to the actions of `mirror`."""
    test = actions.add_parser("test", help="try mirrors step by step: reach, sign in, read, push, index")
    test.add_argument("names", metavar="NAME", nargs="*", help="mirrors to test (default: all)")
    test.add_argument("--as-reader", action="store_true", help="as somebody without any login or right")
    add_login_options(test)
    test.set_defaults(run=_test)
    env = actions.add_parser("env", help="lines for `eval` that fetch a mirror's login when they run")
    env.add_argument("name", metavar="NAME", help="name of a mirror")
    env.add_argument("--shell", choices=[shell.value for shell in Shell], default=Shell.SH.value, help="default: sh")
    env.set_defaults(run=_env, **NO_LOGIN_OPTIONS)
    secret = actions.add_parser("secret", help="print a part of a mirror's login to another program")
    secret.add_argument("name", metavar="NAME", help="name of a mirror")
    secret.add_argument("part", choices=["user", "secret", "token"], help="which part of the login")
    secret.add_argument("--fetch", action="store_true", help="the login for fetching (default: that for pushing)")
    add_login_options(secret)
    secret.set_defaults(run=_secret)


def add_parser(commands: Any) -> None:
    """Add `run` to `commands`."""
    parser = commands.add_parser(
        "run",
        help="run a command with all mirrors' logins in its environment",
        usage="mirrordeck run [OPTIONS] [--] COMMAND …",
    )
    parser.takes_command = True
    add_login_options(parser)
    parser.set_defaults(run=_run)


def _test(options: argparse.Namespace, context: Context, output: Output) -> int:
    mirrors = mirrors_of(context.instance).mirrors
    names = list(dict.fromkeys(options.names or [mirror.name for mirror in mirrors]))
    for name in names:
        mirror_named(mirrors, name)
    memory = TestMemory(cache_dir(), keep=not context.read_only)
    tester = MirrorTester(context.instance, context.access, memory, probe=not context.read_only)
    views: dict[str, TestView] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="test") as pool:
        try:
            waiting = [pool.submit(_tested, tester, name, options, context) for name in names]
            for done in as_completed(waiting):
                view = done.result()
                views[view.mirror] = view
                _show(view, output)
        except BaseException:
            context.token.cancel()
            raise
    output.result("mirror test", mirrors=[views[name] for name in names])
    return 1 if any(view.verdict is StepState.FAILED for view in views.values()) else 0


def _tested(tester: MirrorTester, name: str, options: argparse.Namespace, context: Context) -> TestView:
    *_, view = tester.run(name, context.token, as_reader=options.as_reader)
    assert isinstance(view, TestView)  # noqa: S101 - it always ends with the view
    return view


def _show(view: TestView, output: Output) -> None:
    output.line(f"{visible(view.mirror)}: {view.verdict}" + (", as a reader" if view.as_reader else ""))
    width = max((len(step.title) for step in view.steps), default=0)
    for step in view.steps:
        output.line(_step_line(step, width))
        for text in (*step.detail.splitlines()[1:], *([f"→ {step.remedy}"] if step.remedy else [])):
            output.line(f"{'':<{width + 21}}{visible(text)}")


def _step_line(step: TestStep, width: int) -> str:
    took = "" if step.state is StepState.SKIPPED else format_duration(step.seconds)
    detail = step.detail.splitlines()[0] if step.detail else ""
    return f"    {step.state:<8}{step.title:<{width}} {took:>7} {visible(detail)}".rstrip()


def _env(options: argparse.Namespace, context: Context, output: Output) -> int:
    mirror = mirror_named(mirrors_of(context.instance).mirrors, options.name)
    lines = variable_lines(context.instance, mirror, Shell(options.shell))
    for line in lines:
        output.line(line)
    output.result("mirror env", mirror=mirror.name, lines=lines)
    return 0


def _secret(options: argparse.Namespace, context: Context, _output: Output) -> int:
    if sys.stdout.isatty() or options.json:
        raise UsageError(
            "A login is not shown",
            "standard output is a terminal" if sys.stdout.isatty() else "--json is not for secrets",
            remedies=(f'For your shell: eval "$(mirrordeck mirror env {options.name})"',),
        )
    mirror = mirror_named(mirrors_of(context.instance).mirrors, options.name)
    direction = Direction.FETCH if options.fetch else Direction.PUSH
    if options.part == "token":
        token = context.access.credentials.token(mirror, direction)
        if token is None:
            raise AuthRequired(f"There is no token for mirror {mirror.name}")
        print(token.reveal())
        return 0
    login = context.access.credentials.login(mirror, direction)
    if login.credential is None:
        raise AuthRequired(f"There is no login for mirror {mirror.name}", login.note)
    print(login.credential.user if options.part == "user" else login.credential.secret.reveal())
    return 0


def _run(options: argparse.Namespace, context: Context, output: Output) -> int:
    """Become the command, so that its exit status, signals and terminal are its own."""
    if context.far is not None:
        why = "it would get logins in its environment, and they stay in the keyring they come from"
        raise UsageError("A command is run only on the computer and by the account that Mirrordeck has", why)
    environment = child_environment(context.instance, context.access)
    for problem in environment.problems:
        output.warning(problem)
    variables = dict(environment.variables)
    program = _program(options.command[0], context, variables)
    context.close()
    sys.stdout.flush()
    sys.stderr.flush()
    restore_core_limit()
    try:
        os.execve(program, options.command, variables)  # noqa: S606 - a list of arguments, as it was typed
    except OSError as error:
        output.error(from_os_error(error, f"{options.command[0]} cannot be started", program).info())
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_STARTED


def _program(name: str, context: Context, variables: dict[str, str]) -> str:
    """Where `name` is on PATH; `spack` is the instance's own if PATH has none."""
    found = shutil.which(name, path=variables.get("PATH"))
    own = context.instance.spack_executable
    return found or (str(own) if name == "spack" and own is not None else name)
