"""The rules of the Telegram stand-in, each as the platform has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from tests.fakes.clock import Clock
from tests.fakes.telegram import TOKEN, Answer, BotApi

Json = dict[str, Any]


class Caller:
    """A bot that speaks bare HTTP."""

    def __init__(self, api: BotApi, session: ClientSession) -> None:
        self.api = api
        self.session = session

    async def __call__(self, method: str, **params: Any) -> tuple[int, Json]:
        url = f"{self.api.base_url}/bot{TOKEN}/{method}"
        async with self.session.post(url, json=params) as response:
            return response.status, await response.json()

    async def refusal(self, method: str, **params: Any) -> tuple[int, str]:
        code, body = await self(method, **params)
        assert not body["ok"]
        assert body["error_code"] == code
        return code, body["description"]

    async def result(self, method: str, **params: Any) -> Any:
        code, body = await self(method, **params)
        assert (code, body["ok"]) == (200, True), body
        return body["result"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[BotApi]:
    async with BotApi(clock=clock) as api:
        api.person(42)
        yield api


@pytest.fixture
async def call(api: BotApi) -> AsyncIterator[Caller]:
    async with ClientSession() as session:
        yield Caller(api, session)


def inline(data: str, **extra: Any) -> Json:
    return {"inline_keyboard": [[{"text": "Evet", "callback_data": data, **extra}]]}


async def test_a_wrong_token_is_401_and_a_wrong_method_404(call: Caller) -> None:
    """Two mistakes, two codes (platforms: errors)."""
    assert await call.refusal("sendDice") == (404, "Not Found")
    async with call.session.post(f"{call.api.base_url}/bot1:x/getMe") as response:
        assert response.status == 401


async def test_forms_queries_and_json_mean_the_same(call: Caller) -> None:
    """Parameters may come in the query, a form, a multipart form or JSON (Making requests)."""
    url = f"{call.api.base_url}/bot{TOKEN}/SendMessage"
    params = {"chat_id": "42", "text": "Merhaba", "reply_markup": '{"remove_keyboard": true}'}
    posts = [
        call.session.get(url, params=params),
        call.session.post(url, data=params),
        call.session.post(url, data=FormData(params, default_to_multipart=True)),
        call.session.post(url, json=params),
    ]
    for post in posts:
        async with post as response:
            assert (await response.json())["result"]["text"] == "Merhaba"
    assert {str(entry.params) for entry in call.api.log} == {
        "{'chat_id': 42, 'text': 'Merhaba', 'reply_markup': {'remove_keyboard': True}}"
    }


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"chat_id": 42, "text": " "}, "message text is empty"),
        ({"chat_id": 42, "text": "ğ" * 4097}, "message is too long"),
        ({"chat_id": 42, "text": "😀" * 2049}, "message is too long"),
        ({"chat_id": 7, "text": "a"}, "chat not found"),
        ({"text": "a"}, "chat_id is empty"),
        ({"chat_id": 42, "text": "a", "reply_markup": inline("ğ" * 33)}, "BUTTON_DATA_INVALID"),
        ({"chat_id": 42, "text": "a", "reply_markup": inline("")}, "Text buttons are unallowed"),
        ({"chat_id": 42, "text": "a", "reply_markup": inline("a", style="pink")}, "style"),
        ({"chat_id": 42, "text": "a", "reply_markup": []}, "object expected"),
        ({"chat_id": 42, "text": "a", "reply_markup": "{"}, "can't parse reply markup"),
        ({"chat_id": 42, "text": "a", "reply_markup": {"keyboard": ["a"]}}, "array of arrays"),
        ({"chat_id": 42, "text": "a", "reply_markup": {"keyboard": [[{}]]}}, "Field text"),
    ],
)
async def test_a_malformed_message_is_refused(call: Caller, params: Json, description: str) -> None:
    """Lengths in UTF-16 units, callback_data in bytes, keyboards as arrays of arrays."""
    code, described = await call.refusal("sendMessage", **params)
    assert code == 400
    assert description in described


async def test_limits_are_inclusive(call: Caller) -> None:
    """4096 units of text and 64 bytes of callback_data are accepted."""
    await call.result(
        "sendMessage", chat_id=42, text="😀" * 2048, reply_markup=inline("ğ" * 32, style="success")
    )


async def test_a_phone_is_asked_only_in_private(call: Caller) -> None:
    """request_contact is for private chats only (platforms 1)."""
    call.api.group(-100)
    keyboard = {"keyboard": [[{"text": "Numaram", "request_contact": True}]]}
    await call.result("sendMessage", chat_id=42, text="Numara?", reply_markup=keyboard)
    code, described = await call.refusal(
        "sendMessage", chat_id=-100, text="Numara?", reply_markup=keyboard
    )
    assert (code, "private chats only" in described) == (400, True)


async def test_nobody_is_written_to_before_they_write(call: Caller) -> None:
    """A bot cannot begin: 403 until the person's first message."""
    ece = call.api.person(43, first_name="Ece", started=False)
    code, described = await call.refusal("sendMessage", chat_id=43, text="Merhaba")
    assert (code, "can't initiate" in described) == (403, True)
    await ece.say("/start")
    await call.result("sendMessage", chat_id=43, text="Merhaba")


