"""Who is paired in which round of a batch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.pairing_rules import apart

WANTED = st.lists(st.sets(st.integers(0, 6), max_size=3), max_size=12)


@given(WANTED)
def test_everybody_is_in_one_round(wanted: list[set[int]]) -> None:
    """Nobody is left out, nobody is served twice."""
    assert sorted(place for places in apart(wanted) for place in places) == list(range(len(wanted)))


@given(WANTED)
def test_nobody_in_a_round_wants_what_another_does(wanted: list[set[int]]) -> None:
    """So all of a round can be decided by what was there before it."""
    for places in apart(wanted):
        things = [thing for place in places for thing in wanted[place]]
        assert len(things) == len(set(things))


@given(WANTED)
def test_of_two_who_want_the_same_the_first_goes_first(wanted: list[set[int]]) -> None:
    """The order asked is kept where it matters."""
    turn = {place: number for number, places in enumerate(apart(wanted)) for place in places}
    for later, things in enumerate(wanted):
        for sooner in range(later):
            if wanted[sooner] & things:
                assert turn[sooner] < turn[later]
