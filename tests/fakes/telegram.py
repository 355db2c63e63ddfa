"""A Telegram Bot API server of our own, over real HTTP.

    async with BotApi() as api:
        deniz = api.person(42)
        ...                                 # a bot that uses api.base_url
        await deniz.say("/start")
        await api.idle()
        assert deniz.last.text == "Merhaba"

For aiogram: ``TelegramAPIServer.from_base(api.base_url)``; for python-telegram-bot:
``base_url=f"{api.base_url}/bot"``. Knows the platform's rules and nothing of this product.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Any, Literal, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.serving import hang, hang_up, serve
from tests.fakes.telegram_delivery import Attempt, Delivery
from tests.fakes.telegram_methods import Methods, Refusal, read_params
from tests.fakes.telegram_people import (
    BLOCKED,
    NOT_STARTED,
    Button,
    Chat,
    Json,
    Line,
    Person,
    World,
)
from tests.fakes.waiting import PATIENCE, Pulse

__all__ = ["Answer", "Attempt", "BotApi", "Button", "Call", "Line", "Person", "Refusal"]

TOKEN = "123456789:AAF-not-a-real-token-of-any-bot-000"

Fate = Literal["answered", "hang", "lost"]

_DESCRIPTIONS = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: BLOCKED,
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
_UNANSWERABLE = {"setwebhook", "deletewebhook", "close", "logout"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scripted call gets; 200 means it is executed as usual.

    ``lost`` executes and cuts the connection; ``hang`` neither executes nor answers. ``after``:
    seconds that it takes.
    """

    code: int = 200
    retry_after: int | None = None
    description: str = ""
    fate: Fate = "answered"
    after: float = 0.0

    def refusal(self) -> Refusal:
        described = self.description or _DESCRIPTIONS.get(self.code, "Error")
        if self.retry_after is None:
            return Refusal(self.code, described)
        described = self.description or f"Too Many Requests: retry after {self.retry_after}"
        return Refusal(self.code, described, {"retry_after": self.retry_after})


@dataclass(slots=True)
class Call:
    """One call of a method; ``code`` is None until, or unless, it was answered.

    ``when`` is monotonic seconds. ``by_webhook`` marks one that came as a webhook's answer.
    """

    method: str
    params: Json
    when: float
    code: int | None = None
    by_webhook: bool = False


