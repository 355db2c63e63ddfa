"""``hesbot broadcast``: from a text in a file to a list of whom it reached."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.notices.exporting import export
from bot.records import open_records
from conversations.actions import LookUpPerson
from conversations.events import Address
from storage import Asked, Broadcasts
from storage.people import People
from storage.staff import Staff
from tests import homes
from tests.bot.commanding import commanded, files, refused, told
from tests.storage.announcing import NOW, Newsroom

NOON = {"HESBOT_NOW": "2021-01-08T12:00+03:00"}
SID = f"HX{'0a' * 16}"
STAFF = {
    "Ayşe": "author",
    "Bora": "approver",
    "Cem": "approver",
    "Derya": "operator",
    "Ece": "auditor",
}


@pytest.fixture(scope="module")
def staffed_home(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where people of every role work, to be copied."""
    home = homes.copied(empty_home, tmp_path_factory.mktemp("staffed") / "home")

    async def hire() -> None:
        for name, role in STAFF.items():
            await told(home, "staff", "add", name, "--role", role)

    asyncio.run(hire())
    return home


@pytest.fixture
def home(staffed_home: Path, tmp_path: Path) -> Path:
    """A home of its own."""
    return homes.copied(staffed_home, tmp_path / "home")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """What is to be said."""
    file = tmp_path / "text.txt"
    file.write_bytes("\ufeffMerhaba {ad}\r\nSon gün: {son_gun}\r\n".encode())
    return file


@asynccontextmanager
async def newsroom(home: Path) -> AsyncIterator[Newsroom]:
    """The records of the home, and short ways to them."""
    async with open_records(homes.settings_in(home)) as records:
        yield Newsroom(records.database, records.vault, Broadcasts(records.audit))


async def did(home: Path, act: str, *words: str, by: str) -> Any:
    """What an act of the staff says as JSON."""
    return await told(home, "broadcast", act, *words, "--by", by, **NOON)


async def new(home: Path, text: Path, *words: str, audience: str = "all") -> str:
    """The number of a new draft."""
    made = await did(
        home, "new", "--text-file", str(text), "--audience", audience, *words, by="Ayşe"
    )
    return str(made["id"])


async def running(home: Path, text: Path, people: int = 4) -> str:
    """The number of one that runs, its deliveries written."""
    async with newsroom(home) as room:
        await room.people(people, first=4200001000)
    id = await new(home, text)
    await did(home, "submit", id, by="Ayşe")
    await did(home, "approve", id, by="Bora")
    await planned(home, id)
    await did(home, "start", id, by="Derya")
    return id


async def planned(home: Path, id: str) -> None:
    """Its deliveries are written, as a worker does."""
    async with newsroom(home) as room:
        async with room.database.read() as conn:
            made = await room.broadcasts.get(conn, int(id))
        await room.plan(made)


async def put(home: Path, id: str, state: str, count: int, **values: Any) -> None:
    """So many of its deliveries came to that."""
    async with newsroom(home) as room:
        async with room.database.read() as conn:
            made = await room.broadcasts.get(conn, int(id))
        await room.put(made, state, count, **values)


async def acts(home: Path) -> list[str]:
    """What the staff did to broadcasts, oldest first."""
    entries = await told(home, "audit", "list", "--limit", "50")
    found = [each["act"] for each in reversed(entries)]
    return [act for act in found if act.startswith("broadcast.")]


# --- its life -------------------------------------------------------------------------------


async def test_the_whole_life(home: Path, text: Path) -> None:
    """From a draft to its cancelling, each step by whoever may do it, each on the audit."""
    id = await running(home, text)
    assert (await did(home, "pause", id, by="Ayşe"))["stage"] == "paused"
    assert (await did(home, "resume", id, by="Derya"))["stage"] == "running"
    assert (await did(home, "cancel", id, "--yes", by="Ayşe"))["stage"] == "cancelled"
    assert await acts(home) == [
        f"broadcast.{act}"
        for act in ("create", "submit", "approve", "start", "pause", "resume", "cancel")
    ]


