"""What an operator sees holds no word of a person's, wherever it is put."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bot import trail
from bot.telemetry import place_of, redact, set_up_logs

IDENTITY = "10000000146"
NAME = "Şükufe"


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What our logs write to the standard error."""
    root, written = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    set_up_logs()
    yield written
    root.setLevel(level)


def the_line(stderr: io.StringIO) -> dict[str, Any]:
    [line] = stderr.getvalue().splitlines()
    return dict(json.loads(line))


def failing(words: str) -> None:
    raise KeyError(words)


@pytest.mark.parametrize(
    "text",
    [
        IDENTITY,
        "0532 000 00 21",
        "7301-0000-1111-2222",
        "A1B2-3456-78",
        "a1b2345678",
        "ayse@example.com",
    ],
)
def test_what_looks_like_a_persons_is_redacted(text: str) -> None:
    assert redact(f"önce {text}, sonra") == "önce [redacted], sonra"


@pytest.mark.parametrize("text", ["step failed", "bot/desk.py:120", "HTTP 503", "63016"])
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_an_exception_is_named_by_kind_and_place(stderr: io.StringIO) -> None:
    """Its words may be a person's; neither they nor a traceback are logged."""
    try:
        failing(NAME)
    except KeyError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    line = the_line(stderr)
    assert line["error"].startswith(f"KeyError at {__file__}:")
    assert NAME not in json.dumps(line, ensure_ascii=False)
    assert "exc_info" not in line


def test_a_group_is_named_by_its_members() -> None:
    """What a task group raises says where each of its tasks failed."""
    errors = []
    for words in ("1", "2"):
        try:
            failing(words)
        except KeyError as error:
            errors.append(error)
    assert place_of(ExceptionGroup("x", errors)) == ", ".join(map(place_of, errors))


def test_an_exception_never_raised_has_no_place() -> None:
    assert place_of(ValueError(NAME)) == "ValueError at ?"


@pytest.mark.parametrize(
    "value",
    [
        IDENTITY,
        int(IDENTITY),
        [IDENTITY],
        {"deep": [{"er": (IDENTITY,)}]},
        {IDENTITY: 1},
        {IDENTITY},
        ValueError(IDENTITY),
        IDENTITY.encode(),
    ],
    ids=["text", "number", "list", "deep", "key", "set", "exception", "bytes"],
)
def test_values_are_redacted_however_deep(stderr: io.StringIO, value: object) -> None:
    logging.getLogger("x").warning("said %s", IDENTITY, extra={"value": value, "size": 12})
    line = the_line(stderr)
    assert IDENTITY not in json.dumps(line)
    assert (line["event"], line["size"]) == ("said [redacted]", 12)


def test_a_line_says_when_and_who(stderr: io.StringIO) -> None:
    """The time is no one's number."""
    logging.getLogger("hesbot.desk").warning("batch failed")
    line = the_line(stderr)
    assert (line["logger"], line["level"], line["event"]) == (
        "hesbot.desk",
        "warning",
        "batch failed",
    )
    assert line["timestamp"].startswith("20")


async def test_asyncio_does_not_quote_a_failed_task(stderr: io.StringIO) -> None:
    """Its own message has the exception's words, in the task's repr."""

    async def fail() -> None:
        failing(NAME)

    loop = asyncio.get_running_loop()
    [task] = (await asyncio.wait([asyncio.ensure_future(fail())]))[0]
    loop.call_exception_handler(
        {
            "message": f"Exception in callback f({task!r})",
            "exception": task.exception(),
            "task": task,
        }
    )
    line = the_line(stderr)
    assert line["event"] == "Exception in callback f"
    assert NAME not in json.dumps(line, ensure_ascii=False)


def test_below_info_only_we_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people's libraries would quote what passes through them."""
    root, written = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(root, "handlers", [])
    level = root.level
    set_up_logs("DEBUG")
    try:
        for name in ("aiosqlite", "asyncpg", "hesbot.desk", "bot.channels.telegram"):
            logging.getLogger(name).debug("here")
    finally:
        set_up_logs()
        root.setLevel(level)
    said = [json.loads(line)["logger"] for line in written.getvalue().splitlines()]
    assert said == ["hesbot.desk", "bot.channels.telegram"]


def test_a_line_says_what_it_is_about(stderr: io.StringIO) -> None:
    """The id of the message; of a delivery its number too, which is no person's however long."""
    with trail.followed(lambda _, text: text.encode().ljust(16)):
        with trail.about(trail.delivery("key", 1_234_567_890)):
            logging.getLogger("x").warning("pushed")
            logging.getLogger("asyncio").error("forgotten by somebody")
        logging.getLogger("x").warning("of nobody")
    pushed, *others = map(json.loads, stderr.getvalue().splitlines())
    assert (pushed["trail"], pushed["delivery"]) == ("glgfhjcacacacaca", 1_234_567_890)
    assert not any("trail" in line for line in others)
