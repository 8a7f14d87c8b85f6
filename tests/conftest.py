"""Fixtures: a real database, migrated once and cloned for each test, and a sender like Tencent."""

import json
import os
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import filterfalse
from threading import Thread
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings as examples
from werkzeug.serving import make_server

from app import create_commands, create_reader, create_receiver
from blueprints.api.runtime import Runtime
from config import (
    ApiKey,
    JournalSettings,
    ReaderSettings,
    ReceiverSettings,
    RecorderSettings,
)
from models.database.connection import CONNECT_ARGS
from models.database.engine import open_reader
from models.tables import MinuteCount
from services.recording.following.follow import follow_all
from services.recording.recorder import ReadingRecorder, Recorder
from tests.engines import Engines, find_servers

NAMES = ("sqlite", "postgresql", "mysql")
NOW = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)
APP, TOKEN = "888888", "xxxxyyyy"
ROTATING_APP, OLD_TOKEN, NEW_TOKEN = "1400000001", "old-token", "new-token"
OPEN_APP = "1400000002"
KEY, OTHER_KEY = "a-key-that-may-read", "another-key-to-read"


# A busy machine must not report faults of the code.
examples.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("busy")
for server in ("postgresql", "mysql"):
    CONNECT_ARGS[server]["connect_timeout"] = 30  # seconds

UMASK = 0o022  # that of most machines, as modes of files and folders are tested
LONG = ("browser", "faults", "test_memory", "test_migrations", "test_serving")


def pytest_xdist_auto_num_workers():
    """Run one more than there are cores, at most four, as a fifth of the time is waiting."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that none of them runs alone at the end."""
    items[:] = filterfalse(is_needless, items)
    first = tuple(f"tests/{name}" for name in LONG)
    items.sort(key=lambda item: not item.nodeid.startswith(first))


def is_needless(item):
    """Tell whether a test is for ``any_engine`` and this is a further engine."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    one_more = parameters.get("engine", "sqlite") != "sqlite"
    return one_more and item.get_closest_marker("any_engine") is not None


def pytest_sessionstart(session):
    """Find or start the servers once, for each process that runs tests."""
    os.umask(UMASK)
    config = session.config
    is_worker = hasattr(config, "workerinput")
    with ExitStack() as stack:
        if not is_worker:
            found = config.stash[FOUND] = stack.enter_context(find_servers())
            required = set(filter(None, os.environ.get("REQUIRE_ENGINES", "").split(",")))
            if missing := required - set(found):
                pytest.exit(f"REQUIRE_ENGINES: no {', '.join(sorted(missing))} here", returncode=1)
        if is_worker or config.getoption("dist", "no") == "no":
            engines = config.stash[ENGINES] = Engines()
            stack.callback(engines.stop)
        config.stash[OPEN] = stack.pop_all()


def pytest_sessionfinish(session):
    session.config.stash.get(OPEN, ExitStack()).close()


def pytest_terminal_summary(terminalreporter, config):
    passed = terminalreporter.stats.get("passed", [])
    counts = [
        f"{name} ({sum(f'[{name}' in report.nodeid for report in passed)} tests)"
        for name in config.stash.get(FOUND, [])
    ]
    terminalreporter.write_line(f"engines: {', '.join(counts)}")


OPEN = pytest.StashKey[ExitStack]()
FOUND = pytest.StashKey[list[str]]()  # the engines that are available
ENGINES = pytest.StashKey[Engines]()


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def move(self, **amount):
        self.now += timedelta(**amount)


@pytest.fixture(autouse=True)
def _umask_stays():
    """Nothing in this process may change the umask for later tests."""
    yield
    assert os.umask(UMASK) == UMASK


@pytest.fixture(params=NAMES)
def engine(request):
    """Each database in turn."""
    engines = request.config.stash[ENGINES]
    if request.param not in engines:
        pytest.skip(f"no {request.param} here")
    return engines[request.param]


@pytest.fixture
def database_url(engine):
    """A private copy of the migrated database: code under test commits for real."""
    with engine.clone() as url:
        yield url


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal(tmp_path):
    return JournalSettings(folders=(tmp_path / "journal",))


@pytest.fixture
def receiver_settings(journal):
    return ReceiverSettings(
        sdk_apps={APP: (TOKEN,), ROTATING_APP: (OLD_TOKEN, NEW_TOKEN), OPEN_APP: ()},
        journal=journal,
        max_body_bytes=512 * 1024,
    )


@pytest.fixture
def journal_of_readings(tmp_path):
    return (tmp_path / "readings",)


@pytest.fixture
def recorder_settings(database_url, journal, journal_of_readings):
    return RecorderSettings(database_url, journal, reading_folders=journal_of_readings)


@pytest.fixture
def settings(database_url, journal, journal_of_readings):
    """The settings of the reader."""
    return ReaderSettings(
        database_read_url=database_url,
        api_keys=(ApiKey("other", OTHER_KEY), ApiKey("tests", KEY)),
        journal_folders=journal.folders,
        reading_folders=journal_of_readings,
    )


@pytest.fixture
def receiver(receiver_settings, clock, monkeypatch):
    """The receiving app, without background work, and with a long time limit for flushes."""
    monkeypatch.setattr("services.journal.journal.FLUSH_SECONDS", 60)
    app = create_receiver(receiver_settings, now=clock)
    yield app
    app.extensions["receiver"].close()


@pytest.fixture
def recorder(recorder_settings, clock):
    recorder = Recorder(recorder_settings, clock)
    yield recorder
    recorder.close()


@pytest.fixture
def record_readings(recorder_settings, clock):
    """Record the readings that the reader has kept."""
    recorder = ReadingRecorder(recorder_settings, clock)
    yield recorder.record_available
    recorder.close()


@pytest.fixture(scope="session")
def bare_reader():
    """The reading app without data, as making one takes longer than most tests."""
    return create_reader(ReaderSettings(sa.make_url("sqlite:///none.db"), api_keys=()))


@pytest.fixture
def app(bare_reader, settings, clock):
    """The reading app."""
    here = bare_reader.extensions["runtime"] = Runtime(settings, clock)
    yield bare_reader
    here.close()


@pytest.fixture
def without_database(tmp_path):
    """A client of a reader whose database is a folder."""
    folder = sa.make_url(f"sqlite:///{tmp_path}")
    keys = (ApiKey("tests", KEY),)
    journals = {f"{name}_folders": (tmp_path / name,) for name in ("journal", "reading")}
    app = create_reader(ReaderSettings(folder, keys, **journals))
    yield app.test_client()
    app.extensions["runtime"].close()


@contextmanager
def serving(app):
    """Serve an app on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run_command(database_url, journal, journal_of_readings, monkeypatch):
    """Run a command as another process would, with settings from the environment."""
    environment = {
        "SDK_APPS": f"{APP}:{TOKEN}",
        "API_KEYS": f"tests:{KEY}",
        "DATABASE_URL": database_url.render_as_string(hide_password=False),
        "JOURNAL_DIR": str(journal.folders[0]),
        "READING_JOURNAL_DIR": str(journal_of_readings[0]),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        return create_commands().test_cli_runner().invoke(args=arguments)

    return run


FIND_OTHERS = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}


