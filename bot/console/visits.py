"""Who is at the console: the cookie, the visit behind it, and what a request says of its origin.

Knows no page and no NiceGUI.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from bot.channels.http import from_here, is_ours
from storage.staff import Member

PATH = "/console"
SIGN_IN = f"{PATH}/giris"
SIGN_OUT = f"{PATH}/cikis"
LOOK = f"{PATH}/gorunum"
STYLE = f"{PATH}/stil"

_HERE = "hesbot.signed_in"
"""Where the guard puts the visit into an ASGI scope."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}", re.ASCII)
_WAY = re.compile(rf"{PATH}/[\w/?&=.,%+:-]*", re.ASCII)


class Who(Protocol):
    """Whose session a token opens, if it still does."""

    async def __call__(self, token: str, *, seen: bool = True) -> Member | None:
        """``seen``: that is a sign of life. Raise Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody of the staff who is signed in; ``token`` is what their cookie holds."""

    member: Member
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Badge:
    """The cookie that holds a visit's token, and where we are reached.

    ``address`` is our own, as the world writes it: ``https://hes.example.org``.
    """

    address: str

    @property
    def secure(self) -> bool:
        return self.address.startswith("https://")

    @property
    def name(self) -> str:
        return "__Secure-hesbot_staff" if self.secure else "hesbot_staff"

    def token(self, connection: HTTPConnection) -> str | None:
        """What the cookie holds; None if that cannot be a token of ours."""
        token = connection.cookies.get(self.name, "")
        return token if _TOKEN.fullmatch(token) else None

    def from_here(self, headers: Headers) -> bool:
        """Whether nothing says that another site sent this."""
        return from_here(headers, self.address)

    def is_ours(self, origin: str, headers: Headers) -> bool:
        """Whether a page of that origin is one of ours."""
        return is_ours(origin, headers, self.address)


def sign(scope: Scope, visit: SignedIn) -> None:
    """For whoever is behind the guard."""
    scope[_HERE] = visit


def signed_in(scope: Scope) -> SignedIn | None:
    """The visit that a request or a socket belongs to."""
    visit = scope.get(_HERE)
    return visit if isinstance(visit, SignedIn) else None


def same_visit(one: Scope, other: Scope) -> bool:
    """Whether both belong to one and the same visit."""
    a, b = signed_in(one), signed_in(other)
    return a is not None and b is not None and hmac.compare_digest(a.token, b.token)


def way_back(path: str) -> str:
    """A page of the console to go on to; the first one if it is anything else."""
    safe = _WAY.fullmatch(path) and "//" not in path and ".." not in path
    return path if safe else f"{PATH}/"
