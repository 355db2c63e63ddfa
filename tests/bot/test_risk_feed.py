"""Records of the Ministry's feed, line by line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.services.moments import moment
from bot.services.risk_feed import LONGEST_ID, read_change
from storage import RiskChange

NOW = datetime(2021, 1, 10, 9, 30, tzinfo=UTC)
THEN = datetime(2021, 1, 8, 7, tzinfo=UTC)
UNTIL = datetime(2021, 1, 18, 7, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "r-1",
    "hes_code": "A1B2345678",
    "status": "RISKY",
    "changed_at": "2021-01-08T10:00:00+03:00",
    "until": "2021-01-18T10:00:00+03:00",
}
CHANGE = RiskChange("r-1", "A1B2345678", True, THEN, UNTIL)
NESTED = "[" * 100_000 + "]" * 100_000


def line(**other: Any) -> bytes:
    """A good line with other values; ... leaves a key out."""
    plain = {name: value for name, value in {**GOOD, **other}.items() if value is not ...}
    return json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass")


def test_a_record_is_read() -> None:
    assert read_change(line(), NOW) == CHANGE


@pytest.mark.parametrize("code", ["a1b2345678", "A1B2-3456-78", "ı1b2 3456 78", "i1B2–3456–78"])
def test_a_code_comes_in_any_spelling(code: str) -> None:
    """And is kept in one."""
    read = read_change(line(hes_code=code), NOW)
    assert isinstance(read, RiskChange)
    assert read.hes_code == ("A1B2345678" if code[0] in "aA" else "I1B2345678")


@pytest.mark.parametrize(
    ("status", "risky"), [("RISKY", True), ("risky", True), ("Riskless", False)]
)
def test_a_status_comes_in_any_case(status: str, risky: bool) -> None:
    read = read_change(line(status=status), NOW)
    assert isinstance(read, RiskChange)
    assert read.risky is risky


@pytest.mark.parametrize(
    ("id", "kept"),
    [(7, "7"), (-7, "-7"), ("7", "7"), ("ı", "ı"), ("x" * LONGEST_ID, "x" * LONGEST_ID)],
)
def test_an_id_is_text_or_a_whole_number(id: Any, kept: str) -> None:
    read = read_change(line(id=id), NOW)
    assert isinstance(read, RiskChange)
    assert read.id == kept


@pytest.mark.parametrize(
    "text",
    [
        "2021-01-08T07:00:00Z",
        "2021-01-08T10:00:00",
        "2021-01-08 10:00",
        " 2021-01-08T10:00:00+03:00 ",
        "20210108T100000+0300",
    ],
)
def test_a_moment_without_a_zone_is_istanbuls(text: str) -> None:
    assert moment(text) == THEN


@pytest.mark.parametrize("until", [None, ...])
def test_an_end_may_be_left_out(until: Any) -> None:
    read = read_change(line(until=until), NOW)
    assert isinstance(read, RiskChange)
    assert read.until is None


def test_keys_that_are_not_ours_are_passed_over() -> None:
    assert read_change(line(source="lab 3", more={"id": 8}), NOW) == CHANGE


def test_a_clock_may_be_a_day_ahead() -> None:
    """Not more: such a word would hold against all that follow."""
    ahead = NOW + timedelta(days=1)
    assert isinstance(read_change(line(changed_at=ahead.isoformat(), until=None), NOW), RiskChange)
    beyond = ahead + timedelta(seconds=1)
    assert read_change(line(changed_at=beyond.isoformat(), until=None), NOW) == "changed_at"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("id", value) for value in (..., None, "", "  ", "x" * 201, 1.5, True, [], {}, 10**200)),
        *(("hes_code", value) for value in (..., None, 5, "", "A1B234567", "A1B2-3456-789")),
        *(("hes_code", value) for value in ("A1B2345678 C3D4567890", "01B2345678", ["A1B2345678"])),
        *(("status", value) for value in (..., None, "", "RISK", "RISKY!", 1, True, ["RISKY"])),
        *(
            ("changed_at", value)
            for value in (..., None, "", "yesterday", "2021-01-08", 1610089200)
        ),
        *(("changed_at", value) for value in ("2021-02-30T10:00", "0001-01-01T00:00+03:00")),
        ("changed_at", "2999-01-01T00:00:00Z"),
        *(("until", value) for value in ("", "soon", 5, "2021-01-18", "9999-12-31T23:00-03:00")),
        *(("until", value) for value in ("2021-01-08T10:00+03:00", "2021-01-07T10:00+03:00")),
    ],
)
def test_what_is_wrong_is_named(key: str, value: Any) -> None:
    """By its key, never by what it held."""
    assert read_change(line(**{key: value}), NOW) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "[]",
        '"A1B2345678"',
        "{",
        line()[:-1],
        line()[:40],
        line() + b"x",
        line() + line(),
        b"\xff\xfe",
        line().replace(b"r-1", b"\xff"),
        line().replace(b'"r-1"', b"NaN"),
        line().replace(b'"r-1"', b"1e999"),
        line().replace(b'"r-1"', b"9" * 50_000),
        line().replace(b'"r-1"', NESTED.encode()),
        line().replace(b'"id"', f'"x": {NESTED}, "id"'.encode()),
        line().replace(b"r-1", b"\\ud800"),
    ],
    ids=range(18),
)
def test_what_is_no_object_is_named_so(text: str | bytes) -> None:
    assert read_change(text.encode() if isinstance(text, str) else text, NOW) == "json"


@pytest.mark.parametrize(
    "more",
    [
        '"status": "RISKLESS"',
        '"status": "RISKY"',
        '"stat\\u0075s": "RISKLESS"',
        '"until": null',
    ],
)
def test_a_key_that_comes_twice_is_no_answer(more: str) -> None:
    """Nobody knows which one holds."""
    twice = line()[:-1] + b", " + more.encode() + b"}"
    assert read_change(twice, NOW) == "repeated_key"


def test_a_value_may_look_like_a_key() -> None:
    assert read_change(line(id='"status": "status"'), NOW) == RiskChange(
        '"status": "status"', "A1B2345678", True, THEN, UNTIL
    )
