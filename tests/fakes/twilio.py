"""Twilio's WhatsApp over real HTTP: signed webhooks, TwiML answers, the Messages resource.

    async with TwilioApi(webhook="https://bot.example.com/whatsapp#rc=5&rp=all") as api:
        api.reroute("https://bot.example.com", local)
        deniz = api.person("+905320000021")
        await deniz.say("merhaba")
        await api.idle()
        assert deniz.last.text.startswith("Merhaba")

Twilio's own client reaches it by ``client.api.base_url = api.base_url``. Knows the platform's rules
and nothing of this product.
"""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from itertools import count
from typing import Any, Literal, Self
from xml.etree import ElementTree

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.serving import hang, hang_up, serve
from tests.fakes.twilio_content import ContentApi, Rendered
from tests.fakes.twilio_people import Line, Message, Person
from tests.fakes.twilio_rules import (
    NOT_ALLOWED,
    OUTSIDE_WINDOW,
    UNREACHABLE,
    Answer,
    Refusal,
    as_resource,
    check_create,
    inbound_fields,
    matches,
    read_twiml,
    status_fields,
    steps,
)
from tests.fakes.twilio_webhooks import TIMEOUT, Fields, Heard, Post, Webhooks
from tests.fakes.waiting import PATIENCE, Pulse

__all__ = ["Answer", "Line", "Message", "Person", "Post", "TwilioApi"]

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "fedcba9876543210" * 2
SENDER = "whatsapp:+14155238886"
_NO_TEXT = 12100
_NO_ANSWER = {"": 0, "ct": 11205, "rt": 11200, "4xx": 11200, "5xx": 11200}


