"""Numbers that several processes add up."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import shared_numbers
from shared_numbers import PLACES, SIZE, SharedNumber, take_place


@pytest.fixture(autouse=True)
def _back_to_place():
    before = shared_numbers.Process.place
    yield
    shared_numbers.Process.place = before


def make_number(name, *labels):
    return SharedNumber("counter", "m", name, ("label",) * bool(labels), labels, "help")


def in_child(function):
    """Run in a forked process, and wait for its end."""
    pid = os.fork()
    if pid == 0:
        function()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_processes_add_up():
    def count(age, amount):
        take_place(age)
        make_number("added up").inc(amount)

    in_child(lambda: count(1, 2))
    in_child(lambda: count(2, 3.5))
    in_child(lambda: count(1 + PLACES, 10))  # goes on where the first has stopped

    assert make_number("added up").get() == 15.5


def test_threads_add_up():
    number = make_number("threads")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [number.inc(1) for _ in range(1000)], range(8)))

    assert number.get() == 8000


def test_names_and_labels_tell_numbers_apart():
    numbers = [
        make_number("a", "x"),
        make_number("a", "y"),
        make_number("b", "x"),
        make_number("a"),
    ]
    for amount, number in enumerate(numbers, start=1):
        number.inc(amount)

    assert [number.get() for number in numbers] == [1, 2, 3, 4]


def test_full_place_is_said_to_be_full():
    take_place(PLACES - 1)

    numbers = [make_number(f"full {number}") for number in range(SIZE)]

    with pytest.raises(MemoryError):
        make_number("one more")
    for number in numbers:
        shared_numbers.KEYS[number.index] = 0
