"""Twilio's Content API: texts that are kept, their approval by WhatsApp, and what they come out as.

Knows the platform's rules (types, lengths, variables, approval) and nothing of this product. It is
a part of ``TwilioApi``, which sends what is kept here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.twilio_rules import Refusal

UNKNOWN_CONTENT = 21655
BAD_VARIABLES = 21656
TOO_LONG = 21617
MAX_BODY = {"twilio/text": 1600, "twilio/quick-reply": 1024, "twilio/list-picker": 1024}
MAX_TEMPLATE = 1024
SESSION_BUTTONS, SESSION_ITEMS = 3, 10

_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_NAME = re.compile(r"[a-z0-9_]{1,512}")


@dataclass
class Content:
    """A text that is kept. ``status`` is WhatsApp's word on it (unsubmitted at first)."""

    sid: str
    friendly_name: str
    language: str
    variables: Mapping[str, str]
    types: Mapping[str, Any]
    name: str = ""
    category: str = ""
    status: str = "unsubmitted"
    rejection_reason: str = ""

    @property
    def kind(self) -> str:
        return next(iter(self.types))

    @property
    def type(self) -> Mapping[str, Any]:
        return dict(self.types[self.kind])

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Of each button its id and its title, with their variables."""
        buttons = [(each["id"], each["title"]) for each in self.type.get("actions") or ()]
        return buttons + [(each["id"], each["item"]) for each in self.type.get("items") or ()]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a person sees of a content: its text, its buttons (id and title), and of which kind."""

    body: str
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "twilio/text"