async def test_a_draft_has_what_was_ordered(home: Path, text: Path, tmp_path: Path) -> None:
    """Every option of it, and all of them anew when it is edited."""
    english = tmp_path / "english.txt"
    english.write_text("Hello {ad}")
    words = (
        "--text-file-en", str(english), "--title", "Son hafta",
        "--channel", "telegram", "--channel", "whatsapp", "--locale", "tr",
        "--template", f"tr={SID}", "--registered-since", "2020-12-01",
        "--code-ends-before", "2021-01-20", "--not-told-days", "3",
        "--urgent", "--resend-unknown", "--failure-limit", "0.1",
        "--start-at", "2021-01-09T10:00",
    )  # fmt: skip
    id = await new(home, text, *words, audience="active")
    made = await told(home, "broadcast", "show", id, **NOON)
    assert made["texts"] == {"tr": "Merhaba {ad}\nSon gün: {son_gun}", "en": "Hello {ad}"}
    assert made["audience"] == {
        "group": "active",
        "channels": ["telegram", "whatsapp"],
        "locales": ["tr"],
        "registered_since": "2020-12-01",
        "code_ends_before": "2021-01-20",
        "not_told_days": 3,
    }
    assert (made["title"], made["templates"]) == ("Son hafta", {"tr": SID})
    assert (made["urgent"], made["resend_unknown"], made["failure_limit"]) == (True, True, 0.1)
    assert (made["starts_at"], made["version"]) == ("2021-01-09T07:00:00+00:00", 1)
    plain = ("--text-file", str(text), "--audience", "all")
    edited = await did(home, "edit", id, *plain, "--version", "1", by="Ayşe")
    assert (edited["version"], edited["audience"]) == (2, {"group": "all"})
    assert (edited["starts_at"], edited["title"]) == (None, "Merhaba {ad}")
    assert "look again" in await refused(
        home, "broadcast", "edit", id, *plain, "--version", "1", "--by", "Ayşe", **NOON
    )


async def test_a_text_can_come_through_a_pipe(home: Path) -> None:
    """And what is said of the draft is one line, without --json."""
    words = ("broadcast", "new", "--text-file", "-", "--audience", "passive", "--by", "ayse")
    done = await commanded(home, *words, stdin="Kartınız {kart_sonu}\n".encode(), **NOON)
    assert (done.exit_code, done.stdout) == (0, "1  draft  Kartınız {kart_sonu}\n")


async def test_the_author_does_not_approve(home: Path, text: Path) -> None:
    """By role, and also when the role is another one since."""
    id = await new(home, text)
    await did(home, "submit", id, by="Ayşe")
    words = ("broadcast", "approve", id, "--by", "Ayşe")
    assert "is author, not approver" in await refused(home, *words, **NOON)
    await told(home, "staff", "role", "Ayşe", "approver")
    assert "Somebody else has to approve" in await refused(home, *words, **NOON)
    assert (await told(home, "broadcast", "show", id, **NOON))["stage"] == "submitted"


async def test_an_urgent_one_wants_two(home: Path, text: Path) -> None:
    """Not the same one twice."""
    id = await new(home, text, "--urgent")
    await did(home, "submit", id, by="Ayşe")
    first = await did(home, "approve", id, by="Bora")
    assert (first["stage"], first["approvals_wanted"]) == ("submitted", 2)
    again = await refused(home, "broadcast", "approve", id, "--by", "Bora", **NOON)
    assert "approved it already" in again
    second = await did(home, "approve", id, "--version", "1", by="Cem")
    assert second["stage"] == "approved"
    assert {each["name"] for each in second["approvals"]} == {"Bora", "Cem"}


async def test_a_returned_one_is_approved_anew(home: Path, text: Path) -> None:
    """The reason is kept on the audit."""
    id = await new(home, text)
    await did(home, "submit", id, by="Ayşe")
    back = await did(home, "return", id, "--why", "Tarih  eksik", by="Bora")
    assert (back["stage"], back["version"]) == ("draft", 2)
    (entry, *_) = await told(home, "audit", "list")
    assert (entry["act"], entry["detail"]["why"]) == ("broadcast.give_back", "Tarih eksik")


