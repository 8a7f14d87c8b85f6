"""Whether all is well, and if not, what."""

import os
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import create_app
from models import Delivery
from tests.conftest import APP, TOKEN, sign
from tests.payloads import group_created


@pytest.fixture
def examine(settings):
    """Run the command under other settings; give how it ended and what it found."""

    def run(*arguments, now=None, **changes):
        clock = {"now": now} if now else {}
        app = create_app(replace(settings, **changes), **clock)
        done = app.test_cli_runner().invoke(args=["doctor", *arguments])
        lines = done.stdout.splitlines()
        found = {line[9:24].strip(): (line[:9].strip(), line[24:]) for line in lines}
        return done.exit_code, found

    return run


@pytest.fixture
def deliver_late(deliver, clock):
    """Post callbacks that say of themselves that they are some seconds old."""

    def post(*seconds):
        for number, late in enumerate(seconds):
            clock.move(seconds=1)
            request_time = int(clock.now.timestamp()) - late
            query = {"RequestTime": request_time, "Sign": sign(TOKEN, request_time)}
            deliver(group_created(GroupId=f"g{number}"), query=query)

    return post


def test_all_is_well(examine, engine, clock, deliver_late):
    deliver_late(0)

    exit_code, found = examine(sdk_apps={APP: (TOKEN,)}, now=clock)

    assert exit_code == 0
    assert {level for level, _ in found.values()} == {"ok"}, found
    assert [*found] == ["senders", "readers", "database", "read database", "spool", "clock"]
    assert found["database"][1].startswith(f"{engine.name} at revision ")


def test_nothing_is_made_and_nothing_is_kept(examine, settings, session):
    examine()

    assert session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 0
    assert not settings.spool_dir.exists()


def test_open_doors_are_warned_of(examine):
    exit_code, found = examine(api_keys=())

    assert exit_code == 0
    assert found["senders"] == ("warning", "app 1400000002 has no token: anyone may send for it")
    assert found["readers"] == ("warning", "nobody may read: API_KEYS is not set")
    assert found["clock"] == ("warning", "not compared: no signed callback for a day")


def test_database_at_another_revision_is_a_failure(examine, app):
    with app.extensions["runtime"].database.writes.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

    exit_code, found = examine()

    assert exit_code == 1
    assert found["database"][0] == "failure"
    assert found["database"][1].endswith("make migrate")
    assert "clock" not in found


def test_database_that_can_only_be_read_is_a_failure(examine, engine, database_url):
    if engine.name == "sqlite":
        pytest.skip("whoever may read the file of a test may write to it")
    read_only = {
        "postgresql": {"options": "-c default_transaction_read_only=on"},
        "mysql": {"init_command": "SET SESSION TRANSACTION READ ONLY"},
    }
    other = database_url.update_query_dict(read_only[engine.name])

    exit_code, found = examine(database_url=other)

    assert exit_code == 1
    assert found["database"][0] == "failure"
    assert "read" in found["database"][1].lower()  # and why
    assert found["read database"][0] == "ok"


def test_database_that_is_not_there_is_a_failure_and_is_not_made(webhook, examine, tmp_path):
    file = tmp_path / "nothing.db"

    exit_code, found = examine("--url", webhook, database_url=sa.make_url(f"sqlite:///{file}"))

    assert exit_code == 1
    assert found["database"] == ("failure", f"{file} is not there: make migrate")
    assert not file.exists()
    assert found["round trip"][0] == "warning"
    assert found["round trip"][1].endswith("; not looked for, as the database is not well")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "a..b"])
def test_url_where_nobody_answers_is_a_failure(examine, host):
    exit_code, found = examine("--url", f"http://{host}/callback")

    assert exit_code == 1
    assert found["round trip"][0] == "failure"
    assert found["round trip"][1].startswith("no answer: ")


def test_spool_that_takes_nothing_is_a_failure(examine, tmp_path):
    (tmp_path / "file").touch()

    exit_code, found = examine(spool_dir=tmp_path / "file")

    assert exit_code == 1
    assert found["spool"] == ("failure", "can't be written to; 0 callbacks wait, the first for 0 s")


def test_user_who_is_not_that_of_the_service_is_told(examine, settings):
    settings.spool_dir.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(settings.spool_dir, 12345, -1)

    found = examine()[1]

    assert found["user"][0] == "warning"
    assert "belongs to 12345" in found["user"][1]


@pytest.mark.parametrize(
    ("seconds", "level", "text"),
    [
        ([0], "ok", "+0.1 s from the sender's, by 1 callbacks"),
        ([-29], "ok", "-28.9 s from the sender's, by 1 callbacks"),
        ([40, 40, 40], "warning", "+40.1 s from the sender's, by 3 callbacks"),
        ([0, 61, 61, 61], "failure", "+61.1 s from the sender's, by 3 callbacks"),
        ([0, -61, -61, -61], "failure", "-60.9 s from the sender's, by 3 callbacks"),
        ([0, 61, 62, 63, 64], "ok", "+0.1 s from the sender's, by 1 callbacks"),  # one, replayed
        ([61, 61, 61, 0], "ok", "+0.1 s from the sender's, by 1 callbacks"),  # put right since
        ([61, 61], "warning", "not compared: no signed callback for a day"),
    ],
)
def test_clock_is_compared_with_tencents(deliver_late, clock, examine, seconds, level, text):
    deliver_late(*seconds)

    assert examine(now=clock)[1]["clock"] == (level, text)


def test_clock_that_was_put_right_is_right(deliver_late, clock, examine):
    clock.move(hours=1)
    deliver_late(3600, 3600, 3600)  # it is an hour fast
    clock.move(hours=-1)
    deliver_late(0)

    assert examine(now=clock)[1]["clock"][0] == "ok"


def test_what_the_commands_send_says_nothing_of_the_clock(webhook, run_command, examine):
    assert run_command("simulate", webhook, "--count", "1").exit_code == 0

    assert examine()[1]["clock"][0] == "warning"


def test_callback_goes_through_the_url_into_the_database(webhook, examine, read):
    exit_code, found = examine("--url", webhook)

    assert exit_code == 0
    level, text = found["round trip"]
    (delivery,) = read("/deliveries")["items"]
    assert level == "ok"
    assert text.endswith(f" ms, stored as delivery {delivery['id']}")
    assert (delivery["command"], delivery["verdict"]) == ("Doctor.RoundTrip", "unhandled")


def test_url_that_refuses_is_a_failure(webhook, examine):
    exit_code, found = examine("--url", webhook, sdk_apps={APP: ("another token",)})

    assert exit_code == 1
    assert found["round trip"][0] == "failure"
    assert '"ErrorCode":40302' in found["round trip"][1]


def test_url_of_another_service_is_a_failure(webhook, engine, examine, monkeypatch):
    monkeypatch.setattr("services.round_trip.ARRIVAL_SECONDS", 0.2)
    with engine.clone() as elsewhere:
        exit_code, found = examine("--url", webhook, database_url=elsewhere)

    assert exit_code == 1
    assert found["database"][0] == "ok"
    assert found["round trip"][0] == "failure"
    assert found["round trip"][1].endswith("or the URL leads elsewhere")


@pytest.mark.parametrize("url", ["nonsense", "http://host/call back", "http://host/ü", "ftp://x/"])
def test_wrong_url_is_refused_and_no_signature_shown(run_command, url):
    done = run_command("doctor", "--url", url)

    assert done.exit_code == 2
    assert "is no webhook URL" in done.stderr
    assert "Sign=" not in done.output
