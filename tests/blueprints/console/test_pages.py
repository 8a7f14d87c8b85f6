"""Overview, lists and search of the console, on every database."""

import re
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import create_reader
from models.ledger import ServiceEvent
from models.vocabulary import Measure, ServiceEventKind
from services.journal.status import JournalStatus
from services.recording.retention.purge import Limits, Purge
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import next_page, plain, section
from tests.conftest import APP, KEY, NOW
from tests.engines import set_revision
from tests.health import store_counts, store_rows, store_status
from tests.payloads import (
    SAMPLES,
    channel_created,
    channel_destroyed,
    group_created,
    group_destroyed,
)

START = 1_700_000_000_000
WELL = JournalStatus(NOW, room_bytes=10**9, writable=True, recorder_at=NOW)
NOWHERE = sa.make_url("postgresql+psycopg://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize("status", [WELL, None])
def test_overview_of_nothing_says_so(deliver, look, client, status):
    store_status(client, status)

    assert "No problems detected." in section(look(""), "problems")
    deliver({"CallbackCommand": "Group.CallbackAfterSendMsg"})
    assert "No lifecycle callback has arrived yet" in section(look(""), "events")


@ON_EVERY_ENGINE
def test_overview_shows_problems_counts_and_newest_events(deliver, look):
    for body in SAMPLES:
        deliver(body)
    deliver(group_created())
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    deliver(SAMPLES[0], query={"SdkAppid": "1"})

    page = look("")

    problems = section(page, "problems")
    assert "1 callback could not be parsed in the last 24 hours" in problems
    noise = "1 request that names none of your apps was refused in the last 24 hours"
    assert f"{noise}: unknown SDKAppID 1." in problems
    assert "repeat 1" in section(page, "callbacks")
    assert "invalid 1" in section(page, "callbacks")
    assert "disbanded" in section(page, "events")


@ON_EVERY_ENGINE
def test_overview_counts_by_hour_of_the_clock(deliver, look, clock):
    deliver(group_created(GroupId="a"))
    clock.move(hours=1)
    deliver(group_created(GroupId="b"))
    deliver(group_created(GroupId="c"))

    page = look("")

    assert "11-21 08:00 \N{EN DASH} 09:00, accepted 2" in page
    assert "11-21 07:00 \N{EN DASH} 08:00, accepted 1" in page
    clock.move(hours=23)
    assert "accepted 2 " in section(look(""), "callbacks")


@ON_EVERY_ENGINE
def test_command_that_has_ceased_to_come_is_a_problem(deliver, look, clock):
    for day in range(4):
        deliver(group_created(GroupId=f"group {day}"))
        clock.move(days=1)
    deliver(channel_created())  # only once, so it is not expected
    assert "stopped arriving" not in section(look(""), "problems")

    clock.move(hours=2)

    problems = section(look(""), "problems")
    assert (
        "Group.CallbackAfterCreateGroup has stopped arriving. Last: 2026-11-24 07:00:00; "
        "seen on 4 of the previous 7 days."
    ) in problems
    assert "OfficialAccount" not in problems
    clock.move(days=30)
    assert "stopped arriving" not in section(look(""), "problems")


@ON_EVERY_ENGINE
@pytest.mark.parametrize("kind", ["channels", "groups"])
def test_lists_can_be_filtered(deliver, look, kind):
    for number in range(3):
        deliver(group_created(GroupId=f"@a{number}", Name=f"Name {number}"))
        deliver(channel_created(Official_Account=f"@a{number}", Name=f"Name {number}"))
    deliver(group_destroyed(GroupId="@a1", EventTime=START))
    deliver(channel_destroyed(Official_Account="@a1", EventTime=START))

    assert len(re.findall("<tr>", look(kind))) == 4
    assert "@a2" in look(f"{kind}?id=@a2")
    assert "@a2" not in look(f"{kind}?id=@a1")
    assert "@a0" in look(f"{kind}?name=Name%200&status=&owner=")
    assert "@a1" not in look(f"{kind}?status=active")
    assert "@a1" in look(f"{kind}?status=destroyed")
    assert "Nothing matches these filters." in look(f"{kind}?id=@a&owner=nobody")


@ON_EVERY_ENGINE
def test_list_by_beginning_of_the_id_is_paged(deliver, look):
    for number in range(5):
        deliver(group_created(GroupId=f"x{number}"))
        deliver(group_created(GroupId=f"y{number}"))

    seen, address = [], "groups?id=x&limit=2"
    while address:
        page = look(address)
        seen += re.findall("/groups/(x.|y.)", page)
        address = next_page(page)

    assert seen == ["x0", "x1", "x2", "x3", "x4"]


@ON_EVERY_ENGINE
@pytest.mark.parametrize("prefix", ["a%", "a_", "A", "a\u241b", "a\0", "😀"])
def test_beginning_of_an_id_is_compared_exactly(deliver, look, prefix):
    for group_id in (f"{prefix}1", "ab1", "a"):
        deliver(group_created(GroupId=group_id))

    page = look(f"groups?id={quote(prefix)}")

    assert re.findall('href="/console/groups/([^?"]+)', page) == [quote(f"{prefix}1", safe="")]


def test_id_that_is_also_a_name_hides_nobody(deliver, look):
    deliver(group_created(GroupId="Engineering", Name="evil"))
    deliver(group_created(GroupId="@TGS#real", Name="Engineering"))

    page = look("search?q=Engineering")

    assert {"/console/groups/Engineering?", "/console/groups/%40TGS%23real?"} <= set(
        re.findall('href="(/console/groups/[^?"]+[?])', page)
    )


def test_text_that_looks_like_a_date_is_no_date(deliver, look):
    deliver(group_created(GroupId="2026-01-01", Name="2026-01-01", Owner_Account="2026-01-01"))

    for address in ("groups?id=", "groups?name=", "groups?owner=", "events?owner=", "search?q="):
        assert "/console/groups/2026-01-01" in look(f"{address}2026-01-01")


def test_events_are_filtered_and_lead_to_what_a_user_did(deliver, look):
    for body in SAMPLES:
        deliver(body)

    page = look("groups/%40TGS%232J4SZEAEL")
    [address] = set(re.findall('href="/console/(users/administrator)"', page))

    assert look(f"{address}?role=operator").count("<tr>") == 3
    assert look("events?member=bob&action=destroyed").count("<tr>") == 4
    assert look("events?subject_type=channel&action=&since=2022-12-09").count("<tr>") == 7
    look("events?action=x", 400)


@ON_EVERY_ENGINE
def test_system_tells_what_the_service_stands_on(look, engine):
    page = plain(look("system"))

    assert f"Engine {engine.name} Reachable yes Revision 0001" in page


@pytest.mark.parametrize("address", ["nowhere", "deliveries/9", "groups/none", "a/b/c"])
def test_what_is_not_there_is_a_page_that_says_so(look, address):
    page = plain(look(address, 404))
    assert "404 Not Found" in page
    assert "# is written as %23." in page


def test_id_that_is_not_there_can_be_searched(look):
    page = look("groups/no%23ne", 404)

    assert '<a href="/console/search?q=no%23ne">Search for no#ne</a>' in re.sub("</?bdi>", "", page)


@pytest.mark.parametrize(
    "address", ["deliveries/9223372036854775808", "groups/%FF", "static/nothing", "%F0%9F%98%80"]
)
def test_address_that_no_view_has_is_a_page_too(client, address):
    answer = client.get(f"/console/{address}", headers={"Authorization": f"Bearer {KEY}"})

    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_last_slash_may_be_left_out(client):
    answer = client.get("/console", headers={"Authorization": f"Bearer {KEY}", "Host": "evil"})

    assert answer.location == "/console/"


@pytest.mark.parametrize("address", ["", "nowhere", "groups?id=x"])
def test_names_that_addresses_are_made_with_are_only_names(client, address):
    odd = "endpoint=x&_scheme=javascript&_anchor=a&_method=POST&_external=1&filename=a"
    address = f"/console/{address}{'&' if '?' in address else '?'}{odd}"

    page = client.get(address, headers={"Authorization": f"Bearer {KEY}"}).text

    for link in re.findall('href="([^"]*)"', page):
        assert link.startswith(("/console/", "/docs", "#")), link


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"writable": False}, "The journal is not writable. Callbacks can't be stored."),
        ({"recorder_at": None}, "The recorder is not running."),
        (
            {"waiting": 1, "oldest_received_at": NOW - timedelta(seconds=6)},
            "1 record is waiting for the database. Oldest: 2026-11-21 06:59:54.",
        ),
        (
            {"waiting": 41, "oldest_received_at": NOW - timedelta(hours=1)},
            "41 records are waiting for the database. Oldest: 2026-11-21 06:00:00.",
        ),
        ({"waiting": 2, "stuck": 2}, "2 records are rejected by the database"),
    ],
)
def test_overview_tells_what_is_wrong_with_journal_and_recorder(look, client, change, problem):
    store_status(client, replace(WELL, **change))

    problems = section(look(""), "problems")

    assert problem in problems
    assert "No problems detected." not in problems