class TwilioApi:
    """One account with one WhatsApp sender, and everybody who writes to it.

    ``webhook`` is the configured address of inbound messages, public and with its fragment.
    ``timeout`` is real seconds given to a webhook at most. ``weather`` says what a create gets for
    which nothing is scripted.
    """

    def __init__(
        self,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        *,
        webhook: str = "",
        sender: str = SENDER,
        timeout: float = TIMEOUT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.webhook, self.sender = webhook, sender
        self.base_url = ""
        self.account_status = "active"
        self.errors: list[int] = []
        """Numbers of Twilio's debugger: 11200, 11205, 12100."""
        self.messages: dict[str, Message] = {}
        self.content = ContentApi(self._authenticate)
        self._people: dict[str, Person] = {}
        self._webhooks = Webhooks(auth_token, timeout)
        self.weather: Callable[[], Answer] = Answer
        self._clock = clock
        self._numbers = count(1)
        self._script: deque[Answer] = deque()
        self._doubles = self._repeats = 0
        self._shuffle: random.Random | None = None
        self._pulse = Pulse()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        base = "/2010-04-01/Accounts/{account}/Messages"
        routes = [
            Route("/2010-04-01/Accounts/{account}.json", self._account, methods=["GET"]),
            Route(base + ".json", self._rest, methods=["GET", "POST"]),
            Route(base + "/{sid}.json", self._rest, methods=["GET"]),
            *self.content.routes(),
        ]
        self.base_url = await self._stack.enter_async_context(serve(Starlette(routes=routes)))
        self._stack.push_async_callback(self._close)
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._webhooks.close()

    # --- people, waiting, bad days --------------------------------------------------------------

    def person(
        self,
        phone: str = "+905320000021",
        *,
        bsuid: str = "TR.1A2b3C4d5E",
        name: str = "Deniz",
        hidden: bool = False,
    ) -> Person:
        """Somebody on WhatsApp; with a ``hidden`` phone only the ``bsuid`` is told."""
        person = Person(self._receive, phone, bsuid, name, hidden)
        self._people[person.address] = person
        return person

    @property
    def people(self) -> list[Person]:
        """Everybody."""
        return list(self._people.values())

    @property
    def posts(self) -> list[Post]:
        """Every request to a webhook."""
        return self._webhooks.posts

    async def idle(self, patience: float = PATIENCE) -> None:
        """Wait until every webhook and status callback is through; TimeoutError after that."""
        await self.until(lambda: not self._tasks, patience)

    async def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until ``condition`` holds, looking again whenever something has happened."""
        await self._pulse.until(condition, patience)

    def reroute(self, public: str, local: str) -> None:
        """Post what is meant for the ``public`` address to the ``local`` one, signed as public."""
        self._webhooks.reroutes[public.rstrip("/")] = local.rstrip("/")

    def script(self, answers: Iterable[Answer | Literal["hang", "lost"]]) -> None:
        """Decide what the next creates get, one answer each."""
        for answer in answers:
            scripted = Answer(fate=answer) if isinstance(answer, str) else answer
            self._script.append(scripted)

    def lose_next_response(self) -> None:
        """Throw the next webhook answer away, as if it had not come in time."""
        self._webhooks.losses += 1

    def deliver_twice(self) -> None:
        """Post the next inbound message twice, with the same MessageSid."""
        self._doubles += 1

    def shuffle_statuses(self, seed: int = 0) -> None:
        """Call back with every message's statuses in disorder from now on."""
        self._shuffle = random.Random(seed)

    def repeat_statuses(self, times: int = 1) -> None:
        """Call back this many more times with every status from now on."""
        self._repeats = times

    # --- inbound --------------------------------------------------------------------------------

    def _receive(self, person: Person, body: str, extra: Fields) -> str:
        sid = self._sid()
        fields = inbound_fields(self.account_sid, sid, self.sender, person, body, extra)
        person.last_inbound = self._clock()
        message = self._keep(person, sid, "inbound", body, "received", fields)
        person.messages.append(message)
        rounds = 2 if self._doubles else 1
        self._doubles -= rounds - 1
        self._start(self._deliver(person, fields, rounds))
        return sid

    async def _deliver(self, person: Person, fields: Fields, rounds: int) -> None:
        for _ in range(rounds):
            self._hear(person, await self._webhooks.post(self.webhook, fields))

    def _hear(self, person: Person, heard: Heard) -> None:
        if heard.kind:
            self.errors.append(_NO_ANSWER[heard.kind])
            return
        try:
            bodies = read_twiml(heard)
        except ElementTree.ParseError:
            self.errors.append(_NO_TEXT)
            return
        for body, action in bodies:
            if not person.opted_out:
                told = {"StatusCallback": action} if action else {}
                self._send(person, Rendered(body), "outbound-reply", told)

    # --- outbound -------------------------------------------------------------------------------

    def _send(
        self,
        person: Person,
        told: Rendered,
        direction: str,
        params: Fields,
        fate: int | None = None,
    ) -> Message:
        message = self._keep(person, self._sid(), direction, told.body, "queued", params)
        message.choices, message.kind = told.choices, told.kind
        message.error_code = fate or self._fate(person, params)
        if not message.error_code:
            person.messages.append(message)
        self._start(self._report(message, steps(message, reads=person.reads)))
        return message

    def _fate(self, person: Person, params: Fields) -> int | None:
        """The error a message meets later: the window is looked at after the 201."""
        if not person.reachable:
            return UNREACHABLE
        content, is_in_window = params.get("ContentSid"), person.is_in_window(self._clock())
        if content and self.content.may_go(content, in_window=is_in_window):
            return None
        if is_in_window:
            return NOT_ALLOWED if content else None
        return OUTSIDE_WINDOW

    async def _report(self, message: Message, told: list[str]) -> None:
        message.status = told[-1]
        callback = message.params.get("StatusCallback")
        for status in self._order(told) if callback else ():
            fields = status_fields(self.account_sid, message, status)
            await self._webhooks.post(str(callback), fields)

    def _order(self, steps: list[str]) -> list[str]:
        told = steps * (1 + self._repeats)
        if self._shuffle:
            self._shuffle.shuffle(told)
        return told

    # --- REST -----------------------------------------------------------------------------------

    async def _rest(self, request: Request) -> Response:
        try:
            self._authenticate(request)
            if request.method == "POST":
                return await self._create(request)
            if "sid" in request.path_params:
                return self._fetch(request.path_params["sid"])
            return self._list(request)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)

    async def _account(self, request: Request) -> Response:
        try:
            self._authenticate(request)
        except Refusal as refusal:
            return JSONResponse(refusal.body, refusal.status)
        shown = {"sid": self.account_sid, "status": self.account_status, "type": "Full"}
        return JSONResponse(shown)

    def _authenticate(self, request: Request) -> None:
        expected = b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            raise Refusal(401, 20003)
        if request.path_params.get("account", self.account_sid) != self.account_sid:
            raise Refusal(404, 20404)

    async def _create(self, request: Request) -> Response:
        params = {name: str(value) for name, value in (await request.form()).items()}
        scripted = self._script.popleft() if self._script else self.weather()
        await asyncio.sleep(scripted.after)
        if scripted.fate == "hang":
            return await hang(request)
        if scripted.status != 201:
            raise Refusal(scripted.status, scripted.code or 20500)
        person = self._recipient(params)
        told = self._rendered(params)
        message = self._send(person, told, "outbound-api", params, scripted.code)
        if scripted.fate == "lost":
            return await hang_up(request)
        shown = {**as_resource(self.account_sid, message), "status": "queued", "error_code": None}
        return JSONResponse(shown, 201)

    def _rendered(self, params: Fields) -> Rendered:
        content = params.get("ContentSid")
        if not content:
            return Rendered(params.get("Body", ""))
        return self.content.render(content, params.get("ContentVariables", ""))

    def _recipient(self, params: Fields) -> Person:
        check_create(params, self.sender)
        person = self._people.get(params["To"])
        if person is None:
            raise Refusal(400, 21211)
        if person.opted_out:
            raise Refusal(400, 21610)
        return person

    def _fetch(self, sid: str) -> Response:
        if sid not in self.messages:
            raise Refusal(404, 20404)
        return JSONResponse(as_resource(self.account_sid, self.messages[sid]))

    def _list(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        found = [message for message in self.messages.values() if matches(message, query)]
        shown = found[::-1][page * size : (page + 1) * size]
        path = request.url.path
        more = (page + 1) * size < len(found)
        return JSONResponse(
            {
                "messages": [as_resource(self.account_sid, message) for message in shown],
                "page": page,
                "page_size": size,
                "uri": f"{path}?PageSize={size}&Page={page}",
                "next_page_uri": f"{path}?PageSize={size}&Page={page + 1}" if more else None,
            }
        )

    # --- records --------------------------------------------------------------------------------

    def _keep(
        self, person: Person, sid: str, direction: str, body: str, status: str, params: Fields
    ) -> Message:
        ends = (person.address, self.sender)
        sender, to = ends if direction == "inbound" else ends[::-1]
        message = Message(sid, direction, sender, to, body, self._clock(), status, None, params)
        self.messages[sid] = message
        return message

    def _sid(self) -> str:
        return f"SM{next(self._numbers):032x}"

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pulse.beat()
