"""Values planted in everything that people, staff and other systems can say are found in no file.

A whole day on every messenger at once, through the product as its operator starts it; the files are
searched while it runs, after a kill, and after the day that followed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
import pytest
from twilio.request_validator import RequestValidator

from conversations.turkish import upper
from tests.fakes.hes import HesService
from tests.fakes.telegram import Answer, BotApi
from tests.fakes.twilio import AUTH_TOKEN, SENDER, TwilioApi
from tests.fakes.twilio import Answer as TwilioAnswer
from tests.faults.planted import Search
from tests.faults.processes import Served, hesbot, served
from tests.storage.conftest import new_postgresql

PUBLIC = "https://hes.example.org"
SECRET = "webhook-secret-of-this-test"
KEY = "the-ministry-and-its-long-key"
STAFF = {"author": "Nazmiye", "approver": "Bora", "operator": "Derya"}
GOOD_FOR_YEARS = datetime(2031, 6, 1, tzinfo=UTC)

Say = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Planted:
    """A person, all of whose values are found nowhere else in the world."""

    first_name: str
    last_name: str
    identity: str
    birth: str
    email: str
    card: str
    phone: str
    address: str
    free: str
    code: str = ""

    def answers(self) -> tuple[str, ...]:
        """In the order of the form."""
        return (
            self.first_name, self.last_name, self.identity, self.birth, self.email,
            self.card, f"0{self.phone}", self.code,
        )  # fmt: skip

    def slips(self) -> tuple[str, ...]:
        """What is typed at the wrong place, or wrongly."""
        return (
            f"{self.free} 1",
            f"{self.first_name} {self.last_name} {self.identity}",
            self.identity[:-1] + "9",
            f"/{self.free.replace(' ', '')} {self.card}",
            f"{self.email} {self.phone}",
            self.card[:-1],
            f"{self.free} " * 40,
            f"{self.free} \u0000 \ufffe 😀 {self.code}",
        )

    def values(self) -> Iterator[tuple[str, str]]:
        """What must be found nowhere, by what it is."""
        yield from ((each.name, getattr(self, each.name)) for each in fields(self))


TELEGRAM = Planted(
    "Zifkarcan", "Tırpankeserli", "10000000146", "17 Kasım 1983", "zifkar.can@posta.example",
    "7301460092837465", "5321846075", "7918273645", "gökmavi sürahi kırıldı",
)  # fmt: skip
WHATSAPP = Planted(
    "Müjdenaz", "Çakırdikenoğlu", "17291716060", "23.04.1976", "mujde+naz@mektup.example",
    "7301982736450918", "5429173680", "905429173680", "yosunlu değirmen taşı",
)  # fmt: skip
PAGE = Planted(
    "Sırmahan", "Gümüşdöven", "64211142102", "09/08/1991", "s.gumusdoven@kutu.example",
    "7301555930184726", "5058162739", "visitor-who-is-planted-0001", "kehribar tespih koptu",
)  # fmt: skip
HALF = Planted(
    "Zülfünaz", "Pamukdöşekli", "38475610293", "01.02.1966", "zulfunaz@yarim.example",
    "7301777204958163", "5367204918", "7726354819", "yarım kalan uçurtma",
)  # fmt: skip
OTHERS = {
    "a clerk's password": "kırk-yıllık-hatır-parola",
    "a stranger's name": "Davetsizoğlu Kimsesiz",
    "a forged key": "forged-key-of-a-stranger",
    "a path": "gizli-patika-aranmasin",
    "a code of the feed": "Z9Y8765432",
    "a line of a file": "bozuksatir-okunmasin",
}
SECRETS = {
    "the token": "123456789:AAF-not-a-real-token-of-any-bot-000",
    "the account": AUTH_TOKEN,
    "the secret": SECRET,
    "the key": KEY,
    "the ministry": "bakanligin-parolasi-uzun",
}


def planted(people: Mapping[str, Planted]) -> Search:
    """Everything that is looked for."""
    personal = {
        f"{who}'s {what}": value
        for who, person in people.items()
        for what, value in person.values()
        if value
    }
    return Search(personal | OTHERS | SECRETS)


@pytest.mark.parametrize("value", ["Tırpankeserli", "10000000146", "7301460092837465"])
def test_the_search_sees_through_disguises(value: str) -> None:
    """A guard that cannot find anything guards nothing."""
    search, raw = Search({"it": value}), value.encode()
    packed = [base64.b64encode(b"x" * place + raw + b"yz") for place in range(3)]
    digest = hashlib.sha256(raw)
    disguises = [
        raw, upper(value).encode(), raw.hex().encode(), quote(value).encode(),
        json.dumps(f"önce {value}").encode(), f"a{value}".encode("utf-16"),
        *packed, digest.digest(), digest.hexdigest().encode(),
    ]  # fmt: skip
    for each in disguises:
        assert search.found_in(b"before " + each + b" after") == {"it"}
    assert search.found_in(b"before and after" * 1000) == set()


def files(folder: Path) -> dict[str, bytes]:
    """Everything under it but what was given to the product to read."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "given" not in file.parts
    }


