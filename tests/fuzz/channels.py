"""Whatever is posted to a channel: it is decoded into an event, or refused in a known way."""

from __future__ import annotations

import json
from contextlib import suppress

import msgspec

from bot.channels import telegram_wire, web, whatsapp
from bot.channels.base import Answer, Message
from bot.channels.whatsapp import WhatsApp, encode
from bot.wording import Wording
from conversations.engine import step
from conversations.state import State
from tests.bot.channels.recording import RecordingDesk
from tests.conversations.talking import NOW
from tests.fuzz.feeding import Target, main

WORDING = Wording.load()
_UPDATE = {
    "update_id": 730000001,
    "message": {
        "message_id": 5,
        "date": 1610096400,
        "from": {"id": 42, "is_bot": False, "first_name": "Deniz", "language_code": "tr"},
        "chat": {"id": 42, "first_name": "Deniz", "type": "private"},
        "text": "A1B2-3456-78",
    },
}
_TAP = {
    "update_id": 730000002,
    "callback_query": {
        "id": "4382",
        "from": {"id": 42, "is_bot": False, "first_name": "Deniz"},
        "message": {"message_id": 4, "date": 1610096400, "chat": {"id": 42, "type": "private"}},
        "chat_instance": "1",
        "data": "consent:accept:3",
    },
}
_CONTACT = {**_UPDATE["message"], "contact": {"phone_number": "905320000021", "user_id": 42}}  # type: ignore[dict-item]
_BLOCKED = {
    "update_id": 3,
    "my_chat_member": {
        "chat": {"id": 42, "type": "private"},
        "new_chat_member": {"status": "kicked", "until_date": 0},
    },
}
FORM = (
    b"MessageSid=SM0123456789abcdef0123456789abcdef&From=whatsapp%3A%2B905320000021&Body=merhaba"
    b"&NumMedia=0&WaId=905320000021&ButtonPayload=consent%3Aaccept%3A3&ButtonText=Kabul"
    b"&OptOutType=STOP&MediaContentType0=image%2Fjpeg&Latitude=41.0&MessageType=text"
)
SEEDS = (
    *(json.dumps(each).encode() for each in (_UPDATE, _TAP, {"update_id": 1, "message": _CONTACT})),
    json.dumps(_BLOCKED).encode(),
    FORM,
    b'{"MessageSid":"SM1","From":"whatsapp:+905320000021","Body":"x","NumMedia":0}',
    b"text=ay%C5%9Fe&message=visitor-token-0123456789&shown=1+2+3",
    b"pick=consent:accept:3&message=visitor-token-0123456789",
    b'{"confirm":[1,2,9223372036854775807]}',
)


def _telegram(made: bytes) -> None:
    try:
        update = telegram_wire.decode(made)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    telegram_wire.reach_of(update)
    _heard(telegram_wire.inbound_of(update))


def _whatsapp(made: bytes) -> None:
    for read in (whatsapp.read_form, whatsapp.read_json):
        with suppress(ValueError, RecursionError):
            fields = read(made.decode())
            _heard(whatsapp.decode(fields))
            whatsapp.is_answered_by_twilio(fields)
            encode(Answer((Message(fields.get("Body", "")),)))


def _web(made: bytes) -> None:
    web.confirmed(made)
    form = web.fields_of(made)
    if form is not None:
        web.shown_before(form)
        _turned(web.decode(form))


def _heard(inbound: object) -> None:
    if inbound is not None:
        _turned(inbound.event)  # type: ignore[attr-defined]


def _turned(event: object) -> None:
    turn = step(State(), WORDING.hear(event), NOW)  # type: ignore[arg-type]
    for limits in (
        web.Web.limits,
        WhatsApp(RecordingDesk(), auth_token="x", public_url="y").limits,
    ):
        WORDING.answer(turn.replies, "tr", limits)


TARGET = Target("channels", (_telegram, _whatsapp, _web), SEEDS)

if __name__ == "__main__":
    main(TARGET)
