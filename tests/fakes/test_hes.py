"""The rules of the HES service's stand-in, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, encode_basic_auth

from tests.fakes.hes import HesService

NOW = datetime(2020, 12, 1, 9, 0, tzinfo=UTC)
AUTH = encode_basic_auth("ibb", "parola")


@pytest.fixture
async def service() -> AsyncIterator[HesService]:
    async with HesService(clock=lambda: NOW) as service:
        yield service


async def post(service: HesService, path: str, body: Any, auth: str = AUTH) -> tuple[int, Any]:
    async with (
        ClientSession(headers={"Authorization": auth}) as session,
        session.post(f"{service.base_url}/{path}", json=body) as response,
    ):
        is_json = response.content_type == "application/json"
        return response.status, await response.json() if is_json else await response.text()


async def check(service: HesService, code: str) -> tuple[int, Any]:
    return await post(service, "check-hes-code", {"hes_code": code})


async def test_a_living_code_shows_masked_fields(service: HesService) -> None:
    """Last three digits, first two letters in Turkish capitals, a date in UTC."""
    code = service.give("10000000146", "irmak", "Yılmaz", NOW + timedelta(days=30))
    assert await check(service, code) == (
        200,
        {
            "expiration_date": "2020-12-31T09:00:00Z",
            "current_health_status": "RISKLESS",
            "masked_identity_number": "********146",
            "masked_firstname": "İR****",
            "masked_lastname": "YI****",
        },
    )
    assert service.log == [(code,)]


async def test_names_are_sometimes_padded(service: HesService) -> None:
    """A trailing space happens."""
    codes = [service.give("10000000146", "Deniz", "Su") for _ in range(2)]
    answers = [(await check(service, code))[1]["masked_firstname"] for code in codes]
    assert answers == ["DE****", "DE**** "]


async def test_a_code_without_an_end_ends_in_2070(service: HesService) -> None:
    """So the service shows a code that never expires."""
    code = service.give("10000000146", "Deniz", "Su")
    assert (await check(service, code))[1]["expiration_date"] == "2070-12-30T00:00:00Z"


async def test_codes_look_like_codes(service: HesService) -> None:
    """Letter, digit, letter, digit, six digits; no two the same."""
    codes = [service.give("10000000146", "Deniz", "Su") for _ in range(600)]
    assert len(set(codes)) == 600
    assert all(len(code) == 10 and code[0].isalpha() and code[2].isalpha() for code in codes)


async def test_wrong_and_deleted_codes_are_not_found(service: HesService) -> None:
    """The two cannot be told apart: HTTP 400 with hescodenotfound."""
    code = service.give("10000000146", "Deniz", "Su")
    service.delete(code)
    for unknown in (code, "Z9Z9000000"):
        assert await check(service, unknown) == (400, {"errorKey": "hescodenotfound"})


async def test_a_late_code_has_expired(service: HesService) -> None:
    """HTTP 400 with hescodehasbeenexpired and the date."""
    code = service.give("10000000146", "Deniz", "Su")
    service.expire(code)
    assert await check(service, code) == (
        400,
        {"errorKey": "hescodehasbeenexpired", "expiration_date": "2020-11-30T09:00:00Z"},
    )


async def test_a_risk_shows(service: HesService) -> None:
    """The status is whatever the Ministry marks."""
    code = service.give("10000000146", "Deniz", "Su")
    service.mark(code, "RISKY")
    assert (await check(service, code))[1]["current_health_status"] == "RISKY"


async def test_many_codes_are_sorted_into_two_maps(service: HesService) -> None:
    """success_map by code, unsuccess_map by code and errorKey."""
    alive, late = (service.give("10000000146", "Deniz", "Su") for _ in range(2))
    service.expire(late)
    asked = [{"hes_code": code} for code in (alive, late, "Z9Z9000000")]
    status, answer = await post(service, "check-hes-codes", asked)
    assert status == 200
    assert answer["success_map"].keys() == {alive}
    assert answer["unsuccess_map"] == {
        late: "hescodehasbeenexpired",
        "Z9Z9000000": "hescodenotfound",
    }


@pytest.mark.parametrize(("number", "status"), [(500, 200), (501, 400)])
async def test_a_bulk_query_has_at_most_500_codes(
    service: HesService, number: int, status: int
) -> None:
    """One more is refused."""
    asked = [{"hes_code": "Z9Z9000000"}] * number
    assert (await post(service, "check-hes-codes", asked))[0] == status


@pytest.mark.parametrize("body", [{}, [], {"hes_code": "A1B2-3456-78"}, {"hes_code": 7}])
async def test_a_malformed_query_is_refused(service: HesService, body: Any) -> None:
    """The code comes without dashes, ten characters."""
    assert (await post(service, "check-hes-code", body))[0] == 400
    assert service.log == []


async def test_only_the_institution_is_let_in(service: HesService) -> None:
    """HTTP Basic with the institution's account."""
    code = service.give("10000000146", "Deniz", "Su")
    status, _ = await post(
        service, "check-hes-code", {"hes_code": code}, encode_basic_auth("ibb", "yanlış", "utf-8")
    )
    assert status == 401


async def test_bad_days_pass(service: HesService) -> None:
    """Each fault serves as many queries as it was told, in order."""
    code = service.give("10000000146", "Deniz", "Su")
    service.fail(status=503, times=2)
    service.answer_nonsense()
    assert [(await check(service, code))[0] for _ in range(2)] == [503, 503]
    assert (await check(service, code))[1].startswith("<html>")
    assert (await check(service, code))[0] == 200


async def test_a_hanging_service_says_nothing(service: HesService) -> None:
    """The caller has to give up."""
    service.hang()
    async with ClientSession(
        headers={"Authorization": AUTH}, timeout=ClientTimeout(total=0.05)
    ) as session:
        with pytest.raises(TimeoutError):
            await session.post(f"{service.base_url}/check-hes-code", json={})
