"""A customer's two webhooks for Twilio, which check every signature and answer as they are told.

Here so that the stand-in itself can be tested; knows nothing of this product.
"""

from __future__ import annotations

from collections import deque

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from tests.fakes.serving import hang, hang_up
from tests.fakes.twilio import AUTH_TOKEN

PUBLIC = "https://bot.example.com"
WEBHOOK = f"{PUBLIC}/whatsapp?from=twilio"
STATUS = f"{PUBLIC}/whatsapp/status?d=7"


class Listener:
    """A customer's webhooks: ``heard`` and ``statuses`` are the forms that were signed rightly."""

    def __init__(self) -> None:
        self.heard: list[dict[str, str]] = []
        self.statuses: list[dict[str, str]] = []
        self.answers: deque[Response | str] = deque()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/whatsapp", self.receive, methods=["POST"]),
                Route("/whatsapp/status", self.note, methods=["POST"]),
            ]
        )

    async def receive(self, request: Request) -> Response:
        self.heard.append(await _signed(request))
        answer = self.answers.popleft() if self.answers else Response()
        if isinstance(answer, str):
            return await (hang if answer == "hang" else hang_up)(request)
        return answer

    async def note(self, request: Request) -> Response:
        self.statuses.append(await _signed(request))
        return Response()


async def _signed(request: Request) -> dict[str, str]:
    form = {name: str(value) for name, value in (await request.form()).items()}
    url = f"{PUBLIC}{request.url.path}?{request.url.query}"
    signature = request.headers["x-twilio-signature"]
    assert RequestValidator(AUTH_TOKEN).validate(url, form, signature)
    return form


def twiml(*texts: str) -> Response:
    answer = MessagingResponse()
    for text in texts:
        answer.message(text)
    return Response(str(answer), media_type="text/xml")
