"""Fixtures: a real database, migrated once and cloned for each test, and a caller like Tencent."""

import json
import os
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Thread
from time import monotonic, sleep
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from app import create_app
from config import ApiKey, Settings
from tests.engines import open_engines

NAMES = ("sqlite", "postgresql", "mysql")
NOW = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)
APP, TOKEN = "888888", "xxxxyyyy"
ROTATING_APP, OLD_TOKEN, NEW_TOKEN = "1400000001", "old-token", "new-token"
OPEN_APP = "1400000002"
KEY = "a-key-that-may-read"


def pytest_sessionstart(session):
    engines = session.config.stash[ENGINES] = open_engines()
    required = set(filter(None, os.environ.get("REQUIRE_ENGINES", "").split(",")))
    if missing := required - set(engines):
        pytest.exit(f"REQUIRE_ENGINES: no {', '.join(sorted(missing))} here", returncode=1)


def pytest_sessionfinish(session):
    with ExitStack() as stack:
        for engine in session.config.stash.get(ENGINES, {}).values():
            stack.callback(engine.stop)


def pytest_terminal_summary(terminalreporter, config):
    ran = config.stash.get(ENGINES, {})
    passed = terminalreporter.stats.get("passed", [])
    counts = [
        f"{name} ({sum(f'[{name}' in report.nodeid for report in passed)} tests)" for name in ran
    ]
    terminalreporter.write_line(f"engines: {', '.join(counts)}")


ENGINES = pytest.StashKey[dict]()


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def move(self, **amount):
        self.now += timedelta(**amount)


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
def settings(database_url, tmp_path):
    return Settings(
        sdk_apps={APP: (TOKEN,), ROTATING_APP: (OLD_TOKEN, NEW_TOKEN), OPEN_APP: ()},
        database_url=database_url,
        database_read_url=database_url,
        api_keys=(ApiKey("other", "another-key"), ApiKey("tests", KEY)),
        spool_dir=tmp_path / "spool",
        max_body_bytes=512 * 1024,
    )


@pytest.fixture
def app(settings, clock, request):
    app = create_app(settings, now=clock)
    keeper = app.extensions["runtime"].keeper
    keeper.committer.check().result(10)  # connected
    yield app
    if not request.node.get_closest_marker("spooling"):
        wait_until_drained(keeper.spool)
    app.extensions["runtime"].close()


def wait_until_drained(spool):
    """Fail if the database does not take, within seconds, what the spool holds."""
    deadline = monotonic() + 20
    while found := list(spool.folder.glob("*.spool")):
        assert monotonic() < deadline, found
        sleep(0.01)
    assert not list(spool.folder.glob("*.stuck"))


@pytest.fixture
def without_database(tmp_path):
    """A client of a service whose database is a folder."""
    folder = sa.make_url(f"sqlite:///{tmp_path}")
    keys = (ApiKey("tests", KEY),)
    spool = tmp_path / "spool"
    app = create_app(Settings({"1": ()}, folder, folder, api_keys=keys, spool_dir=spool))
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
def webhook(settings):
    """The URL of a service by the real clock."""
    app = create_app(settings)
    with serving(app) as address:
        yield f"{address}/callback"
    app.extensions["runtime"].close()


@pytest.fixture
def run_command(settings):
    """Run a command as another process would: with an app of its own, by the real clock."""

    def run(*arguments):
        return create_app(settings).test_cli_runner().invoke(args=arguments)

    return run


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def session(app):
    """A session that sees what was committed."""
    with app.extensions["runtime"].database.reads() as session:
        yield session


def sign(token, at):
    return sha256(f"{token}{at}".encode()).hexdigest()


def signed(clock, token=TOKEN):
    at = int(clock.now.timestamp())
    return {"Sign": sign(token, at), "RequestTime": at}


@pytest.fixture
def deliver(client, clock, request):
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
        answer = client.post(
            f"{address}?{urlencode(envelope, doseq=True)}",
            data=json.dumps(body).encode() if data is None else data,
            headers=headers,
        )
        if not request.node.get_closest_marker("spooling"):
            wait_until_drained(client.application.extensions["runtime"].keeper.spool)
        return answer

    return post


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
        words = statement.replace('"', "").replace("`", "").split()[:3]
        kept = ("deliveries", "lifecycle_events", "event_members")
        if words[0].upper() in ("UPDATE", "DELETE") and set(words) & set(kept):
            changes.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    yield
    sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    assert changes == []