@pytest.fixture
def cut(database_url, engine):
    """Cut all connections to a database, like a restart, a firewall or an idle timeout."""
    if engine.name not in FIND_OTHERS:
        pytest.skip("has no connections")
    admin = sa.create_engine(database_url, isolation_level="AUTOCOMMIT")

    def cut():
        with admin.connect() as connection:
            for (kill,) in connection.exec_driver_sql(FIND_OTHERS[engine.name]).all():
                if engine.name == "mysql":
                    connection.exec_driver_sql(kill)

    yield cut
    admin.dispose()


@pytest.fixture
def rows(database_url):
    """Read a table as it is now, in the order of its key."""
    engine = open_reader(database_url)

    def fetch(model):
        with engine.connect() as connection:
            return connection.execute(sa.select(model).order_by(*model.__table__.primary_key)).all()

    yield fetch
    engine.dispose()


@pytest.fixture
def counted(rows):
    """Add up the counts of a measure over all minutes, by app and name."""

    def fetch(measure):
        found = Counter()
        for row in rows(MinuteCount):
            if row.measure == measure:
                found[row.sdk_app_id, row.name] += row.value
        return {key: value for key, value in found.items() if value}

    return fetch


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def connection(app):
    """A connection that reads what was committed before its first use."""
    with app.extensions["runtime"].connect() as connection:
        yield connection


def sign(token, at):
    return sha256(f"{token}{at}".encode()).hexdigest()


def signed(clock, token=TOKEN):
    at = int(clock.now.timestamp())
    return {"Sign": sign(token, at), "RequestTime": at}


@pytest.fixture
def post(receiver, clock):
    """Post a callback as Tencent does; ``data`` replaces the bytes of the body."""

    def post(body=None, *, data=None, address="/callback", query=None, headers=None):
        command = {"CallbackCommand": body["CallbackCommand"]} if body else {}
        envelope = {
            "SdkAppid": APP,
            **command,
            "contenttype": "json",
            "ClientIP": "127.0.0.1",
            "OptPlatform": "RESTAPI",
            **signed(clock),
            **(query or {}),
        }
        envelope = {name: value for name, value in envelope.items() if value is not None}
        return receiver.test_client().post(
            f"{address}?{urlencode(envelope, doseq=True)}",
            data=json.dumps(body).encode() if data is None else data,
            headers=headers,
        )

    return post


@pytest.fixture
def record(receiver, recorder):
    """Record what the receiver has taken or refused, and make it searchable."""

    def record():
        receiver.extensions["receiver"].refusals.write()
        recorder.record_available()
        follow_all(recorder.database)

    return record


@pytest.fixture
def deliver(post, record):
    """Post a callback, and record it."""

    def deliver(*args, **kwargs):
        answer = post(*args, **kwargs)
        record()
        return answer

    return deliver


@pytest.fixture
def deliver_all(post, record):
    """Post callbacks, and record them together, which takes a fraction of the time."""

    def deliver_all(bodies):
        for body in bodies:
            assert post(body).status_code == 200
        record()

    return deliver_all


@pytest.fixture
def read(client):
    """Get JSON with a key; keyword arguments are the query string."""

    def get(address, expected=200, **query):
        response = client.get(
            f"{address}?{urlencode(query, doseq=True)}" if query else address,
            headers={"Authorization": f"Bearer {KEY}"},
        )
        assert response.status_code == expected, response.text
        return response.get_json()

    return get


@pytest.fixture
def read_all(read):
    """Read every page of an address."""

    def get(address, **query):
        items, cursor = [], None
        while True:
            page = read(address, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    return get


@pytest.fixture(autouse=True)
def _deliveries_are_only_added():
    """No test, by any route, makes the service update or delete a delivery or an event."""
    changes = []

    def listen(connection, _cursor, statement, *_):
        if connection.get_execution_options().get("migrating"):
            return
        words = statement.replace('"', "").replace("`", "").split()
        kept = {"deliveries", "lifecycle_events", "event_members"}
        is_change = words[0] in ("UPDATE", "DELETE", "REPLACE") or {"CONFLICT", "DUPLICATE"} & {
            *words
        }
        if is_change and kept & {*words[:3]}:
            changes.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    yield
    sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert changes == []
