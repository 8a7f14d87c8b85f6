"""Whether all is well, and if not, what."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import create_app
from tests.conftest import APP, NOW, TOKEN, sign
from tests.payloads import group_created


@pytest.fixture
def examine(settings):
    """Run the command under other settings; give how it ended and what it found."""

    def run(*arguments, now=None, **changes):
        options = {"now": now} if now else {}
        app = create_app(replace(settings, **changes), **options)
        done = app.test_cli_runner().invoke(args=["doctor", *arguments])
        found = {}
        for line in done.stdout.splitlines():
            level, about, text = line.split(maxsplit=1)[0], line[9:24].strip(), line[24:]
            found[about] = (level, text)
        return done.exit_code, found

    return run


def test_all_is_well(examine, engine):
    exit_code, found = examine(sdk_apps={APP: (TOKEN,)})

    assert exit_code == 0
    assert {level for level, _ in found.values()} == {"ok"}
    assert [*found] == ["senders", "readers", "database", "read database", "spool", "clock"]
    assert found["database"][1].startswith(f"{engine.name} at revision ")


def test_open_doors_are_warned_of(examine):
    exit_code, found = examine(api_keys=())

    assert exit_code == 0
    assert found["senders"] == ("warning", "app 1400000002 has no token: anyone may send for it")
    assert found["readers"] == ("warning", "nobody may read: API_KEYS is not set")


def test_database_at_another_revision_is_a_failure(examine, app):
    with app.extensions["runtime"].database.writes.begin() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))

    exit_code, found = examine()

    assert exit_code == 1
    assert found["database"][0] == "failure"
    assert found["database"][1].endswith("make migrate")
    assert "clock" not in found


def test_database_that_is_away_is_a_failure(examine, tmp_path):
    exit_code, found = examine(database_url=sa.make_url(f"sqlite:///{tmp_path}"))

    assert exit_code == 1
    assert found["database"] == ("failure", "sqlite does not answer")
    assert found["read database"][0] == "ok"


def test_spool_that_takes_nothing_is_a_failure(examine, tmp_path):
    (tmp_path / "file").touch()

    exit_code, found = examine(spool_dir=tmp_path / "file")

    assert exit_code == 1
    assert found["spool"] == ("failure", "can't be written to; 0 callbacks wait, the first for 0 s")


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, "ok"), (-29, "ok"), (40, "warning"), (-61, "failure"), (90, "failure")],
)
def test_clock_is_compared_with_tencents(deliver, clock, examine, seconds, level):
    """A callback that is too old or too new is refused, and tells most of all."""
    deliver(group_created())
    clock.move(hours=1)
    query = {"RequestTime": int(clock.now.timestamp())}
    clock.move(seconds=seconds)

    deliver(group_created(), query=query | {"Sign": sign(TOKEN, query["RequestTime"])})
    found = examine()[1]

    ahead = (NOW + timedelta(hours=1, seconds=seconds)).timestamp() - query["RequestTime"]
    assert found["clock"][0] == level
    assert found["clock"][1].startswith(f"{ahead:+.1f} s from that of who sent")


def test_callback_goes_through_the_url_into_the_database(webhook, examine, read):
    exit_code, found = examine("--url", webhook)

    assert exit_code == 0
    level, text = found["round trip"]
    (delivery,) = read("/deliveries")["items"]
    assert level == "ok"
    assert text.startswith("200 in ")
    assert text.endswith(f"stored as delivery {delivery['id']}")
    assert (delivery["command"], delivery["verdict"]) == ("Doctor.RoundTrip", "unhandled")


def test_url_that_refuses_is_a_failure(webhook, examine):
    exit_code, found = examine("--url", webhook, sdk_apps={APP: ("another token",)})

    assert exit_code == 1
    assert found["round trip"][0] == "failure"
    assert '"ErrorCode":40302' in found["round trip"][1]


def test_url_of_another_service_is_a_failure(webhook, examine, tmp_path, monkeypatch):
    monkeypatch.setattr("services.round_trip.ARRIVAL_SECONDS", 0.2)
    elsewhere = sa.make_url(f"sqlite:///{tmp_path}/elsewhere.db")

    exit_code, found = examine("--url", webhook, database_read_url=elsewhere)

    assert exit_code == 1
    assert found["round trip"][1].endswith("does the URL lead here?")


def test_wrong_url_is_refused(run_command):
    done = run_command("doctor", "--url", "nonsense")

    assert done.exit_code == 2
    assert "'nonsense' is no webhook URL" in done.stderr
