"""What Prometheus scrapes."""

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.release import VERSION
from models.vocabulary import Measure, Refusal
from services.journal.status import JournalStatus
from tests.conftest import APP, KEY, NOW, TOKEN, sign
from tests.health import store_counts, store_status
from tests.payloads import group_created, group_destroyed

PREFIX = "chat_lifecycle_log_"
HEADERS = {"Authorization": f"Bearer {KEY}"}
MINUTE = NOW.replace(second=0, microsecond=0)
CREATED = "Group.CallbackAfterCreateGroup"


def scrape(client, **headers):
    answer = client.get("/metrics", headers=HEADERS | headers)
    assert answer.status_code == 200
    return answer


def numbers(client):
    """Every sample by its name, with the values of its labels in the order of their names."""
    return {
        (
            sample.name.removeprefix(PREFIX),
            *(sample.labels[name] for name in sorted(sample.labels)),
        ): sample.value
        for family in text_string_to_metric_families(scrape(client).text)
        for sample in family.samples
    }


def test_what_becomes_of_callbacks_is_counted(deliver, client):
    deliver(group_created())
    deliver(group_created())
    deliver(data=b"[]")
    deliver(group_created(), query={"Sign": "wrong"})

    found = numbers(client)

    assert found["callbacks_total", CREATED, APP, "accepted"] == 1
    assert found["callbacks_total", CREATED, APP, "duplicate"] == 1
    assert sum(value for name, value in found.items() if name[0] == "callbacks_total") == 3
    refused = {name: value for name, value in found.items() if name[0].startswith("refused")}
    assert {name[1] for name, value in refused.items() if value} == {"sign_wrong"}


def test_channels_and_groups_are_counted_by_what_they_are(deliver, client):
    for group_id in "abc":
        deliver(group_created(GroupId=group_id))
    deliver(group_destroyed(GroupId="a"))

    found = {name[1:]: value for name, value in numbers(client).items() if name[0] == "subjects"}

    assert found == {(APP, "active", "group"): 2, (APP, "destroyed", "group"): 1}


def test_every_reason_is_there_before_it_is_needed(client):
    found = {name[1] for name in numbers(client) if name[0] == "refused_requests_total"}

    assert found == {reason.value for reason in Refusal}


def test_each_command_has_the_time_of_its_last_callback(deliver, client, clock):
    deliver(group_destroyed())
    first = clock.now
    clock.move(minutes=1)
    deliver(group_created())
    clock.move(minutes=1)
    deliver(group_created())
    deliver(data=b"[]", query={"CallbackCommand": None})

    found = numbers(client)

    lasts = {name[1]: value for name, value in found.items() if name[0].startswith("last_callback")}
    assert lasts == {
        CREATED: pytest.approx(clock.now.timestamp(), abs=1e-6),
        "Group.CallbackAfterGroupDestroyed": pytest.approx(first.timestamp(), abs=1e-6),
    }


def test_command_of_any_text_is_counted(deliver, client):
    deliver({"CallbackCommand": "a\ud800"}, query={"CallbackCommand": None})

    found = numbers(client)

    assert found["callbacks_total", "a␛d800", APP, "unhandled"] == 1
    assert ("last_callback_timestamp_seconds", "a␛d800") in found


def test_losses_of_all_apps_are_one_number(client, database_url):
    assert numbers(client)["lost_callbacks",] == 0

    store_counts(
        database_url,
        (MINUTE, Measure.LOST, APP, "", "", 2),
        (MINUTE, Measure.LOST, "1", "", "", 3),
    )

    assert numbers(client)["lost_callbacks",] == 5


def test_buckets_of_answers_are_cumulative(client, database_url):
    store_counts(
        database_url,
        (MINUTE, Measure.ANSWERED, APP, "1", "", 5),
        (MINUTE, Measure.ANSWERED, "1", "1", "", 1),
        (MINUTE, Measure.ANSWERED, APP, "20", "", 2),
        (MINUTE, Measure.ANSWERED, APP, "inf", "", 1),
        (MINUTE, Measure.ANSWER_MICROSECONDS, APP, "", "", 3_500_000),
    )

    found = numbers(client)

    bounds = ("0.001", "0.01", "0.02", "2.0", "+Inf")
    assert [found["answer_seconds_bucket", bound] for bound in bounds] == [6, 6, 8, 8, 9]
    assert (found["answer_seconds_count",], found["answer_seconds_sum",]) == (9, 3.5)


def test_delay_is_told_where_something_arrived_lately(client, database_url, clock):
    store_counts(database_url, (MINUTE, Measure.DELAY_MICROSECONDS, APP, "", "", 42_000))

    assert numbers(client)["delay_seconds",] == 0.042

    clock.move(hours=1)

    assert ("delay_seconds",) not in numbers(client)


def test_state_of_the_journal_is_told_without_the_database(without_database):
    store_status(without_database, JournalStatus(NOW, 3, 1, NOW, 10, 20, 30, True, None))

    found = numbers(without_database)

    assert found.pop(("journal_oldest_seconds",)) >= 0
    assert found == {
        ("build_info", VERSION): 1,
        ("database_up",): 0,
        ("journal_waiting_records",): 3,
        ("journal_stuck_records",): 1,
        ("journal_bytes",): 10,
        ("journal_kept_bytes",): 20,
        ("journal_room_bytes",): 30,
        ("journal_writable",): 1,
        ("recorder_up",): 0,
        ("wrong_keys_total", str(os.getpid())): 0,
        ("lost_readings_total", str(os.getpid())): 0,
    }


def test_journal_that_can_not_be_seen_has_no_numbers(client):
    store_status(client, None)

    found = numbers(client)

    assert found["database_up",] == 1
    assert not [name for name in found if name[0].startswith(("journal", "recorder"))]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
def test_scraper_gets_the_format_it_asks_for(client, accept, content_type):
    answer = scrape(client, Accept=accept)

    assert answer.content_type == content_type
    assert answer.text.endswith("# EOF\n") == accept.startswith("application")


def test_clock_that_is_wrong_is_seen_though_all_is_refused(client, deliver, clock):
    assert ("clock_ahead_seconds",) not in numbers(client)
    for _ in range(3):
        clock.move(seconds=1)
        at = int(clock.now.timestamp()) - 75
        query = {"RequestTime": at, "Sign": sign(TOKEN, at)}
        assert deliver(group_created(), query=query).status_code == 403

    assert 75 <= numbers(client)["clock_ahead_seconds",] < 76