@dataclass
class ContentApi:
    """All that one account keeps. ``decide`` is WhatsApp: what it says of a submitted template."""

    authenticate: Callable[[Request], None]
    kept: dict[str, Content] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    script: list[int] = field(default_factory=list)
    """Statuses with which the next requests are refused; 0 lets one through."""
    decide: Callable[[Content], str] = lambda _content: "received"
    page: int = 50
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def routes(self) -> list[Route]:
        content = "/v1/Content"
        return [
            Route(content, self._answer(self._list), methods=["GET"]),
            Route(content, self._answer(self._create), methods=["POST"]),
            Route(f"{content}/{{sid}}", self._answer(self._fetch), methods=["GET"]),
            Route(f"{content}/{{sid}}/ApprovalRequests", self._answer(self._approval)),
            Route(
                f"{content}/{{sid}}/ApprovalRequests/whatsapp",
                self._answer(self._submit),
                methods=["POST"],
            ),
        ]

    def keep(
        self,
        body: str,
        *,
        sid: str = "",
        name: str = "a_template",
        status: str = "approved",
        samples: Mapping[str, str] | None = None,
    ) -> str:
        """Put a text there past the API; its ContentSid."""
        sid = sid or self._sid()
        types = {"twilio/text": {"body": body}}
        self.kept[sid] = Content(sid, name, "tr", samples or {}, types, name, status=status)
        return sid

    def named(self, beginning: str) -> list[Content]:
        """What is kept under names that begin so."""
        return [each for each in self.kept.values() if each.friendly_name.startswith(beginning)]

    def review(self, status: str, reason: str = "") -> None:
        """WhatsApp decides on everything that waits."""
        for content in self.kept.values():
            if content.status in {"received", "pending"}:
                content.status, content.rejection_reason = status, reason

    def render(self, sid: str, variables: str) -> Rendered:
        """What becomes of a create with that ContentSid; Refusal if Twilio would refuse it."""
        content = self.kept.get(sid)
        if content is None:
            raise Refusal(400, UNKNOWN_CONTENT)
        given = _variables(variables)
        told = {**content.variables, **given}
        body = _filled(str(content.type["body"]), told)
        if len(body) > MAX_BODY[content.kind]:
            raise Refusal(400, TOO_LONG)
        choices = tuple((_filled(id, told), _filled(title, told)) for id, title in content.choices)
        return Rendered(body, choices, content.kind)

    def may_go(self, sid: str, *, in_window: bool) -> bool:
        """Whether WhatsApp lets it through: outside the window only what it has approved."""
        content = self.kept[sid]
        if not in_window:
            return content.status == "approved"
        limit = SESSION_ITEMS if content.kind == "twilio/list-picker" else SESSION_BUTTONS
        return content.status == "approved" or len(content.choices) <= limit

    # --- requests -------------------------------------------------------------------------------

    def _answer(self, work: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            self.calls.append((request.method, request.url.path))
            try:
                if status := self.script.pop(0) if self.script else 0:
                    raise Refusal(status, 20429 if status == 429 else 20500)
                self.authenticate(request)
                told: Response = await work(request)
            except Refusal as refusal:
                return JSONResponse(refusal.body, refusal.status)
            return told

        return answer

    async def _list(self, request: Request) -> Response:
        size = min(int(request.query_params.get("PageSize", self.page)), self.page)
        page = int(request.query_params.get("Page", 0))
        found = list(self.kept.values())
        shown = found[page * size : (page + 1) * size]
        base = str(request.url.replace(query=""))
        more = (page + 1) * size < len(found)
        return JSONResponse(
            {
                "meta": {
                    "key": "contents",
                    "page": page,
                    "page_size": size,
                    "first_page_url": f"{base}?PageSize={size}&Page=0",
                    "next_page_url": f"{base}?PageSize={size}&Page={page + 1}" if more else None,
                    "previous_page_url": None,
                    "url": str(request.url),
                },
                "contents": [_as_resource(content) for content in shown],
            }
        )

    async def _create(self, request: Request) -> Response:
        asked = await request.json()
        types = {name: told for name, told in (asked.get("types") or {}).items() if told}
        if not types or not asked.get("language") or not types.keys() <= MAX_BODY.keys():
            raise Refusal(400, 92001)
        content = Content(
            self._sid(), asked["friendly_name"], asked["language"], asked["variables"] or {}, types
        )
        _check(content)
        self.kept[content.sid] = content
        return JSONResponse(_as_resource(content), 201)

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(_as_resource(self._found(request)))

    async def _approval(self, request: Request) -> Response:
        content = self._found(request)
        return JSONResponse(
            {"sid": content.sid, "account_sid": "", "url": "", "whatsapp": _as_approval(content)}
        )

    async def _submit(self, request: Request) -> Response:
        content, asked = self._found(request), await request.json()
        taken = {each.name for each in self.kept.values() if each.status != "unsubmitted"}
        if not _NAME.fullmatch(asked["name"]) or asked["name"] in taken:
            raise Refusal(400, 92004)
        if content.kind == "twilio/list-picker" or asked["category"] not in {
            "UTILITY",
            "MARKETING",
            "AUTHENTICATION",
        }:
            raise Refusal(400, 92003)
        content.name, content.category = asked["name"], asked["category"]
        content.status = self.decide(content)
        return JSONResponse(_as_approval(content), 201)

    def _found(self, request: Request) -> Content:
        content = self.kept.get(request.path_params["sid"])
        if content is None:
            raise Refusal(404, 20404)
        return content

    def _sid(self) -> str:
        return f"HX{next(self._numbers):032x}"


def _check(content: Content) -> None:
    """Refuse what Twilio refuses of a new text."""
    choices, kind = content.choices, content.kind
    is_list = kind == "twilio/list-picker"
    longest = 24 if is_list else 20
    allowed = {"twilio/text": (0, 0), "twilio/quick-reply": (1, 10)}.get(kind, (1, 10))
    if not (
        0 < len(str(content.type.get("body") or "")) <= MAX_BODY[kind]
        and allowed[0] <= len(choices) <= allowed[1]
        and all(0 < len(title) <= longest and 0 < len(id) <= 200 for id, title in choices)
        and len({id for id, _ in choices}) == len(choices)
        and (not is_list or 0 < len(content.type.get("button") or "") <= 20)
    ):
        raise Refusal(400, 92002)
    used = set(_VARIABLE.findall(json.dumps(content.types)))
    if not used <= content.variables.keys() or not all(content.variables.values()):
        raise Refusal(400, BAD_VARIABLES)


def _variables(text: str) -> dict[str, str]:
    """What was given, if Twilio takes it (21656): a flat JSON object, every value one line."""
    try:
        given = json.loads(text or "{}")
    except ValueError:
        raise Refusal(400, BAD_VARIABLES) from None
    lines = isinstance(given, dict) and all(
        isinstance(value, str) and value.strip() and not re.search(r"[\n\r\t]| {5}", value)
        for value in given.values()
    )
    if not lines or len(given) > 100:
        raise Refusal(400, BAD_VARIABLES)
    return dict(given)


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: variables[found[1]], text)


def _as_resource(content: Content) -> dict[str, Any]:
    return {
        "sid": content.sid,
        "account_sid": "",
        "friendly_name": content.friendly_name,
        "language": content.language,
        "variables": dict(content.variables),
        "types": dict(content.types),
        "date_created": "2021-01-08T09:00:00Z",
        "date_updated": "2021-01-08T09:00:00Z",
        "url": f"https://content.twilio.com/v1/Content/{content.sid}",
        "links": {},
    }


def _as_approval(content: Content) -> dict[str, Any]:
    return {
        "name": content.name,
        "category": content.category,
        "content_type": content.kind,
        "status": content.status,
        "rejection_reason": content.rejection_reason,
        "allow_category_change": True,
    }