def test_records_that_wait_for_a_moment_are_no_problem(look, client):
    waiting = replace(WELL, waiting=500, oldest_received_at=NOW - timedelta(seconds=1))
    store_status(client, waiting)

    assert "No problems detected." in section(look(""), "problems")


def test_overview_tells_what_was_lost_lately(look, database_url):
    minutes = (NOW - timedelta(hours=23), NOW - timedelta(hours=25))
    counts = [(at.replace(second=0, microsecond=0), Measure.LOST, APP, "", "", 3) for at in minutes]
    store_counts(database_url, *counts)

    assert "3 callbacks were lost in the last 24 hours" in section(look(""), "problems")


@ON_EVERY_ENGINE
def test_system_tells_what_processes_did(look, database_url):
    store_rows(
        database_url,
        ServiceEvent,
        [
            {
                "uuid": UUID(int=number),
                "at": NOW + timedelta(seconds=number),
                "kind": kind,
                "process": "host 12",
                "details": {"count": 3} if kind is ServiceEventKind.CALLBACKS_LOST else {},
            }
            for number, kind in enumerate(ServiceEventKind)
        ],
    )

    processes = section(look("system"), "processes")

    assert "2026-11-21 07:00:00 receiver started host 12" in processes
    assert "2026-11-21 07:00:04 callbacks lost host 12 count: 3" in processes
    assert processes.index("callbacks lost") < processes.index("receiver started")


