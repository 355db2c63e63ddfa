"""The Ministry's HES query service for institutions, over real HTTP.

    async with HesService() as service:
        code = service.give("10000000146", "Deniz", "Yılmaz")
        service.mark(code, "RISKY")

``service.base_url`` takes POST ``check-hes-code`` and ``check-hes-codes`` with HTTP Basic. The
service's manual is not public; what clients of it show is followed, and the exact spelling of a
date and the bodies of 401 and 5xx are guesses. Knows nothing of this product.
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Literal, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.serving import hang, serve

MOST_CODES = 500
"""Codes in one bulk query."""
UNLIMITED = datetime(2070, 12, 30, tzinfo=UTC)
"""How a code without an end is shown."""
PATH = "/services/g2g/test/saglik/hes"

NOT_FOUND = "hescodenotfound"
EXPIRED = "hescodehasbeenexpired"

Status = Literal["RISKLESS", "RISKY"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code and whose it is. ``padded`` names come with the trailing space that clients see."""

    identity_number: str
    first_name: str
    last_name: str
    expires: datetime
    status: str = "RISKLESS"
    padded: bool = False

    def json(self) -> dict[str, str]:
        return {
            "expiration_date": self.expiration_date,
            "current_health_status": self.status,
            "masked_identity_number": "********" + self.identity_number[-3:],
            "masked_firstname": self._masked(self.first_name),
            "masked_lastname": self._masked(self.last_name),
        }

    @property
    def expiration_date(self) -> str:
        return self.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _masked(self, name: str) -> str:
        return name.replace("i", "İ").upper()[:2] + "****" + " " * self.padded


class HesService:
    """The service, its codes, and its bad days. A fault serves ``times`` queries."""

    def __init__(
        self,
        user: str = "ibb",
        password: str = "parola",
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.user, self.password = user, password
        self.base_url = ""
        self.log: list[tuple[str, ...]] = []
        """The codes of each query that was let in."""
        self._clock = clock
        self._codes: dict[str, Code] = {}
        self._numbers = count(1)
        self._faults: deque[int | Literal["hang", "nonsense"]] = deque()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        routes = [
            Route(f"{PATH}/check-hes-code", self._check_one, methods=["POST"]),
            Route(f"{PATH}/check-hes-codes", self._check_many, methods=["POST"]),
        ]
        base = await self._stack.enter_async_context(serve(Starlette(routes=routes)))
        self.base_url = base + PATH
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    # --- codes ----------------------------------------------------------------------------------

    def give(
        self,
        identity_number: str,
        first_name: str,
        last_name: str,
        expires: datetime | None = None,
    ) -> str:
        """Invent a code for a person, ten characters without dashes; without ``expires``, for good.

        Every second one has padded names.
        """
        number = next(self._numbers)
        code = f"A{number // 26 % 10}{chr(65 + number % 26)}2{number:06d}"
        self._codes[code] = Code(
            identity_number, first_name, last_name, expires or UNLIMITED, padded=number % 2 == 0
        )
        return code

    def expire(self, code: str) -> None:
        """Let the code's time be over."""
        past = self._clock() - timedelta(days=1)
        self._codes[code] = replace(self._codes[code], expires=past)

    def delete(self, code: str) -> None:
        """The citizen deletes the code; nobody can tell it from one that never was."""
        del self._codes[code]

    def mark(self, code: str, status: Status | str) -> None:
        """Set the health status that the code shows."""
        self._codes[code] = replace(self._codes[code], status=status)

    # --- bad days -------------------------------------------------------------------------------

    def fail(self, status: int = 500, times: int = 1) -> None:
        """Answer with this HTTP status and no useful body."""
        self._faults.extend([status] * times)

    def hang(self, times: int = 1) -> None:
        """Say nothing until the caller gives up."""
        self._faults.extend(["hang"] * times)

    def answer_nonsense(self, times: int = 1) -> None:
        """Answer 200 with a page for people instead of JSON."""
        self._faults.extend(["nonsense"] * times)

    # --- queries --------------------------------------------------------------------------------

    async def _check_one(self, request: Request) -> Response:
        trouble = await self._trouble(request)
        if trouble:
            return trouble
        code = _code(await request.json())
        if code is None:
            return JSONResponse({"message": "Girilen HES Kodu Geçerli Değildir!"}, 400)
        self.log.append((code,))
        error = self._error(code)
        return self._refused(code, error) if error else JSONResponse(self._codes[code].json())

    async def _check_many(self, request: Request) -> Response:
        trouble = await self._trouble(request)
        if trouble:
            return trouble
        asked = await request.json()
        codes = [_code(entry) for entry in asked] if isinstance(asked, list) else [None]
        if None in codes or len(codes) > MOST_CODES:
            return JSONResponse({"message": "Geçersiz istek"}, 400)
        known = tuple(code for code in codes if code)
        self.log.append(known)
        return JSONResponse(self._sorted(known))

    def _sorted(self, codes: tuple[str, ...]) -> dict[str, dict[str, Any]]:
        errors = {code: self._error(code) for code in codes}
        return {
            "success_map": {
                code: self._codes[code].json() for code, error in errors.items() if not error
            },
            "unsuccess_map": {code: error for code, error in errors.items() if error},
        }

    def _error(self, code: str) -> str:
        held = self._codes.get(code)
        if held is None:
            return NOT_FOUND
        return EXPIRED if held.expires <= self._clock() else ""

    def _refused(self, code: str, error: str) -> Response:
        body = {"errorKey": error}
        if error == EXPIRED:
            body["expiration_date"] = self._codes[code].expiration_date
        return JSONResponse(body, 400)

    async def _trouble(self, request: Request) -> Response | None:
        expected = b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return Response(status_code=401)
        if not self._faults:
            return None
        fault = self._faults.popleft()
        if fault == "hang":
            return await hang(request)
        if fault == "nonsense":
            return Response("<html><body>Bakım çalışması</body></html>", media_type="text/html")
        return Response(status_code=int(fault))


def _code(asked: Any) -> str | None:
    """The code of a query, if it has one of ten characters."""
    code = asked.get("hes_code") if isinstance(asked, dict) else None
    return code if isinstance(code, str) and len(code) == 10 else None
