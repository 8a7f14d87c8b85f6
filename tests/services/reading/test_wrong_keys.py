"""Guessing keys is slow, and costs the reader nothing."""

import logging
from sys import getsizeof

import pytest

from services.reading.wrong_keys import AT_ONCE, LOG_SECONDS, PLACES, SECONDS_EACH, WrongKeys


class Seconds:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def wrong_keys(seconds):
    return WrongKeys(seconds)


def guess(wrong_keys, address, number):
    """Guess as fast as possible; return how many guesses were checked."""
    looked_at = 0
    for _ in range(number):
        if not wrong_keys.wait_seconds(address):
            wrong_keys.add(address)
            looked_at += 1
    return looked_at


def test_guesses_are_few_and_then_slow(wrong_keys, seconds):
    assert guess(wrong_keys, "192.0.2.1", 1000) == AT_ONCE
    assert wrong_keys.wait_seconds("192.0.2.1") == SECONDS_EACH

    seconds.now += SECONDS_EACH
    assert guess(wrong_keys, "192.0.2.1", 1000) == 1
    seconds.now += 10 * SECONDS_EACH
    assert guess(wrong_keys, "192.0.2.1", 1000) == 10


def test_all_is_forgotten_after_a_while(wrong_keys, seconds):
    guess(wrong_keys, "192.0.2.1", 1000)
    seconds.now += AT_ONCE * SECONDS_EACH

    assert guess(wrong_keys, "192.0.2.1", 1000) == AT_ONCE


def test_others_do_not_wait(wrong_keys):
    guess(wrong_keys, "192.0.2.1", 1000)

    waiting = [number for number in range(2, 252) if wrong_keys.wait_seconds(f"192.0.2.{number}")]
    assert len(waiting) < 5  # by chance


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8:0:0:ffff::"), ("::ffff:192.0.2.1", "192.0.2.1"), ("", "")],
)
def test_senders_that_are_one_wait_together(wrong_keys, one, other):
    guess(wrong_keys, one, 1000)

    assert wrong_keys.wait_seconds(other)


def test_memory_does_not_grow_with_the_senders(wrong_keys):
    before = getsizeof(wrong_keys.forgotten_at), len(vars(wrong_keys))
    for number in range(5 * PLACES):
        wrong_keys.add(f"2001:db8:{number:x}::1")

    assert (getsizeof(wrong_keys.forgotten_at), len(vars(wrong_keys))) == before
    assert wrong_keys.count == 5 * PLACES


def test_log_has_one_line_a_minute_however_many_there_are(wrong_keys, seconds, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(100):
        wrong_keys.add("192.0.2.1")
    seconds.now += LOG_SECONDS
    wrong_keys.add("192.0.2.2")

    assert caplog.messages == [
        "wrong key from 192.0.2.1, 1 in total since the start",
        "wrong key from 192.0.2.2, 101 in total since the start",
    ]