async def test_who_blocks_gets_nothing_and_says_so(call: Caller) -> None:
    """Blocking is a my_chat_member update and a 403; unblocking undoes both."""
    deniz = call.api.person(42)
    await deniz.block()
    assert await call.refusal("sendMessage", chat_id=42, text="Merhaba") == (
        403,
        "Forbidden: bot was blocked by the user",
    )
    with pytest.raises(RuntimeError):
        await deniz.say("Merhaba")
    await deniz.unblock()
    await call.result("sendMessage", chat_id=42, text="Merhaba")
    statuses = [
        update["my_chat_member"]["new_chat_member"]["status"]
        for update in await call.result("getUpdates")
    ]
    assert statuses == ["kicked", "member"]


async def test_a_deleted_account_is_403(call: Caller) -> None:
    """The bot learns of it only by the refusal."""
    call.api.person(42).deactivate()
    assert await call.refusal("sendMessage", chat_id=42, text="a") == (
        403,
        "Forbidden: user is deactivated",
    )


async def test_updates_look_like_telegrams(call: Caller, clock: Clock) -> None:
    """Dates in seconds, entities in UTF-16 units, growing ids, the usual fields."""
    deniz = call.api.person(42, last_name="Su")
    await deniz.say("😀 /yardim")
    await deniz.share_contact("905320000021", own=False)
    first, second = await call.result("getUpdates")
    assert first["message"] == {
        "message_id": 1,
        "from": {
            "id": 42,
            "is_bot": False,
            "first_name": "Deniz",
            "last_name": "Su",
            "language_code": "tr",
        },
        "chat": {"id": 42, "first_name": "Deniz", "last_name": "Su", "type": "private"},
        "date": int(clock.now.timestamp()),
        "text": "😀 /yardim",
        "entities": [{"offset": 3, "length": 7, "type": "bot_command"}],
    }
    assert "user_id" not in second["message"]["contact"]
    assert second["update_id"] == first["update_id"] + 1


async def test_the_newest_button_is_tapped_unless_told_otherwise(call: Caller) -> None:
    """A tap finds a label or a datum from below; ``on`` taps an older message."""
    deniz = call.api.person(42)
    old = await call.result("sendMessage", chat_id=42, text="Bir", reply_markup=inline("1"))
    await call.result("sendMessage", chat_id=42, text="İki", reply_markup=inline("2"))
    await deniz.tap("Evet")
    await deniz.tap("1")
    await deniz.tap("Evet", on=old["message_id"])
    data = [update["callback_query"]["data"] for update in await call.result("getUpdates")]
    assert data == ["2", "1", "1"]
    with pytest.raises(LookupError):
        await deniz.tap("Hayır")


