# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Options of all commands that sign in somewhere."""

from __future__ import annotations

import argparse

# For commands that open mirrors without offering the options.
NO_LOGIN_OPTIONS = {"docker_login": False, "plain_passwords": False, "accept_token_server": ""}


def add_login_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--docker-login", action="store_true", help="also use the logins of docker and podman")
    parser.add_argument(
        "--plain-passwords",
        action="store_true",
        help="send passwords unencrypted to oci+http mirrors (local tests only)",
    )
    parser.add_argument(
        "--accept-token-server",
        metavar="HOST",
        default="",
        help="send passwords to this token server from now on, though a registry used another one before",
    )
