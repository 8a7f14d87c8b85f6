"""``lifecycle record``: move the journal into the tables."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import click

from blueprints.commands import TIME, bp, progress
from config import RecorderSettings
from models.clock import utc_now
from models.database.engine import PATIENCE
from services.journal.turn import take_turn
from services.operating.finding import count
from services.operating.migration import migrate_until_done
from services.recording.following.follow import follow_all
from services.recording.loop import Loop
from services.recording.recorder import ReadingRecorder, Recorder

STANDBY_SECONDS = 1.0
NICENESS = 5  # on few cores, answers have priority: the journal keeps what is not recorded yet
ENDING = {signal.SIGTERM, signal.SIGINT}

log = logging.getLogger(__name__)


@bp.cli.command("record")
@click.option("--once", is_flag=True, help="Stop when the journal is empty.")
@click.option("--since", type=TIME, help="Record kept journal from this time on again, then stop.")
@click.option("--migrate", is_flag=True, help="Upgrade the database first, as soon as it answers.")
@click.option("--as-child", is_flag=True, hidden=True)
def record_journal(*, once: bool, since: datetime | None, migrate: bool, as_child: bool) -> None:
    """Move the journal into the database until stopped.

    Each record is stored once, in order of arrival. Run one recorder per host. A second one waits
    until the first ends.
    """
    settings = RecorderSettings.from_environment()
    if not once and since is None:
        record_until_stopped(settings, migrate=migrate, as_child=as_child)
        return
    with (
        closing(Recorder(settings, utc_now, lock_wait=PATIENCE)) as recorder,
        closing(ReadingRecorder(settings, utc_now, lock_wait=PATIENCE)) as readings,
    ):
        if since is None:
            readings.record_available()
            record_once(recorder)
        else:
            read = recorder.record_again(since) + readings.record_again(since)
            follow_all(recorder.database)
            click.echo(f"Read {count(read, 'record')} again and stored those the database lacked.")


def record_once(recorder: Recorder) -> None:
    """Record what is waiting, and what was set aside.

    Raises:
        click.ClickException: some records cannot be stored.
    """
    recorded = 0
    with progress("Recording") as advance:
        while number := recorder.record_batch():
            recorded += number
            advance(number)
    stuck = recorder.retry_stuck()
    follow_all(recorder.database)
    Loop(recorder).publish_status()
    click.echo(f"Recorded {count(recorded, 'record')}.")
    if stuck:
        rejected = count(stuck, "record")
        raise click.ClickException(f"the database rejects {rejected}; list them with `journal`")


def record_until_stopped(settings: RecorderSettings, *, migrate: bool, as_child: bool) -> None:
    """Record until SIGTERM or SIGINT, once no other recorder of this journal is at work.

    A child does not wait for another recorder: it exits, as it does when its parent is gone.
    """
    os.nice(NICENESS)
    stop = Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # before any thread starts: each inherits it
    Thread(target=stop_on_signals, args=[stop], daemon=True).start()
    if as_child:
        Thread(target=stop_with_parent, args=[stop], daemon=True).start()
    if migrate:
        migrate_until_done(settings.database_url, stop)
    if wait_for_turn(settings.journal.folders, stop, at_once=as_child):
        with closing(Recorder(settings, utc_now)) as recorder:
            Loop(recorder).run(stop)


def stop_on_signals(stop: Event) -> None:
    """Stop when the process receives a signal to end.

    Done in a thread: a handler that sets an event while its own thread waits for it may deadlock.
    """
    signal.sigwait(ENDING)
    stop.set()


def stop_with_parent(stop: Event) -> None:
    """Stop when the parent process is gone, which closes its end of the pipe."""
    sys.stdin.read()
    stop.set()


def wait_for_turn(folders: Sequence[Path], stop: Event, *, at_once: bool) -> bool:
    """Wait until no other recorder is at work, and keep others away while this process lives.

    Raises:
        OSError: no folder of the journal can be locked.
    """
    is_told = False
    while not stop.is_set():
        if take_turn(folders) is not None:
            return True
        if at_once:
            return False
        if not is_told:
            log.info("another recorder is running: waiting until it ends")
        is_told = True
        stop.wait(STANDBY_SECONDS)
    return False
