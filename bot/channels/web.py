"""The citizen's page at ``/``: the conversation in a browser, with and without JavaScript.

A visitor is a random token in a cookie. Reading the page changes nothing; every answer is a POST
with a token of its own, so that a repeated one gets the same answer. Notices are fetched by the
page's script while somebody looks at it; without JavaScript they stand above the next answer.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bot.channels.base import (
    Answer,
    Button,
    Collected,
    FrontDesk,
    Handover,
    Inbound,
    Limits,
    Mailbox,
    Message,
    TooFast,
    Unavailable,
    answered,
    heard,
    picked,
    written,
)
from bot.channels.http import Anywhere, Places, from_here, read_body
from bot.channels.web_wire import awaited, bubbles
from conversations.events import Address, Event, Opened, Picked

NAME = "web"
COOKIE_AGE = 30 * 24 * 3600
"""Seconds a visitor is remembered, so that a conversation can be taken up again."""
LONGEST_TEXT = 1000
ASSETS = frozenset({"page.css", "page.js", "icon.svg"})
MOST_FIELDS = 20
"""Fields in a form; the page's own have four."""
MOST_SHOWN = 100
"""Notices that can be confirmed at once."""
NOTICES = "/bildirimler"
"""Where the page's script fetches notices."""
PASSAGE = "/devam/"
"""Where a conversation of a messenger goes on."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with that a browser does not say where a form of our own comes from.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_LARGEST = 2**63 - 1
"""The largest number that a row can have."""
_FRESH = Picked("", "", -1)
_NO_NOTICES = Collected()
OPENED = "opened-"
"""How the token of a page that was opened begins; its first answer comes after an Opened."""


class Web:
    """The browser's channel. ``words`` gives the page's own sentences in a language.

    ``address`` is our own, as the world writes it. ``demo``: the page says that it is a
    demonstration. ``places`` bounds what comes from one place.
    """

    name = NAME
    limits = Limits(text=100_000, buttons=20, label=64, files=True)

    def __init__(
        self,
        desk: FrontDesk,
        words: Callable[[str], Mapping[str, str]],
        *,
        mailbox: Mailbox | None = None,
        handover: Handover | None = None,
        address: str = "",
        demo: bool = False,
        places: Places | None = None,
        token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self._desk = desk
        self._words = words
        self._mailbox = mailbox
        self._handover = handover
        self._demo = demo
        self._address = address
        self._secure = address.startswith("https://")
        self._places = places or Anywhere()
        self._token = token
        self._cookie = "__Host-hesbot" if self._secure else "hesbot"
        self._visit = f"{self._cookie}-from"

    def routes(self) -> Sequence[BaseRoute]:
        return (
            Route("/", self._read, methods=["GET"]),
            Route("/", self._answer, methods=["POST"]),
            Route(NOTICES, self._notify, methods=["POST"]),
            Route("/cikis", self._leave, methods=["POST"]),
            Route(PASSAGE + "{token}", self._offer, methods=["GET"]),
            Route(PASSAGE + "{token}", self._enter, methods=["POST"]),
            Mount("/page", _Assets(directory=str(files("bot.channels") / "page"))),
        )

    async def run(self) -> None:
        """Nothing to do by itself."""

    async def _read(self, request: Request) -> Response:
        if wait := self._places.take(request):
            return self._closed("crowded", wait, 429)
        visitor = self._visitor(request)
        try:
            answer = await self._desk.look(visitor or Address(NAME, ""), NAME)
        except Unavailable as error:
            return self._closed("busy", error.retry_after, 503)
        return self._page(answer, token=OPENED + self._token(), known=visitor is not None)

    async def _answer(self, request: Request) -> Response:
        if not from_here(request.headers, self._address):
            return Response("403", 403, HEADERS)
        body = await read_body(request)
        form = None if body is None else fields_of(body)
        if form is None:
            return Response("413", 413, HEADERS)
        return await self._reply(request, form)

    async def _reply(self, request: Request, form: Mapping[str, str]) -> Response:
        known = self._visitor(request)
        message = form.get("message", "")
        if wait := self._places.take(request):
            return self._held(self._told("crowded"), wait, 429, form, message)
        inbound = Inbound(
            known or Address(NAME, self._token()),
            message if _TOKEN.fullmatch(message) else self._token(),
            decode(form),
            through=NAME,
        )
        heard(inbound)
        try:
            first = known is None or message.startswith(OPENED)
            answer = await self._converse(inbound, first=first)
        except TooFast as error:
            return self._held(error.answer, error.retry_after, 429, form, inbound.message)
        except Unavailable as error:
            unsaved = self._told("unsaved")
            return self._held(unsaved, error.retry_after, 503, form, inbound.message)
        response = await self._said(request, inbound.address, answer, form)
        answered(NAME, len(answer.messages))
        if inbound.address.channel == NAME:
            self._remember(response, self._cookie, inbound.address.id, COOKIE_AGE)
        return response

    async def _converse(self, inbound: Inbound, *, first: bool) -> Answer:
        if not first:
            return await self._desk.receive(inbound)
        # The page has greeted this visitor, though nothing was kept then.
        before = f"before {inbound.message}"
        opened = Inbound(inbound.address, before, Opened(), through=NAME)
        _, answer = await asyncio.gather(self._desk.receive(opened), self._desk.receive(inbound))
        return answer

    async def _notify(self, request: Request) -> Response:
        """What the visitor should know, asked for by the page's script."""
        if not from_here(request.headers, self._address):
            return Response("403", 403, HEADERS)
        body = await read_body(request)
        shown = None if body is None else confirmed(body)
        if shown is None:
            return Response("400", 400, HEADERS)
        if wait := self._places.take(request):
            return Response("429", 429, {**HEADERS, "Retry-After": str(wait)})
        visitor = self._visitor(request)
        try:
            found = Collected() if visitor is None else await self._collect(visitor, shown)
        except Unavailable as error:
            return Response("503", 503, {**HEADERS, "Retry-After": str(error.retry_after)})
        return _json({"messages": bubbles(Answer(found.messages)), "ids": found.ids})

    async def _collect(self, visitor: Address, shown: Collection[int]) -> Collected:
        # A messenger's notices go to the messenger.
        if self._mailbox is None or visitor.channel != NAME:
            return Collected()
        return await self._mailbox.collect(visitor, shown)

    async def _leave(self, request: Request) -> Response:
        if not from_here(request.headers, self._address):
            return Response("403", 403, HEADERS)
        response = RedirectResponse("/", 303, HEADERS)
        for cookie in (self._cookie, self._visit):
            response.delete_cookie(cookie, secure=self._secure, httponly=True, samesite="lax")
        return response

    async def _offer(self, request: Request) -> Response:
        """One press away: what only looks at links, as messengers do, uses none up."""
        words = self._words("")
        go_on = Button(words["go_on"], "", "primary")
        return self._page(
            Answer((Message(words["handover"], (go_on,)),)), action=request.url.path, plain=True
        )

    async def _enter(self, request: Request) -> Response:
        if not from_here(request.headers, self._address):
            return Response("403", 403, HEADERS)
        try:
            token = request.path_params["token"]
            kept = None if self._handover is None else await self._handover.enter(token)
        except Unavailable as error:
            return self._closed("busy", error.retry_after, 503)
        if kept is None:
            over = Message(self._words("")["handover_over"])
            return self._page(Answer((over,)), status=410, plain=True)
        response = RedirectResponse("/", 303, HEADERS)
        self._remember(response, self._visit, kept)
        return response

    def _visitor(self, request: Request) -> Address | None:
        visit = request.cookies.get(self._visit, "")
        if self._handover and visit and (messenger := self._handover.who(visit)):
            return messenger
        token = request.cookies.get(self._cookie, "")
        return Address(NAME, token) if _TOKEN.fullmatch(token) else None

    def _remember(
        self, response: Response, cookie: str, value: str, age: int | None = None
    ) -> None:
        """Until the browser is closed, where no ``age`` in seconds is given."""
        response.set_cookie(
            cookie,
            value,
            max_age=age,
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    async def _said(
        self, request: Request, address: Address, answer: Answer, form: Mapping[str, str]
    ) -> Response:
        if "application/json" not in request.headers.get("accept", ""):
            try:
                notices = await self._collect(address, shown_before(form))
            except Unavailable:
                # The answer is kept already and must not wait for them.
                notices = Collected((), shown_before(form))
            return self._page(answer, echo=_typed(form), known=True, notices=notices)
        return _json(
            {
                "messages": bubbles(answer),
                "token": self._token(),
                "input": awaited(answer),
                "lang": answer.locale,
            }
        )

    def _told(self, word: str) -> Answer:
        """One of the page's own sentences."""
        return Answer((Message(self._words("")[word]),))

    def _closed(self, word: str, retry_after: int, status: int) -> Response:
        """Nothing can be read: a page that comes again by itself."""
        page = self._page(self._told(word), status=status)
        page.headers["Retry-After"] = page.headers["Refresh"] = str(retry_after)
        return page

    def _held(
        self, told: Answer, retry_after: int, status: int, form: Mapping[str, str], token: str
    ) -> Response:
        """Nothing was heard: a page that holds what was said, to be sent again as it was."""
        pick = form.get("pick")
        again = Button(self._words(told.locale)["resend"], pick or "", "primary")
        messages = tuple(
            replace(message, buttons=(again,) if pick else ()) for message in told.messages
        )
        page = self._page(
            replace(told, messages=messages),
            typed=_typed(form),
            token=token,
            status=status,
            notices=Collected((), shown_before(form)),
        )
        page.headers["Retry-After"] = str(retry_after)
        return page

    def _page(
        self,
        answer: Answer,
        *,
        echo: str = "",
        typed: str = "",
        token: str = "",
        status: int = 200,
        known: bool = False,
        notices: Collected = _NO_NOTICES,
        action: str = "/",
        plain: bool = False,
    ) -> Response:
        html = _template().render(
            lang=answer.locale,
            t=self._words(answer.locale),
            demo=self._demo,
            notices=bubbles(Answer(notices.messages)),
            shown=" ".join(map(str, notices.ids)),
            known=known,
            mail=NOTICES,
            messages=bubbles(answer),
            echo=echo,
            typed=typed,
            token=token or self._token(),
            action=action,
            plain=plain,
            input=awaited(answer),
        )
        return HTMLResponse(html, status, HEADERS)


@cache
def _template() -> jinja2.Template:
    source = (files("bot.channels") / "page" / "page.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True, trim_blocks=True).from_string(source)


class _Assets(StaticFiles):
    """The page's own style, script and icon; nothing else of the folder is served."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path not in ASSETS:
            raise HTTPException(404, headers=HEADERS)
        response = await super().get_response(path, scope)
        # A new version of the page must not meet an old script.
        response.headers.update({**HEADERS, "Cache-Control": "no-cache"})
        return response


def decode(form: Mapping[str, str]) -> Event:
    """What the visitor did: pressed a button, or typed something."""
    if "pick" in form:
        return picked(form["pick"]) or _FRESH
    return written(_typed(form))


def confirmed(body: bytes) -> tuple[int, ...] | None:
    """The notices that the page's script says it has shown; None if that cannot be read."""
    try:
        told = json.loads(body)["confirm"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    if not isinstance(told, list) or len(told) > MOST_SHOWN:
        return None
    ids = [each for each in told if type(each) is int and 0 < each <= _LARGEST]
    return tuple(ids) if len(ids) == len(told) else None


def shown_before(form: Mapping[str, str]) -> tuple[int, ...]:
    """The notices that stood on the page this form was sent from."""
    words = form.get("shown", "").split()[:MOST_SHOWN]
    numbers = (int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 20)
    return tuple(number for number in numbers if number <= _LARGEST)


def _json(body: Mapping[str, Any]) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), 200, HEADERS, "application/json")


def _typed(form: Mapping[str, str]) -> str:
    return form.get("text", "")[:LONGEST_TEXT]


def fields_of(body: bytes) -> dict[str, str] | None:
    """The form's fields; None if there are more than the page could send."""
    text = body.decode("utf-8", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}
