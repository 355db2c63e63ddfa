"""Who works here, what they sign in with, and the messenger accounts they linked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from conversations.actions import RecordConsent
from conversations.broadcasts import Role
from conversations.events import Address
from storage import tables, visits
from storage.database import Database
from storage.staff import Member, NameTaken, Staff
from storage.vault import Tampered, Vault
from tests.storage.people import AYSE, BORA, NOW, TERMS, Office

MINUTE = timedelta(minutes=1)
SECRET = b"twenty bytes exactly"


@pytest.fixture
def staff(vault: Vault) -> Staff:
    """Nobody yet."""
    return Staff(vault)


async def hired(
    database: Database, staff: Staff, name: str = "Işıl Şen", role: Role = Role.AUTHOR
) -> Member:
    async with database.begin() as conn:
        return await staff.add(conn, name, role, "a hash", SECRET, NOW)


async def known(office: Office, address: Address) -> int:
    """The number of an address that wrote to us."""
    await office.ask(address, RecordConsent((TERMS,)))
    return int((await office.rows(tables.addresses))[-1].id)


class TestNames:
    """A name belongs to one member for ever."""

    @pytest.mark.parametrize("name", ["IŞIL ŞEN", "isil sen", "  Işıl   Şen "])
    async def test_found_in_any_spelling(self, database: Database, staff: Staff, name: str) -> None:
        """Dotted, dotless, capitals."""
        member = await hired(database, staff)
        async with database.read() as conn:
            assert await staff.find(conn, name) == member
            assert await staff.find(conn, "Işıl") is None

    async def test_nobody_else_gets_it(self, database: Database, staff: Staff) -> None:
        """Not in another spelling, and not after its owner has left."""
        member = await hired(database, staff)
        with pytest.raises(NameTaken):
            await hired(database, staff, "ISIL SEN")
        async with database.begin() as conn:
            await staff.dismiss(conn, member, NOW)
        with pytest.raises(NameTaken):
            await hired(database, staff)

    async def test_who_has_left_is_listed_and_not_found(
        self, database: Database, staff: Staff
    ) -> None:
        """The audit speaks of them."""
        member = await hired(database, staff)
        other = await hired(database, staff, "Bora", Role.APPROVER)
        async with database.begin() as conn:
            await staff.dismiss(conn, member, NOW + MINUTE)
            assert await staff.find(conn, member.name) is None
            assert await staff.credentials(conn, member.name) is None
            listed = await staff.everybody(conn)
        assert [(each.member.name, each.left_at) for each in listed] == [
            (member.name, NOW + MINUTE),
            (other.name, None),
        ]

    async def test_another_role(self, database: Database, staff: Staff) -> None:
        """Only theirs."""
        member = await hired(database, staff)
        await hired(database, staff, "Bora", Role.APPROVER)
        async with database.begin() as conn:
            await staff.change_role(conn, member, Role.AUDITOR)
            roles = [each.member.role for each in await staff.everybody(conn)]
        assert roles == [Role.AUDITOR, Role.APPROVER]


class TestCredentials:
    """What must be shown at the door."""

    async def test_they_are_kept(self, database: Database, staff: Staff) -> None:
        """The secret opens again; nothing has been used yet."""
        member = await hired(database, staff)
        async with database.read() as conn:
            kept = await staff.credentials(conn, "ışıl şen")
        assert kept is not None
        assert (kept.member, kept.password, kept.secret) == (member, "a hash", SECRET)
        assert (kept.step, kept.failures, kept.locked_until) == (0, 0, None)

    async def test_the_secret_is_sealed_for_its_row(self, database: Database, staff: Staff) -> None:
        """Nobody gives a colleague one's own."""
        await hired(database, staff)
        await hired(database, staff, "Bora")
        async with database.begin() as conn:
            sealed = (await conn.execute(select(tables.staff.c.secret))).scalars().all()
            assert all(SECRET not in each for each in sealed)
            await conn.execute(update(tables.staff).values(secret=sealed[0]))
            with pytest.raises(Tampered):
                await staff.credentials(conn, "Bora")

    async def test_failures_and_success(self, database: Database, staff: Staff) -> None:
        """A success forgets the failures and the lock, and keeps the step."""
        member = await hired(database, staff)
        async with database.begin() as conn:
            await staff.keep_failure(conn, member, 5, NOW + MINUTE)
            locked = await staff.credentials(conn, member.name)
            await staff.keep_success(conn, member, 53_000_000, "another hash")
            after = await staff.credentials(conn, member.name)
        assert locked is not None
        assert (locked.failures, locked.locked_until) == (5, NOW + MINUTE)
        assert after is not None
        assert (after.failures, after.locked_until) == (0, None)
        assert (after.step, after.password) == (53_000_000, "another hash")

    async def test_new_keys_void_the_old_ones(self, database: Database, staff: Staff) -> None:
        """The visits, the lock and the used step go with them."""
        member = await hired(database, staff)
        async with database.begin() as conn:
            await visits.begin(conn, "token", member, NOW, NOW + MINUTE)
            await staff.keep_success(conn, member, 53_000_000, "a hash")
            await staff.keep_failure(conn, member, 5, NOW + MINUTE)
            await staff.renew(conn, member, "another hash", bytes(20))
            kept = await staff.credentials(conn, member.name)
            assert await visits.find(conn, "token") is None
        assert kept is not None
        assert (kept.password, kept.secret, kept.step) == ("another hash", bytes(20), 0)
        assert (kept.failures, kept.locked_until) == (0, None)

    async def test_two_who_try_at_once_take_turns(
        self, url: str, database: Database, staff: Staff
    ) -> None:
        """No failure is lost between two processes."""
        member = await hired(database, staff)
        other = await Database.open(url)

        async def fail(through: Database) -> None:
            for _ in range(10):
                async with through.begin() as conn:
                    kept = await staff.credentials(conn, member.name, hold=True)
                    assert kept is not None
                    await staff.keep_failure(conn, member, kept.failures + 1, None)

        await asyncio.gather(fail(database), fail(other))
        await other.close()
        async with database.read() as conn:
            kept = await staff.credentials(conn, member.name)
        assert kept is not None
        assert kept.failures == 20


