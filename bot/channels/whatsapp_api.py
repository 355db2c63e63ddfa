"""The line to Twilio's REST API: the SDK's own client on connections of ours.

Knows HTTP and how Twilio refuses; it must not know what a call is about. The SDK's client for
asyncio has no time limit, repeats creates and hides ``Retry-After``; this one has one, never
repeats and tells. Nothing of a request or an answer goes to a log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
import msgspec
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http.response import Response
from twilio.rest import Client

TIMEOUT = 10.0
"""Seconds one call may take."""

CONNECT_TIMEOUT = 5.0
"""Seconds of them for the connection; after these it is certain that nothing was sent."""

REFUSALS = (TwilioRestException, TwilioServiceException)
"""What the SDK raises for an answer of 400 or more; both have ``status`` and ``code``."""

# An environment of our own: TWILIO_EDGE and TWILIO_REGION would change the host of every call.
_NO_ENVIRONMENT = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class Unreached(Exception):
    """There was no connection, so certainly nothing was sent."""


class Unanswered(Exception):
    """The request went out and no usable answer came: whether it was carried out is unknown."""


class Throttled(Exception):
    """HTTP 429: refused for its pace, nothing was done (Twilio error 20429).

    ``retry_after`` is in seconds; 0 if Twilio did not say.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.retry_after = retry_after


class TwilioLine:
    """Twilio's client for one account, for as long as the line is open.

    Use as an async context manager. ``client`` is a ``twilio.rest.Client`` for the ``..._async``
    methods, which raise one of ``REFUSALS`` or ``Unreached``, ``Unanswered`` or ``Throttled``.
    ``timeout`` is seconds for one call.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        api_base: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._account_sid, self._auth_token = account_sid, auth_token
        self._api_base = api_base
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self.client: Any = None

    async def __aenter__(self) -> Self:
        # How many calls run at once is the sender's to say; waiting here would eat the time limit.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=CONNECT_TIMEOUT),
            headers={
                "Authorization": aiohttp.encode_basic_auth(self._account_sid, self._auth_token)
            },
        )
        self.client = Client(
            self._account_sid,
            self._auth_token,
            http_client=_Http(self._session),
            environment=_NO_ENVIRONMENT,
        )
        if self._api_base is not None:
            self.client.api.base_url = self.client.content.base_url = self._api_base
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()


class _Http:
    """What the SDK sends its requests through."""

    is_async = True

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> Response:
        """Make the call once. The rest of what the SDK says is the session's to know."""
        try:
            async with self._session.request(
                method,
                url,
                params=_query(params),
                data=_body(data, headers or {}),
                headers=headers,
                allow_redirects=False,
            ) as response:
                text = (await response.read()).decode(errors="replace")
        except _NOT_SENT as error:
            raise Unreached from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unanswered from error
        if response.status == 429:
            raise Throttled(seconds(response.headers.get("Retry-After", "")))
        if response.ok and text and not _is_object(text):
            raise Unanswered
        return Response(response.status, text, response.headers)


def seconds(retry_after: str) -> float:
    """The value of a ``Retry-After`` header; 0 if it is no number of seconds."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _query(params: Mapping[str, Any] | None) -> list[tuple[str, str]] | None:
    # The SDK gives numbers and truth values too; a parameter without a value is None.
    given = (params or {}).items()
    return [(name, str(value)) for name, value in given if value is not None] or None


def _body(data: Mapping[str, Any] | None, headers: Mapping[str, str]) -> bytes | None:
    if not data:
        return None
    if "json" in headers.get("Content-Type", ""):
        return json.dumps(data).encode()
    return urlencode(data, doseq=True).encode()


def _is_object(text: str) -> bool:
    """Whether it is what the SDK can read; a proxy's page of HTML is not."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        return False
