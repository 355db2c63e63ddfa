"""What Twilio reports of notices: whose word counts, and what is passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from aiohttp import ClientSession
from starlette.applications import Starlette

from bot.channels.base import Unavailable
from bot.channels.whatsapp import WhatsApp
from bot.channels.whatsapp_errors import written
from bot.telemetry import REFUSED, REPORTED
from tests.bot.channels.cases_whatsapp import SID
from tests.bot.channels.counting import Tally
from tests.bot.channels.recording import RecordingDesk
from tests.bot.channels.test_whatsapp import PUBLIC_URL, TOKEN, Twilio
from tests.fakes.serving import serve

KEY = "suspended:7:2021-01-08T09:30:00+00:00"
PATH = f"/whatsapp/status?d={written(KEY)}"
FAILED = {"MessageSid": SID, "MessageStatus": "failed", "ErrorCode": "63024"}


class Told:
    """Keeps what it is told; raises what it is given first."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, ...]] = []
        self.outages: list[Exception] = []

    async def __call__(self, *report: str) -> None:
        if self.outages:
            raise self.outages.pop()
        self.reports.append(report)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def twilio(told: Told) -> AsyncIterator[Twilio]:
    channel = WhatsApp(RecordingDesk(), auth_token=TOKEN, public_url=PUBLIC_URL, report=told)
    async with (
        serve(Starlette(routes=list(channel.routes()))) as local,
        ClientSession() as session,
    ):
        yield Twilio(local, session)


async def test_a_report_is_passed_on(twilio: Twilio, told: Told) -> None:
    """With the delivery's key, the message's name, the status and the error, and counted."""
    reported = Tally(REPORTED, "whatsapp")
    assert (await twilio.post(PATH, FAILED))[:2] == (204, "")
    assert (await twilio.post(PATH, {"MessageSid": SID, "MessageStatus": "read"}))[0] == 204
    assert told.reports == [(KEY, SID, "failed", "63024"), (KEY, SID, "read", "")]
    assert reported.since() == {("failed", "63024"): 1, ("read", ""): 1}


@pytest.mark.parametrize("query", ["", "?d=", "?d=a", "?buttons=1"])
async def test_only_notices_have_a_reference(twilio: Twilio, told: Told, query: str) -> None:
    """What becomes of an answer is counted and no more."""
    assert (await twilio.post(f"/whatsapp/status{query}", FAILED))[0] == 204
    assert told.reports == []


async def test_a_forged_report_is_refused(twilio: Twilio, told: Told) -> None:
    """The reference is part of what is signed."""
    assert (await twilio.send(PATH, urlencode(FAILED), "x"))[0] == 403
    assert (await twilio.post(PATH, FAILED, token="0" * 32))[0] == 403
    assert told.reports == []


async def test_records_that_are_down(twilio: Twilio, told: Told) -> None:
    """503 with Retry-After, and the same report is taken afterwards."""
    told.outages, refused = [Unavailable()], Tally(REFUSED, "whatsapp")
    status, _, headers = await twilio.post(PATH, FAILED)
    assert (status, headers["Retry-After"]) == (503, "5")
    assert (await twilio.post(PATH, FAILED))[0] == 204
    assert refused.since() == {("unavailable",): 1}
    assert len(told.reports) == 1
