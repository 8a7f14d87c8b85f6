"""What Prometheus scrapes."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.vocabulary import Refusal
from tests.conftest import KEY
from tests.payloads import group_created

PREFIX = "chat_lifecycle_log_"
HEADERS = {"Authorization": f"Bearer {KEY}"}


def scrape(client, **headers):
    answer = client.get("/metrics", headers=HEADERS | headers)
    assert answer.status_code == 200
    return answer


def numbers(client):
    """Every sample by its name, with the value of its one label."""
    return {
        (sample.name.removeprefix(PREFIX), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(scrape(client).text)
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum"))
    }


@pytest.fixture
def increases(client):
    """Tell what has grown since the test began."""
    before = numbers(client)

    def compare():
        return {
            name: value - before.get(name, 0)
            for name, value in numbers(client).items()
            if value != before.get(name, 0)
        }

    return compare


def test_what_becomes_of_callbacks_is_counted(deliver, increases):
    deliver(group_created())
    deliver(group_created())
    deliver(data=b"[]")
    deliver(group_created(), query={"Sign": "wrong"})

    assert increases() == {
        ("callback_seconds_count", "database"): 3,
        ("invalid_callbacks_total",): 1,
        ("refused_requests_total", "sign_wrong"): 1,
    }


def test_every_reason_is_there_before_it_is_needed(client):
    found = {name[1] for name in numbers(client) if name[0] == "refused_requests_total"}

    assert found == {reason.value for reason in Refusal}


def post(client):
    return client.post("/callback?SdkAppid=1", json={"CallbackCommand": "a"}).status_code


def test_what_waits_is_told_while_the_database_is_away(without_database):
    before = numbers(without_database)

    assert post(without_database) == 200

    after = numbers(without_database)
    kept = ("callback_seconds_count", "spool")
    assert after[kept] == before[kept] + 1
    assert (after["spool_callbacks",], after["spool_writable",]) == (1, 1)
    assert after["spool_age_seconds",] >= 0


def test_callback_that_nobody_keeps_is_counted(without_database, tmp_path):
    (tmp_path / "spool").touch()  # a file is no folder
    before = numbers(without_database)

    assert post(without_database) == 503

    after = numbers(without_database)
    assert after["lost_callbacks_total",] == before["lost_callbacks_total",] + 1
    assert after["spool_writable",] == 0


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