async def test_a_later_start_is_waited_for(home: Path, text: Path) -> None:
    """Only a moment that is still to come is one."""
    id = await new(home, text)
    await did(home, "submit", id, by="Ayşe")
    await did(home, "approve", id, by="Bora")
    words = ("broadcast", "start", id, "--by", "Derya", "--at")
    assert "has passed" in await refused(home, *words, "2021-01-08T11:59", **NOON)
    found = await did(home, "start", id, "--at", "2021-01-09", by="Derya")
    assert (found["stage"], found["starts_at"]) == ("scheduled", "2021-01-08T21:00:00+00:00")


async def test_cancelling_asks_first(home: Path, text: Path) -> None:
    """Without a terminal it wants to be told."""
    id = await new(home, text)
    assert "--yes" in await refused(home, "broadcast", "cancel", id, "--by", "Ayşe", **NOON)
    assert (await told(home, "broadcast", "show", id, **NOON))["stage"] == "draft"


async def test_only_what_failed_goes_again(home: Path, text: Path) -> None:
    """What may have gone out only where that is wanted."""
    id = await running(home, text)
    words = ("broadcast", "retry", id, "--by", "Derya")
    assert "reach nobody" in await refused(home, *words, **NOON)
    await put(home, id, "failed", 2)
    await put(home, id, "unknown", 1)
    assert (await did(home, "retry", id, by="Derya"))["count"] == 2
    assert (await did(home, "retry", id, "--unknown", by="Derya"))["count"] == 1


async def test_a_test_goes_to_a_linked_account(home: Path, text: Path) -> None:
    """Whose account is linked gets a delivery of the ledger; who has none is told so."""
    id = await new(home, text)
    words = ("broadcast", "test", id, "--by", "Ayşe")
    assert "Link your Telegram account first" in await refused(home, *words, **NOON)
    code = (await told(home, "staff", "link", "Ayşe"))["code"]
    async with newsroom(home) as room:
        (address,) = await room.people(1)
        async with room.database.begin() as conn:
            linked = await Staff(room.vault).link(conn, code, address, NOW - timedelta(days=9000))
        assert linked is not None
    done = await commanded(home, *words, **NOON)
    assert (done.exit_code, done.stdout.splitlines()[1:]) == (
        0,
        ["is on its way to your own account"],
    )


# --- looking --------------------------------------------------------------------------------


async def test_a_preview_counts_and_says_why_not(home: Path, text: Path) -> None:
    """Per channel, by what is set up here; and each message as it will be read."""
    async with newsroom(home) as room:
        people = await room.people(5)
        await room.people(2, "whatsapp")
        await room.people(1, "web")
        await room.mark(people[0], opted_out_at=NOW)
        await room.mark(people[1], reminders_off_at=NOW)
        await room.mark(people[2], blocked_at=NOW)
    id = await new(home, text)
    telegram = {"TELEGRAM_BOT_TOKEN": f"1234:{'a' * 35}"}
    found = await told(home, "broadcast", "preview", id, **NOON, **telegram)
    assert (found["id"], found["version"], found["total"]) == (int(id), 1, 3)
    assert found["channels"] == {
        "telegram": {"reached": 2, "left_out": {"blocked": 1, "declined": 1, "opted_out": 1}},
        "web": {"reached": 1, "left_out": {}},
        "whatsapp": {"reached": 0, "left_out": {"no_channel": 2}},
    }
    first = found["bubbles"][0]
    assert (first["channel"], first["locale"], first["limit"]) == ("telegram", "tr", 4096)
    assert first["text"].startswith("Merhaba Ayşe Nur\nSon gün: 15 Ocak 2021, Cuma")
    lines = (await commanded(home, "broadcast", "preview", id, **NOON, **telegram)).stdout
    assert "reaches now: 3" in lines
    assert "whatsapp, this channel is not set up here" in lines


