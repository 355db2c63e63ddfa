"""How far people come in the form, from the names of the marks alone."""

from __future__ import annotations

import pytest

from bot.funnel import Funnel, Refusal, Step, funnel
from conversations.registration import REGISTRATION

FIELDS = [field.name for field in REGISTRATION.fields]


def test_each_step_is_reached_by_who_answered_the_one_before() -> None:
    """Ten less at every question, in the order of the form."""
    counts = {"consented": 100, "reviewed": 20, "saved": 15, "left": 7}
    counts |= {f"answered:{name}": 90 - 10 * place for place, name in enumerate(FIELDS)}
    found = funnel(counts)
    assert [step.field for step in found.steps] == FIELDS
    assert [step.reached for step in found.steps] == list(range(100, 20, -10))
    assert [step.answered for step in found.steps] == list(range(90, 10, -10))
    assert found.steps[0].lost == pytest.approx(0.1)
    assert (found.begun, found.reviewed, found.saved, found.left) == (100, 20, 15, 7)
    assert found.finished == pytest.approx(0.15)


def test_the_commonest_refusals_are_told() -> None:
    """Three of them, by their number and then their name; all tries are counted."""
    counts = {
        "refused:card_number:card.length": 5,
        "refused:card_number:card.chip": 9,
        "refused:card_number:mixed_up": 5,
        "refused:card_number:card_taken": 1,
        "refused:phone:phone.landline": 2,
    }
    steps = {step.field: step for step in funnel(counts).steps}
    assert steps["card_number"].refused == 20
    assert steps["card_number"].refusals == (
        Refusal("card.chip", 9),
        Refusal("card.length", 5),
        Refusal("mixed_up", 5),
    )
    assert steps["phone"].refusals == (Refusal("phone.landline", 2),)


def test_nothing_counted_is_nothing_lost() -> None:
    """No share of nobody; what an older form was asked is passed over."""
    empty = funnel({"answered:shoe_size": 3, "refused:shoe_size:too_big": 1})
    assert empty == Funnel(0, tuple(Step(name, 0, 0) for name in FIELDS), 0, 0, 0)
    assert {step.lost for step in empty.steps} == {0.0}
    assert empty.finished == 0.0


def test_who_began_before_the_time_loses_nobody() -> None:
    """More answers than beginnings: the share never falls below nothing."""
    found = funnel({"consented": 1, f"answered:{FIELDS[0]}": 3, "saved": 2})
    assert (found.steps[0].reached, found.steps[0].lost) == (3, 0.0)
    assert found.finished == 1.0
