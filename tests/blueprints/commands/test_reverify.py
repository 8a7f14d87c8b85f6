"""Taking requests out of the quarantine after a token or a clock was corrected."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.tables import Delivery, LifecycleEvent, QuarantinedRequest
from models.vocabulary import Measure
from tests.conftest import APP, NOW, TOKEN, sign
from tests.payloads import channel_created, group_created

SINCE = (NOW - timedelta(hours=1)).isoformat()
NEW_TOKEN = "the-next-token"


@pytest.fixture
def send(deliver, clock):
    """Deliver a callback that was signed some seconds ago, and is refused."""

    def post(body, *, token=TOKEN, late=0, expected=403):
        clock.move(seconds=1)
        request_time = int(clock.now.timestamp()) - late
        query = {"RequestTime": request_time, "Sign": sign(token, request_time)}
        assert deliver(body, query=query).status_code == expected

    return post


@pytest.fixture
def run(run_command):
    def invoke(*arguments, since=SINCE):
        done = run_command("reverify", "--since", since, *arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    return invoke


def test_requests_signed_by_a_token_that_is_known_now_become_deliveries_once(
    send, run, rows, counted, monkeypatch, clock, read
):
    send(group_created(), token=NEW_TOKEN)
    arrived = clock()
    send(channel_created(), token="a stranger's")
    monkeypatch.setenv("SDK_APPS", f"{APP}:{TOKEN}:{NEW_TOKEN}")

    assert run() == ["1 request moved into the log.", "Still refused (sign_wrong): 1"]
    assert run() == ["0 requests moved into the log.", "Still refused (sign_wrong): 1"]

    (delivery,) = rows(Delivery)
    assert (delivery.verdict, delivery.received_at) == ("accepted", arrived)
    assert delivery.reverified_at > arrived
    assert [event.received_at for event in rows(LifecycleEvent)] == [arrived]
    assert [request.reason for request in rows(QuarantinedRequest)] == ["sign_wrong"]
    assert sum(counted(Measure.RECEIVED).values()) == 1
    assert counted(Measure.DELAY_MICROSECONDS) == {}
    assert read(f"/deliveries/{delivery.id}")["reverified_at"] is not None


def test_requests_are_moved_though_what_follows_from_them_can_not_be_kept(
    send, run, rows, monkeypatch, database_url
):
    send(group_created(), token=NEW_TOKEN)
    monkeypatch.setenv("SDK_APPS", f"{APP}:{TOKEN}:{NEW_TOKEN}")
    admin = sa.create_engine(database_url)
    with admin.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE labels RENAME TO elsewhere")
    admin.dispose()

    assert run() == ["1 request moved into the log."]

    assert len(rows(LifecycleEvent)) == 1


def test_what_people_wrote_stays_behind_in_the_quarantine_they_leave(send, run, rows, monkeypatch):
    send({"CallbackCommand": "C2C.CallbackAfterSendMsg", "Text": "hello"}, token=NEW_TOKEN)
    monkeypatch.setenv("SDK_APPS", f"{APP}:{TOKEN}:{NEW_TOKEN}")
    monkeypatch.setenv("UNHANDLED_BODIES", "no")

    run()

    (delivery,) = rows(Delivery)
    assert (delivery.body, delivery.query_string, delivery.verdict) == (b"", "", "unhandled")
    assert rows(QuarantinedRequest) == []


def test_clock_error_that_was_measured_is_proposed_and_taken_at_the_operators_word(send, run, rows):
    for number in range(3):
        send(group_created(GroupId=str(number)), late=75)
    send(group_created(), late=3600)

    assert run("--dry-run") == [
        "0 requests would be moved into the log.",
        "Still refused (sign_expired): 4",
        "This clock was 75 s ahead of the sender's: try --clock-ahead 75",
    ]
    assert run("--clock-ahead", "75", "--dry-run")[0] == "3 requests would be moved into the log."
    assert rows(Delivery) == []
    assert run("--clock-ahead", "75")[:2] == [
        "3 requests moved into the log.",
        "Still refused (sign_expired): 1",
    ]
    assert len(rows(Delivery)) == 3


def test_clock_that_was_behind_is_said_to_be_behind(send, run):
    for number in range(3):
        send(group_created(GroupId=str(number)), late=-75)

    assert run("--dry-run")[-1] == "This clock was 75 s behind the sender's: try --clock-ahead -75"
    assert run("--clock-ahead", "-75")[0] == "3 requests moved into the log."


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e30", "-9999999999"])
def test_clock_error_that_no_clock_has_is_refused(run_command, seconds):
    done = run_command("reverify", "--since", SINCE, "--clock-ahead", seconds)

    assert done.exit_code == 2
    assert "Invalid value for '--clock-ahead'" in done.stderr


def test_signature_that_came_with_several_bodies_is_listed_and_not_taken(
    post, record, clock, run, rows, monkeypatch
):
    at = int(clock.now.timestamp())
    query = {"RequestTime": at, "Sign": sign(NEW_TOKEN, at)}
    for body in (group_created(), group_created(), channel_created()):
        assert post(body, query=query).status_code == 403
    record()
    monkeypatch.setenv("SDK_APPS", f"{APP}:{NEW_TOKEN}")

    ids = ", ".join(str(request.id) for request in rows(QuarantinedRequest))
    assert run() == [
        "0 requests moved into the log.",
        f"Left in the quarantine: 3 requests of app {APP} that share a signature of "
        f"{at} but not a body: {ids}",
        "Callbacks that Tencent sends in one second share a signature: try --shared",
    ]
    assert rows(Delivery) == []
    assert run("--shared") == ["3 requests moved into the log."]
    assert {row.verdict for row in rows(Delivery)} == {"accepted", "duplicate"}


def test_request_refused_before_that_time_is_left_alone(send, run, rows, monkeypatch):
    send(group_created(), token=NEW_TOKEN)
    monkeypatch.setenv("SDK_APPS", f"{APP}:{NEW_TOKEN}")

    later = (NOW + timedelta(hours=1)).isoformat()
    assert run(since=later) == ["0 requests moved into the log."]
    assert len(rows(QuarantinedRequest)) == 1
