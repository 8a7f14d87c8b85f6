"""Find anything that would keep callbacks from being received, recorded or read."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from statistics import median_low

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from config import ReaderSettings, ReceiverSettings, RecorderSettings
from models.clock import DAY, HOUR
from models.counts import LATE_SECONDS
from models.database.connection import NotReadyError, describe
from models.database.engine import PATIENCE, connect_to_read
from models.database.revision import check_revision, fetch_newer, newest_revision
from models.ledger import Ledger
from services.journal.folder import (
    LEAST_ROOM_BYTES,
    find_existing,
    find_fault,
    may_write,
    room_bytes,
)
from services.journal.status import find_status
from services.operating.finding import Finding, Level, count, duration
from services.reading.clock import measure_ahead
from services.recording.database import RecorderDatabase

SAFE_SQLITE = (3, 51, 3)  # before it, a checkpoint that races a writer can lose pages
BACKEND = sa.text("SELECT pg_backend_pid()")
CHANGE_NOTHING = sa.delete(Ledger).where(sa.false())


def examine_settings(
    receiver: ReceiverSettings | None, reader: ReaderSettings
) -> Iterator[Finding]:
    """Check the apps, which a machine that only reads need not have, and read access."""
    if receiver is None:
        text = "SDK_APPS is not set: the receiver does not start"
        yield Finding(Level.WARNING, "apps", text)
    else:
        without_token = [app for app, tokens in receiver.sdk_apps.items() if not tokens]
        for app in without_token:
            text = f"app {app} has no token: any sender is accepted"
            yield Finding(Level.WARNING, "apps", text)
        if not without_token:
            text = f"{count(len(receiver.sdk_apps), 'app')}, each with a token"
            yield Finding(Level.OK, "apps", text)
    if reader.api_keys:
        yield Finding(Level.OK, "API keys", count(len(reader.api_keys), "key"))
    else:
        text = "API_KEYS is not set: every read is answered 401"
        yield Finding(Level.WARNING, "API keys", text)


def examine_retention(recorder: RecorderSettings, *, unhandled_bodies: bool) -> Finding:
    """Report what is kept, and for how long."""
    days = [
        "permanently" if keep is None else f"for {count(keep // DAY, 'day')}"
        for keep in (recorder.retention, recorder.unhandled_retention or recorder.retention)
    ]
    bodies = "" if unhandled_bodies else " without their bodies"
    text = f"deliveries are kept {days[0]}, unhandled ones {days[1]}{bodies}"
    return Finding(
        Level.OK, "retention", f"{text}, recorded journal for {recorder.journal.keep // HOUR} h"
    )


def examine_user(folders: Sequence[Path]) -> Iterator[Finding]:
    """Warn if the journal belongs to another user, whose access may differ."""
    for folder in folders:
        if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
            text = f"you are user {os.geteuid()}, but {folder} belongs to user {owner}: run as it"
            yield Finding(Level.WARNING, "user", text)


def examine_folders(folders: Sequence[Path]) -> Iterator[Finding]:
    """Test whether each folder of the journal takes records; a missing one is not made.

    The receiver needs at least one that does.
    """
    faults = {folder: find_folder_fault(folder) for folder in folders}
    worst = Level.FAILED if all(faults.values()) else Level.WARNING
    for folder, fault in faults.items():
        exists = folder.exists()
        room = room_bytes(folder)
        free = f"{show_bytes(room)} free"
        if fault:
            yield Finding(worst, "journal", f"{folder} can't be written to: {fault}")
        elif room < LEAST_ROOM_BYTES:
            yield Finding(Level.WARNING, "journal", f"{folder} is almost full: {free}")
        else:
            outlook = "is writable" if exists else "will be created"
            yield Finding(Level.OK, "journal", f"{folder} {outlook}, {free}")


def find_folder_fault(folder: Path) -> str:
    """Describe why a folder takes no records; empty if it takes some."""
    if folder.exists():
        fault = find_fault(folder)
        return describe(fault) if fault else ""
    if may_write(folder):
        return ""
    return f"it does not exist and can't be created in {find_existing(folder)}"


def show_bytes(number: int) -> str:
    """Write a number of bytes in MiB or GiB."""
    mebibytes = number / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.1f} GiB"


def examine_recorder(folders: Sequence[Path], *, now: datetime) -> Finding:
    """Check what is waiting in the journal, and whether a recorder is taking it from there."""
    status = find_status(folders, now=now)
    at_work, oldest = status.is_recorder_at_work(now), duration(status.age_seconds(now))
    if status.stuck:
        text = f"the database rejects {count(status.stuck, 'record')}: the recorder's log says why"
        return Finding(Level.FAILED, "recorder", text)
    is_waiting = status.oldest_received_at is not None
    waiting = f"{count(status.waiting, 'record')} waiting (oldest: {oldest})"
    if not at_work and is_waiting:
        return Finding(Level.FAILED, "recorder", f"not running, {waiting}")
    if not at_work:
        return Finding(Level.WARNING, "recorder", "not running, nothing is waiting")
    if status.age_seconds(now) > LATE_SECONDS:
        return Finding(Level.WARNING, "recorder", f"running, but late: {waiting}")
    return Finding(Level.OK, "recorder", "running, no record has waited for long")


def examine_database(url: sa.URL, *, max_body_bytes: int) -> Finding:
    """Test whether a database is migrated and would take any callback; leave none behind."""
    name = url.get_backend_name()

    def rehearse() -> str:
        with closing(RecorderDatabase(url, lock_wait=PATIENCE)) as database:
            database.is_new()
            database.rehearse()
            try:
                database.rehearse(b'"' * max_body_bytes)  # of which MariaDB gets twice as many
            except SQLAlchemyError as fault:
                text = f"a callback of MAX_BODY_BYTES={max_body_bytes} does not fit"
                hint = "; max_allowed_packet must be twice as large" if name == "mysql" else ""
                raise NotReadyError(f"{text}{hint}: {describe(fault)}") from fault
        check_pooler(url)
        return f"{name} takes callbacks{show_version(name)}"

    return examine("database", url, rehearse)


def examine(about: str, url: sa.URL, attempt: Callable[[], str]) -> Finding:
    """Attempt something with a database; report a failure as the finding."""
    name = url.get_backend_name()
    try:
        return Finding(Level.OK, about, attempt())
    except NotReadyError as fault:
        return Finding(Level.FAILED, about, str(fault))
    except (SQLAlchemyError, OSError) as fault:
        return Finding(Level.FAILED, about, f"{name}: {describe(fault)}")


def show_version(dialect: str) -> str:
    """Write the version of SQLite, and how its writers are kept apart where that matters."""
    if dialect != "sqlite":
        return ""
    if sqlite3.sqlite_version_info >= SAFE_SQLITE:
        return f"; version {sqlite3.sqlite_version}"
    safe = ".".join(map(str, SAFE_SQLITE))
    return f"; version {sqlite3.sqlite_version}, before {safe}: writers take turns at a lock file"


def examine_read_database(url: sa.URL) -> Finding:
    """Test whether a database can be read, and refuses writes."""
    name = url.get_backend_name()

    def read() -> str:
        with connect_to_read(url) as connection:
            check_revision(connection)
            if takes_writes(connection):
                raise NotReadyError(f"{name}: the reader's connection can write")
        check_pooler(url)
        return f"{name} can be read but not written"

    return examine("read database", url, read)


def check_pooler(url: sa.URL) -> None:
    """Make sure that each connection has a server session of its own.

    Raises:
        NotReadyError: a pooler gives one to whichever connection begins a transaction.
    """
    if url.get_backend_name() != "postgresql":
        return
    sessions = set()
    with connect_to_read(url) as one, connect_to_read(url) as other:
        for connection in (one, other):
            sessions.add(connection.scalar(BACKEND))
            connection.rollback()
    if len(sessions) == 1:
        raise NotReadyError(
            "a pooler shares sessions between connections, and their settings: use its session mode"
        )


def takes_writes(connection: sa.Connection) -> bool:
    """Tell whether a connection may write, by a statement that changes nothing."""
    try:
        connection.execute(CHANGE_NOTHING)
    except SQLAlchemyError:
        return False
    finally:
        connection.rollback()
    return True


def examine_revision(connection: sa.Connection) -> Finding:
    """Compare the revision of a migrated database with that of this release."""
    newer = fetch_newer(connection)
    if newer is None:
        return Finding(Level.OK, "revision", f"{newest_revision()}, as this release expects")
    text = f"{newer}, of a newer release: this one expects {newest_revision()}"
    return Finding(Level.WARNING, "revision", text)


def examine_clock(
    connection: sa.Connection, settings: ReceiverSettings, *, now: datetime
) -> Finding:
    """Compare the clock with the newest callbacks of apps that have a token, by the median."""
    with_token = [app for app, tokens in settings.sdk_apps.items() if tokens]
    ahead = measure_ahead(connection, now=now, apps=with_token)
    if not ahead:
        return Finding(Level.WARNING, "clock", "not compared: no signed callback in 24 hours")
    middle, tolerance = median_low(ahead), settings.sign_tolerance
    level = Level.WARNING if abs(middle) > tolerance / 2 else Level.OK
    if abs(middle) > tolerance:
        level = Level.FAILED
    seconds = middle.total_seconds()
    side = "ahead of" if seconds >= 0 else "behind"
    text = f"{abs(seconds):.1f} s {side} the sender ({count(len(ahead), 'callback')})"
    return Finding(level, "clock", text)