async def test_a_reply_keyboard_types_or_shares(call: Caller) -> None:
    """Its buttons type their label or share the own contact, until the keyboard is removed."""
    deniz = call.api.person(42, phone="905320000021")
    keyboard = {"keyboard": [["Geri", {"text": "Numaram", "request_contact": True}]]}
    await call.result("sendMessage", chat_id=42, text="Numara?", reply_markup=keyboard)
    await deniz.tap("Geri")
    await deniz.tap("Numaram")
    typed, shared = await call.result("getUpdates")
    assert typed["message"]["text"] == "Geri"
    assert shared["message"]["contact"]["user_id"] == 42
    await call.result(
        "sendMessage", chat_id=42, text="Sağ olun", reply_markup={"remove_keyboard": True}
    )
    with pytest.raises(LookupError):
        await deniz.tap("Geri")


async def test_old_messages_cannot_be_deleted(call: Caller, clock: Clock) -> None:
    """deleteMessage works under 48 hours; deleteMessages skips what it cannot delete."""
    deniz = call.api.person(42)
    typed = await deniz.say("10000000146")
    assert (await call.refusal("deleteMessage", chat_id=42, message_id=99))[1].endswith("not found")
    clock.now += timedelta(hours=48)
    code, described = await call.refusal("deleteMessage", chat_id=42, message_id=typed)
    assert (code, "can't be deleted" in described) == (400, True)
    fresh = await deniz.say("Merhaba")
    await call.result("deleteMessages", chat_id=42, message_ids=[typed, fresh])
    assert [line.message_id for line in deniz.transcript] == [typed]


@pytest.mark.parametrize("ids", [[], list(range(1, 102))])
async def test_deletions_come_by_the_hundred(call: Caller, ids: list[int]) -> None:
    """deleteMessages takes 1 to 100 ids."""
    assert (await call.refusal("deleteMessages", chat_id=42, message_ids=ids))[0] == 400


async def test_edits_follow_the_rules(call: Caller) -> None:
    """Only own messages, only inline keyboards, and never the same again."""
    deniz = call.api.person(42)
    typed = await deniz.say("Merhaba")
    sent = await call.result("sendMessage", chat_id=42, text="Bir", reply_markup=inline("1"))
    number = {"chat_id": 42, "message_id": sent["message_id"]}
    assert (await call.result("editMessageReplyMarkup", **number)).get("reply_markup") is None
    assert "not modified" in (await call.refusal("editMessageReplyMarkup", **number))[1]
    assert (await call.result("editMessageText", **number, text="İki"))["edit_date"]
    assert (
        "can't be edited"
        in (await call.refusal("editMessageText", chat_id=42, message_id=typed, text="a"))[1]
    )
    assert (
        "not found"
        in (await call.refusal("editMessageText", chat_id=42, message_id=99, text="a"))[1]
    )


async def test_a_message_with_a_reply_keyboard_stays(call: Caller) -> None:
    """It is only possible to edit messages without reply_markup or with inline keyboards."""
    keyboard = {"keyboard": [["Geri"]]}
    sent = await call.result("sendMessage", chat_id=42, text="a", reply_markup=keyboard)
    code, _ = await call.refusal(
        "editMessageText", chat_id=42, message_id=sent["message_id"], text="b"
    )
    assert code == 400


async def test_commands_are_checked(call: Caller) -> None:
    """Lower-case names up to 32 and two-letter languages."""
    for params in (
        {"commands": [{"command": "Yardım", "description": "a"}]},
        {"commands": [{"command": "yardim", "description": ""}]},
        {"commands": [], "language_code": "tur"},
    ):
        assert (await call.refusal("setMyCommands", **params))[0] == 400


async def test_an_action_needs_a_chat(call: Caller) -> None:
    """sendChatAction works in a known chat."""
    assert await call.result("sendChatAction", chat_id=42, action="typing")
    assert (await call.refusal("sendChatAction", chat_id=7, action="typing"))[0] == 400