async def test_show_tells_how_it_stands(home: Path, text: Path) -> None:
    """Counts, channels, causes with the messenger's code."""
    id = await running(home, text)
    await put(home, id, "sent", 2)
    await put(home, id, "failed", 1, cause="400")
    found = await told(home, "broadcast", "show", id, **NOON)
    assert found.keys() >= {
        "id", "title", "stage", "state", "urgent", "author", "approvals", "audience", "texts",
        "version", "planned", "planned_at", "left_out", "pause_cause", "starts_at", "started_at",
        "ended_at", "progress",
    }  # fmt: skip
    assert (found["stage"], found["state"], found["planned"]) == ("running", "running", 4)
    progress = found["progress"]
    assert (progress["total"], progress["settled"], progress["sent"]) == (4, 3, 2)
    assert progress["outcomes"] == {"failed": 1, "pending": 1, "sent": 2}
    assert progress["failures"] == [
        {"channel": "telegram", "state": "failed", "cause": "400", "count": 1}
    ]
    assert progress["channels"]["telegram"]["limit"] == 25.0
    assert progress["eta_seconds"] == 0.0
    lines = (await commanded(home, "broadcast", "show", id, **NOON)).stdout.splitlines()
    assert lines[0] == f"{id}  being sent  Merhaba {{ad}}"
    assert "approved by Bora (2021-01-08 12:00:00), 1 of 1" in lines
    assert "for everybody" in lines
    assert "planned: 4" in lines
    assert "done: 3 of 4 (75%), sent: 2" in lines
    assert "  telegram, failed: 400  1" in lines


async def test_show_says_why_it_paused_by_itself(home: Path, text: Path) -> None:
    """And who was left out when it was planned."""
    async with newsroom(home) as room:
        (address,) = await room.people(1)
        await room.mark(address, opted_out_at=NOW)
    id = await running(home, text)
    async with newsroom(home) as room, room.database.begin() as conn:
        await room.broadcasts.pause_for(conn, int(id), "0.310 telegram 403", NOW)
    found = await told(home, "broadcast", "show", id, **NOON)
    assert (found["pause_cause"], found["left_out"]) == (
        "0.310 telegram 403",
        {"telegram": {"opted_out": 1}},
    )
    lines = (await commanded(home, "broadcast", "show", id, **NOON)).stdout
    assert "paused by itself: 31% failed; on telegram: 403" in lines
    assert "telegram, wants no messages" in lines


async def test_following_ends_with_it(home: Path, text: Path) -> None:
    """It waits until the broadcast has ended, and then says how."""
    id = await running(home, text)
    following = asyncio.create_task(
        commanded(home, "broadcast", "show", id, "--follow", "--json", **NOON)
    )
    await put(home, id, "sent", 4)
    async with newsroom(home) as room, room.database.begin() as conn:
        assert await room.broadcasts.finish(conn, int(id), NOW)
    assert json.loads((await following).stdout)["stage"] == "finished"


async def test_a_list_is_newest_first(home: Path, text: Path) -> None:
    """All of them, those of a stage, or those before one."""
    one = int(await new(home, text))
    two = int(await new(home, text, "--title", "İkinci"))
    await did(home, "submit", str(one), by="Ayşe")
    assert [each["id"] for each in await told(home, "broadcast", "list")] == [two, one]
    for words, ids in (
        (("--stage", "submitted"), [one]),
        (("--stage", "draft", "--stage", "submitted"), [two, one]),
        (("--before", str(two)), [one]),
        (("--limit", "1"), [two]),
    ):
        assert [each["id"] for each in await told(home, "broadcast", "list", *words)] == ids
    lines = (await commanded(home, "broadcast", "list")).stdout.splitlines()
    assert lines == [f"{two}  draft  İkinci", f"{one}  waiting for approval  Merhaba {{ad}}"]


# --- the list of recipients -----------------------------------------------------------------


