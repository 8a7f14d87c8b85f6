"""Comparing this machine's clock with Tencent's."""

from datetime import timedelta

import pytest

from schemas.tencent.envelope import SIMULATED
from services.operating.doctor import examine_clock
from services.reading.clock import MAX_READ, find_ahead
from tests.conftest import OPEN_APP, TOKEN, sign
from tests.payloads import group_created


@pytest.fixture
def deliver_late(deliver, clock):
    """Post callbacks whose ``RequestTime`` is some seconds ago."""

    def post(*seconds, **query):
        for number, late in enumerate(seconds):
            clock.move(seconds=1)
            request_time = int(clock.now.timestamp()) - late
            signed = {"RequestTime": request_time, "Sign": sign(TOKEN, request_time)}
            deliver(group_created(GroupId=f"g{number}"), query=signed | query)

    return post


@pytest.fixture
def examine(connection, receiver_settings, clock):
    def run():
        found = examine_clock(connection, receiver_settings, now=clock())
        return found.level, found.text

    return run


@pytest.mark.any_engine
@pytest.mark.parametrize(
    ("seconds", "level", "text"),
    [
        ([0], "ok", "0.1 s ahead of the sender (1 callback)"),
        ([-29], "ok", "28.9 s behind the sender (1 callback)"),
        ([40, 40, 40], "warning", "40.1 s ahead of the sender (3 callbacks)"),
        ([0, 61, 61, 61], "failed", "61.1 s ahead of the sender (3 callbacks)"),
        ([0, -61, -61, -61], "failed", "60.9 s behind the sender (3 callbacks)"),
        ([0, 61, 62, 63, 64], "ok", "0.1 s ahead of the sender (1 callback)"),  # one, replayed
        ([61, 61, 61, 0], "ok", "0.1 s ahead of the sender (1 callback)"),  # corrected since
        ([61, 61], "warning", "not compared: no signed callback in 24 hours"),
    ],
)
def test_clock_is_compared_with_tencents(deliver_late, examine, seconds, level, text):
    deliver_late(*seconds)

    assert examine() == (level, text)


def test_clock_that_was_put_right_is_right(deliver_late, clock, examine):
    clock.move(hours=1)
    deliver_late(3600, 3600, 3600)  # it is an hour fast
    clock.move(hours=-1)
    deliver_late(0)

    assert examine()[0] == "ok"


def test_what_the_commands_send_says_nothing_of_the_clock(deliver_late, examine):
    deliver_late(0, **{SIMULATED: "chat-lifecycle-log"})

    assert examine()[0] == "warning"


def test_no_more_requests_are_read_than_a_scrape_has_time_for(
    deliver_late, post, record, app, clock
):
    def look():
        with app.extensions["runtime"].connect() as connection:
            return find_ahead(connection, now=clock())

    deliver_late(5)
    assert look() >= timedelta(seconds=5)

    clock.move(seconds=1)
    for number in range(MAX_READ):
        unsigned = {"SdkAppid": OPEN_APP, "Sign": None, "RequestTime": None}
        post(group_created(GroupId=f"open {number}"), query=unsigned)
    record()

    assert look() is None
