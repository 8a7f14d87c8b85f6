"""Checks of the installation, and what they report."""

import json
import os
import time
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import sqlalchemy as sa

from models.clock import utc_now
from models.tables import Delivery
from services.journal.journal import Journal
from services.journal.records import Kind, Record, new_uuid
from services.journal.status import Progress, measure, write_status
from services.operating import round_trip
from tests.conftest import APP, OPEN_APP, TOKEN, sign
from tests.engines import set_revision
from tests.payloads import group_created

QUIET = {"apps", "API keys", "retention", "journal", "recorder"}
QUIET |= {"database", "read database", "revision"}


@pytest.fixture
def examine(run_command, monkeypatch):
    """Run the command under other settings; return its exit code and findings."""

    def run(*arguments, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        done = run_command("doctor", *arguments)
        found = {}
        for line in done.stdout.splitlines():
            about, _, text = line[9:].partition(": ")
            found[about] = (line[:9].strip(), text)
        return done, found

    return run


@pytest.fixture
def report(journal):
    """Write the status of a recorder that reported some seconds ago."""

    def leave(*, seconds_ago, recorded=None):
        journal.folders[0].mkdir(exist_ok=True)
        at = utc_now() - timedelta(seconds=seconds_ago)
        status = measure(journal.folders, recorded or {}, recorder_at=at, now=at)
        write_status(journal.folders, status)

    return leave


def send(webhook, body):
    """Send a callback as Tencent does, now."""
    at = str(int(time.time()))
    query = {"SdkAppid": APP, "Sign": sign(TOKEN, at), "RequestTime": at}
    query["CallbackCommand"] = body["CallbackCommand"]
    with urlopen(f"{webhook}?{urlencode(query)}", json.dumps(body).encode()) as answer:
        assert answer.status == 200


def leave_waiting(folder):
    """Leave a callback in the journal without a recorder."""
    writer = Journal([folder])
    at = utc_now() - timedelta(minutes=3)
    head = {"sdk_app_id": APP, "peer": "", "query_string": ""}
    writer.append(Record(Kind.CALLBACK, new_uuid(at), at, head, b"{}"))
    writer.close()


def test_all_is_well(webhook, recording, examine, engine, connection):
    send(webhook, group_created())
    while connection.scalar(sa.select(sa.func.count(Delivery.id))) == 0:
        connection.rollback()

    done, found = examine()

    assert done.exit_code == 0, done.output
    assert {level for level, _ in found.values()} == {"ok"}, found
    assert {*found} == QUIET | {"clock"}
    assert found["apps"][1] == "1 app, each with a token"
    assert found["API keys"][1] == "1 key"
    assert found["recorder"][1] == "running, no record has waited for long"
    assert found["database"][1].startswith(f"{engine.name} takes callbacks")
    assert found["read database"][1] == f"{engine.name} can be read but not written"
    assert found["clock"][1].endswith("of the sender (1 callback)")


def test_nothing_is_made_and_nothing_is_kept(examine, journal, connection):
    done, found = examine()

    assert done.exit_code == 0
    assert "will be created" in found["journal"][1]
    assert not journal.folders[0].exists()
    assert connection.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0


def test_open_doors_are_warned_of(examine):
    done, found = examine(SDK_APPS=OPEN_APP, API_KEYS="")

    assert done.exit_code == 0
    assert found["apps"] == ("warning", f"app {OPEN_APP} has no token: any sender is accepted")
    assert found["API keys"] == ("warning", "API_KEYS is not set: every read is answered 401")
    assert found["clock"] == ("warning", "not compared: no signed callback in 24 hours")


def test_machine_without_a_receiver_is_warned_of(examine):
    done, found = examine(SDK_APPS="")

    assert done.exit_code == 0
    assert found["apps"] == ("warning", "SDK_APPS is not set: the receiver does not start")
    assert "clock" not in found


def test_wrong_setting_is_told_in_a_line(examine):
    done, found = examine(JOURNAL_KEEP_HOURS="ever")

    assert done.exit_code == 2
    assert (
        done.stderr == "lifecycle: JOURNAL_KEEP_HOURS='ever' is not allowed; set it to 0 to 8784\n"
    )
    assert found == {}


def test_database_of_a_newer_release_is_a_warning(examine, database_url):
    set_revision(database_url, "9999")

    done, found = examine()

    assert done.exit_code == 0
    text = "9999, of a newer release: this one expects 0001"
    assert found["revision"] == ("warning", text)


def test_database_that_can_only_be_read_is_a_failure(examine, engine, database_url):
    if engine.name == "sqlite":
        pytest.skip("a role that may read the file of a test may write to it")
    read_only = {
        "postgresql": {"options": "-c default_transaction_read_only=on"},
        "mysql": {"init_command": "SET SESSION TRANSACTION READ ONLY"},
    }
    other = database_url.update_query_dict(read_only[engine.name])

    done, found = examine(DATABASE_URL=other.render_as_string(hide_password=False))

    assert done.exit_code == 1
    assert done.stderr == "Error: 1 check failed\n"
    assert found["database"][0] == "failed"
    assert "read" in found["database"][1].lower()  # and the reason
    assert found["read database"][0] == "ok"


def test_body_that_the_database_does_not_take_is_a_failure(examine, engine):
    if engine.name != "mysql":
        pytest.skip("the others take all that may be set")

    done, found = examine(MAX_BODY_BYTES=str(2**27))

    assert done.exit_code == 1
    assert found["database"][0] == "failed"
    text = "a callback of MAX_BODY_BYTES=134217728 does not fit; max_allowed_packet must be "
    assert found["database"][1].startswith(f"{text}twice as large: ")


def test_database_that_is_not_there_is_a_failure_and_is_not_made(webhook, examine, tmp_path):
    file = tmp_path / "new" / "nothing.db"

    done, found = examine("--url", webhook, DATABASE_URL=f"sqlite:///{file}")

    assert done.exit_code == 1
    assert found["database"] == ("failed", f"{file} does not exist: run make migrate")
    assert found["read database"] == found["database"]
    assert not file.parent.exists()
    assert found["round trip"][0] == "warning"
    assert found["round trip"][1].endswith("; look-up skipped: database check failed")


def test_database_that_does_not_answer_is_a_failure(examine):
    done, found = examine(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")

    assert done.exit_code == 1
    assert found["database"][0] == found["read database"][0] == "failed"
    assert "refused" in found["database"][1]


@pytest.mark.parametrize("host", ["127.0.0.1:1", "a..b"])
def test_url_where_nobody_answers_is_a_failure(examine, host):
    done, found = examine("--url", f"http://{host}/callback")

    assert done.exit_code == 1
    assert found["round trip"][0] == "failed"
    assert found["round trip"][1].startswith("no answer: ")


def test_journal_that_takes_nothing_is_a_failure(examine, tmp_path):
    (tmp_path / "file").touch()

    done, found = examine(JOURNAL_DIR=str(tmp_path / "file"))

    assert done.exit_code == 1
    assert found["journal"][0] == "failed"
    assert found["journal"][1].startswith(f"{tmp_path / 'file'} can't be written to: ")


def test_journal_with_one_folder_that_takes_nothing_is_warned_of(examine, tmp_path):
    (tmp_path / "file").touch()

    done, _ = examine(JOURNAL_DIR=f"{tmp_path / 'file'}:{tmp_path / 'well'}")

    assert done.exit_code == 0
    assert f"warning  journal: {tmp_path / 'file'} can't be written to: " in done.stdout
    assert f"ok       journal: {tmp_path / 'well'} will be created" in done.stdout


def test_records_that_wait_for_a_recorder_are_a_failure(examine, journal, report):
    leave_waiting(journal.folders[0])
    report(seconds_ago=180)

    done, found = examine()

    assert done.exit_code == 1
    assert found["recorder"][0] == "failed"
    assert found["recorder"][1].startswith("not running, 1 record waiting (oldest: ")


def test_recorder_that_is_away_is_warned_of(examine, report):
    report(seconds_ago=60)

    assert examine()[1]["recorder"] == ("warning", "not running, nothing is waiting")


def test_recorder_that_is_late_is_warned_of(examine, journal, report):
    leave_waiting(journal.folders[0])
    (file,) = journal.folders[0].glob("*.sealed")
    late = utc_now() - timedelta(minutes=3)
    report(seconds_ago=0, recorded={file.name.split(".")[0]: Progress(0, late)})

    level, text = examine()[1]["recorder"]

    assert level == "warning"
    assert text == "running, but late: 1 record waiting (oldest: 3 min)"


def test_record_that_the_database_rejects_is_a_failure(examine, journal, report):
    report(seconds_ago=0)
    (journal.folders[0] / "1.stuck").touch()
    report(seconds_ago=0)

    done, found = examine()

    assert done.exit_code == 1
    assert found["recorder"][1] == "the database rejects 1 record: the recorder's log says why"


def test_retention_is_told(examine):
    assert examine()[1]["retention"] == (
        "ok",
        "deliveries are kept permanently, unhandled ones permanently, recorded journal for 24 h",
    )
    settings = {"RETENTION_DAYS": "365", "RETENTION_UNHANDLED_DAYS": "1", "UNHANDLED_BODIES": "no"}
    assert examine(**settings)[1]["retention"][1] == (
        "deliveries are kept for 365 days, unhandled ones for 1 day without their bodies, "
        "recorded journal for 24 h"
    )


def test_user_who_is_not_that_of_the_service_is_told(examine, journal):
    journal.folders[0].mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(journal.folders[0], 12345, -1)

    found = examine()[1]

    assert found["user"][0] == "warning"
    assert "belongs to user 12345" in found["user"][1]


def test_callback_goes_through_the_url_into_the_database(webhook, recording, examine, read):
    done, found = examine("--url", webhook)

    assert done.exit_code == 0, done.output
    level, text = found["round trip"]
    (delivery,) = read("/deliveries")["items"]
    assert level == "ok"
    assert text.endswith(f" ms, recorded as delivery {delivery['id']}")
    assert (delivery["command"], delivery["verdict"]) == ("Doctor.RoundTrip", "unhandled")


def test_round_trip_is_found_where_bodies_are_not_stored(
    receiver, receiver_settings, webhook, recording, examine
):
    receiver.extensions["receiver"].settings = replace(receiver_settings, unhandled_bodies=False)

    for delivery_id in (1, 2):
        found = examine("--url", webhook)[1]

        assert found["round trip"][1].endswith(f" ms, recorded as delivery {delivery_id}")


def test_url_that_refuses_is_a_failure(webhook, examine):
    done, found = examine("--url", webhook, SDK_APPS=f"{APP}:another-token")

    assert done.exit_code == 1
    assert found["round trip"][0] == "failed"
    assert '"ErrorCode":40302' in found["round trip"][1]


def test_url_of_another_service_is_a_failure(webhook, examine, monkeypatch):
    monkeypatch.setattr(round_trip, "ARRIVAL_SECONDS", 0.2)

    done, found = examine("--url", webhook)

    assert done.exit_code == 1
    assert found["database"][0] == "ok"
    assert found["round trip"][0] == "failed"
    assert found["round trip"][1].endswith("no recorder, or the URL leads elsewhere")


@pytest.mark.parametrize("url", ["nonsense", "http://host/call back", "http://host/ü", "ftp://x/"])
def test_wrong_url_is_refused_and_no_signature_shown(run_command, url):
    done = run_command("doctor", "--url", url)

    assert done.exit_code == 2
    assert "is not a webhook URL" in done.stderr
    assert "Sign=" not in done.output
