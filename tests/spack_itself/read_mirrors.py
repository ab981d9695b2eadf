# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Run by `spack python`: what Spack makes of the mirrors in each directory named, as one JSON object a line."""

import argparse
import contextlib
import io
import json
import sys
from pathlib import Path

import spack.cmd.mirror
import spack.config
import spack.mirrors.mirror
import spack.util.spack_yaml


def url(found, direction):
    try:
        return found.get_url(direction)
    except ValueError:
        return ""


def printed(function, *arguments, **options):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function(*arguments, **options)
    return text.getvalue()


def facts(directory):
    with spack.config.use_configuration(spack.config.DirectoryConfigScope("user", directory)):
        collection = spack.mirrors.mirror.MirrorCollection()
        mirrors = {
            name: {
                "fetch": url(found, "fetch"),
                "push": url(found, "push"),
                "flags": [found.binary, found.source, found.signed, found.autopush],
                "credentials": [found._get_value("access_pair", d) for d in ("fetch", "push")],
                "tokens": [found._get_value("access_token_variable", d) for d in ("fetch", "push")],
                "places": [found._get_value("endpoint_url", d) for d in ("fetch", "push")],
                "profiles": [found._get_value("profile", d) for d in ("fetch", "push")],
            }
            for name, found in collection.items()
        }
        listed = ""
        if all(found["push"] and found["fetch"] for found in mirrors.values()):
            listed = printed(spack.cmd.mirror.mirror_list, argparse.Namespace(scope=None))
        got = printed(spack.config.CONFIG.print_section, "mirrors", yaml=True, blame=False)
        names = list(spack.util.spack_yaml.load(got)["mirrors"])
    return {"mirrors": mirrors, "order": list(mirrors), "list": listed, "get": names}


for directory in json.loads(Path(sys.argv[1]).read_text()):
    try:
        answer = facts(directory)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("\x1e" + json.dumps(answer))
