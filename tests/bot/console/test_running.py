"""The console of a running product: its pages, their sockets, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import chain
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import WSServerHandshakeError

from bot.stopping import GONE as STOP_WITHIN
from tests import homes
from tests.bot.console.desk import Clerk, Keys, clerks, take_on
from tests.faults.processes import Served, hesbot, served

Office = tuple[Served, Clerk, Clerk]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keys, Keys]:
    """A home to be copied, and what its author and its auditor sign in with."""
    home = tmp_path_factory.mktemp("staffed") / "home"

    async def take_on_both() -> tuple[Keys, Keys]:
        author = await take_on(home, "Zeynep Ak", "author")
        return author, await take_on(home, "Derya Su", "auditor")

    return home, *asyncio.run(take_on_both())


@pytest.fixture
async def office(staffed: tuple[Path, Keys, Keys], tmp_path: Path) -> AsyncIterator[Office]:
    """A product, and an author and an auditor who are signed in there."""
    there, author, auditor = staffed
    home = tmp_path / "home"
    homes.copied(there, home)
    async with served(home) as server, clerks(server, 2) as (zeynep, derya):
        await zeynep.enter(author)
        await derya.enter(auditor)
        yield server, zeynep, derya


async def test_pages_go_by_role(office: Office) -> None:
    """The audit is the auditor's; what is not there is nobody's."""
    _, zeynep, derya = office
    assert [(await each.open("/console/")).status for each in (zeynep, derya)] == [200, 200]
    assert [(await each.open("/console/denetim")).status for each in (zeynep, derya)] == [403, 200]
    assert "Bu sayfa size açık değil" in (await zeynep.open("/console/denetim")).html
    assert (await derya.open("/console/yok")).status == 404
    for path in ("/console/", "/console/denetim", "/console/yok"):
        headers = (await derya.open(path)).headers
        assert headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


async def test_a_stranger_gets_no_page_and_no_socket(office: Office) -> None:
    """Without the cookie, or from another site with it, nothing is opened."""
    _, zeynep, _ = office
    client = (await zeynep.open()).client
    stranger = Clerk(zeynep.session, zeynep.base)
    assert (await stranger.open()).status == 303
    for clerk, origin in (
        (stranger, None),
        (zeynep, "https://evil.example"),
        (zeynep, "null"),
        (zeynep, ""),
    ):
        with pytest.raises(WSServerHandshakeError, match="403"):
            await clerk.connect(client, origin)


async def test_only_web_sockets_are_spoken(office: Office) -> None:
    """Long polling, which would carry a page's words over many requests, is off."""
    _, zeynep, _ = office
    path = "/console/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    assert (await zeynep.open(path)).status == 400


async def test_a_page_belongs_to_the_visit_that_opened_it(office: Office) -> None:
    """Another member who knows a page's name can neither take it over nor press its buttons."""
    server, zeynep, derya = office
    hers, theirs = await zeynep.open("/console/hesabim"), await derya.open("/console/hesabim")
    stolen = await derya.connect(hers.client)
    assert (await derya.greet(stolen)).startswith("44")
    socket = await derya.connect(theirs.client)
    assert (await derya.greet(socket)).startswith("40")
    query = {"client_id": hers.client, "tab_id": "x", "document_id": "x"}
    await socket.send_str("421" + json.dumps(["handshake", query]))
    assert await derya.hear(socket, "431") == "431[false]"

    press = "42" + json.dumps(["event", hers.press("link")])
    await socket.send_str(press)
    await socket.send_str("422" + json.dumps(["handshake", query]))
    assert await derya.hear(socket, "432") == "432[false]"
    own = await zeynep.connect(hers.client)
    assert (await zeynep.greet(own)).startswith("40")
    await own.send_str(press)
    assert "/duyuru" in await zeynep.hear(own, '42["update"')
    out, _ = await hesbot(server.home, "audit", "list", "--json")
    asked = [row["who"] for row in json.loads(out) if row["act"] == "staff_link_code"]
    assert asked == ["Zeynep Ak"]


async def test_nothing_can_be_sent_to_anothers_page(office: Office) -> None:
    """A file for a page has to come from its own visit."""
    _, zeynep, derya = office
    client = (await zeynep.open()).client
    assert (await derya.post(f"/console/_nicegui/client/{client}/upload/5")).status == 403
    assert (await zeynep.post(f"/console/_nicegui/client/{client}/upload/5")).status == 404


async def test_an_act_asks_again_who_that_is(office: Office) -> None:
    """Whoever signed out elsewhere is led to the sign-in page instead of being obeyed."""
    server, zeynep, _ = office
    page = await zeynep.open("/console/hesabim")
    socket = await zeynep.connect(page.client)
    await zeynep.greet(socket)
    assert (await zeynep.post("/console/cikis")).status == 303
    await socket.send_str("42" + json.dumps(["event", page.press("link")]))
    assert "/giris" in await zeynep.hear(socket, '42["open"')
    out, _ = await hesbot(server.home, "audit", "list", "--json")
    assert "staff_link_code" not in {row["act"] for row in json.loads(out)}


async def test_it_ends_in_time_with_pages_open(office: Office) -> None:
    """SIGTERM ends the process although browsers hold their sockets; nothing is left behind."""
    server, zeynep, derya = office
    for clerk in (zeynep, derya):
        socket = await clerk.connect((await clerk.open()).client)
        await clerk.greet(socket)
    began = monotonic()
    async with asyncio.timeout(STOP_WITHIN + 1):
        await server.stop()
    assert monotonic() - began < STOP_WITHIN
    assert server.status == 0
    assert server.stderr.read_text() == ""


async def test_it_leaves_nothing_where_it_was_started(office: Office) -> None:
    """No folder of NiceGUI's, neither here nor in the home."""
    server, zeynep, _ = office
    await zeynep.open()
    found = [here.glob(".nicegui*") for here in (Path(), server.home)]
    assert [*chain(*found)] == []