async def test_an_offset_confirms(call: Caller) -> None:
    """getUpdates repeats what no offset has confirmed, and idle waits for that."""
    deniz = call.api.person(42)
    await deniz.say("Bir")
    await deniz.say("İki")
    first = await call.result("getUpdates", limit=1)
    assert await call.result("getUpdates", limit=1) == first
    [last] = await call.result("getUpdates", offset=-1)
    assert last["message"]["text"] == "İki"
    assert await call.result("getUpdates", offset=last["update_id"]) == [last]
    with pytest.raises(TimeoutError):
        await call.api.idle(patience=0.01)
    await call.result("getUpdates", offset=last["update_id"] + 1)
    await call.api.idle()


async def test_a_long_poll_ends_with_the_next_update(call: Caller) -> None:
    """getUpdates waits up to its timeout for something to tell."""
    poll = asyncio.create_task(call.result("getUpdates", timeout=30))
    await call.api.until(lambda: bool(call.api.calls("getUpdates")))
    await call.api.person(42).say("Merhaba")
    assert len(await poll) == 1


async def test_unwanted_updates_are_not_kept(call: Caller) -> None:
    """allowed_updates is applied when an update is queued."""
    await call.result("getUpdates", allowed_updates=["message"])
    deniz = call.api.person(42)
    await deniz.block()
    await deniz.unblock()
    await deniz.say("Merhaba")
    assert [set(update) for update in await call.result("getUpdates")] == [{"update_id", "message"}]


async def test_a_webhook_forbids_polling(call: Caller) -> None:
    """409 with a webhook; setWebhook keeps what it was told."""
    told = {
        "url": "http://127.0.0.1:9/telegram",
        "max_connections": 7,
        "allowed_updates": ["message"],
    }
    await call.result("setWebhook", **told, secret_token="s-1")
    assert (await call.result("getWebhookInfo")).items() >= told.items()
    assert (await call.refusal("getUpdates"))[0] == 409
    assert (await call.refusal("setWebhook", url="http://x", secret_token="ğ"))[0] == 400
    await call.result("deleteWebhook")
    assert await call.result("getUpdates") == []


async def test_answers_can_be_scripted(call: Caller) -> None:
    """Each scripted answer serves one call; then the rules are back."""
    call.api.script("sendMessage", [Answer(429, retry_after=5), Answer(), Answer(502)])
    code, body = await call("sendMessage", chat_id=42, text="a")
    assert (code, body["parameters"]) == (429, {"retry_after": 5})
    await call.result("sendMessage", chat_id=42, text="a")
    assert (await call("sendMessage", chat_id=42, text="a"))[0] == 502
    await call.result("sendMessage", chat_id=42, text="a")


async def test_a_hanging_call_does_nothing(call: Caller) -> None:
    """No answer until the caller gives up, and nothing is executed."""
    call.api.script("sendMessage", ["hang"])
    url = f"{call.api.base_url}/bot{TOKEN}/sendMessage"
    with pytest.raises(TimeoutError):
        await call.session.post(
            url, json={"chat_id": 42, "text": "a"}, timeout=ClientTimeout(total=0.05)
        )
    assert call.api.person(42).transcript == ()
    await call.api.idle()


async def test_a_lost_call_is_executed(call: Caller) -> None:
    """The connection is cut before a byte of the answer."""
    deniz = call.api.person(42)
    call.api.script("sendMessage", ["lost"])
    with pytest.raises(ClientError):
        await call("sendMessage", chat_id=42, text="a")
    assert deniz.last.text == "a"


async def test_a_stuck_call_does_not_stop_the_server_from_closing() -> None:
    """Whoever hangs is let go when the stand-in closes."""
    async with ClientSession() as session:
        async with BotApi() as api:
            api.script("getMe", ["hang"])
            stuck = asyncio.create_task(session.post(f"{api.base_url}/bot{TOKEN}/getMe"))
            await api.until(lambda: bool(api.log))
        assert (await stuck).status == 503
