"""``hesbot citizen`` as its operator meets it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.bot.commanding import commanded, files, refused, told
from tests.faults.processes import hesbot

NUMBER, OTHER = "10000000146", "17291716060"
TALK = (
    "merhaba\nkabul ediyorum\nAyşe\nYılmaz\n10000000146\n01.02.1960\nyok\n7301 2345 6789 0123\n"
    "0532 000 00 21\nA1B2-3456-78\nevet\nonaylıyorum\n"
)


async def test_a_request_on_paper_is_met(tmp_path: Path) -> None:
    """All that is held; then it is gone, and the audit says who did both, not to whom."""
    await hesbot(tmp_path, "chat", lines=TALK)
    found = await told(tmp_path, "citizen", "export", "--tckn", NUMBER)
    assert found["person"]["identity_number"] == NUMBER
    assert found["cards"][0]["number"] == "7301234567890123"
    assert [each["channel"] for each in found["addresses"]] == ["terminal"]
    erased = await told(tmp_path, "citizen", "erase", "--tckn", NUMBER, "--yes")
    assert (erased["erased"]["people"], erased["erased"]["links"], erased["staying"]) == (1, 1, [])
    assert "nobody" in await refused(tmp_path, "citizen", "export", "--tckn", NUMBER)
    listed = await commanded(tmp_path, "audit", "list", "--json")
    acts = json.loads(listed.stdout)
    assert {each["act"] for each in acts} == {"citizen.export", "citizen.erase"}
    assert NUMBER not in listed.stdout


async def test_the_number_can_come_by_the_standard_input(tmp_path: Path) -> None:
    """What is typed as an argument stands in the shell's history."""
    await hesbot(tmp_path, "chat", lines=TALK)
    given = f"{NUMBER}\n".encode()
    done = await commanded(tmp_path, "citizen", "export", "--tckn", "-", "--json", stdin=given)
    assert json.loads(done.stdout)["person"]["first_name"] == "Ayşe"


async def test_what_cannot_be_done_changes_nothing(tmp_path: Path) -> None:
    """A number that is none, nobody of that number, nobody of the staff, no yes."""
    assert "nothing is on record" in await refused(tmp_path, "citizen", "erase", "--tckn", NUMBER)
    await hesbot(tmp_path, "chat", lines=TALK)
    assert "11 digits" in await refused(tmp_path, "citizen", "erase", "--tckn", "123", "--yes")
    assert "nobody" in await refused(tmp_path, "citizen", "erase", "--tckn", OTHER, "--yes")
    by = ("--by", "Kimse")
    assert "--by" in await refused(tmp_path, "citizen", "erase", "--tckn", NUMBER, "--yes", *by)
    done = await commanded(tmp_path, "citizen", "erase", "--tckn", NUMBER, stdin=b"n\n")
    assert done.exit_code == 2
    found = await told(tmp_path, "citizen", "export", "--tckn", NUMBER)
    assert found["person"]["identity_number"] == NUMBER
    assert files(tmp_path)