async def registered(say: Say, person: Planted) -> None:
    """A registration with a slip before each answer, and what one asks afterwards."""
    for line in ("merhaba", "evet"):
        await say(line)
    for slip, answer in zip(person.slips(), person.answers(), strict=True):
        await say(slip)
        await say(answer)
    for line in ("evet", "kabul ediyorum", "durum", "bilgilerim", f"{person.free} sağ olun"):
        await say(line)


async def half_way(say: Say, person: Planted) -> None:
    """As far as the identity number, and a wrong one of those."""
    for line in ("merhaba", "evet", person.first_name, person.last_name, person.identity):
        await say(line)


@dataclass
class Day:
    """The product and the world around it."""

    server: Served
    api: BotApi
    twilio: TwilioApi
    session: aiohttp.ClientSession
    given: Path
    settings: Mapping[str, str]
    people: Mapping[str, Planted]

    # --- people ---------------------------------------------------------------------------------

    def on_telegram(self, person: Planted) -> Say:
        somebody = self.api.person(
            int(person.address),
            first_name=person.first_name,
            last_name=person.last_name,
            phone=f"90{person.phone}",
        )

        async def say(text: str) -> None:
            await somebody.say(text)
            await self.api.idle()

        return say

    def on_whatsapp(self, person: Planted) -> Say:
        somebody = self.twilio.person(f"+{person.address}", name=person.first_name)

        async def say(text: str) -> None:
            await somebody.say(text)
            await self.twilio.idle()

        return say

    def on_the_page(self, person: Planted) -> Say:
        async def say(text: str) -> None:
            form = {"text": text, "message": secrets.token_urlsafe()}
            await self.ask("POST", "/", data=form, cookies={"__Host-hesbot": person.address})

        return say

    async def odd_things(self) -> None:
        """On Telegram: what is no text, and texts where nobody looks for them."""
        person, chat = TELEGRAM, {"id": int(TELEGRAM.address), "type": "private"}
        sender = {"id": int(TELEGRAM.address), "is_bot": False, "first_name": person.first_name}
        head = {"message_id": 900_001, "date": 1610100000, "chat": chat, "from": sender}
        shapes: Sequence[Any] = (
            {"sticker": {"emoji": "👍", "set_name": person.free}},
            {"photo": [], "caption": f"{person.free} {person.identity}"},
            {"document": {"file_name": f"{person.free}.pdf"}, "caption": person.card},
            {"contact": {"phone_number": person.phone, "first_name": person.free}},
            {"text": person.free, "forward_origin": {"sender_user_name": person.last_name}},
            {"text": person.free, "reply_to_message": {**head, "text": person.card}},
            {"venue": {"title": person.free, "address": person.email}},
            {"text": {person.free: person.identity}},
            {"text": [person.identity]},
        )
        updates = [{"message": {**head, **shape}} for shape in shapes]
        updates += [{"edited_message": {**head, "text": person.free}}]
        updates += [{"callback_query": {"id": "1", "from": sender, "data": person.free}}]
        updates += [{person.free: {person.card: person.identity}}]
        for number, update in enumerate(updates, 70_000):
            await self.hook({"update_id": number, **update})
        await self.hook({"update_id": person.identity, "message": {**head, "text": person.free}})
        for body in (person.free.encode(), b'{"update_id": 1, "' + person.card.encode() + b'": '):
            await self.hook(body)

    async def hook(self, update: Any) -> int:
        """Post to Telegram's webhook."""
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        return await self.ask("POST", "/telegram", data=body, headers=headers)

    async def odd_posts(self) -> None:
        """The same on WhatsApp, signed and not, and reports with words in them."""
        person, number = WHATSAPP, f"whatsapp:+{WHATSAPP.address}"
        common = {"From": number, "To": SENDER, "ProfileName": person.first_name}
        posts = (
            {"MessageSid": "SM1", "NumMedia": "1", "MediaContentType0": person.free},
            {"MessageSid": "SM2", "ButtonPayload": person.identity, "ButtonText": person.free},
            {"MessageSid": "SM3", "OptOutType": person.free, "Body": person.free},
            {"MessageSid": person.card, "Body": person.free, person.free: person.email},
            {"Body": person.free},
        )
        for form in posts:
            await self.signed("/whatsapp", {**common, **form})
        report = {
            "MessageSid": person.card,
            "MessageStatus": person.free,
            "ErrorCode": person.phone,
        }
        await self.signed("/whatsapp/status", {**common, **report, "ErrorMessage": person.free})
        await self.ask("POST", "/whatsapp", data={**common, "Body": person.free})

    async def signed(self, path: str, form: Mapping[str, str]) -> None:
        signature = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC + path, dict(form))
        status = await self.ask("POST", path, data=form, headers={"X-Twilio-Signature": signature})
        assert status < 300

    # --- others ---------------------------------------------------------------------------------

    async def strangers(self) -> None:
        """Everybody who has no business at a door."""
        word, free = OTHERS["a path"], PAGE.free
        cookies = {"__Host-hesbot": PAGE.address, "kimlik": PAGE.identity}
        for path in (
            f"/{word}",
            f"/page/{word}",
            f"/console/{word}?q={PAGE.identity}",
            f"/?{word}",
        ):
            await self.ask("GET", path, cookies=cookies, headers={"Referer": f"http://x/{word}"})
            await self.ask("POST", path, data={word: free}, cookies=cookies)
            await self.ask("PUT", path, data=free.encode())
        await self.ask("POST", "/bildirimler", data=json.dumps({"confirm": [free]}))
        login = {"ad": OTHERS["a stranger's name"], "parola": OTHERS["a clerk's password"]}
        for _ in range(3):
            await self.ask("POST", "/console/giris", data={**login, "kod": "123456"})
        forged = {"Authorization": f"Bearer {OTHERS['a forged key']}"}
        for path in ("/api/risk-changes", "/api/boardings"):
            await self.ask("POST", path, data=PAGE.card.encode(), headers=forged)
        await self.ask("GET", "/metrics", headers={"User-Agent": word})

    async def other_systems(self) -> None:
        """The Ministry's feed and the validators, with slips."""
        headers = {"Authorization": f"Bearer {KEY}"}
        moment = "2021-01-08T09:00:00+03:00"
        lines = [
            {"id": f"r-{code}", "hes_code": code, "status": "RISKY", "changed_at": moment}
            for code in (self.people["telegram"].code, OTHERS["a code of the feed"])
        ]
        bad = [{"id": WHATSAPP.free, "hes_code": WHATSAPP.identity}, WHATSAPP.free, [PAGE.email]]
        body = "\n".join(json.dumps(each) for each in [*lines, *bad]) + f"\n{PAGE.free}\n"
        await self.ask("POST", "/api/risk-changes", data=body.encode(), headers=headers)
        for asked in (
            {
                "card_number": TELEGRAM.card,
                "validator_id": "V-1",
                "at": "2021-01-08T12:00:00+03:00",
            },
            {"card_number": HALF.card, "validator_id": "V-1", "at": "2021-01-08T12:00:00+03:00"},
            {"card_number": WHATSAPP.free, "validator_id": PAGE.email, "at": PAGE.free},
        ):
            await self.ask("POST", "/api/boardings", data=json.dumps(asked), headers=headers)

    async def operator(self) -> None:
        """Files and questions at the command line, while everything runs."""
        risks, cards = self.given / "risks.jsonl", self.given / "cards.csv"
        line = {
            "hes_code": self.people["whatsapp"].code,
            "status": "RISKY",
            "changed_at": "2021-01-08T09:30:00Z",
        }
        word = OTHERS["a line of a file"]
        risks.write_text(json.dumps({"id": "f-1", **line}) + f"\n{word} {PAGE.identity}\n")
        cards.write_text(f"{HALF.card}\n{PAGE.card}\n{word}\n")
        await self.command("risk", "import", str(risks))
        await self.command("cards", "import", str(cards))
        await self.command("cards", "show", HALF.card, shown=True)
        report = ("--from", "2021-01-08", "--to", "2021-01-09", "--out", str(self.given / "report"))
        await self.command("report", "boardings", *report, shown=True)

    async def broadcast(self) -> None:
        """A word of the staff to everybody, with everybody's own name in it."""
        for role, name in STAFF.items():
            await self.command("staff", "add", name, "--role", role, shown=True)
        text = self.given / "text.txt"
        text.write_text("Sayın {ad}, son gün: {son_gun}")
        written = ("--text-file", str(text), "--audience", "all", "--by", STAFF["author"])
        made = json.loads(await self.command("broadcast", "new", *written, "--json"))
        for act, role in (("submit", "author"), ("approve", "approver"), ("start", "operator")):
            await self.command("broadcast", act, str(made["id"]), "--by", STAFF[role])

    async def command(self, *words: str, shown: bool = False) -> str:
        """A command of the operator's; what it says goes to the files unless it was asked for."""
        out, err = await hesbot(self.server.home, *words, **self.settings)
        heard = self.server.home.parent / "commands.out"
        with heard.open("a") as log:
            log.write(err if shown else out + err)
        return out

    # --- the doors ------------------------------------------------------------------------------

    async def ask(self, method: str, path: str, **options: Any) -> int:
        """A request and its status; nothing anybody says is a fault of ours."""
        url = self.server.url + path
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            await response.read()
            assert response.status < 500, (method, response.status)
            return response.status

    async def pages(self) -> dict[str, bytes]:
        """What the operator's pages say."""
        return {path: await self.server.get(path) for path in ("/metrics", "/healthz", "/readyz")}


