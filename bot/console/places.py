"""Which pages the console has, where they are and who may open them, in the order of the menu.

Declarations only; what builds a page is in ``pages``, which needs NiceGUI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conversations.broadcasts import Role

EVERYBODY = frozenset(Role)

NOTES: Mapping[int, str] = MappingProxyType(
    {403: "forbidden", 404: "lost", 500: "broken", 503: "busy"}
)
"""What is said instead of a page, by status: ``console.note.<name>`` and its ``.title``."""


@dataclass(frozen=True, slots=True)
class Page:
    """``path`` is below the console's; what stands in braces there is in the request's
    ``path_params``. ``icon`` is a name of Material Icons; without one the page is not in the menu,
    and belongs to the page that its path begins with. The title is ``console.page.<name>``.
    """

    name: str
    path: str
    roles: frozenset[Role] = EVERYBODY
    icon: str = ""


PAGES = (
    Page("overview", "/", icon="space_dashboard"),
    Page("audit", "/denetim", frozenset({Role.AUDITOR}), icon="fact_check"),
    Page("account", "/hesabim", icon="person"),
)