async def test_an_export_shows_nobody(home: Path, text: Path, tmp_path: Path) -> None:
    """Masked, safe in a spreadsheet, for its owner's eyes, and on the audit."""
    phone = Asked(Address("telegram", "+905320000021"), LookUpPerson(), NOW, "tr")
    async with newsroom(home) as room, room.database.begin() as conn:
        await People(room.vault).keep_senders(conn, [phone])
    id = await running(home, text, people=2)
    await put(home, id, "failed", 1, cause="=1+1", sent_at=NOW)
    out = tmp_path / "list.csv"
    done = await did(home, "export", id, "--out", str(out), by="Ece")
    assert done == {"id": int(id), "count": 3, "file": str(out)}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    content = out.read_bytes()
    assert content.startswith("\ufeffid,channel,address,".encode())
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["address"] for row in rows] == [
        "'+90 532 ••• •• 21",
        "••••••00",
        "••••••01",
    ]
    assert (rows[0]["state"], rows[0]["cause"], rows[0]["language"]) == ("failed", "'=1+1", "tr")
    assert rows[0]["sent_at"] == "2021-01-08T09:00:00+00:00"
    assert b"532000" not in content
    assert (await acts(home))[-1] == "broadcast.export"
    printed = await commanded(home, "broadcast", "export", id, "--out", "-", "--by", "Ece", **NOON)
    assert printed.stdout_bytes == content
    assert printed.stderr == "3 recipients\n"


async def test_an_export_goes_page_by_page(home: Path, text: Path) -> None:
    """And tells how far it is after each."""
    id = await running(home, text, people=5)
    far: list[tuple[int, int]] = []
    lines: list[str] = []
    async with newsroom(home) as room:
        count = await export(
            room.database, room.vault, int(id), lines.append, lambda *step: far.append(step), 2
        )
    assert (count, far) == (5, [(2, 5), (4, 5), (5, 5)])
    assert len(lines) == 4


# --- what cannot be done --------------------------------------------------------------------

NEW = ("--audience", "all", "--by", "Ayşe")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "text is empty"),
        (b" \n", "text is empty"),
        (b"Merhaba {isim}", "{isim} is not a known placeholder; there are {ad}"),
        (b"Merhaba {ad", "brace"),
        (b"Kart {kart_sonu}", "{kart_sonu} needs a card"),
        (b"Merhaba \x1b[2J", "nobody can see"),
        (b"a" * 905, "905 signs; on these channels one message holds 904"),
        (b"Merhaba \xff", "not text in UTF-8"),
        (b"Merhaba \0", "not text in UTF-8"),
        (b"a" * 70_000, "longer than any message"),
    ],
)
async def test_a_text_that_cannot_be_sent(
    home: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    """One line says what is the matter, and nothing is kept."""
    file = tmp_path / "text.txt"
    file.write_bytes(content)
    line = await refused(home, "broadcast", "new", "--text-file", str(file), *NEW, **NOON)
    assert said in line
    assert await told(home, "broadcast", "list") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--audience", "everybody"), "--audience: one of all, unfinished, active"),
        (("--channel", "pigeon"), "the channel"),
        (("--locale", "xx"), "the language"),
        (("--template", "tr"), "--template"),
        (("--template", "tr=HX12"), "the WhatsApp template"),
        (("--template", f"en={SID}"), "the WhatsApp template"),
        (("--text", "en=/nowhere/text"), "/nowhere/text: No such file"),
        (("--text-file-en", "/"), "/: is a folder"),
        (("--text", "tr=-"), "each language once"),
        (("--text", "xx=TEXT"), "the language"),
        (("--text-file", "-", "--text-file-en", "-"), "only one text"),
        (("--registered-since", "yesterday"), "--registered-since: a day"),
        (("--registered-since", "0001-01-01"), "--registered-since: a day of 2020"),
        (("--code-ends-before", "2021-02-30"), "--code-ends-before"),
        (("--not-told-days", "-1"), "--not-told-days"),
        (("--not-told-days", "0"), "--not-told-days"),
        (("--not-told-days", "400"), "1 to 365"),
        (("--failure-limit", "much"), "--failure-limit"),
        (("--failure-limit", "nan"), "--failure-limit"),
        (("--failure-limit", "0"), "the failure limit"),
        (("--start-at", "soon"), "--start-at"),
        (("--start-at", "2021-01-08T11:00"), "has passed"),
        (("--by", "Fatma"), "nobody here is called Fatma"),
        (("--by", "Bora"), "Bora is approver, not author"),
    ],
)
async def test_what_else_cannot_be_ordered(
    home: Path, text: Path, words: tuple[str, ...], said: str
) -> None:
    """One line says what is the matter, and nothing is kept."""
    given = [word.replace("TEXT", str(text)) for word in words]
    line = await refused(home, "broadcast", "new", "--text-file", str(text), *NEW, *given, **NOON)
    assert said in line
    assert await told(home, "broadcast", "list") == []


