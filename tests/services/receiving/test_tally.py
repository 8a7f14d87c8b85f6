"""Counts between two records, and the budget of refused requests."""

from datetime import timedelta

import pytest

from models.vocabulary import ANSWER_BOUNDS_MS, Measure
from services.receiving.budget import Budget
from services.receiving.tally import Tally
from tests.conftest import APP, NOW
from tests.services.recording.conftest import callback_record


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0, "1"), (0.001, "1"), (0.0011, "2"), (0.02, "20"), (2, "2000"), (2.001, "inf")],
)
def test_answer_is_counted_below_the_next_bound(seconds, bound):
    tally = Tally()

    tally.add_answer(NOW, APP, seconds)

    minute = NOW.replace(second=0, microsecond=0)
    assert tally.counts[minute, Measure.ANSWERED, APP, bound] == 1
    assert tally.counts[minute, Measure.ANSWER_MICROSECONDS, APP, ""] == round(seconds * 1e6)
    assert list(ANSWER_BOUNDS_MS) == sorted(ANSWER_BOUNDS_MS)


def test_what_is_taken_is_counted_no_more():
    tally = Tally()
    for _ in range(2):
        tally.add(NOW, Measure.REFUSED, APP)

    minute = NOW.replace(second=0, microsecond=0).isoformat()
    assert tally.take() == {"counts": [[minute, "refused", APP, "", 2]], "losses": None}
    assert tally.take() == {"counts": [], "losses": None}


def test_losses_are_told_from_the_first_to_the_last():
    tally = Tally()
    for seconds in (3, 1, 2):
        tally.add_loss(callback_record(seconds), is_doubtful=seconds != 2)

    losses = tally.take()["losses"]

    assert (losses["count"], len(losses["doubtful"])) == (3, 2)
    assert losses["first_at"] == (NOW + timedelta(seconds=1)).isoformat()
    assert losses["last_at"] == (NOW + timedelta(seconds=3)).isoformat()


def test_only_so_many_are_named_that_may_be_found_yet(monkeypatch):
    monkeypatch.setattr("services.receiving.tally.MAX_DOUBTFUL", 2)
    tally = Tally()
    for seconds in range(3):
        tally.add_loss(callback_record(seconds), is_doubtful=True)

    losses = tally.take()["losses"]

    assert (losses["count"], len(losses["doubtful"])) == (3, 2)


def test_budget_gives_no_more_than_it_has():
    budget = Budget(burst_bytes=10, bytes_per_second=0)

    assert [budget.take(size, 0) for size in (4, 7, 6, 1)] == [True, False, True, False]


def test_what_was_taken_and_not_needed_is_there_again():
    budget = Budget(burst_bytes=10, bytes_per_second=0)
    budget.take(10, 0)
    budget.give_back(4)

    assert not budget.take(5, 0)
    assert budget.take(4, 0)


def test_budget_fills_up_to_its_burst_and_no_further():
    budget = Budget(burst_bytes=10, bytes_per_second=2)
    assert budget.take(10, 0)

    assert not budget.take(8, 3)
    assert budget.take(6, 3)
    assert not budget.take(11, 3600)
    assert budget.take(10, 3600)