def told(api: BotApi, person: Planted, word: str) -> bool:
    """Whether the person was sent a message with that in it."""
    chat = api.world.chats[int(person.address)]
    said = [bubble.line() for bubble in chat.bubbles.values()]
    return any(line.sender == "bot" and word in line.text for line in said)


async def a_day(day: Day) -> None:
    """Everybody does everything."""
    refusal = f"Bad Request: {TELEGRAM.free} {TELEGRAM.identity}"
    ways = {
        "telegram": day.on_telegram,
        "whatsapp": day.on_whatsapp,
        "page": day.on_the_page,
    }
    for name, person in day.people.items():
        await registered(ways[name](person), person)
    await half_way(day.on_telegram(HALF), HALF)
    saved = day.twilio.messages.values()
    assert told(day.api, TELEGRAM, "Kaydedildi")
    assert any("Kaydedildi" in message.body for message in saved)
    await day.odd_things()
    await day.odd_posts()
    await day.strangers()
    day.api.script("sendMessage", [Answer(400, description=refusal), Answer(500)])
    day.twilio.script([TwilioAnswer(status=400, code=63013), TwilioAnswer(code=63024)])
    await day.other_systems()
    await day.operator()
    await day.broadcast()
    await day.api.until(lambda: told(day.api, HALF, "son gün"), 30)
    assert 400 in {call.code for call in day.api.calls("sendMessage")}


