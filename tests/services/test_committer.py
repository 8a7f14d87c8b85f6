"""Group commit, without a database."""

from threading import Event

import pytest

from services.committer import Committer


class Store:
    """Notes every batch; does not take what is bad, nor anything while it is away."""

    def __init__(self):
        self.batches = []
        self.open = Event()
        self.open.set()
        self.away = False

    def __call__(self, items):
        self.open.wait(10)
        self.batches.append(list(items))
        if self.away or "bad" in items:
            raise ValueError(f"not stored: {items}")


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def committer(store):
    committer = Committer(store)
    yield committer
    store.open.set()
    committer.close()


def occupy(committer, store):
    """Keep the thread in its first batch, so that the next one gathers."""
    store.open.clear()
    first = committer.submit("first")
    committer.flush()
    while not first.running():
        pass
    return first


def test_what_waits_shares_one_batch_in_its_order(committer, store):
    occupy(committer, store)
    futures = [committer.submit(number) for number in range(5)]
    store.open.set()

    assert [future.result(10) for future in futures] == [None] * 5
    assert store.batches == [["first"], [0, 1, 2, 3, 4]]


def test_nothing_is_stored_before_somebody_waits(committer, store):
    futures = [committer.submit(number) for number in range(5)]
    committer.check().result(10)

    assert all(future.done() for future in futures)
    assert store.batches == [[0, 1, 2, 3, 4]]


def test_nobody_hears_of_success_before_the_batch_is_stored(committer, store):
    first = occupy(committer, store)

    with pytest.raises(TimeoutError):
        first.result(0.01)


def test_one_that_cannot_be_stored_does_not_fail_its_neighbours(committer, store):
    occupy(committer, store)
    good, bad, other = map(committer.submit, ("good", "bad", "other"))
    store.open.set()

    assert good.result(10) is other.result(10) is None
    assert isinstance(bad.exception(10), ValueError)


def test_what_fails_while_nothing_is_taken_is_not_tried_one_by_one(committer, store):
    occupy(committer, store)
    futures = [committer.submit(number) for number in range(3)]
    store.away = True
    store.open.set()

    assert all(isinstance(future.exception(10), ValueError) for future in futures)
    assert store.batches[-2:] == [[0, 1, 2], []]


def test_what_is_cancelled_before_its_turn_is_left_out(committer, store):
    occupy(committer, store)
    given_up, kept = committer.submit("given up"), committer.submit("kept")

    assert given_up.cancel()
    store.open.set()
    assert kept.result(10) is None
    assert store.batches[-1] == ["kept"]


def test_all_that_waits_can_be_cancelled_at_once(committer, store):
    first = occupy(committer, store)
    waiting = [committer.submit(number) for number in range(250)]

    committer.cancel_waiting()

    assert all(future.cancelled() for future in waiting)
    store.open.set()
    assert first.result(10) is None


def test_a_batch_has_a_limit(committer, store):
    occupy(committer, store)
    futures = [committer.submit(number) for number in range(250)]
    store.open.set()
    for future in futures:
        future.result(10)

    assert [len(batch) for batch in store.batches] == [1, 100, 100, 50]


def test_check_asks_without_an_item(committer, store):
    assert committer.check().result(10) is None
    store.away = True

    assert isinstance(committer.check().exception(10), ValueError)
    assert store.batches == [[], [], []]


def test_close_finishes_what_waits(store):
    committer = Committer(store)
    futures = [committer.submit(number) for number in range(250)]

    committer.close()

    assert all(future.done() for future in futures)


def test_committer_that_never_stored_anything_closes(store):
    Committer(store).close()
