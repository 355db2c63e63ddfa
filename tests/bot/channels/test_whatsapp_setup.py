"""Making at Twilio what is to be kept there, against an account with memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.channels import whatsapp_setup
from bot.channels.whatsapp_api import TwilioLine
from bot.channels.whatsapp_content import Draft, choice_draft, notice_draft
from bot.channels.whatsapp_setup import SetUpFailed, Standing, listed, set_up
from tests.fakes.twilio import TwilioApi

SUSPENDED = notice_draft("notice.suspended", "tr", "Sonu {{1}} olan kart kapandı.", ["0123"])
WRONG = notice_draft("notice.returned", "tr", "Açılan kart: {{1}}", ["0123"])
YES_NO = (("terms:yes", "Evet"), ("terms:no", "Hayır"))
MENU = tuple((f"menu:{n}", f"Kart {n}") for n in range(4))


def buttons(choices: tuple[tuple[str, str], ...]) -> Draft:
    draft = choice_draft(choices, "tr", "Seçiniz", (1, 1), ["Tamam", "mı?"])
    assert draft is not None
    return draft


DRAFTS = (SUSPENDED, buttons(YES_NO), buttons(MENU))


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioApi]:
    async with TwilioApi() as api:
        yield api


@pytest.fixture
async def line(twilio: TwilioApi) -> AsyncIterator[TwilioLine]:
    async with TwilioLine(twilio.account_sid, twilio.auth_token, twilio.base_url) as line:
        yield line


async def stand(line: TwilioLine, *drafts: Draft) -> list[Standing]:
    """Run the setup to its end."""
    kept = await listed(line.client)
    return [standing async for standing in set_up(line.client, drafts or DRAFTS, kept)]


def made(twilio: TwilioApi) -> int:
    """How many creates there were."""
    return twilio.content.calls.count(("POST", "/v1/Content"))


def submitted(twilio: TwilioApi) -> int:
    return sum(path.endswith("/whatsapp") for _, path in twilio.content.calls)


async def test_everything_is_made_as_it_was_drafted(twilio: TwilioApi, line: TwilioLine) -> None:
    """Text, buttons and list arrive whole; the notice is submitted under its own name."""
    standings = await stand(line)
    assert [standing.made for standing in standings] == [True] * 3
    assert [standing.approval for standing in standings] == ["received", "", ""]
    text, few, many = [twilio.content.kept[standing.sid] for standing in standings]
    assert (text.kind, text.type["body"]) == ("twilio/text", SUSPENDED.body)
    assert (text.name, text.category, text.language) == (SUSPENDED.name, "UTILITY", "tr")
    assert text.variables == {"1": "0123"}
    assert few.choices == [("{{3}}:terms:yes", "Evet"), ("{{3}}:terms:no", "Hayır")]
    assert few.variables == {"1": "Tamam", "2": "mı?", "3": "1"}
    assert (many.kind, many.type["button"]) == ("twilio/list-picker", "Seçiniz")
    assert [title for _, title in many.choices] == [title for _, title in MENU]
    assert {few.status, many.status} == {"unsubmitted"}


async def test_a_second_time_changes_nothing(twilio: TwilioApi, line: TwilioLine) -> None:
    """What is there is known by its name, on whichever page it stands; approval is read anew."""
    first = await stand(line)
    twilio.content.page = 2
    twilio.content.review("approved")
    second = await stand(line)
    assert [standing.sid for standing in second] == [standing.sid for standing in first]
    assert [standing.made for standing in second] == [False] * 3
    assert second[0].approval == "approved"
    assert (made(twilio), submitted(twilio)) == (3, 1)


async def test_a_refusal_is_shown_and_not_tried_again(twilio: TwilioApi, line: TwilioLine) -> None:
    """A refused name is spent; only another sentence can be submitted."""
    await stand(line, SUSPENDED)
    twilio.content.review("rejected", "TAG_CONTENT_MISMATCH")
    (standing,) = await stand(line, SUSPENDED)
    assert (standing.approval, standing.reason) == ("rejected", "TAG_CONTENT_MISMATCH")
    assert submitted(twilio) == 1


async def test_what_would_be_refused_is_not_submitted(twilio: TwilioApi, line: TwilioLine) -> None:
    """So that its name is not spent."""
    (standing,) = await stand(line, WRONG)
    assert standing.approval == "held back"
    assert standing.reason == "a variable at the beginning or the end"
    assert submitted(twilio) == 0


@pytest.mark.parametrize("calls", range(1, 7))
async def test_broken_off_anywhere_it_goes_on(
    twilio: TwilioApi, line: TwilioLine, calls: int
) -> None:
    """Whichever call is the last of a first run, the second makes only what is missing."""
    twilio.content.script += [0] * calls + [500]
    with pytest.raises(SetUpFailed, match="HTTP 500, error 20500"):
        await stand(line, *DRAFTS, WRONG)
    await stand(line, *DRAFTS, WRONG)
    names = [content.friendly_name for content in twilio.content.kept.values()]
    assert sorted(names) == sorted(draft.name for draft in (*DRAFTS, WRONG))
    assert submitted(twilio) - (calls == 3) == 1


async def test_of_two_of_one_name_it_is_always_the_same(
    twilio: TwilioApi, line: TwilioLine
) -> None:
    """Made twice by somebody: the one that is listed first stands for both."""
    first = twilio.content.keep(SUSPENDED.body, name=SUSPENDED.name)
    twilio.content.keep(SUSPENDED.body, name=SUSPENDED.name)
    (standing,) = await stand(line, SUSPENDED)
    assert (standing.sid, standing.made, standing.approval) == (first, False, "approved")


async def test_a_pause_is_kept(
    twilio: TwilioApi, line: TwilioLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """429 was never carried out: the same call is made again, a few times."""
    monkeypatch.setattr(whatsapp_setup, "PAUSE", 0.0)
    twilio.content.script += [429, 0, 429, 429]
    assert len(await stand(line, SUSPENDED)) == 1
    assert made(twilio) == 3
    assert len(twilio.content.kept) == 1
    twilio.content.script += [429] * 5
    with pytest.raises(SetUpFailed, match="later"):
        await stand(line, SUSPENDED)


async def test_a_wrong_account_is_said_so(twilio: TwilioApi) -> None:
    """The settings are named, and nothing is made."""
    async with TwilioLine(twilio.account_sid, "wrong", twilio.base_url) as line:
        with pytest.raises(SetUpFailed, match="TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"):
            await stand(line)
    assert twilio.content.kept == {}


async def test_nobody_there_is_said_so() -> None:
    async with TwilioLine("AC0", "token", "http://127.0.0.1:1") as line:
        with pytest.raises(SetUpFailed, match="cannot be reached"):
            await listed(line.client)
