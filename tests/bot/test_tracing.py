"""An operator with a collector sees where the time goes, and no word of a person's."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from bot import trail
from bot.tracing import arrived, here, recording, request, span
from conversations.events import Address
from storage import KeyRing, Vault
from tests.benchmarks.citizens import Citizen
from tests.bot.test_trail import registered, search, suspended
from tests.bot.tracks import tracked
from tests.fakes.collector import Collector, Span
from tests.fakes.hes import HesService
from tests.fakes.telegram import Answer
from tests.faults.processes import ROOT, surroundings

DENIZ, ELIF = Citizen(4_711), Citizen(90_210)
MESSAGE = trail.Trail(Address("telegram", "42"), "u7")
WORDS = "Şükufe'nin 10000000146 numarası"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "100"}


def known(ministry: HesService, citizen: Citizen) -> Sequence[str]:
    """What the citizen writes, with a code that the Ministry knows."""
    lines = citizen.lines()
    code = ministry.give(lines[4], lines[2], lines[3])
    return (*lines[:9], code, *lines[10:])


def named(spans: list[Span], kind: str) -> list[Span]:
    """Those that are of such a kind."""
    return [each for each in spans if each.said["hesbot.kind"] == kind]


def traced(id: str) -> str:
    """The id of the trace that belongs to a trail."""
    return id.translate(str.maketrans("abcdefghijklmnop", "0123456789abcdef")) * 2


async def test_a_registration_is_seen_by_the_collector(tmp_path: Path) -> None:
    """Every message has a trace of its own, called as its trail: the request and what is done in
    it; batches are linked to their messages; what no one may read is not among it."""
    async with (
        Collector() as collector,
        HesService(password="parola") as ministry,
        tracked(
            tmp_path / "home",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            HES_SERVICE_URL=ministry.base_url,
            HES_SERVICE_USER=ministry.user,
            HES_SERVICE_PASSWORD=ministry.password,
            **SOON,
        ) as at,
    ):
        person = at.api.person(DENIZ.chat, phone=DENIZ.phone)
        at.api.script("deleteMessages", [Answer(502), Answer(502)])
        await registered(at, person, known(ministry, DENIZ))
        await at.api.until(lambda: len(at.api.calls("deleteMessages")) == 2)
        other = at.twilio.person(ELIF.phone)
        lines = known(ministry, ELIF)
        for line in lines:
            await other.say(line)
            await at.twilio.idle()
        before = len(other.transcript)
        await suspended(at, lines[9])
        await at.twilio.until(lambda: len(other.transcript) > before)
        await at.twilio.idle()
        heard = at.trails("heard")
    traces = {traced(each) for each in heard}
    requests = collector.spans("request")
    webhooks = [each for each in requests if "status" not in each.said["hesbot.path"]]
    assert {each.trace for each in webhooks} == traces
    assert {each.said["hesbot.status"] for each in webhooks} == {200}
    assert {each.said["hesbot.trail"] for each in webhooks} == set(heard)
    assert {link for each in collector.spans("batch") for link in each.links} == traces
    assert sum(each.said["hesbot.events"] for each in collector.spans("batch")) >= len(heard)
    assert {each.trace for each in collector.spans("errand")} < traces
    failed = [each for each in collector.spans("call") if each.failed]
    assert [each.said["hesbot.error"].partition(" at ")[0] for each in failed] == [
        "TelegramServerError"
    ] * 2
    assert {each.trace for each in failed} == {traced(heard[11])}
    tries = named(collector.spans("notice"), "suspended")
    # On a busy machine a turn may be lost, and the next one is taken.
    [notice] = [each for each in tries if each.said["hesbot.fate"] != "late"]
    assert notice.said["hesbot.fate"] == "sent"
    assert not any(each.failed for each in tries)
    assert notice.trace in {each.trace for each in requests} - traces
    assert collector.spans("page")
    assert {each.service for each in collector.spans()} == {"hesbot"}
    everything = dict(enumerate(collector.bodies))
    assert search(DENIZ, ELIF).found({str(name): body for name, body in everything.items()}) == {}


async def test_an_exception_is_told_without_its_words() -> None:
    """By its kind and place, as in the logs."""

    def fail() -> None:
        with recording(collector.url), suppress(KeyError), span("call"):
            raise KeyError(WORDS)

    async with Collector() as collector:
        await asyncio.to_thread(fail)
    [failed] = collector.spans("call")
    assert failed.failed
    assert failed.said["hesbot.error"].startswith(f"KeyError at {__file__}:")
    assert b"10000000146" not in collector.bodies[0]


async def test_what_is_done_for_a_request_stands_under_it() -> None:
    """Also when it became known only meanwhile what the request is about."""

    def answer() -> None:
        with recording(collector.url), request("/telegram") as asked:
            trail.begin(MESSAGE)
            arrived()
            with span("call"):
                assert here().is_valid
            asked.set(status=200)

    with trail.followed(Vault(KeyRing.new()).index):
        async with Collector() as collector:
            await asyncio.to_thread(answer)
        id = MESSAGE.id
    own = traced(id)
    [asked], [called] = collector.spans("request"), collector.spans("call")
    assert (asked.trace, called.trace, asked.parent) == (own, own, "")
    assert called.parent != ""
    assert asked.said == {
        "hesbot.path": "/telegram",
        "hesbot.status": 200,
        "hesbot.trail": id,
    }


def test_who_stops_does_not_wait_for_a_collector_that_is_away() -> None:
    """A second at most, for what it never gets."""
    with recording("http://127.0.0.1:9"), span("call"):
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_without_a_collector_nothing_is_imported() -> None:
    """Nor recorded."""
    used = "import bot.app, bot.server, bot.tracing as t; t.span('call').__enter__(); import sys; "
    look = "print([m for m in sys.modules if m.startswith('opentelemetry.sdk')])"
    run = [sys.executable, "-c", used + look]
    said = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.strip() == "[]"
    assert here() is None


@pytest.mark.parametrize("word", ["run", "web", "worker"])
def test_a_collector_without_the_extra_is_one_line(tmp_path: Path, word: str) -> None:
    """It says what to install, and nothing is begun."""
    hidden = "import sys; sys.modules['opentelemetry.sdk'] = None; "
    run = [sys.executable, "-c", f"{hidden}from bot.__main__ import main; main()", word]
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PORT": "0"}
    around = surroundings(tmp_path / "home", **settings)
    said = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, env=around, check=False)
    assert said.returncode == 2
    assert said.stderr == (
        "hesbot: OTEL_EXPORTER_OTLP_ENDPOINT: needs what is not installed;"
        " run: pip install 'istanbulkart-hes-bot[tracing]'\n"
    )
    assert not (tmp_path / "home").exists()
