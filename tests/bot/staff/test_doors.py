"""Signing in at the console: who is let in, for how long, and what is written down."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from argon2 import PasswordHasher

from bot.staff.doors import Doors, LockedOut, Refused
from bot.staff.secrets import Passwords
from conversations.broadcasts import Role
from storage import tables
from tests.bot.staff.conftest import CHEAP, NAME, PASSWORD, SECRET, House

MINUTE = timedelta(minutes=1)
STEP = timedelta(seconds=30)


async def fail(house: House, times: int = 1, **shown: str) -> None:
    """Try so often in vain."""
    for _ in range(times):
        with pytest.raises(Refused):
            await house.enter(**{"password": "another", **shown})


class TestEntering:
    """Name, password and code together open the door."""

    async def test_who_is_let_in_is_known_by_the_token(self, house: House) -> None:
        """And it is written down."""
        token = await house.enter()
        assert await house.doors.who(token) == house.member
        (entry,) = await house.written()
        assert (entry.who, entry.act, entry.subject) == (NAME, "sign_in", house.member.subject)

    @pytest.mark.parametrize("name", ["AYŞE YILMAZ", "ayse yilmaz", " Ayşe  Yılmaz "])
    async def test_a_name_is_folded(self, house: House, name: str) -> None:
        """As it comes from whatever keyboard."""
        assert await house.enter(name)

    @pytest.mark.parametrize("steps", [-1, 0, 1])
    async def test_clocks_may_differ_by_a_step(self, house: House, steps: int) -> None:
        """Half a minute either way."""
        assert await house.enter(code=house.code(house.clock.now + steps * STEP))

    async def test_a_code_with_a_space_in_the_middle(self, house: House) -> None:
        """As authenticators show it."""
        code = house.code()
        assert await house.enter(code=f"{code[:3]} {code[3:]}")

    @pytest.mark.parametrize("steps", [-2, 2])
    async def test_older_and_newer_codes_open_nothing(self, house: House, steps: int) -> None:
        """They belong to another minute."""
        await fail(house, password=PASSWORD, code=house.code(house.clock.now + steps * STEP))

    async def test_a_code_opens_once(self, house: House) -> None:
        """Nor does an older one after it."""
        older = house.code(house.clock.now - STEP)
        used = house.code()
        await house.enter(code=used)
        for code in (used, older):
            await fail(house, password=PASSWORD, code=code)
        house.clock.now += STEP
        assert await house.enter()

    async def test_a_code_opens_once_for_two_at_once(self, house: House) -> None:
        """Whoever looked over the shoulder does not come in with them."""
        both = await asyncio.gather(house.enter(), house.enter(), return_exceptions=True)
        assert len([each for each in both if isinstance(each, str)]) == 1

    @pytest.mark.parametrize("password", [PASSWORD + "x" * 1_000_000, "", PASSWORD[:-1]])
    async def test_another_password(self, house: House, password: str) -> None:
        """However long."""
        await fail(house, password=password)

    @pytest.mark.parametrize("code", ["", "abcdef", "１２３４５６", "\ud800", "000000000000"])
    async def test_what_is_no_code(self, house: House, code: str) -> None:
        """It is refused like a wrong one."""
        await fail(house, password=PASSWORD, code=code or " ")

    async def test_who_has_left_is_not_let_in(self, house: House) -> None:
        """Not even with what was right yesterday."""
        async with house.database.begin() as conn:
            await house.staff.dismiss(conn, house.member, house.clock.now)
        await fail(house, password=PASSWORD)

    async def test_a_dearer_hash_replaces_the_cheaper(self, house: House) -> None:
        """As soon as the password is known again."""
        dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
        doors = Doors(
            house.database,
            house.staff,
            house.audit,
            Passwords(dearer),
            house.clock,
            real=house.clock,
        )
        await doors.enter(NAME, PASSWORD, house.code())
        async with house.database.read() as conn:
            kept = await house.staff.credentials(conn, NAME)
        assert kept is not None
        assert not dearer.check_needs_rehash(kept.password)
        assert CHEAP.verify(kept.password, PASSWORD)


class TestRefusing:
    """Whoever is refused learns nothing."""

    async def test_the_same_words_whatever_was_wrong(self, house: House) -> None:
        """Name, password, code, or all of them."""
        house.clock.now += STEP
        said = []
        for name, password, code in [
            ("Bora", PASSWORD, house.code()),
            (NAME, "another", house.code()),
            (NAME, PASSWORD, "1"),
            ("Bora", "another", "1"),
        ]:
            with pytest.raises(Refused) as refusal:
                await house.doors.enter(name, password, code)
            said.append((type(refusal.value), str(refusal.value)))
        assert set(said) == {(Refused, "")}

    async def test_a_hash_is_checked_whether_or_not_anybody_has_the_name(
        self, house: House
    ) -> None:
        """So that it takes as long."""
        checked: list[str] = []

        class Counting(PasswordHasher):
            def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
                checked.append(str(hash))
                return super().verify(hash, password)

        passwords = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
        doors = Doors(
            house.database, house.staff, house.audit, passwords, house.clock, real=house.clock
        )
        for name in ("Bora", NAME):
            with pytest.raises(Refused):
                await doors.enter(name, "another", house.code())
        assert len(checked) == 2

    async def test_a_strangers_name_is_not_written_down(self, house: House) -> None:
        """People type their password there."""
        await fail(house, name="kuzu-7nar")
        await fail(house)
        await fail(house, password=PASSWORD, code="1")
        strange, wrong, late = await house.written()
        assert (strange.who, strange.subject) == ("-", "staff:0")
        assert strange.detail == {"fault": "name"}
        assert (wrong.who, wrong.detail) == (NAME, {"fault": "password"})
        assert late.detail == {"fault": "code"}


class TestLocks:
    """Too many failures lock a name."""

    async def test_after_five_failures_nothing_opens_for_a_quarter_of_an_hour(
        self, house: House
    ) -> None:
        """Wrong codes count as well; then all is as before."""
        await fail(house, 3)
        await fail(house, 1, password=PASSWORD, code="1")
        with pytest.raises(LockedOut) as locked:
            await house.enter(password="another")
        assert locked.value.until == house.clock.now + 15 * MINUTE
        house.clock.now += 15 * MINUTE - timedelta(seconds=1)
        with pytest.raises(LockedOut):
            await house.enter()
        house.clock.now += timedelta(seconds=1)
        assert await house.enter()
        assert (await house.acts())[-3:] == ["sign_in_refused", "lock_out", "sign_in"]

    async def test_the_next_lock_is_longer(self, house: House) -> None:
        """And what is tried while it is locked counts for nothing."""
        await fail(house, 5 + 20)
        house.clock.now += 15 * MINUTE
        await fail(house, 4)
        with pytest.raises(LockedOut) as locked:
            await house.enter(password="another")
        assert locked.value.until == house.clock.now + 30 * MINUTE

    async def test_it_never_takes_longer_than_a_day(self, house: House) -> None:
        """A colleague's name must not be locked for ever by a stranger."""
        async with house.database.begin() as conn:
            await house.staff.keep_failure(conn, house.member, 5 * 10_000 - 1, None)
        with pytest.raises(LockedOut) as locked:
            await house.enter(password="another")
        assert locked.value.until == house.clock.now + timedelta(days=1)

    async def test_success_forgets_the_failures(self, house: House) -> None:
        """Four, a success, four: nobody is locked out."""
        await fail(house, 4)
        await house.enter()
        await fail(house, 4)
        house.clock.now += STEP
        assert await house.enter()

    async def test_a_name_nobody_has_is_locked_too(self, house: House) -> None:
        """Otherwise the lock would tell who works here."""
        await fail(house, 4, name="Bora")
        with pytest.raises(LockedOut) as locked:
            await house.enter("BORA")
        assert locked.value.until == house.clock.now + 15 * MINUTE
        with pytest.raises(LockedOut):
            await house.enter("bora")

    async def test_guesses_at_once_are_no_more_than_guesses_in_turn(self, house: House) -> None:
        """A lock holds for those who were already at the door; the right one among them too."""
        tries = [house.enter(password=f"another {number}") for number in range(12)]
        outcomes = await asyncio.gather(*tries, house.enter(), return_exceptions=True)
        failures = [each for each in outcomes if type(each) is Refused]
        assert len(failures) == 4
        assert all(isinstance(each, str | Refused) for each in outcomes)

    async def test_a_place_from_which_too_much_is_tried_waits_too(self, house: House) -> None:
        """Whatever the names; others are let in meanwhile."""
        for number in range(30):
            await fail(house, name=f"stranger {number}", client="203.0.113.9")
        written = len(await house.written())
        with pytest.raises(LockedOut):
            await house.enter(client="203.0.113.9")
        assert len(await house.written()) == written
        assert await house.enter(client="203.0.113.10")


