"""A broadcast from the first word to the last message, in browsers, by strangers to the product."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from playwright.async_api import expect

from conversations.broadcasts import Role
from tests.browser.staffroom import FIRST, Desk, Staffroom, staffroom
from tests.fakes.telegram import Answer
from tests.storage.announcing import NOW, draft

pytestmark = pytest.mark.browser
PEOPLE = 900 if "PICTURES" in os.environ else 60
A_THIRD = PEOPLE // 3
REST = 8
"""Seconds of rest that the messenger asks for, in which whoever wants to pause has time to."""
TEXT = "Merhaba {ad}, kartınızı eşleştirmek için son gün: {son_gun}."
ENGLISH = "/console/gorunum?dil=en&sonra=/console/duyurular/2"
TITLE = "Son hafta hatırlatması"


def told(room: Staffroom) -> Counter[str]:
    """How often each chat has been written to."""
    calls = room.api.calls("sendMessage")
    return Counter(str(call.params["chat_id"]) for call in calls if call.code == 200)


async def acts(room: Staffroom) -> Counter[str]:
    """What the audit has of broadcasts."""
    async with room.room.database.read() as conn:
        entries = await room.audit.entries(conn, subject="broadcast:1")
    return Counter(each.act.removeprefix("broadcast.") for each in entries)


def read(path: Path) -> list[str]:
    return path.read_text("utf-8-sig").splitlines()


async def write(author: Desk) -> None:
    """A new broadcast, from the list's button to its preview."""
    page = author.page
    await author.open()
    await author.press("Yeni duyuru")
    await page.get_by_label("Başlık").fill(TITLE)
    text = page.get_by_label("Metin · Türkçe")
    await text.fill("Merhaba {adi")
    await author.see("eşi olmayan bir süslü")
    await author.picture("broadcast-refused")
    await text.fill("Merhaba ")
    # What the page has to say of that comes with the text it knows, over whatever came since.
    await page.get_by_text("eşi olmayan bir süslü").wait_for(state="hidden")
    await page.get_by_role("button", name="{ad}: kişinin adı").first.click()
    await expect(text).to_have_value("Merhaba {ad}")
    await text.press_sequentially(TEXT.partition("{ad}")[2])
    await author.see("Merhaba Ayşe Nur, kartınızı eşleştirmek için son gün: 15 Ocak 2021, Cuma.")


@pytest.mark.timeout(170)
async def test_a_broadcast_is_written_approved_sent_and_watched(
    chromium: str, tmp_path: Path
) -> None:
    """Each does their part, nobody does another's, and everybody is told once."""
    async with staffroom(chromium, tmp_path, PEOPLE) as room:
        author = await room.desk(Role.AUTHOR)
        await write(author)
        await author.press("Kimlere gider?")
        await author.see("kişiye gider")
        await author.see(str(PEOPLE))
        await author.picture("broadcast-write")
        await author.press("Taslağı kaydet")
        await author.stage("Taslak")
        await author.picture("broadcast-draft")
        await author.button("Onaya gönder").dblclick()
        await author.stage("Onayda")
        assert await author.button("Onayla").count() == 0

        approver = await room.desk(Role.APPROVER)
        await approver.open()
        await approver.see("onayınız bekleniyor")
        await approver.picture("broadcasts")
        await approver.page.get_by_role("link", name=TITLE).click()
        await approver.stage("Onayda")
        await approver.picture("broadcast-submitted")
        await approver.press("Onayla")
        await approver.button("Evet, sürüm 1 uygundur").wait_for()
        await approver.picture("broadcast-approve")
        await approver.press("Evet, sürüm 1 uygundur")
        await approver.stage("Onaylı")

        operator = await room.desk(Role.OPERATOR)
        await operator.page.goto(author.page.url)
        await operator.stage("Onaylı")
        await operator.press("Başlat")
        await operator.button("Evet, başlat").wait_for()
        await operator.picture("broadcast-start")
        room.api.script("sendMessage", [*[Answer()] * A_THIRD, Answer(429, retry_after=REST)])
        await operator.press("Evet, başlat")
        await operator.stage("Gönderiliyor")
        await room.api.until(lambda: len(told(room)) == A_THIRD, 30)
        await operator.picture("broadcast-running")
        await operator.press("Duraklat")
        await operator.stage("Duraklatıldı")
        seen = len(told(room))
        assert seen < PEOPLE
        await operator.picture("broadcast-paused")
        await author.stage("Duraklatıldı")
        assert await author.button("Sürdür").count() == 0
        await operator.press("Sürdür")
        await operator.stage("Gönderiliyor")
        await room.api.until(lambda: len(told(room)) == PEOPLE, 60)
        await operator.stage("Bitti")
        await operator.see(f"{PEOPLE} kişiden {PEOPLE} kişinin sonucu belli")
        await operator.picture("broadcast-finished")
        assert told(room) == Counter(str(FIRST + number) for number in range(PEOPLE))

        async with operator.page.expect_download() as download:
            await operator.page.get_by_role("link", name="Alıcı listesini indir").click()
        listed = read(await (await download.value).path())
        assert len(listed) == PEOPLE + 1
        assert not any(str(FIRST) in line for line in listed)
        once = ("create", "submit", "approve", "start", "pause", "resume", "finish", "export")
        assert await acts(room) == Counter(once)