@pytest.mark.parametrize(
    "act",
    ["submit", "approve", "start", "pause", "resume", "cancel", "retry", "test", "return"],
)
async def test_an_act_wants_its_role_its_stage_and_a_broadcast(
    home: Path, text: Path, act: str
) -> None:
    """An auditor does none of them; nobody does one to what is cancelled, or is not there."""
    more = {"cancel": ("--yes",), "return": ("--why", "Eksik")}.get(act, ())
    id = await new(home, text)
    await did(home, "cancel", id, "--yes", by="Ayşe")
    words = ("broadcast", act)
    assert "is auditor, not" in await refused(home, *words, id, *more, "--by", "Ece", **NOON)
    by = "Ayşe" if act == "submit" else "Bora"
    said = await refused(home, *words, id, *more, "--by", by, **NOON)
    assert said == "hesbot: This cannot be done to the broadcast as it stands: cancelled."
    said = await refused(home, *words, "99", *more, "--by", by, **NOON)
    assert said == "hesbot: There is no broadcast of that number."
    assert (await acts(home))[-1] == "broadcast.cancel"


@pytest.mark.parametrize("id", ["x", "0", "-- -1", "2147483648", "9" * 30, "²", ""])
async def test_a_number_that_is_none(home: Path, id: str) -> None:
    """Whatever is asked for."""
    for act in ("show", "preview"):
        line = await refused(home, "broadcast", act, *(id.split() or [""]))
        assert "a number is wanted" in line


async def test_looking_for_what_is_not_there(home: Path, tmp_path: Path) -> None:
    """Nothing is written either."""
    none = "hesbot: There is no broadcast of that number."
    assert await refused(home, "broadcast", "show", "7") == none
    assert await refused(home, "broadcast", "preview", "7") == none
    out = tmp_path / "list.csv"
    words = ("broadcast", "export", "7", "--out")
    assert await refused(home, *words, str(out), "--by", "Ece") == none
    assert "nobody here" in await refused(home, *words, str(out), "--by", "Fatma")
    assert "is a folder" in await refused(home, *words, str(tmp_path), "--by", "Ece")
    assert "--json" in await refused(home, *words, "-", "--by", "Ece", "--json")
    assert not [name for name in files(tmp_path) if "list.csv" in name]
    assert "--stage: one of draft" in await refused(home, "broadcast", "list", "--stage", "done")


@pytest.mark.sqlite("a home without its file is a new one, and a server never is")
async def test_where_nothing_is_on_record(tmp_path: Path, text: Path) -> None:
    """No home is made by asking."""
    home = tmp_path / "nowhere"
    assert "nothing is on record" in await refused(home, "broadcast", "show", "1")
    assert "nothing is on record" in await refused(home, "broadcast", "pause", "1", "--by", "A")
    line = await refused(home, "broadcast", "new", "--text-file", str(text), *NEW)
    assert "hesbot staff add" in line
    assert await told(home, "broadcast", "list") == []
    assert not home.exists()


@pytest.mark.parametrize("why", ["", "  ", "a" * 501])
async def test_a_return_wants_a_reason(home: Path, text: Path, why: str) -> None:
    id = await new(home, text)
    words = ("broadcast", "return", id, "--by", "Bora", "--why", why)
    assert "--why" in await refused(home, *words, **NOON)