class TestVisits:
    """Who is signed in, and until when."""

    async def test_an_idle_visit_ends(self, house: House) -> None:
        """After half an hour in which nothing was done."""
        token = await house.enter()
        house.clock.now += 29 * MINUTE
        assert await house.doors.who(token)
        house.clock.now += 30 * MINUTE
        assert await house.doors.who(token) is None

    async def test_a_busy_visit_ends_too(self, house: House) -> None:
        """After half a day."""
        token = await house.enter()
        for _ in range(12 * 3 - 1):
            house.clock.now += 20 * MINUTE
            assert await house.doors.who(token)
        house.clock.now += 20 * MINUTE
        assert await house.doors.who(token) is None

    async def test_being_seen_is_written_once_a_minute(self, house: House) -> None:
        """A page of many parts is one write at most."""
        token = await house.enter()
        house.clock.now += timedelta(seconds=59)
        await house.doors.who(token)
        assert await seen(house) == {house.clock.now - timedelta(seconds=59)}
        house.clock.now += timedelta(seconds=1)
        await house.doors.who(token)
        assert await seen(house) == {house.clock.now}

    async def test_who_leaves_is_gone(self, house: House) -> None:
        """Written down once, however often they say so."""
        token = await house.enter()
        for _ in range(2):
            await house.doors.leave(token)
        assert await house.doors.who(token) is None
        assert await house.acts() == ["sign_in", "sign_out"]

    @pytest.mark.parametrize("token", ["", "nobody's", "\ud800", "x" * 100_000])
    async def test_what_is_no_token(self, house: House, token: str) -> None:
        """Anything can stand in a cookie."""
        await house.enter()
        assert await house.doors.who(token) is None
        await house.doors.leave(token)

    async def test_the_token_is_not_in_the_records(self, house: House) -> None:
        """Whoever reads them signs in nowhere."""
        token = await house.enter()
        async with house.database.read() as conn:
            held = (await conn.exec_driver_sql("SELECT * FROM visits")).all()
        assert len(held) == 1
        assert token not in repr(held)
        assert bytes.fromhex(token) not in held[0]

    async def test_a_visit_ends_with_the_work_here(self, house: House) -> None:
        """And with a new password; a new role holds at once."""
        token = await house.enter()
        async with house.database.begin() as conn:
            await house.staff.change_role(conn, house.member, Role.AUDITOR)
        member = await house.doors.who(token)
        assert member is not None
        assert member.role is Role.AUDITOR
        async with house.database.begin() as conn:
            await house.staff.renew(conn, house.member, CHEAP.hash("new"), SECRET)
        assert await house.doors.who(token) is None
        token = await house.enter(password="new")
        async with house.database.begin() as conn:
            await house.staff.dismiss(conn, house.member, house.clock.now)
        assert await house.doors.who(token) is None

    async def test_visits_that_are_over_are_forgotten(self, house: House) -> None:
        """When somebody signs in."""
        await house.enter()
        house.clock.now += 30 * MINUTE
        await house.enter()
        assert len(await seen(house)) == 1


async def seen(house: House) -> set[object]:
    """When the visits were last seen."""
    async with house.database.read() as conn:
        return set((await conn.execute(tables.visits.select())).scalars(3))