class BotApi:
    """The server, everybody on it, and its bad days.

    ``time_scale`` is how many real seconds one second between webhook retries lasts.
    ``webhook_timeout`` is in real seconds. ``clock`` dates the messages. ``weather`` says what a
    call gets for which nothing is scripted.
    """

    def __init__(
        self,
        token: str = TOKEN,
        *,
        time_scale: float = 1.0,
        webhook_timeout: float = 60.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.token = token
        self.base_url = ""
        self.log: list[Call] = []
        self.weather: Callable[[str], Answer] = lambda method: Answer()
        self._pulse = Pulse()
        self._delivery = Delivery(self._perform, self._pulse, time_scale, webhook_timeout)
        self.world = World(_bot(token), clock, self._delivery.publish)
        self._methods = Methods(self.world)
        self._scripts: dict[str, deque[Answer]] = defaultdict(deque)
        self._in_flight = 0
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        route = Route("/bot{token}/{method}", self._receive, methods=["GET", "POST"])
        self.base_url = await self._stack.enter_async_context(serve(Starlette(routes=[route])))
        self._stack.push_async_callback(self._delivery.close)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # --- people ---------------------------------------------------------------------------------

    def person(
        self,
        id: int,
        *,
        first_name: str = "Deniz",
        last_name: str = "Yılmaz",
        language_code: str = "tr",
        phone: str = "905320000021",
        started: bool = True,
    ) -> Person:
        """Somebody with a telephone; one who has not ``started`` must write first."""
        names = {"first_name": first_name, "last_name": last_name}
        chat = Chat({"id": id, **names, "type": "private"})
        if not started:
            chat.refusal = NOT_STARTED
        self.world.chats[id] = chat
        user = {"id": id, "is_bot": False, **names, "language_code": language_code}
        return Person(self.world, chat, user, phone)

    def group(self, id: int, title: str = "Komşular") -> Chat:
        """A group the bot is in; group ids are negative."""
        chat = Chat({"id": id, "title": title, "type": "group"})
        self.world.chats[id] = chat
        return chat

    # --- what the bot did -----------------------------------------------------------------------

    def calls(self, method: str) -> list[Call]:
        """The calls of one method so far, oldest first."""
        return [call for call in self.log if call.method.lower() == method.lower()]

    @property
    def attempts(self) -> list[Attempt]:
        """Every POST to the webhook."""
        return self._delivery.attempts

    async def idle(self, patience: float = PATIENCE) -> None:
        """Wait until no update is pending and no call in flight; TimeoutError after ``patience``.

        A polling bot confirms an update by its next getUpdates.
        """
        await self.until(lambda: not self._delivery.pending and not self._in_flight, patience)

    async def until(self, condition: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Wait until ``condition`` holds, looking again whenever something has happened."""
        await self._pulse.until(condition, patience)

    # --- bad days -------------------------------------------------------------------------------

    def script(self, method: str, answers: Iterable[Answer | Literal["hang", "lost"]]) -> None:
        """Decide what the next calls of ``method`` get, one answer each."""
        for answer in answers:
            scripted = Answer(fate=answer) if isinstance(answer, str) else answer
            self._scripts[method.lower()].append(scripted)

    def reroute(self, public: str, local: str) -> None:
        """Deliver what is meant for the ``public`` address to the ``local`` one."""
        self._delivery.reroutes[public.rstrip("/")] = local.rstrip("/")

    def lose_next_response(self) -> None:
        """Deliver the next update, throw the webhook's answer away, and deliver it again."""
        self._delivery.losses += 1

    def deliver_twice(self) -> None:
        """Deliver the next update twice, and believe both answers."""
        self._delivery.doubles += 1

    def swap_next(self) -> None:
        """Hold the next update back until the one after it is delivered (webhook only)."""
        self._delivery.swaps += 1

    # --- calls ----------------------------------------------------------------------------------

    async def _receive(self, request: Request) -> Response:
        if request.path_params["token"] != self.token:
            return _refused(Refusal(401, "Unauthorized"))
        call = Call(request.path_params["method"], {}, monotonic())
        try:
            call.params = read_params(await _raw(request))
        except Refusal as refusal:
            call.code = refusal.code
            return _refused(refusal)
        finally:
            self.log.append(call)
        return await self._answer(request, call)

    async def _answer(self, request: Request, call: Call) -> Response:
        scripted = self._next_script(call.method)
        await asyncio.sleep(scripted.after)
        if scripted.fate == "hang":
            self._pulse.beat()
            return await hang(request)
        response = await self._execute(call, scripted)
        if scripted.fate == "lost":
            call.code = None
            return await hang_up(request)
        return response

    async def _execute(self, call: Call, scripted: Answer) -> Response:
        with self._counted(call):
            try:
                response = _granted(await self._run(call, scripted))
            except Refusal as refusal:
                response = _refused(refusal)
            call.code = response.status_code
        return response

    async def _run(self, call: Call, scripted: Answer) -> Any:
        if scripted.code != 200:
            raise scripted.refusal()
        name = call.method.lower()
        if name in self._delivery.table:
            return await self._delivery.table[name](call.params)
        if name in self._methods.table:
            return self._methods.table[name](call.params)
        raise Refusal(404, "Not Found")

    async def _perform(self, asked: Json) -> None:
        """Execute a webhook's answer; whatever comes of it, the bot never learns."""
        method = str(asked.pop("method"))
        call = Call(method, asked, monotonic(), by_webhook=True)
        self.log.append(call)
        if method.lower() in _UNANSWERABLE or method.lower().startswith("get"):
            return
        try:
            call.params = read_params(asked)
        except Refusal as refusal:
            call.code = refusal.code
            return
        scripted = self._next_script(method)
        if scripted.fate != "hang":
            await self._execute(call, scripted)

    def _next_script(self, method: str) -> Answer:
        waiting = self._scripts[method.lower()]
        return waiting.popleft() if waiting else self.weather(method)

    @contextmanager
    def _counted(self, call: Call) -> Iterator[None]:
        weight = 0 if call.method.lower() == "getupdates" else 1
        self._in_flight += weight
        try:
            yield
        finally:
            self._in_flight -= weight
            self._pulse.beat()


def _bot(token: str) -> Json:
    number = int(token.partition(":")[0])
    return {"id": number, "is_bot": True, "first_name": "HES Kart", "username": "hes_kart_bot"}


def _granted(result: Any) -> Response:
    return JSONResponse({"ok": True, "result": result})


def _refused(refusal: Refusal) -> Response:
    body: Json = {"ok": False, "error_code": refusal.code, "description": refusal.description}
    headers = {}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
        headers["Retry-After"] = str(refusal.parameters["retry_after"])
    return JSONResponse(body, status_code=refusal.code, headers=headers)


async def _raw(request: Request) -> Mapping[str, Any]:
    """Parameters from the query, a form, or JSON (Bot API, Making requests)."""
    if "json" not in request.headers.get("content-type", ""):
        return {**request.query_params, **await request.form()}
    try:
        body = await request.json()
    except ValueError:
        raise Refusal(400, "Bad Request: can't parse JSON encoded parameters") from None
    return {**request.query_params, **body}
