"""The whole history as one file."""

import csv
import gzip
import io
import json
from itertools import count

import pytest

from blueprints.export import MAX_EXPORTS
from services import export, history
from tests.conftest import KEY
from tests.payloads import SAMPLES, channel_changed, channel_created, group_destroyed

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def fetch(client):
    """Get an export; keyword arguments are filters."""

    def get(headers=(), **filters):
        return client.get("/export", query_string=filters, headers={**AUTHORIZED, **dict(headers)})

    return get


@pytest.fixture(autouse=True)
def _short_pages(monkeypatch):
    monkeypatch.setattr(export, "ROWS", 3)


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


def test_gzip_is_for_those_who_ask(fetch, events):
    plain, packed = fetch(), fetch({"Accept-Encoding": "gzip"})

    assert gzip.decompress(packed.data) == plain.data
    assert (plain.content_encoding, packed.content_encoding) == (None, "gzip")
    assert "Accept-Encoding" in packed.vary


def test_file_that_breaks_off_does_not_say_that_it_is_complete(app, fetch, events, monkeypatch):
    real, calls = history.add_members, count()

    def fail_later(session, rows):
        if next(calls):
            raise ConnectionError("gone")
        real(session, rows)

    for room in (export, history):
        monkeypatch.setattr(room, "add_members", fail_later)
    monkeypatch.setattr("blueprints.export.PIECE_CHARACTERS", 1)
    sent = []
    with pytest.raises(ConnectionError):
        sent.extend(fetch().iter_encoded())
    assert b"complete" not in b"".join(sent)


@pytest.fixture
def connections(app):
    """Tell how many connections are in use for reading."""
    return app.extensions["runtime"].database.read_engine.pool.checkedout


def test_connection_goes_back_when_the_client_does(fetch, events, connections, monkeypatch):
    monkeypatch.setattr("blueprints.export.PIECE_CHARACTERS", 1)

    for _ in range(2 * MAX_EXPORTS):
        answer = fetch()
        next(answer.iter_encoded())
        answer.close()
        assert connections() == 0


def test_exports_leave_connections_for_others(fetch, events, read, monkeypatch):
    monkeypatch.setattr("blueprints.export.PIECE_CHARACTERS", 1)
    running = [fetch() for _ in range(MAX_EXPORTS)]

    refused = fetch()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert read("/history")["items"] == events
    for answer in running:
        assert answer.text.endswith(f'{{"complete":true,"count":{len(events)}}}\n')
    assert fetch().status_code == 200


def test_head_asks_the_database_nothing(client, events, connections):
    answer = client.head("/export", headers={**AUTHORIZED, "Accept-Encoding": "gzip"})

    assert (answer.status_code, answer.data, answer.content_encoding) == (200, b"", "gzip")
    assert connections() == 0


@pytest.mark.parametrize("wrong", [{"format": "xml"}, {"limit": 5}, {"cursor": "x"}, {"who": "x"}])
def test_unknown_parameter_is_refused(fetch, wrong):
    assert fetch(**wrong).status_code == 400


def test_only_holders_of_a_key_may_export(client):
    assert client.get("/export").status_code == 401


def test_command_writes_the_same(app, fetch, events, tmp_path):
    expected = fetch(format="csv", action=["created", "destroyed"]).data
    file = tmp_path / "history.csv"
    args = ["export", "--format", "csv", "--action", "created", "--action", "destroyed"]
    done = app.test_cli_runner().invoke(args=[*args, "-o", str(file)])

    assert (done.exit_code, done.output.strip()) == (0, "Exporting")
    assert file.read_bytes() == expected


def test_command_refuses_what_the_address_refuses(app):
    done = app.test_cli_runner().invoke(args=["export", "--since", "yesterday"])

    assert done.exit_code == 2
    assert "since" in done.output


def test_group_of_many_is_exported_with_all_its_members(deliver, fetch):
    members = [f"user{number}" for number in range(2000)]
    deliver(group_destroyed(MemberList=[{"Member_Account": member} for member in members]))

    assert json.loads(fetch().text.splitlines()[0])["members"] == members
