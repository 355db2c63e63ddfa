"""From where a request comes, and how much may come from one place.

A place is a network address: a home, an office, or half a city behind its operator's one address.
What is allowed is meant for the last. Where nobody can say from where, nothing is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Protocol

from starlette.requests import HTTPConnection

from bot.pacing import Meter
from bot.settings import Settings, networks_of

Network = IPv4Network | IPv6Network

PREFIX = 64
"""Of an IPv6 address, whose rest one household has for itself (RFC 6177)."""


class Caller(Protocol):
    """Says from where a request comes."""

    def __call__(self, request: HTTPConnection) -> str:
        """An address, "" if nobody can say."""
        ...


class Callers:
    """Believes the connection, and of proxies only the ``trusted`` ones (X-Forwarded-For).

    ``proxied``: there is a proxy, so that without a trusted one everybody seems to come from it.
    """

    def __init__(self, trusted: Sequence[Network] = (), *, proxied: bool = False) -> None:
        self._trusted = tuple(trusted)
        self._proxied = proxied

    def __call__(self, request: HTTPConnection) -> str:
        """An address, "" if nobody can say."""
        peer = _address(request.client.host) if request.client else None
        if peer is None or (self._proxied and not self._trusted):
            return ""
        if not self._is_trusted(peer):
            return _place(peer)
        return self._told(request)

    def _told(self, request: HTTPConnection) -> str:
        """Whom the last proxy that is trusted has seen; what stands before that anybody can say."""
        told = ",".join(request.headers.getlist("x-forwarded-for"))
        for word in reversed(told.split(",")):
            address = _address(word.strip())
            if address is None:
                return ""
            if not self._is_trusted(address):
                return _place(address)
        return ""

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def callers(settings: Settings) -> Callers:
    """As the settings say. Where the world reaches us at another address, a proxy is between."""
    trusted = networks_of(settings.trusted_proxies)
    return Callers(trusted, proxied=settings.public_url is not None)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _place(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), PREFIX), strict=False))


class Places:
    """How much may come from one place. Answers in whole seconds to wait, 0 for none."""

    def __init__(self, caller: Caller, meter: Meter) -> None:
        self._caller = caller
        self._meter = meter

    def take(self, request: HTTPConnection) -> int:
        """Count one request; whether it has to wait."""
        place = self._caller(request)
        return math.ceil(self._meter.take(place)) if place else 0

    def look(self, request: HTTPConnection) -> int:
        """The same without counting it."""
        place = self._caller(request)
        return math.ceil(self._meter.wait(place)) if place else 0
