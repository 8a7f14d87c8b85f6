"""Acknowledged callbacks are stored, once, whatever happens to the database."""

from contextlib import nullcontext

import pytest

from tests.faults.conftest import require
from tests.faults.forms import EVERY, OUTAGE_SECONDS, SERVERS, by_form, each, on
from tests.faults.rig import locks
from tests.faults.rig.restore import BACKUPS
from tests.faults.rig.standby import server_with_standby
from tests.faults.trial import wait_until

LOCKED_SECONDS = by_form(4, 15)
WAITED_SECONDS = OUTAGE_SECONDS * 0.6  # in the journal, at least; the fault may take a while


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
    assert trial.longest_wait > WAITED_SECONDS


@on(*SERVERS, short=["postgresql"])
def test_database_is_frozen(begin, server):
    with begin(server) as trial, trial.load():
        trial.outage(server.frozen())

    assert trial.refused == {}
    assert trial.longest_wait > WAITED_SECONDS


@on(*SERVERS, short=["postgresql"])
def test_connection_is_cut_around_commit(begin, server):
    with begin(server, proxied=True) as trial, trial.load():
        with trial.proxy.cutting():
            assert wait_until(lambda: all(trial.proxy.cuts.values()))
            trial.outage(nullcontext(), seconds=by_form(1, 15))
        trial.strikes = sum(trial.proxy.cuts.values())

    assert trial.refused == {}


@on(*SERVERS, short=[])
def test_database_is_read_only(begin, server):
    with begin(server) as trial, trial.load():
        trial.outage(locks.read_only(server, trial.database_url))

    assert trial.refused == {}
    assert trial.longest_wait > WAITED_SECONDS


@on(*locks.LOCKS, short=[("sqlite", "transaction"), ("postgresql", "ledger")])
def test_database_is_locked(begin, server, how):
    with begin(server) as trial, trial.load():
        trial.outage(locks.lock(trial.database_url, how), seconds=LOCKED_SECONDS)
        assert trial.service.stuck() == []

    assert trial.refused == {}
    assert trial.longest_answer < LOCKED_SECONDS
    assert trial.longest_wait > WAITED_SECONDS


@on(*EVERY, short=["postgresql"], fixture="small_server")
def test_disk_of_the_database_is_full(begin, small_server):
    with begin(small_server) as trial, trial.load():
        trial.outage(small_server.disk_full())

    assert trial.refused == {}
    assert trial.longest_wait > WAITED_SECONDS


@on(
    *each(EVERY, ("under load", "between segments")),
    short=[("postgresql", "under load"), ("mysql", "between segments")],
)
def test_database_is_replaced_by_an_older_copy(begin, server, how):
    """What it lacks comes back by itself, even from fully recorded segments."""
    with begin(server) as trial, trial.load():
        trial.wait_until_recording()
        backup = BACKUPS[trial.database_url.get_backend_name()](server, trial.database_url)
        trial.service.reload()
        trial.outage(nullcontext(), seconds=1)
        if how == "between segments":
            trial.service.stop_receiver()
            trial.wait_until_drained()
        backup.restore()
        if how == "between segments":
            trial.service.start_receiver()

    assert trial.only_cut_off


@pytest.fixture
def pair():
    """A primary and its standby."""
    require("postgresql")
    with server_with_standby() as pair:
        yield pair


@pytest.mark.parametrize("how", ["synchronous", "a second behind"])
def test_primary_is_killed_and_its_standby_promoted(begin, pair, how):
    """Two hosts write, each from a journal of its own."""
    with begin(pair, hosts=2) as trial, trial.load():
        assert trial.wait_until_recording()  # through the second host, which takes writes
        assert wait_until(pair.follows)
        if how == "synchronous":
            pair.wait_for_each_other()
        else:
            pair.fall_behind()
        trial.outage(nullcontext(), seconds=1)
        pair.promote()

    assert trial.refused == {}
