"""Which pages the console has, where they are and who may open them, in the order of the menu.

Declarations only; what builds a page is in ``pages``, which needs NiceGUI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from conversations.broadcasts import RIGHTS, Act, Role

EVERYBODY = frozenset(Role)
OPERATORS = frozenset({Role.OPERATOR})

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
    Page("broadcasts", "/duyurular", icon="campaign"),
    Page("broadcast_new", "/duyurular/yeni", RIGHTS[Act.WRITE]),
    Page("broadcast", "/duyurular/{id:int}"),
    Page("broadcast_write", "/duyurular/{id:int}/yaz", RIGHTS[Act.WRITE]),
    Page("feeds", "/yuklemeler", OPERATORS, icon="upload_file"),
    Page("citizen", "/yolcu", OPERATORS, icon="person_search"),
    Page("audit", "/denetim", frozenset({Role.AUDITOR}), icon="fact_check"),
    Page("account", "/hesabim", icon="person"),
)

ACTS = (
    "sign_in",
    "sign_in_refused",
    "sign_out",
    "lock_out",
    "staff_add",
    "staff_role",
    "staff_reset",
    "staff_leave",
    "staff_link_code",
    "keys_rotate",
    "keys_retire",
    "look",
    "broadcast.create",
    "broadcast.write",
    "broadcast.test",
    "broadcast.submit",
    "broadcast.give_back",
    "broadcast.approve",
    "broadcast.start",
    "broadcast.pause",
    "broadcast.resume",
    "broadcast.cancel",
    "broadcast.retry",
    "broadcast.finish",
    "broadcast.export",
    "feed.risks",
    "feed.cards",
    "feed.bad_lines",
    "citizen.export",
    "citizen.erase",
)
"""Acts of the audit that have words, ``console.act.<act>``; others are shown by their names."""


def roles_of(name: str) -> frozenset[Role]:
    """Who may open the page, and hence do what can be done there."""
    return next(page.roles for page in PAGES if page.name == name)


def path_of(name: str) -> str:
    """Where the page is, below the console."""
    return next(page.path for page in PAGES if page.name == name)
