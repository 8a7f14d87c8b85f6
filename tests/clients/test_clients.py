"""Real bodies through real clients: directly, through nginx, over a Unix socket."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep, time

import pytest
import sqlalchemy as sa

from config import JournalSettings, RecorderSettings
from models.clock import utc_now
from models.database.engine import open_reader
from models.tables import Delivery, EventMember, LifecycleEvent, QuarantinedRequest
from services.recording.recorder import Recorder
from tests import proxies
from tests.captures import AUTHENTIC, CAPTURES, STATUSES
from tests.conftest import ENGINES, TOKEN, sign
from tests.test_serving import RECEIVER, free_port, process, read_banner

HERE = Path(__file__).parent
APPS = [str(1_400_000_000 + number) for number in range(40)]
UNUSED_APPS = iter(APPS)  # one for each run of a client, so none repeats the events of another
PATH = f"{os.environ['PATH']}:/usr/sbin"
WAIT_SECONDS = 20


def need(program):
    return shutil.which(program, path=PATH) or pytest.skip(f"no {program} here")


def need_module(name):
    return sys.executable if find_spec(name) else pytest.skip(f"no {name} here")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def curl(base, plan, *options):
    options = ("-s", "-o", os.devnull, "-w", r"%{http_code}\n", *options)
    if base.startswith("unix:"):
        options, base = (*options, "--unix-socket", base.removeprefix("unix:")), "x"
    command = [need("curl")]
    for line in plan.read_text().splitlines():
        path, file = line.split("\t")
        command += [*options, "--data-binary", f"@{file}", f"http://{base}{path}", "--next"]
    return run(*command[:-1])


def curl_of_http_1_0(base, plan):
    return curl(base, plan, "-0")


def python_requests(base, plan):
    return run(need_module("requests"), HERE / "send_requests.py", base, plan)


def python_aiohttp(base, plan):
    return run(need_module("aiohttp"), HERE / "send_aiohttp.py", base, plan)


def node(base, plan):
    return run(need("node"), HERE / "send.mjs", base, plan)


def go(base, plan):
    return run(need("go"), "run", HERE / "send.go", base, plan)


def php(base, plan):
    return run(need("php"), HERE / "send.php", base, plan)


def ab(base, plan):
    """Run ApacheBench, which only tells whether a status means success."""
    statuses = []
    for line, capture in zip(plan.read_text().splitlines(), CAPTURES, strict=True):
        path, file = line.split("\t")
        said = run(need("ab"), "-q", "-n1", "-p", file, "-T", "text/plain", f"http://{base}{path}")
        assert "Complete requests:      1\n" in said
        failed = str(STATUSES[capture.verdict])
        statuses.append(failed if "Non-2xx responses:      1\n" in said else "200")
    return "\n".join(statuses)


CLIENTS = (curl, curl_of_http_1_0, python_requests, python_aiohttp, node, go, php, ab)
OF_UNIX_SOCKETS = (curl, curl_of_http_1_0, python_aiohttp, node, go)
RUNS = [(client, "directly") for client in CLIENTS]
RUNS += [(client, "nginx") for client in CLIENTS]
RUNS += [(client, "unix") for client in OF_UNIX_SOCKETS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="module")
def bases(folder):
    """A receiver at a port and at a Unix socket."""
    port, path = free_port(), folder / "receiver.socket"
    settings = {
        "SDK_APPS": ",".join(f"{app}:{TOKEN}" for app in APPS),
        "JOURNAL_DIR": str(folder / "journal"),
        "WEB_CONCURRENCY": "1",
    }
    binds = ("--bind", f"127.0.0.1:{port}", "--bind", f"unix:{path}")
    with process(*RECEIVER, *binds, folder=folder, **settings) as receiver:
        read_banner(receiver, "webhook URL")
        yield {"directly": f"127.0.0.1:{port}", "unix": f"unix:{path}"}


@pytest.fixture(scope="module")
def nginx(folder, bases):
    """The nginx of deploy/ in front of it."""
    addresses = {"receiver": bases["directly"], "reader": f"127.0.0.1:{free_port()}"}
    with proxies.nginx(folder, **addresses, apps=APPS) as (public, _):
        yield public


@pytest.fixture(scope="module")
def recorded(folder, request):
    """Record what has arrived; return the rows of a query once there are so many."""
    with request.config.stash[ENGINES]["sqlite"].clone() as url:
        settings = RecorderSettings(url, JournalSettings(folders=(folder / "journal",)))
        recorder, engine = Recorder(settings, utc_now), open_reader(url)

        def fetch(query, count):
            deadline = monotonic() + WAIT_SECONDS
            while True:
                recorder.record_available()
                with engine.connect() as connection:
                    found = connection.execute(query).all()
                if len(found) >= count or monotonic() > deadline:
                    return found
                sleep(0.02)

        yield fetch
        recorder.close()
        engine.dispose()


@pytest.mark.parametrize(
    ("client", "way"), RUNS, ids=[f"{client.__name__} {way}" for client, way in RUNS]
)
def test_captures_arrive_byte_for_byte(bases, recorded, request, tmp_path, client, way):
    base = request.getfixturevalue("nginx") if way == "nginx" else bases[way]
    app, now = next(UNUSED_APPS), int(time())
    signature = {"Sign": sign(TOKEN, now), "RequestTime": now}
    queries = [one.to_query_string(app, signature) for one in CAPTURES]
    plan = tmp_path / "plan"
    with plan.open("w") as file:
        for number, (capture, query) in enumerate(zip(CAPTURES, queries, strict=True)):
            (tmp_path / str(number)).write_bytes(capture.body)
            file.write(f"/callback{'?' if query else ''}{query}\t{tmp_path / str(number)}\n")

    statuses = client(base, plan).split()

    assert [*map(int, statuses)] == [STATUSES[one.verdict] for one in CAPTURES]
    deliveries = recorded(sa.select(Delivery).filter_by(sdk_app_id=app), len(AUTHENTIC))
    assert sorted((one.body, one.query_string, one.verdict) for one in deliveries) == sorted(
        (one.body, query, one.verdict)
        for one, query in zip(CAPTURES, queries, strict=True)
        if query
    )
    assert sorted(read_events(recorded, app)) == sorted(one.event for one in CAPTURES if one.event)


def read_events(recorded, app):
    for event in recorded(sa.select(LifecycleEvent).filter_by(sdk_app_id=app), 0):
        members = recorded(sa.select(EventMember).filter_by(event_id=event.id), 0)
        users = tuple(one.user_id for one in sorted(members, key=lambda one: one.position))
        yield event.subject_type, event.subject_id, event.action, event.operator, users


def test_what_came_without_parameters_is_in_the_quarantine(recorded):
    runs = len(recorded(sa.select(Delivery.sdk_app_id).distinct(), 0))  # one app each

    rows = recorded(sa.select(QuarantinedRequest), runs)

    (foreign,) = {one.body for one in CAPTURES if one.query is None}
    assert [(one.reason, one.body) for one in rows] == [("app_missing", foreign)] * runs
