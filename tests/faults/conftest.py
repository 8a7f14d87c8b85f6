"""Servers for the session, a trial for each test, and one table of them all."""

import os
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.engines import program
from tests.faults import table
from tests.faults.background import background_loop
from tests.faults.checker import Findings
from tests.faults.proxy import CommitProxy
from tests.faults.servers import PRODUCTS, private_server
from tests.faults.service import Service
from tests.faults.trial import Trial

ROWS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[ROWS] = []


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    text = table.write(rows)
    terminalreporter.section("faults")
    terminalreporter.write(text)
    if os.environ.get("FAULTS_TABLE"):
        Path(os.environ["FAULTS_TABLE"]).write_text(text)


@pytest.fixture(scope="session")
def loop():
    with background_loop() as loop:
        yield loop


@pytest.fixture(scope="session")
def servers():
    """Every private server that a test has asked for, by name."""
    with ExitStack() as stack:
        started = {}

        def get(name):
            if name not in started:
                started[name] = stack.enter_context(private_server(name))
            return started[name]

        yield get


def require(name):
    """Skip what needs a server that can't be started here; fail if it was asked for."""
    programs = [line.split()[0] for line in PRODUCTS[name].lines] if name in PRODUCTS else []
    if not all(map(program, programs)):
        asked_for = name in os.environ.get("REQUIRE_ENGINES", "").split(",")
        (pytest.fail if asked_for else pytest.skip)(f"no {name} to start here")


@pytest.fixture
def server(request, servers):
    """The private server, or the SQLite files, that the parameter names."""
    require(request.param)
    return servers(request.param)


@pytest.fixture
def small_server(request):
    """The same on a small disk."""
    require(request.param)
    with private_server(request.param, on_small_disk=True) as server:
        yield server


@pytest.fixture
def begin(request, tmp_path, loop):
    """Start the service on a database of its own; at the end, prove that no promise was broken."""

    @contextmanager
    def trial_on(server, *, spool=None, proxied=False, recorded=True):
        with server.database() as url, ExitStack() as stack:
            proxy = stack.enter_context(closing(CommitProxy(loop, url))) if proxied else None
            service = Service(tmp_path, proxy.url if proxy else url, spool or tmp_path / "spool")
            stack.callback(service.show_log)
            stack.callback(service.kill)
            service.start()
            trial = Trial(loop, service, url, proxy)
            yield trial
            drained = trial.wait_until_drained()
            service.stop()
            trial.prove()
            if recorded:
                request.config.stash[ROWS].append(table.Row.of(request.node, trial))
            assert trial.findings == Findings()
            assert drained

    return trial_on
