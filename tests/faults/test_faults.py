"""What is acknowledged is stored, once, whatever breaks.

``FAULTS=full`` runs every fault on every database it can befall, each for as long as an outage
lasts; the short form is part of the suite. ``FAULTS_TABLE=file`` keeps the figures.
"""

import random
import shutil
import time
from contextlib import nullcontext

import pytest

from tests.faults import locks
from tests.faults.callbacks import KINDS, mark
from tests.faults.disks import full, small_disk
from tests.faults.sender import slow_clients
from tests.faults.trial import FORM, OUTAGE_SECONDS

EVERY = ("sqlite", "postgresql", "mysql")
SERVERS = ("postgresql", "mysql")
REPEATS = {"short": 2, "full": 10}[FORM]


def on(*cases, short, fixture="server"):
    """Run a test on these databases; a case may be a pair of database and variant."""
    chosen = cases if FORM == "full" else short
    if not chosen:
        return pytest.mark.skip("part of the full form: FAULTS=full")
    names = f"{fixture},how" if isinstance(cases[0], tuple) else fixture
    return pytest.mark.parametrize(names, chosen, indirect=[fixture])


@on(*EVERY, short=["sqlite"])
def test_kill_of_a_worker_every_200_ms(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range({"short": 10, "full": 150}[FORM]):
            trial.strikes += trial.service.kill_a_worker()
            time.sleep(0.2)

    assert trial.strikes > 1
    assert trial.only_cut_off


@on(*EVERY, short=["sqlite"])
def test_kill_of_everything(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(REPEATS):
            trial.strikes += 1
            trial.service.kill()
            trial.service.start()
            time.sleep(random.random())

    assert trial.only_cut_off


@on(
    *((name, how) for name in SERVERS for how in ("start", "drain")),
    short=[("postgresql", "start")],
)
def test_kill_of_everything_while_the_database_is_down(begin, server, how):
    with begin(server) as trial:
        with server.stopped(), trial.load(until_well=False):
            for _ in range(REPEATS - 1):
                trial.outage(nullcontext(), seconds=1)
                trial.service.kill()
                trial.service.start()
            trial.outage(nullcontext(), seconds=1)
            trial.service.kill()
        # No callback comes any more, so nothing but the spool itself can set this off.
        if how == "start":
            for _ in range(REPEATS - 1):
                trial.service.start()
                trial.wait_until_drain_begins()
                trial.service.kill()
            trial.service.start()
        else:
            assert trial.service.drain_by_hand() == 0
            assert not trial.service.segments()

    assert trial.only_cut_off
    assert trial.spooled_bytes


@on(
    ("postgresql", "fast"),
    ("postgresql", "immediate"),
    ("mysql", "shutdown"),
    ("mysql", "kill"),
    short=[("mysql", "kill")],
)
def test_database_is_stopped(begin, server, how):
    with begin(server) as trial, trial.load():
        trial.outage(server.stopped(how))

    assert trial.refused == {}
    assert trial.spooled_bytes


@on(*SERVERS, short=["postgresql"])
def test_database_is_frozen(begin, server):
    with begin(server) as trial, trial.load():
        trial.outage(server.frozen())

    assert trial.refused == {}
    assert trial.spooled_bytes


@on(*SERVERS, short=["postgresql"])
def test_connection_is_cut_around_commit(begin, server):
    with begin(server, proxied=True) as trial, trial.load():
        trial.outage(trial.proxy.cutting())
        trial.strikes = sum(trial.proxy.cuts.values())

    assert trial.refused == {}
    assert all(trial.proxy.cuts.values())


@on(*SERVERS, short=["postgresql"])
def test_database_is_read_only(begin, server):
    with begin(server) as trial, trial.load():
        trial.outage(locks.read_only(server, trial.database_url))

    assert trial.refused == {}
    assert trial.spooled_bytes


@on(*locks.LOCKS, short=[("sqlite", "transaction"), ("mysql", "table")])
def test_database_is_locked(begin, server, how):
    with begin(server) as trial, trial.load():
        trial.outage(locks.lock(trial.database_url, how))

    assert trial.refused == {}
    assert trial.spooled_bytes


@on(*EVERY, short=["sqlite"], fixture="small_server")
def test_disk_of_the_database_is_full(begin, small_server):
    with begin(small_server) as trial, trial.load():
        trial.outage(small_server.disk_full())

    assert trial.refused == {}
    assert trial.spooled_bytes


@pytest.fixture
def spool_disk(tmp_path):
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", 1) as disk:
        yield disk


@on(*EVERY, short=["sqlite"])
def test_disk_of_the_spool_is_full(begin, server, spool_disk):
    with begin(server, spool=spool_disk / "spool") as trial, trial.load():
        trial.outage(full(spool_disk))

    assert trial.refused == {}


@on(*SERVERS, short=["postgresql"])
def test_disk_of_the_spool_is_full_and_the_database_is_down(begin, server, spool_disk):
    with begin(server, spool=spool_disk / "spool") as trial, trial.load(), full(spool_disk):
        trial.outage(server.stopped())

    assert set(trial.refused) == {"503 50301"}
    assert trial.is_well


@on("sqlite", short=[], fixture="small_server")
def test_disk_of_spool_and_database_is_full(begin, small_server):
    with begin(small_server, spool=small_server.folder / "spool") as trial, trial.load():
        trial.outage(small_server.disk_full())

    assert set(trial.refused) == {"503 50301"}
    assert trial.is_well


@on(*EVERY, short=["sqlite"])
def test_reload_under_kept_alive_load(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(REPEATS):
            trial.strikes += 1
            trial.service.reload()

    assert trial.refused == {}


@on(*EVERY, short=["mysql"])
def test_storm_of_repeats(begin, server):
    few = [mark(f"@TGS#storm{number}", kind) for number, kind in enumerate(KINDS)]
    with begin(server) as trial:
        trial.strikes = 1
        trial.send(few * {"short": 100, "full": 1000}[FORM], connections=64).finish()

    assert trial.refused == {}
    assert trial.stored == len(trial.attempts)


@on(*EVERY, short=["sqlite"])
def test_slow_clients(begin, server):
    with begin(server) as trial, trial.load():
        slow = slow_clients(trial.loop, trial.service.port, 300)
        trial.outage(slow, seconds=max(3, OUTAGE_SECONDS))

    assert trial.refused == {}


@on(
    *((name, how) for name in SERVERS for how in ("files", "folder")),
    short=[("postgresql", "folder")],
)
def test_spool_is_removed(begin, server, how):
    with begin(server) as trial, trial.load():
        trial.outage(server.stopped())
        trial.wait_until_drained()
        for file in trial.service.spool.glob("*"):
            file.unlink(missing_ok=True)
        if how == "folder":
            shutil.rmtree(trial.service.spool, ignore_errors=True)
        time.sleep(0.2)
        trial.spooled_bytes = 0
        trial.outage(server.stopped())

    assert trial.refused == {}
    assert trial.spooled_bytes
