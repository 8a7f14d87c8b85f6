"""Acknowledged callbacks are stored, once, whichever process is killed or frozen."""

import random
import signal
import time
from contextlib import nullcontext

from tests.faults.callbacks import KINDS, TIMED_KINDS, mark
from tests.faults.forms import EVERY, FORM, OUTAGE_SECONDS, REPEATS, SERVERS, by_form, each, on
from tests.faults.rig.sender import slow_clients
from tests.faults.trial import p99, wait_until
from tests.processes import frozen

HOUR = 3600
TAKEN_OVER_SECONDS = 20  # 10 until the server ends the transaction of a frozen host
P99_FLOOR_MS = 20  # below this, a factor of two is noise
SLOW_SECONDS = max(3, OUTAGE_SECONDS)


@on(*EVERY, short=["sqlite"])
def test_kill_of_a_receiver_every_200_ms(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(by_form(10, 150)):
            trial.strikes += trial.service.kill_a_worker()
            time.sleep(0.2)

    assert trial.strikes > 1
    assert trial.only_cut_off


@on(*EVERY, short=["sqlite"])
def test_kill_of_the_recorder_within_200_ms_of_its_work(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(by_form(3, 50)):
            trial.strikes += trial.wait_until_recording()
            time.sleep(random.random() * 0.2)
            trial.service.kill_recorder()
            trial.service.start_recorder()

    assert trial.strikes == by_form(3, 50)
    assert trial.refused == {}


@on(*each(SERVERS, ("before", "after")), short=[("postgresql", "after")])
def test_kill_of_the_recorder_twice_in_a_row_at_its_commit(begin, server, how):
    with begin(server, proxied=True) as trial, trial.load():
        for _ in range(by_form(1, 10)):
            with trial.proxy.stalling(how) as stalled:
                for _ in range(2):
                    assert wait_until(stalled.is_set)
                    trial.service.kill_recorder()
                    stalled.clear()
                    trial.strikes += 1
                    trial.service.start_recorder()

    assert trial.refused == {}


@on(*EVERY, short=[])
def test_kill_of_everything(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(REPEATS):
            trial.strikes += 1
            trial.service.kill()
            trial.service.start()
            time.sleep(random.random())

    assert trial.only_cut_off


@on(*SERVERS, short=["postgresql"])
def test_kill_of_everything_while_the_database_is_down(begin, server):
    with begin(server) as trial:
        with server.stopped(), trial.load(until_well=False):
            for _ in range(REPEATS - 1):
                trial.outage(nullcontext(), seconds=1)
                trial.service.kill()
                trial.service.start()
            trial.outage(nullcontext(), seconds=1)
            trial.service.kill()
        # No more callbacks arrive, so only the journal itself can trigger this.
        for _ in range(REPEATS - 1):
            trial.service.start_recorder()
            trial.wait_until_recording()
            trial.service.kill_recorder()
        trial.service.start()

    assert trial.only_cut_off
    assert trial.longest_wait > 1


@on(*EVERY, short=["sqlite"])
def test_reload_under_kept_alive_load(begin, server):
    with begin(server) as trial, trial.load():
        for _ in range(REPEATS):
            trial.strikes += 1
            trial.service.reload()

    # HTTP leaves a moment: a callback over an idle connection that is being closed. Where other
    # work keeps new workers from starting for two seconds, a callback is late, not refused.
    assert trial.only_cut_off
    assert trial.refused.total() - trial.refused["TimeoutError()"] <= trial.strikes
    assert len(trial.attempts) - trial.stored <= trial.strikes


@on(*EVERY, short=["mysql"])
def test_storm_of_repeats(begin, server):
    few = [mark(f"@TGS#storm{number}", kind) for number, kind in enumerate(KINDS)]
    with begin(server) as trial:
        trial.strikes = 1
        trial.send(few * by_form(100, 1000), connections=by_form(16, 64)).finish()

    assert trial.refused == {}
    assert trial.stored == len(trial.attempts)


@on(*EVERY, short=["sqlite"])
def test_slow_clients(begin, server):
    with begin(server) as trial, trial.load():
        time.sleep(OUTAGE_SECONDS)
        before = trial.attempts
        slow = slow_clients(trial.loop, trial.service.port, by_form(300, 2000))
        trial.outage(slow, seconds=SLOW_SECONDS)
        during = trial.attempts[len(before) :]

    assert trial.refused == {}
    assert trial.longest_answer < SLOW_SECONDS
    if FORM == "full":  # nothing else runs then
        assert p99(during) < 2 * max(p99(before), P99_FLOOR_MS)


@on(*each(EVERY, ("frozen", "at once")), short=[("postgresql", "at once")])
def test_two_recorders_of_one_journal(begin, server, how):
    with begin(server) as trial, trial.load():
        first = trial.service.recorder
        trial.wait_until_recording()
        if how == "at once":  # the lock that keeps the second one waiting is removed
            (trial.service.folders[0] / "recorder.lock").unlink()
        trial.service.start_recorder()
        with frozen([first.pid]):
            trial.outage(nullcontext())
        trial.outage(nullcontext())
        first.kill()
        trial.wait_until_recording()

    assert trial.refused == {}


@on(*EVERY, short=["postgresql"])
def test_two_hosts_over_one_database(begin, server):
    with begin(server, hosts=2) as trial, trial.load():
        for _ in range(REPEATS):
            trial.wait_until_recording()
            for service in trial.services:
                trial.strikes += 1
                service.kill_recorder()
                service.start_recorder()
        trial.services[0].kill()
        trial.wait_until_recording()
        trial.services[0].start()

    assert trial.only_cut_off


@on(*SERVERS, short=[])
def test_recorder_is_frozen_in_a_transaction(begin, server):
    """The other host goes on once the server has ended the transaction."""
    with begin(server, hosts=2, proxied=True) as trial, trial.load():
        with trial.proxy.stalling("before") as stalled:
            assert wait_until(stalled.is_set)
            trial.service.recorder.send_signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        assert trial.wait_until_recording(TAKEN_OVER_SECONDS)
        trial.outage(nullcontext(), seconds=by_form(1, 60 - (time.monotonic() - frozen_at)))
        trial.service.recorder.send_signal(signal.SIGCONT)

    assert trial.refused == {}


@on(*each(EVERY, ("back", "forward")), short=[("sqlite", "back")])
def test_clock_is_set(begin, server, how):
    settings = {"SIGN_TOLERANCE_SECONDS": str(2 * HOUR)}
    with begin(server, interposed=True, settings=settings) as trial:
        trial.clocks_agree = False
        # A repeat without a time of its own is identified by its arrival.
        with trial.load(kinds=TIMED_KINDS):
            for interposer in trial.interposers:
                interposer.move_clock(-HOUR if how == "back" else HOUR)
            trial.outage(nullcontext())
            trial.service.reload()
            trial.outage(nullcontext())

    assert trial.only_cut_off
