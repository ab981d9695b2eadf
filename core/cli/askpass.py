# SPDX-License-Identifier: Apache-2.0 OR MIT
"""What ssh and sudo run to ask for a password: hands the question to the window and prints its answer.

Run as a file, so that it starts at once; it imports nothing of Mirrordeck.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

SOCKET_VARIABLE = "MIRRORDECK_ASKPASS"
_NO_ANSWER = 1


def main(words: Sequence[str]) -> int:
    """Ask the window that `words` (a prompt); 0 with the answer on stdout, 1 if nobody answers."""
    path = os.environ.get(SOCKET_VARIABLE, "")
    question = {"prompt": " ".join(words), "kind": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as window:
            window.connect(path)
            window.sendall(json.dumps(question).encode() + b"\n")
            with window.makefile("rb") as answers:
                answer = json.loads(answers.readline() or b"null")
    except (OSError, ValueError) as error:
        print(f"mirrordeck: nobody can be asked: {error}", file=sys.stderr)
        return _NO_ANSWER
    if not isinstance(answer, str):
        return _NO_ANSWER
    print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
