"""Callbacks from another database: from an export, and by a query."""

import json
import sqlite3
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from models.tables import Delivery, Ledger, LifecycleEvent, MinuteCount
from services.importing import importer
from tests.payloads import SAMPLES, group_created, group_destroyed

BODIES = (*SAMPLES[:4], SAMPLES[0], {"CallbackCommand": "Group.Any"}, group_created(GroupId=7))
ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def run(run_command):
    def run(*arguments, code=0, **options):
        done = run_command(*arguments, **options)
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture
def exported(run, deliver, post, record, tmp_path):
    """A file of all kinds of deliveries."""
    for body in BODIES:
        deliver(body)
    post(data=b"\xff\x00 no text")
    record()
    file = tmp_path / "deliveries.ndjson"
    run("export", "--deliveries", "-o", str(file))
    return file


@pytest.fixture
def fetch():
    """Read a table of a database, except some columns."""

    def fetch(url, model, *left_out):
        engine = sa.create_engine(url)
        found = sa.inspect(model).column_attrs.keys()  # commands have other numbers elsewhere
        columns = [getattr(model, one) for one in found if one not in (*left_out, "command_id")]
        with engine.connect() as connection:
            found = connection.execute(sa.select(*columns).order_by(model.id)).all()
        engine.dispose()
        return found

    return fetch


def use(monkeypatch, url):
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))


@pytest.mark.parametrize("batch", [3, 2000])
def test_deliveries_move_to_another_database_byte_for_byte_and_once(
    exported, run, engine, database_url, fetch, monkeypatch, batch
):
    monkeypatch.setattr(importer, "MAX_BATCH_RECORDS", batch)
    assert exported.stat().st_mode & 0o777 == 0o600
    deliveries = fetch(database_url, Delivery, "imported_at")
    events = fetch(database_url, LifecycleEvent)
    with engine.clone() as url:
        use(monkeypatch, url)
        first = run("import", str(exported))
        again = run("import", str(exported))

        assert first.stdout.startswith("8 deliveries imported (")
        assert again.stdout == "0 deliveries imported, 8 stored before or too old.\n"
        assert fetch(url, Delivery, "imported_at") == deliveries
        assert fetch(url, LifecycleEvent) == events
        assert None not in {row.imported_at for row in fetch(url, Delivery)}


def test_import_that_only_counts_changes_nothing(exported, run, engine, fetch, monkeypatch):
    with engine.clone() as url:
        use(monkeypatch, url)

        done = run("import", "--dry-run", str(exported))

        assert (
            done.stdout == "8 deliveries would be imported (8 new), 0 stored before or too old.\n"
        )
        assert fetch(url, Delivery) == []


@ON_SQLITE
def test_what_is_too_old_to_be_kept_is_not_imported(
    deliver, clock, run, engine, monkeypatch, tmp_path
):
    clock.now = datetime(2016, 1, 1, tzinfo=UTC)
    deliver(group_created())
    file = tmp_path / "deliveries.ndjson"
    run("export", "--deliveries", "-o", str(file))
    with engine.clone() as url:
        use(monkeypatch, url)
        target = sa.create_engine(url)
        with target.begin() as connection:
            connection.execute(
                sa.update(Ledger).values(kept_since=datetime(2017, 1, 1, tzinfo=UTC))
            )
        target.dispose()

        for option, verb in {"--dry-run": "would be imported", "--incomplete": "imported"}.items():
            done = run("import", option, str(file))
            assert done.stdout.startswith(f"0 deliveries {verb}")
            assert done.stdout.endswith(", 1 stored before or too old.\n")


@ON_SQLITE
def test_content_that_is_not_to_be_kept_is_not_imported_nor_made_up(
    exported, run, engine, fetch, monkeypatch, tmp_path
):
    monkeypatch.setenv("UNHANDLED_BODIES", "no")
    again = tmp_path / "again.ndjson"
    found = []
    for file in (exported, again):
        with engine.clone() as url:
            use(monkeypatch, url)
            run("import", str(file))
            run("export", "--deliveries", "-o", str(again))
            found.append(fetch(url, Delivery))

    assert found[0] == found[1]
    (unhandled,) = (row for row in found[0] if row.command == "Group.Any")
    assert unhandled.verdict == "unhandled"
    assert (unhandled.body, unhandled.query_string) == (b"", "")
    assert unhandled.unstored_bytes == len(json.dumps({"CallbackCommand": "Group.Any"}))


@ON_SQLITE
def test_export_can_be_narrowed(exported, run, read):
    since = read("/deliveries", order="asc")["items"][0]["received_at"]

    *lines, last = run("export", "--deliveries", "--verdict", "invalid").stdout.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["invalid", "invalid"]
    assert json.loads(last) == {"complete": True, "count": 2}
    assert run("export", "--deliveries", "--until", since).stdout.count("\n") == 1
    refused = run("export", "--deliveries", "--action", "full", code=2).stderr
    assert "--action: Not with --deliveries" in refused


@ON_SQLITE
def test_file_that_breaks_off_is_refused_unless_the_operator_says_so(
    exported, run, engine, fetch, monkeypatch
):
    exported.write_bytes(b"".join(exported.read_bytes().splitlines(keepends=True)[:3]))
    with engine.clone() as url:
        use(monkeypatch, url)

        assert (
            "the file is not complete: the last line" in run("import", str(exported), code=2).stderr
        )
        assert fetch(url, Delivery) == []
        assert run("import", "--incomplete", str(exported)).stdout.startswith("3 deliveries")


