"""How citizens' messages reach a bot: as Telegram's updates, or as Twilio's signed forms.

A messenger makes the request for a citizen's message, and finds the words in what came back.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Callable
from itertools import count
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from tests.benchmarks.botapi import LeanBotApi
from tests.benchmarks.citizens import CHOICES, Citizen
from tests.benchmarks.wire import posting

SECRET = "a-secret-of-the-webhook"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
PUBLIC_URL = "https://hes.example.org"
NOW = 1610096400
"""Noon of 8 January 2021 in Istanbul, when all of this takes place."""

Clock = Callable[[], float]


class Messenger(Protocol):
    """``request`` is the message at a place of the talk; ``last`` is what was answered before."""

    def request(self, citizen: Citizen, place: int, line: str, last: bytes) -> bytes: ...

    def words(self, citizen: Citizen, body: bytes) -> bytes:
        """What the citizen was told, out of the response or else out of the API."""
        ...


class Telegram:
    """Everything typed. ``taps``: choices are tapped, as most people do. ``last_update`` is the
    number of the update that was made last."""

    def __init__(self, port: int, api: LeanBotApi, *, taps: bool = False) -> None:
        secret = {"X_Telegram_Bot_Api_Secret_Token": SECRET}
        self._post = posting("/telegram", port, "application/json", **secret)
        self._api = api
        self._taps = taps
        self._updates = count(int(time.time()))
        self.last_update = 0
        self._messages = count(1)
        self._began = time.monotonic()

    def request(self, citizen: Citizen, place: int, line: str, last: bytes) -> bytes:
        content = (
            self._tap(citizen, last)
            if self._taps and place in CHOICES
            else self._message(citizen, line)
        )
        self.last_update = next(self._updates)
        return self._post(msgspec.json.encode({"update_id": self.last_update, **content}))

    def _message(self, citizen: Citizen, line: str) -> dict[str, object]:
        message = {
            "message_id": next(self._messages),
            "from": self._person(citizen, "tr"),
            "chat": {**self._person(citizen), "type": "private"},
            "date": NOW + int(time.monotonic() - self._began),
            "text": line,
        }
        if line.startswith("/"):
            message["entities"] = [{"offset": 0, "length": len(line), "type": "bot_command"}]
        return {"message": message}

    def _tap(self, citizen: Citizen, last: bytes) -> dict[str, object]:
        shown = msgspec.json.decode(last)
        first = shown["reply_markup"]["inline_keyboard"][0][0]
        chat = {**self._person(citizen), "type": "private"}
        tap = {
            "id": str(next(self._messages)),
            "from": self._person(citizen, "tr"),
            "message": {
                "message_id": next(self._messages),
                "chat": chat,
                "date": NOW,
                "text": shown["text"],
            },
            "chat_instance": "1",
            "data": first["callback_data"],
        }
        return {"callback_query": tap}

    def _person(self, citizen: Citizen, language: str = "") -> dict[str, object]:
        name = {"id": citizen.chat, "first_name": "Deniz", "last_name": "Yılmaz"}
        return name | ({"is_bot": False, "language_code": language} if language else {})

    def words(self, citizen: Citizen, body: bytes) -> bytes:
        return body or self._api.said.pop(citizen.chat, b"")


class WhatsApp:
    """Forms as Twilio posts them, signed."""

    def __init__(self, port: int) -> None:
        form = "application/x-www-form-urlencoded"
        self._post = posting("/whatsapp", port, form)
        self._messages = count(int(time.time() * 1000))

    def request(self, citizen: Citizen, place: int, line: str, last: bytes) -> bytes:
        fields = self._fields(citizen, line.removeprefix("/"))
        signed = f"X-Twilio-Signature: {signature(PUBLIC_URL + '/whatsapp', fields)}\r\n"
        return self._post(urlencode(fields).encode(), signed)

    def _fields(self, citizen: Citizen, line: str) -> dict[str, str]:
        sid = f"SM{next(self._messages):032x}"
        return {
            "AccountSid": "AC00000000000000000000000000000000",
            "ApiVersion": "2010-04-01",
            "Body": line,
            "ChannelMetadata": '{"type":"whatsapp","data":{"context":{"ProfileName":"Deniz"}}}',
            "From": f"whatsapp:{citizen.phone}",
            "MessageSid": sid,
            "MessageType": "text",
            "NumMedia": "0",
            "NumSegments": "1",
            "ProfileName": "Deniz",
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "SmsStatus": "received",
            "To": "whatsapp:+905320000099",
            "WaId": citizen.phone[1:],
        }

    def words(self, citizen: Citizen, body: bytes) -> bytes:
        return body


def signature(url: str, fields: dict[str, str]) -> str:
    """Twilio's: HMAC-SHA1 over the address and the fields in order of their names."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    return base64.b64encode(hmac.digest(AUTH_TOKEN.encode(), signed.encode(), "sha1")).decode()
