"""The whole history as one file."""

import csv
import io
import json
import tempfile
from datetime import datetime
from itertools import count
from urllib.parse import quote

import openpyxl
import pytest
import sqlalchemy as sa

from blueprints.api.runtime import EXPORT_CONNECTIONS
from services.exporting import text
from services.reading import history, pages
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
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 3)


@pytest.fixture
def events(deliver_all, read_all):
    """The events of all samples in ``/history``."""
    deliver_all(SAMPLES)
    return read_all("/history")


def read_csv(answer):
    """Read CSV like programs that know the byte order mark."""
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


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
    answer = fetch(format="csv")
    assert (read_csv(answer), answer.text[-2:]) == ([], "\r\n")


def to_text(value):
    return "" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)


def test_csv_holds_the_same(fetch, events):
    answer = fetch(format="csv")
    rows = read_csv(answer)

    assert answer.data.startswith(b"\xef\xbb\xbfid,")
    assert answer.text.endswith("\r\n")
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        assert row.pop("member_count") == str(len(event.pop("members")))
        assert row.pop("occurred_at (UTC)") == event["occurred_at"][:19].replace("T", " ")
        assert row.pop("received_at (UTC)") == event["received_at"][:19].replace("T", " ")
        assert json.loads(row.pop("details")) == event.pop("details")
        assert row == {name: to_text(value) for name, value in event.items()}


def test_members_are_rows_of_their_own(fetch, events, client):
    wanted = [(event["id"], user) for event in events for user in event["members"]]
    assert len(wanted) > 5

    answer = client.get("/export/members?format=csv", headers=AUTHORIZED)
    rows = read_csv(answer)
    assert [(int(row["event_id"]), row["user_id"]) for row in rows] == wanted
    of_events = {str(event["id"]): event for event in events}
    for row in rows:
        event = of_events[row["event_id"]]
        for name in ("occurred_at", "subject_type", "subject_id", "sdk_app_id", "action"):
            assert row[name] == event[name]
    *lines, last = map(json.loads, client.get("/export/members", headers=AUTHORIZED).text.split())
    assert [(line["event_id"], line["user_id"]) for line in lines] == wanted
    assert last == {"complete": True, "count": len(wanted)}


def read_xlsx(answer):
    return openpyxl.load_workbook(io.BytesIO(answer.data))


def test_workbook_holds_the_same_and_the_members(fetch, events):
    book = read_xlsx(fetch(format="xlsx", order="asc"))
    (names, *rows), (_, *members) = (sheet.values for sheet in book)

    assert book.sheetnames == ["events", "members"]
    assert [row[0] for row in rows] == [event["id"] for event in events[::-1]]
    assert [(row[0], row[-1]) for row in members] == [
        (event["id"], user) for event in events[::-1] for user in event["members"]
    ]
    row, event = dict(zip(names, rows[0], strict=True)), events[-1]
    for name in ("subject_id", "operator", "event_time", "delivery_id", "sdk_app_id"):
        assert row[name] == event[name]
    at = datetime.fromisoformat(event["occurred_at"]).replace(tzinfo=None)
    assert row["occurred_at (UTC)"] == at


def test_workbook_that_fails_has_a_status_and_leaves_nothing(
    app, fetch, events, monkeypatch, tmp_path
):
    def fail(*_):
        raise sa.exc.OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    assert fetch(format="xlsx").status_code == 200
    monkeypatch.setattr(history, "add_members", fail)
    assert fetch(format="xlsx").status_code == 503
    assert [*(tmp_path / "files").iterdir()] == []


@pytest.mark.parametrize(
    ("filters", "name"),
    [
        ({}, "events_2026-11-21.ndjson"),
        (
            {"format": "xlsx", "subject_type": "group", "action": ["destroyed", "full"]},
            "events_2026-11-21_group_destroyed_full.xlsx",
        ),
        (
            {"format": "csv", "since": "2026-11-20T22:00:00%2B08:00", "order": "asc"},
            "events_2026-11-21_since-2026-11-20T1400.csv",
        ),
        (
            {"subject_id": '@TGS#2J4\r\n"/../啊', "member": 60 * "x"},
            f"events_2026-11-21_subject_id-TGS-2J4_member-{40 * 'x'}.ndjson",
        ),
    ],
)
def test_file_is_named_after_what_is_in_it(client, filters, name):
    query = "&".join(
        f"{key}={value if key == 'since' else quote(value)}"
        for key, values in filters.items()
        for value in ([values] if isinstance(values, str) else values)
    )
    answer = client.head(f"/export?{query}", headers=AUTHORIZED)

    assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


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
    monkeypatch.setattr(text, "PIECE_CHARACTERS", 1)
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
    monkeypatch.setattr(text, "PIECE_CHARACTERS", 1)
    for chosen, end in (("ndjson", b"complete"), ("csv", b"\r\n")):
        calls = count()
        sent = []
        with pytest.raises(ConnectionError):
            sent.extend(fetch(format=chosen).iter_encoded())
        assert sent
        assert end not in b"".join(sent)[-20:]


@pytest.fixture
def connections(app):
    """Return how many connections are in use for exports."""
    return app.extensions["runtime"].export_engine.pool.checkedout


def test_connection_goes_back_when_the_client_does(fetch, events, connections, monkeypatch):
    monkeypatch.setattr(text, "PIECE_CHARACTERS", 1)

    for _ in range(2 * EXPORT_CONNECTIONS):
        answer = fetch()
        next(answer.iter_encoded())
        answer.close()
        assert connections() == 0


def test_exports_leave_connections_for_others(fetch, events, read, monkeypatch):
    monkeypatch.setattr(text, "PIECE_CHARACTERS", 1)
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
    assert "Content-Length" not in answer.headers  # those of a file that is not empty
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
