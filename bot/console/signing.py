"""The way in and out: name, password and one-time code; and how the console is to look.

Plain pages without a script, which work before anything heavy is loaded. Knows no page behind the
guard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Protocol
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bot.callers import Caller
from bot.channels.http import read_body
from bot.console import door, look
from bot.console.look import Look
from bot.console.visits import LOOK, PATH, SIGN_IN, SIGN_OUT, STYLE, Badge, way_back
from bot.staff.doors import LockedOut, Refused
from bot.wording_numbers import moment
from conversations.replies import Param
from storage import Unavailable
from storage.staff import Member

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONGEST = 200
"""Characters of a field that are looked at."""
MOST_FIELDS = 10
ASSETS = frozenset(
    {"broadcasts.css", "console.css", "desk.css", "door.css", "palette.css", "upload.js"}
)

DOOR_WORDS = (
    "title",
    "lead",
    "name",
    "password",
    "code",
    "code_hint",
    "enter",
    "honest",
)
"""The sentences that always stand on the sign-in page, in the catalogues under ``console.door.``"""

Say = Callable[[str, str, Mapping[str, Param]], str]
"""A sentence of ``console.door.`` by its name, in a language, with what stands in it."""

Trouble = tuple[str, Mapping[str, Param]]
"""Why nobody was let in: the sentence's name and what stands in it."""


class Doors(Protocol):
    """Decides who comes in."""

    async def enter(self, name: str, password: str, code: str, client: str = "") -> str:
        """A fresh token. Raise Refused, LockedOut or Unavailable."""
        ...

    async def who(self, token: str, *, seen: bool = True) -> Member | None:
        """Whose session a token opens. Raise Unavailable."""
        ...

    async def leave(self, token: str) -> None:
        """The token opens nothing more. Raise Unavailable."""
        ...


class Signing:
    """The sign-in page and what belongs to it. ``locales`` have their names, the reference first.

    ``caller`` says from where somebody calls.
    """

    def __init__(
        self,
        doors: Doors,
        badge: Badge,
        say: Say,
        locales: Mapping[str, str],
        *,
        caller: Caller,
    ) -> None:
        self._caller = caller
        self._doors = doors
        self._badge = badge
        self._say = say
        self._locales = locales

    def routes(self) -> Sequence[BaseRoute]:
        return (
            Route(PATH, self._to_the_first_page, methods=["GET"]),
            Route(SIGN_IN, self._show, methods=["GET"]),
            Route(SIGN_IN, self._enter, methods=["POST"]),
            Route(SIGN_OUT, self._leave, methods=["POST"]),
            Route(LOOK, self._set_look, methods=["GET"]),
            Mount(STYLE, _Assets(directory=str(files("bot.console") / "style"))),
        )

    async def _to_the_first_page(self, _request: Request) -> Response:
        return RedirectResponse(f"{PATH}/", 303, HEADERS)

    async def _show(self, request: Request) -> Response:
        return self._page(request, self._look(request), request.query_params.get("sonra", ""))

    async def _enter(self, request: Request) -> Response:
        if not self._badge.from_here(request.headers):
            return Response("403", 403, HEADERS)
        body = await read_body(request)
        form = None if body is None else _fields(body)
        if form is None:
            return Response("413", 413, HEADERS)
        seen, after = self._look(request), form.get("sonra", "")
        name, password, code = (form.get(field, "") for field in ("ad", "parola", "kod"))
        try:
            token = await self._doors.enter(name, password, code, self._caller(request))
        except LockedOut as locked:
            trouble: Trouble = ("locked", {"until": moment(locked.until, seen.locale)})
            return self._page(request, seen, after, trouble=trouble, status=429)
        except Refused:
            return self._page(request, seen, after, trouble=("refused", {}), status=403)
        except Unavailable:
            return self._page(request, seen, after, trouble=("busy", {}), status=503)
        await self._end_visit(request)
        response = RedirectResponse(way_back(after), 303, HEADERS)
        response.set_cookie(
            self._badge.name,
            token,
            path=PATH,
            secure=self._badge.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _leave(self, request: Request) -> Response:
        if not self._badge.from_here(request.headers):
            return Response("403", 403, HEADERS)
        try:
            await self._end_visit(request)
        except Unavailable:
            return Response("503", 503, {**HEADERS, "Retry-After": "5"})
        response = RedirectResponse(SIGN_IN, 303, HEADERS)
        response.delete_cookie(
            self._badge.name,
            path=PATH,
            secure=self._badge.secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _end_visit(self, request: Request) -> None:
        """What the browser held until now opens nothing more."""
        if token := self._badge.token(request):
            await self._doors.leave(token)

    async def _set_look(self, request: Request) -> Response:
        """Keep a language or a theme and go back to where that was chosen."""
        asked = request.query_params
        response = RedirectResponse(way_back(asked.get("sonra", "")), 303, HEADERS)
        if not self._badge.from_here(request.headers):
            return response
        if (locale := asked.get("dil", "")) in self._locales:
            self._keep(response, look.LANGUAGE, locale)
        if asked.get("renk"):
            self._keep(response, look.THEME, look.theme(asked["renk"]))
        return response

    def _keep(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name,
            value,
            path=PATH,
            max_age=look.AGE,
            secure=self._badge.secure,
            httponly=True,
            samesite="lax",
        )

    def _look(self, request: Request) -> Look:
        seen = look.look(request.cookies, tuple(self._locales))
        locale = request.query_params.get("dil", "")
        return Look(locale, seen.theme) if locale in self._locales else seen

    def _page(
        self,
        request: Request,
        seen: Look,
        after: str,
        *,
        trouble: Trouble | None = None,
        status: int = 200,
    ) -> Response:
        others = (each for each in self._locales if each != seen.locale)
        other = next(others, seen.locale)
        html = door.sign_in(
            seen,
            {name: self._say(name, seen.locale, {}) for name in DOOR_WORDS},
            self._say(trouble[0], seen.locale, trouble[1]) if trouble else "",
            way_back(after),
            (other, self._locales[other]),
        )
        response = HTMLResponse(html, status, HEADERS)
        if request.query_params.get("dil") == seen.locale:
            self._keep(response, look.LANGUAGE, seen.locale)
        return response


class _Assets(StaticFiles):
    """The styles; nothing else of the folder is served."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path not in ASSETS:
            raise HTTPException(404, headers=HEADERS)
        response = await super().get_response(path, scope)
        response.headers.update({**HEADERS, "Cache-Control": "no-cache"})
        return response


def _fields(body: bytes) -> dict[str, str] | None:
    """The form's fields; None if there are more than the page could send."""
    text = body.decode("utf-8", "replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return None
    return {name: values[0][:LONGEST] for name, values in fields.items()}