class TestVisits:
    """Who is signed in."""

    async def test_one_of_several(self, database: Database, staff: Staff) -> None:
        """Each token is a visit of its own; one ends, another goes on."""
        member = await hired(database, staff)
        async with database.begin() as conn:
            for token in ("one", "two"):
                await visits.begin(conn, token, member, NOW, NOW + 9 * MINUTE)
            await visits.see(conn, "two", NOW + MINUTE)
            await visits.end(conn, "one")
            assert await visits.find(conn, "one") is None
            assert await visits.find(conn, "two") == visits.Visit(
                member, NOW + MINUTE, NOW + 9 * MINUTE
            )

    async def test_what_is_over_is_forgotten(self, database: Database, staff: Staff) -> None:
        """By its end, or because nobody was there."""
        member = await hired(database, staff)
        async with database.begin() as conn:
            await visits.begin(conn, "ended", member, NOW, NOW + MINUTE)
            await visits.begin(conn, "idle", member, NOW - MINUTE, NOW + 9 * MINUTE)
            await visits.begin(conn, "busy", member, NOW, NOW + 9 * MINUTE)
            await visits.clear(conn, NOW + MINUTE, NOW - MINUTE)
            found = [await visits.find(conn, each) for each in ("ended", "idle", "busy")]
        assert [visit is not None for visit in found] == [False, False, True]

    async def test_the_end_of_the_work_is_the_end_of_the_visit(
        self, database: Database, staff: Staff
    ) -> None:
        """Also for a visit that began at the same moment."""
        member = await hired(database, staff)
        async with database.begin() as conn:
            await staff.dismiss(conn, member, NOW)
            await visits.begin(conn, "token", member, NOW, NOW + MINUTE)
            assert await visits.find(conn, "token") is None


class TestLinks:
    """A messenger account becomes a member's."""

    async def link(
        self, database: Database, staff: Staff, code: str, address: int, **more: Any
    ) -> Member | None:
        async with database.begin() as conn:
            return await staff.link(conn, code, address, more.get("now", NOW))

    async def offer(
        self, database: Database, staff: Staff, member: Member, code: str = "k7pm-3xq9"
    ) -> None:
        async with database.begin() as conn:
            await staff.offer_link(conn, member, code, NOW + 10 * MINUTE)

    @pytest.mark.parametrize("said", ["k7pm-3xq9", "K7PM 3XQ9", "k7pm3xq9", " K7pm—3xq9. "])
    async def test_by_a_code_as_it_is_typed(self, office: Office, staff: Staff, said: str) -> None:
        """The account is known from then on."""
        member, number = await hired(office.database, staff), await known(office, AYSE)
        await known(office, BORA)
        await self.offer(office.database, staff, member)
        linked = await self.link(office.database, staff, said, number)
        assert linked == Member(member.id, member.name, member.role, number)
        async with office.database.read() as conn:
            assert await staff.of_address(conn, AYSE) == linked
            assert await staff.of_address(conn, BORA) is None
            assert await staff.of_address(conn, Address("whatsapp", AYSE.id)) is None

    async def test_a_code_is_used_once_and_in_time(self, office: Office, staff: Staff) -> None:
        """A second account, a late one, and a code that was replaced open nothing."""
        database, member = office.database, await hired(office.database, staff)
        first, second = await known(office, AYSE), await known(office, BORA)
        await self.offer(database, staff, member)
        late = NOW + 10 * MINUTE
        assert await self.link(database, staff, "k7pm-3xq9", first, now=late) is None
        await self.offer(database, staff, member, "another1")
        assert await self.link(database, staff, "k7pm-3xq9", first) is None
        assert await self.link(database, staff, "another1", first)
        assert await self.link(database, staff, "another1", second) is None
        assert await self.link(database, staff, "", second) is None

    async def test_the_code_is_not_in_the_records(self, database: Database, staff: Staff) -> None:
        """Only a keyed hash is."""
        await self.offer(database, staff, await hired(database, staff))
        async with database.read() as conn:
            held: Mapping[str, Any] = (await conn.execute(select(tables.staff))).mappings().one()
        assert "7pm" not in repr(held).lower()
        assert len(held["link_key"]) == 16

    async def test_an_account_belongs_to_one_member(self, office: Office, staff: Staff) -> None:
        """Until that one leaves; the transaction goes on after the refusal."""
        database = office.database
        first, second = await hired(database, staff), await hired(database, staff, "Bora")
        number = await known(office, AYSE)
        await self.offer(database, staff, first)
        assert await self.link(database, staff, "k7pm-3xq9", number)
        await self.offer(database, staff, second)
        async with database.begin() as conn:
            assert await staff.link(conn, "k7pm-3xq9", number, NOW) is None
            owner = await staff.of_address(conn, AYSE)
            assert owner is not None
            await staff.dismiss(conn, owner, NOW)
            assert await staff.of_address(conn, AYSE) is None
        assert await self.link(database, staff, "k7pm-3xq9", number)

    async def test_who_has_left_links_nothing(self, office: Office, staff: Staff) -> None:
        """The code goes with them."""
        database, member = office.database, await hired(office.database, staff)
        await self.offer(database, staff, member)
        async with database.begin() as conn:
            await staff.dismiss(conn, member, NOW)
        assert await self.link(database, staff, "k7pm-3xq9", await known(office, AYSE)) is None