@ON_SQLITE
def test_lines_that_are_missing_or_wrong_are_told_and_the_rest_goes_on(
    exported, run, engine, monkeypatch
):
    monkeypatch.setattr(importer, "MAX_BATCH_RECORDS", 2)
    lines = exported.read_bytes().splitlines()
    wrong = {**json.loads(lines[1]), "received_at": "2026-01-31T08:00:00"}
    exported.write_bytes(b"\n".join([lines[0], json.dumps(wrong).encode(), b"[]", *lines[3:], b""]))
    with engine.clone() as url:
        use(monkeypatch, url)

        done = run("import", str(exported), code=1)
        assert done.stderr.splitlines() == [
            "2: received_at: 2026-01-31T08:00:00 has no zone",
            "3: not a JSON object",
            "Error: 2 rows not imported",
        ]
        assert done.stdout.startswith("6 deliveries imported")

        exported.write_bytes(b"\n".join([*lines[4:], b""]))
        done = run("import", str(exported), code=1)
        assert "Error: the file is not complete: line 5 says that 8 lines" in done.stderr


@ON_SQLITE
def test_delivery_that_the_database_rejects_is_told_and_the_rest_is_imported(
    exported, run, engine, fetch, monkeypatch
):
    with engine.clone() as url:
        use(monkeypatch, url)
        rejecting = sa.create_engine(url)
        with rejecting.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER reject BEFORE INSERT ON deliveries WHEN length(NEW.body) = 10 "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        rejecting.dispose()

        done = run("import", str(exported), code=1)

        assert done.stdout.startswith("7 deliveries imported")
        assert done.stderr.splitlines()[-2].startswith("8: IntegrityError")
        assert b"\xff\x00 no text" not in {row.body for row in fetch(url, Delivery)}


@pytest.fixture
def table(tmp_path):
    """A table in which a team has kept its callbacks."""
    file = tmp_path / "team.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE hooks (payload TEXT, created TEXT, app INTEGER)")
    rows = [
        (json.dumps(group_created()), "2024-05-01 08:00:00.5", 888888),
        (json.dumps(group_destroyed()), "2024-05-02 08:00:00", 888888),
        (None, "2024-05-03 08:00:00", 888888),
    ]
    connection.executemany("INSERT INTO hooks VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    return f"sqlite:///{file}"


COLUMNS = "payload AS body, created AS received_at, app AS sdk_app_id"


def test_table_of_a_team_is_imported_with_its_own_times(table, run, rows, read):
    query = f"SELECT {COLUMNS} FROM hooks WHERE payload LIKE '%Group%'"
    options = ("import", "--from-sql", table, "--zone", "Asia/Shanghai", "--query", query)

    assert (
        run(*options).stdout == "2 deliveries imported (2 accepted), 0 stored before or too old.\n"
    )
    assert run(*options).stdout == "0 deliveries imported, 2 stored before or too old.\n"

    first, _ = rows(Delivery)
    assert first.received_at == datetime(2024, 5, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert first.body == json.dumps(group_created()).encode()
    assert [row.action for row in rows(LifecycleEvent)] == ["created", "destroyed"]
    assert rows(MinuteCount) == []
    assert first.uuid.version == 8
    assert str(first.uuid) in json.dumps(read("/search", q=str(first.uuid)))
    assert read(f"/deliveries/{first.id}")["imported_at"] is not None


@ON_SQLITE
def test_faults_of_a_query_are_told_plainly(table, run):
    def complain(query, *options, code):
        done = run("import", "--from-sql", table, "--query", query, *options, code=code)
        return done.stderr.splitlines()[-2 if code == 1 else -1]

    assert complain("SELECT payload FROM hooks", code=2) == (
        "lifecycle: the query has no column received_at or body, only payload: "
        "name them, such as SELECT payload AS body"
    )
    all_rows = f"SELECT {COLUMNS} FROM hooks"
    assert complain(all_rows, code=1) == "3: received_at: 2024-05-03 08:00:00 has no zone"
    assert complain(all_rows, "--zone", "UTC", code=1) == "3: body: missing, and so is body_base64"
    assert complain("DELETE FROM hooks", code=2).startswith("lifecycle: OperationalError attempt")
    assert "--zone" in run("import", "--zone", "Mars", "x", code=2).stderr
    done = run("import", "--from-sql", "ftp://x", "--query", all_rows, code=2)
    assert done.stderr.startswith("lifecycle: --from-sql='ftp://x' is not allowed")


def test_recorder_goes_on_beside_an_import(
    exported, run, engine, recording, post, rows, database_url
):
    lines = [json.loads(line) for line in exported.read_text().splitlines()[:-1]]
    new = [{**line, "uuid": str(UUID(int=number))} for number, line in enumerate(lines * 150)]
    text = "\n".join(json.dumps(line) for line in [*new, {"complete": True, "count": len(new)}])
    exported.write_text(f"{text}\n")
    post(group_created(GroupId="beside"))

    done = run("import", str(exported))

    assert done.stdout.startswith("1200 deliveries imported")
    ids = [row.id for row in rows(Delivery)]
    assert ids == [*range(1, len(ids) + 1)]
