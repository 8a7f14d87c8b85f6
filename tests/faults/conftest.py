"""Servers for the session, a trial for each test, and one table of all trials."""

import os
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.engines import program
from tests.faults import table
from tests.faults.checker import Findings
from tests.faults.rig.background import background_loop
from tests.faults.rig.interposer import Interposer, compile_library
from tests.faults.rig.proxy import CommitProxy
from tests.faults.rig.servers import PRODUCTS, private_server
from tests.faults.rig.service import Service
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
    """Skip a test whose server cannot be started here; fail if it was required."""
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
def begin(request, tmp_path, loop, library):
    """Start the service on a database of its own; at the end, prove that no promise was broken.

    Args of what it gives:
        server: where the database is made.
        journal: folders, if not one on no disk of its own.
        hosts: how many, each with a journal of its own.
        proxied: whether the recorder of the first goes through a proxy.
        interposed: whether system calls may be made to fail.
        settings: more of them.
        recorded: whether the figures go into the table.
    """

    @contextmanager
    def trial_on(
        server,
        *,
        journal=None,
        hosts=1,
        proxied=False,
        interposed=False,
        settings=(),
        recorded=True,
    ):
        with server.database() as url, ExitStack() as stack:
            proxy = stack.enter_context(closing(CommitProxy(loop, url))) if proxied else None
            names = ("receiver", "recorder") if interposed else ()
            interposers = [Interposer(library(), tmp_path / f"{name}.control") for name in names]
            services = []
            for host in range(hosts):
                folder = tmp_path / f"host{host}"
                folder.mkdir()
                service = Service(
                    folder,
                    proxy.url if proxy and host == 0 else url,
                    journal or [folder / "journal"],
                    settings=dict(settings),
                    interposed=[one.environment for one in interposers] or [{}, {}],
                )
                stack.callback(service.show_log)
                stack.callback(service.kill)
                services.append(service)
            for service in services:
                service.start()
            trial = Trial(loop, services, url, proxy, interposers)
            yield trial
            drained = trial.wait_until_drained()
            for service in services:
                service.stop()
            trial.prove()
            if recorded:
                request.config.stash[ROWS].append(table.Row.of(request.node, trial))
            assert trial.findings == Findings()
            assert drained

    return trial_on


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The library that makes system calls fail, compiled when it is first asked for."""
    return cache(lambda: compile_library(tmp_path_factory.mktemp("library")))
