# SPDX-License-Identifier: Apache-2.0 OR MIT
"""The log: what stands in a line, what never does, and how long it gets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.foundation import logs
from core.foundation.redaction import redacted
from core.foundation.secret import Secret


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The engine's log; the root logger is as before afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers.clear()
    logs.start_log("engine", to_file=True)
    yield logs.log_dir() / "engine.log"
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_has_its_level_and_request(started: Path) -> None:
    log = logging.getLogger("core.somewhere")
    log.info("left out")
    logs.current_request.set("7 mirrors.list")
    log.warning("slow")
    logs.current_request.set("-")
    (line,) = started.read_text().splitlines()
    assert " WARNING " in line
    assert line.endswith(" [7 mirrors.list] core.somewhere: slow")
    assert started.parent.stat().st_mode & 0o777 == 0o700


def test_t18_the_log_holds_no_secret(started: Path) -> None:
    kept = Secret("c4nary/with space")
    log = logging.getLogger("core.somewhere")
    try:
        raise ValueError(f"refused {kept.reveal()}")
    except ValueError:
        log.exception("Authorization: Bearer c4naryheader, %s", "https://x.lab/?a=1&token=c4naryquery")
    log.error("as part of an address: c4nary%2Fwith%20space")
    text = started.read_text()
    assert "Traceback" in text
    assert "c4nary" not in text
    assert text.count("***") == 4


def test_the_log_is_rotated(started: Path) -> None:
    (handler,) = (one for one in logging.getLogger().handlers if isinstance(one, RotatingFileHandler))
    handler.maxBytes = 2000
    for number in range(200):
        logging.getLogger("core.x").error("line %d %s", number, "x" * 50)
    files = sorted(path.name for path in started.parent.iterdir())
    assert files == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 2000 for path in started.parent.iterdir())


def test_forgotten_secrets_are_no_longer_looked_for() -> None:
    secret = Secret("c4nary-gone")
    assert redacted("c4nary-gone") == "***"
    twin = Secret("c4nary-gone")
    del secret
    assert redacted("c4nary-gone") == "***"
    del twin
    assert redacted("c4nary-gone") == "c4nary-gone"


@pytest.mark.parametrize(
    "text",
    ["2 tokens", "token server reg.lab", "the secret is not there", "oci://reg.lab:5000/x", "sha256:abc", "basic"],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redacted(text) == text


@given(st.text(alphabet=st.characters(exclude_characters="*"), min_size=8), st.text(), st.text())
def test_no_text_keeps_a_secret(secret: str, before: str, after: str) -> None:
    kept = Secret(secret)
    assert kept.reveal() not in redacted(before + secret + after)


@given(
    st.text(alphabet=st.characters(categories=["L", "N"]), min_size=4, max_size=7),
    st.sampled_from(" \"'=:/@,;"),
    st.sampled_from(" \"'@/&,;"),
)
def test_a_short_secret_is_blanked_where_it_is_a_word(secret: str, before: str, after: str) -> None:
    kept = Secret(secret)
    assert redacted(f"a{before}{kept.reveal()}{after}") == f"a{before}***{after}"


def test_a_secret_of_bytes_that_are_no_text_is_blanked() -> None:
    secret = Secret("c4nary-\udcff")  # as Python reads them from the environment
    assert redacted("it is c4nary-\udcff") == "it is ***"
    assert secret == Secret("c4nary-\udcff")


def test_words_that_contain_a_short_secret_stay() -> None:
    kept = Secret("open")
    assert redacted("/tmp/popen-gw0 reopened") == "/tmp/popen-gw0 reopened"
    assert redacted(f"login {kept.reveal()}") == "login ***"