async def rows(address: str) -> dict[str, bytes]:
    """Every row of every table on a server, the timetable's own among them, as it reads."""
    connection = await asyncpg.connect(address)
    names = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    found = {
        name: "\n".join(
            row for (row,) in await connection.fetch(f"SELECT t::text FROM {name} AS t")
        ).encode()
        for (name,) in names
    }
    await connection.close()
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_what_was_planted_is_found_nowhere(
    tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    """Not in a table, a write-ahead log, the workflows, an upload, a log, a metric or a probe."""
    address = ""
    if database == "postgresql":
        address = await new_postgresql(request.getfixturevalue("postgresql"))

    async def everything() -> dict[str, bytes]:
        return files(tmp_path) | (await rows(address) if address else {})

    home, given, temporary = tmp_path / "home", tmp_path / "given", tmp_path / "temporary"
    given.mkdir()
    temporary.mkdir()
    async with (
        HesService(password=SECRETS["the ministry"]) as ministry,
        BotApi() as api,
        TwilioApi(webhook=f"{PUBLIC}/whatsapp#rc=5&rp=all&rt=4000") as twilio,
        aiohttp.ClientSession() as session,
    ):
        people = {
            name: with_code(ministry, person)
            for name, person in {"telegram": TELEGRAM, "whatsapp": WHATSAPP, "page": PAGE}.items()
        }
        settings = {
            "TMPDIR": str(temporary),
            **({"DATABASE_URL": address} if address else {}),
            "LOG_LEVEL": "debug",
            "PUBLIC_URL": PUBLIC,
            "TELEGRAM_BOT_TOKEN": api.token,
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "TELEGRAM_API_BASE": api.base_url,
            "TWILIO_ACCOUNT_SID": twilio.account_sid,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_WHATSAPP_FROM": SENDER,
            "TWILIO_API_BASE": twilio.base_url,
            "HES_SERVICE_URL": ministry.base_url,
            "HES_SERVICE_USER": ministry.user,
            "HES_SERVICE_PASSWORD": ministry.password,
            "INTEGRATION_KEYS": f"ministry:{hashlib.sha256(KEY.encode()).hexdigest()}",
        }
        search = planted({**people, "half": HALF})
        written: dict[str, dict[str, bytes]] = {}
        today = {**settings, "HESBOT_NOW": "2021-01-08T12:00"}
        async with served(home, **today) as server:
            api.reroute(PUBLIC, server.url)
            twilio.reroute(PUBLIC, server.url)
            day = Day(server, api, twilio, session, given, today, people)
            await a_day(day)
            written["while it ran"] = await everything() | await day.pages()
            await server.kill()
            written["after a kill"] = await everything()
        async with served(home, **settings, HESBOT_NOW="2021-01-09T10:30") as server:
            await api.until(lambda: told(api, HALF, "yarım"), 60)
            metrics = {"metrics": await server.get("/metrics")}
            written["the day after"] = await everything() | metrics
        written["at the end"] = await everything()
    records = {
        "sqlite": {"home/hesbot.sqlite3", "home/hesbot.sqlite3-wal", "home/workflows.sqlite3"},
        "postgresql": {"public.links", "public.inbox", "dbos.workflow_status"},
    }
    assert records[database] <= set(written["while it ran"])
    assert {when: found for when, each in written.items() if (found := search.found(each))} == {}


def with_code(ministry: HesService, person: Planted) -> Planted:
    """The person with a code that the Ministry knows."""
    names = person.first_name, person.last_name
    return replace(person, code=ministry.give(person.identity, *names, GOOD_FOR_YEARS))
