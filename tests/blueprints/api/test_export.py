"""The whole history as one file."""

import csv
import io
import json
from itertools import count

import pytest

from blueprints.api.runtime import EXPORT_CONNECTIONS
from services.reading import history
from tests.conftest import KEY
from tests.payloads import SAMPLES, channel_changed, channel_created, group_destroyed

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def fetch(client):
    """Get an export; keyword arguments are filters."""

    def get(**filters):
        return client.get("/export", query_string=filters, headers=AUTHORIZED)

    return get


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch):
    monkeypatch.setattr(history, "ROWS_AT_ONCE", 3)


@pytest.fixture
def events(deliver, read_all):
    """What ``/history`` has of all samples."""
    for body in SAMPLES:
        deliver(body)
    return read_all("/history")


def read_csv(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_ndjson_holds_the_events_and_says_that_it_is_complete(fetch, events):
    answer = fetch()

    *lines, last = map(json.loads, answer.text.splitlines())
    assert len(events) > 10
    assert lines == events
    assert last == {"complete": True, "count": len(events)}
    assert answer.content_type == "application/x-ndjson"


def test_filters_and_order_are_those_of_the_history(fetch, events, read):
    for wanted in (
        {"subject_type": "group", "member": "bob", "order": "asc"},
        {"action": ["created", "destroyed", "full"]},
        {"action": ["created", "destroyed"], "subject_id": "@TOA#_test_OA_for_penn"},
        {"until": "2022-12-09T08:26:54.124Z", "since": "2022-12-09T00:00:00Z"},
    ):
        *lines, _ = map(json.loads, fetch(**wanted).text.splitlines())
        assert lines == read("/history", **wanted)["items"] != []


def test_nothing_is_complete_too(fetch):
    assert fetch().text == '{"complete":true,"count":0}\n'
    assert read_csv(fetch(format="csv").text)[1:] == [["complete", "0"]]


def test_csv_holds_the_same(fetch, events):
    names, *rows, last = read_csv(fetch(format="csv").text)

    assert names == list(events[0])
    for row, event in zip(rows, events, strict=True):
        for name, cell in zip(names, row, strict=True):
            value = event[name]
            if isinstance(value, list | dict):
                assert json.loads(cell) == value
            else:
                assert cell.removeprefix("'") == ("" if value is None else str(value))
    assert last == ["complete", str(len(events))]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_csv_runs_nothing_in_a_spreadsheet(deliver, fetch, name):
    deliver(channel_created(Name=name))

    names, row, _ = read_csv(fetch(format="csv").text)
    cells = dict(zip(names, row, strict=True))
    assert cells["name"] == f"'{name}"
    assert cells["subject_id"].startswith("'@TOA#")


def test_half_a_character_does_not_end_the_file(deliver, fetch):
    deliver(channel_changed(Name="a\ud800"))

    assert json.loads(fetch().text.splitlines()[0])["name"] == "a\ud800"
    assert "a\\ud800" in fetch(format="csv").text


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
def test_line_of_ndjson_is_a_line_for_every_program(deliver, fetch, read, client, sign):
    deliver(channel_created(Name=f"a{sign}b", More={f"{sign}": sign}))

    text = fetch().text
    assert sign not in text + client.get("/history", headers=AUTHORIZED).text
    event, _ = map(json.loads, text.splitlines())
    assert event == read("/history")["items"][0]
    assert (event["name"], event["details"]["More"]) == (f"a{sign}b", {sign: sign})


def test_export_is_of_one_moment(deliver, fetch, events, monkeypatch):
    monkeypatch.setattr("blueprints.api.export.PIECE_CHARACTERS", 1)
    answer = fetch(order="asc")
    pieces = answer.iter_encoded()
    begun = next(pieces)

    deliver(channel_changed(EventTime=4102444800000))
    *lines, last = map(json.loads, (begun + b"".join(pieces)).splitlines())

    assert lines == events[::-1]
    assert last["count"] == len(events)


def test_file_that_breaks_off_does_not_say_that_it_is_complete(app, fetch, events, monkeypatch):
    real, calls = history.add_members, count()

    def fail_later(connection, rows):
        if next(calls):
            raise ConnectionError("gone")
        real(connection, rows)

    monkeypatch.setattr(history, "add_members", fail_later)
    monkeypatch.setattr("blueprints.api.export.PIECE_CHARACTERS", 1)
    sent = []
    with pytest.raises(ConnectionError):
        sent.extend(fetch().iter_encoded())
    assert b"complete" not in b"".join(sent)


@pytest.fixture
def connections(app):
    """Tell how many connections are in use for exports."""
    return app.extensions["runtime"].export_engine.pool.checkedout


def test_connection_goes_back_when_the_client_does(fetch, events, connections, monkeypatch):
    monkeypatch.setattr("blueprints.api.export.PIECE_CHARACTERS", 1)

    for _ in range(2 * EXPORT_CONNECTIONS):
        answer = fetch()
        next(answer.iter_encoded())
        answer.close()
        assert connections() == 0


def test_exports_leave_connections_for_others(fetch, events, read, monkeypatch):
    monkeypatch.setattr("blueprints.api.export.PIECE_CHARACTERS", 1)
    running = [fetch() for _ in range(EXPORT_CONNECTIONS)]

    refused = fetch()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert read("/history")["items"] == events
    for answer in running:
        assert answer.text.endswith(f'{{"complete":true,"count":{len(events)}}}\n')
    assert fetch().status_code == 200


def test_head_asks_the_database_nothing(client, events, connections):
    answer = client.head("/export", headers=AUTHORIZED)

    assert (answer.status_code, answer.data) == (200, b"")
    assert connections() == 0


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"limit": 5}, {"cursor": "x"}, {"who": "x"}])
def test_unknown_parameter_is_refused(fetch, wrong):
    assert fetch(**wrong).status_code == 400


def test_only_holders_of_a_key_may_export(client):
    assert client.get("/export").status_code == 401


def test_group_of_many_is_exported_with_all_its_members(deliver, fetch):
    members = [f"user{number}" for number in range(2000)]
    deliver(group_destroyed(MemberList=[{"Member_Account": member} for member in members]))

    assert json.loads(fetch().text.splitlines()[0])["members"] == members