@pytest.mark.timeout(120)
async def test_each_role_finds_its_own_part(chromium: str, tmp_path: Path) -> None:
    """An urgent one goes from hand to hand; nobody opens a page or finds a button of another's."""
    async with staffroom(chromium, tmp_path, 60) as room:
        newsroom = room.room
        failing = await newsroom.running(title="Kendiliğinden duran")
        await newsroom.put(failing, "failed", 40, cause="403_blocked")
        await newsroom.put(failing, "unknown", 3, cause="timeout")
        async with newsroom.database.begin() as conn:
            cause = "0.930 telegram 403_blocked"
            await newsroom.broadcasts.pause_for(conn, failing.id, cause, NOW)
        urgent = await newsroom.submitted(title="Seferler durdu", urgent=True)

        author = await room.desk(Role.AUTHOR)
        await author.open()
        await author.picture("broadcasts-several")
        await author.open(f"/{urgent.id}")
        await author.see("Beklenen onay sayısı: 2")
        for name in ("Onayla", "Geri ver", "Düzenle", "Başlat"):
            assert await author.button(name).count() == 0
        await author.press("Kendime dene")
        await author.dialog("Bağlı bir Telegram hesabınız yok")
        await author.picture("broadcast-unlinked")

        approver = await room.desk(Role.APPROVER)
        for path in ("/yeni", f"/{urgent.id}/yaz"):
            answer = await approver.page.goto(f"{approver.address}/console/duyurular{path}")
            assert answer is not None
            assert answer.status == 403
        approver.complaints.clear()
        await approver.open(f"/{urgent.id}")
        await approver.press("Geri ver")
        question = approver.page.get_by_role("dialog")
        await question.get_by_label("Neden").fill("Saati de yazalım")
        await question.get_by_role("button", name="Geri ver").click()
        await approver.stage("Taslak")
        await author.open(f"/{urgent.id}")
        await author.see("Neden: Saati de yazalım")
        await author.picture("broadcast-returned")
        await author.press("Düzenle")
        await author.page.get_by_label("Başlık").fill("Geç kalan")
        async with newsroom.database.begin() as conn:
            quicker = draft(title="Önce davranan", urgent=True)
            await newsroom.broadcasts.write(conn, newsroom.author, urgent.id, 2, quicker, NOW)
        await author.press("Taslağı kaydet")
        await author.dialog("Bu duyuruyu bir başkası değiştirmiş")
        await author.picture("broadcast-changed")
        await author.press("Yeni hâlini yükle")
        await expect(author.page.get_by_label("Başlık")).to_have_value("Önce davranan")
        await author.page.goto(f"{author.address}{ENGLISH}")
        await author.see("How it reads on a phone")
        await author.see("Decisions and approvals")
        await author.picture("broadcast-english")

        await approver.open(f"/{failing.id}")
        await approver.see("ulaşmayanların payı %93")
        await approver.see("Botu engellemiş")
        await approver.press("Yeniden gönder")
        await approver.dialog("Gönderilemeyen ve beklemeye alınan: 40 kişi.")
        await approver.picture("broadcast-retry")
        await approver.press("Vazgeç")
        await approver.picture("broadcast-failing")
        await approver.press("İptal et")
        await approver.press("Evet, iptal et")
        await approver.stage("İptal")
        await approver.picture("broadcast-cancelled")