def test_system_tells_the_state_of_the_journal(look, client):
    store_status(client, replace(WELL, waiting=3, stuck=1, recorder_at=NOW - timedelta(minutes=1)))

    journal = section(look("system"), "journal")

    assert "Writable yes Waiting 3" in journal
    assert "Rejected by the database 1" in journal
    assert "Recorder running no last seen: 2026-11-21 06:59:00" in journal
    store_status(client, None)
    assert "Status unknown" in section(look("system"), "journal")


@pytest.fixture
def look_without_database(client, clock):
    """Look at pages of a reader that cannot reach its database."""
    settings = replace(client.application.extensions["runtime"].settings, database_read_url=NOWHERE)
    app = create_reader(settings, now=clock)

    def get(address, expected):
        answer = app.test_client().get(
            f"/console/{address}", headers={"Authorization": f"Bearer {KEY}"}
        )
        assert (answer.status_code, answer.mimetype) == (expected, "text/html")
        return plain(answer.text)

    yield get
    app.extensions["runtime"].close()


def test_overview_says_that_the_database_is_away(look_without_database):
    page = look_without_database("", 200)

    assert "The database is not responding. History is unavailable" in page
    assert "No problems detected." not in page


def test_overview_says_that_the_database_is_to_be_migrated(look, database_url):
    set_revision(database_url, "0000")

    assert "Run make migrate." in section(look(""), "problems")
    assert "Revision 0000 expected: 0001" in section(look("system"), "database")


def test_system_tells_since_when_all_is_kept(look, recorder):
    assert "All deliveries are kept since the first one" in section(look("system"), "database")

    Purge(recorder.database).step(Limits(NOW, NOW))

    assert "since 2026-11-21 07:00:00" in section(look("system"), "database")


def test_system_says_that_the_database_is_away(look_without_database):
    assert "Reachable no" in look_without_database("system", 200)


def test_other_pages_say_that_they_can_not_be_answered(look_without_database):
    assert "The database is not responding in time" in look_without_database("groups", 503)


@pytest.mark.parametrize("user", ["\ud800", "", "a&b=c", "\0"])
def test_any_user_can_stand_on_any_page(deliver, look, user):
    members = [{"Member_Account": user}]
    named = {"Operator_Account": user, "Owner_Account": user, "MemberList": members}
    deliver(group_destroyed(GroupId="a", **named))

    links = [
        link
        for page in ("", "events", "groups", "groups/a")
        for link in re.findall('/users/([^"]*)"', look(page))
    ]

    assert set(links) == ({quote(user, safe="", errors="surrogatepass")} if user else set())


def test_end_of_time_can_be_asked_for(deliver, look):
    deliver(group_created())

    assert "Public" in look("groups/%40TGS%232J4SZEAEL?at=9999-12-31T23:59:59.9999Z")
    assert look("events?since=2022-12-09T00:00:00.0005Z").count('value="2022-12-09T00:00:00.000"')


@ON_EVERY_ENGINE
def test_overview_counts_what_is_active(deliver, look):
    deliver(channel_created())
    for group_id in "abc":
        deliver(group_created(GroupId=group_id))
    deliver(group_destroyed(GroupId="a"))

    assert section(look(""), "subjects") == ("Now Channels: 1 active of 1 Groups: 2 active of 3")
