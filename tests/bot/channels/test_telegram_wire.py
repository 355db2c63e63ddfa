"""Telegram's words: two tables, the inbound one through both decoders."""

from __future__ import annotations

import json

import msgspec
import pytest
from aiogram import methods, types

from bot.channels.base import Answer, Message
from bot.channels.telegram_wire import Call, decode, encode, inbound_of, plan, quieten, units
from tests.bot.channels.cases_telegram import AYSE, INBOUND, OUTBOUND, In, Out

inbound_cases = pytest.mark.parametrize("case", INBOUND, ids=[case.name for case in INBOUND])
outbound_cases = pytest.mark.parametrize("case", OUTBOUND, ids=[case.name for case in OUTBOUND])


@inbound_cases
def test_the_webhooks_decoder(case: In) -> None:
    """An update means what the table says."""
    assert inbound_of(decode(json.dumps(case.update).encode())) == case.inbound


@inbound_cases
def test_the_pollers_decoder(case: In) -> None:
    """An update read by aiogram means the same."""
    assert inbound_of(types.Update.model_validate(case.update)) == case.inbound


@outbound_cases
def test_an_answer_in_calls(case: Out) -> None:
    """An answer becomes the calls the table says."""
    assert encode(AYSE, case.answer) == case.calls


@outbound_cases
def test_aiogram_sends_what_we_encode(case: Out) -> None:
    """aiogram's own methods take every call and lose nothing of it."""
    models = {"sendMessage": methods.SendMessage, "deleteMessages": methods.DeleteMessages}
    for call in encode(AYSE, case.answer):
        method = models[call.method](**call.params)
        sent = method.model_dump(exclude_unset=True, mode="json", warnings=False)
        assert sent == json.loads(json.dumps(call.params))


@outbound_cases
def test_no_text_is_longer_than_telegram_takes(case: Out) -> None:
    """Every text is of 1-4096 UTF-16 units (sendMessage)."""
    texts = [call.params["text"] for call in encode(AYSE, case.answer) if "text" in call.params]
    assert all(1 <= units(text) <= 4096 for text in texts)


def test_the_last_text_is_the_webhooks_response() -> None:
    """What comes before it goes through the API first, deletions and taps after it."""
    said = encode(AYSE, Answer((Message("1"), Message("2")), retract=("5",)))
    course = plan([*said, quieten("77")])
    assert course.before == (said[0],)
    assert course.response == said[1]
    assert course.after == (said[2], quieten("77"))


def test_a_delicate_text_is_never_the_webhooks_response() -> None:
    """The response's result is invisible, and where a delicate text stands has to be known."""
    said = encode(AYSE, Answer((Message("1"), Message("2", delicate=True))))
    assert plan(said).before == tuple(said)
    assert plan(said).response is None


def test_a_response_is_the_method_with_its_parameters() -> None:
    """Bot API, "Making requests when getting updates"."""
    body = json.loads(Call("sendMessage", {"chat_id": 1, "text": "ğ"}).as_response())
    assert body == {"method": "sendMessage", "chat_id": 1, "text": "ğ"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"update_id": 1, "callback_query": {"id": "\xff"}}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
    ],
    ids=["empty", "cut", "no text", "no utf-8", "nested lists", "nested objects"],
)
def test_what_is_no_json_is_refused_fast(body: bytes) -> None:
    """Malformed and bottomless bodies raise what the webhook catches."""
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
        decode(body)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"update_id": 1, "message": 5}'])
def test_json_of_another_shape_is_told_apart(body: bytes) -> None:
    """A shape we do not know is not a malformed request."""
    with pytest.raises(msgspec.ValidationError):
        decode(body)
