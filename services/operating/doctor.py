"""Find what would keep callbacks from being received, recorded or read."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from config import ReaderSettings, ReceiverSettings
from models.counts import LATE_SECONDS
from models.database.connection import NotReadyError, describe
from models.database.revision import check_revision, newest_revision
from models.ledger import Ledger
from services.journal.folder import LEAST_ROOM_BYTES, find_fault, room_bytes
from services.journal.status import JournalStatus, measure, read_status
from services.operating.finding import Finding, Level, count, duration
from services.recording.database import RecorderDatabase

SAFE_SQLITE = (3, 51, 3)  # before it, a checkpoint that races a writer can lose pages
CHANGE_NOTHING = sa.delete(Ledger).where(sa.false())


def examine_settings(
    receiver: ReceiverSettings | None, reader: ReaderSettings
) -> Iterator[Finding]:
    """Look at the apps, which a machine that only reads need not have, and at read access."""
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


def examine_user(folders: Sequence[Path]) -> Iterator[Finding]:
    """Warn if the journal belongs to another user, whose access may differ."""
    for folder in folders:
        if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
            text = f"you are user {os.geteuid()}, but {folder} belongs to user {owner}: run as it"
            yield Finding(Level.WARNING, "user", text)


def examine_folders(folders: Sequence[Path]) -> Iterator[Finding]:
    """Try whether each folder of the journal takes records; one that is missing is not made.

    The receiver needs one that does.
    """
    faults = {folder: find_folder_fault(folder) for folder in folders}
    worst = Level.FAILED if all(faults.values()) else Level.WARNING
    for folder, fault in faults.items():
        exists = folder.exists()
        room = room_bytes(folder if exists else find_parent(folder))
        free = f"{show_bytes(room)} free"
        if fault:
            yield Finding(worst, "journal", f"{folder} can't be written to: {fault}")
        elif room < LEAST_ROOM_BYTES:
            yield Finding(Level.WARNING, "journal", f"{folder} is almost full: {free}")
        else:
            outlook = "is writable" if exists else "will be created"
            yield Finding(Level.OK, "journal", f"{folder} {outlook}, {free}")


def find_folder_fault(folder: Path) -> str:
    """Describe why a folder takes no records; empty if it does."""
    if folder.exists():
        fault = find_fault(folder)
        return describe(fault) if fault else ""
    parent = find_parent(folder)
    may_create = parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)
    return "" if may_create else f"it does not exist and can't be created in {parent}"


def find_parent(path: Path) -> Path:
    """Find the nearest parent that exists."""
    return next(parent for parent in path.absolute().parents if parent.exists())


def show_bytes(number: int) -> str:
    """Write a number of bytes in MiB or GiB."""
    mebibytes = number / 2**20
    return f"{mebibytes:.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:.1f} GiB"


def examine_recorder(folders: Sequence[Path], *, now: datetime) -> Finding:
    """Look at what waits in the journal, and whether a recorder takes it from there."""
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
        return Finding(Level.WARNING, "recorder", "not running, nothing waits")
    if status.age_seconds(now) > LATE_SECONDS:
        return Finding(Level.WARNING, "recorder", f"running, but late: {waiting}")
    return Finding(Level.OK, "recorder", "running, nothing waits for long")


def find_status(folders: Sequence[Path], *, now: datetime) -> JournalStatus:
    """Read what the recorder reports; measure the journal if it is not at work."""
    known = read_status(folders)
    if known is not None and known.is_recorder_at_work(now):
        return known
    recorded, recorder_at = (known.recorded, known.recorder_at) if known else ({}, None)
    return measure(folders, recorded, recorder_at=recorder_at, now=now)


def examine_database(url: sa.URL, *, max_body_bytes: int) -> Finding:
    """Try whether a database is migrated and would take any callback; leave none."""
    name = url.get_backend_name()

    def rehearse() -> str:
        with closing(RecorderDatabase(url)) as database:
            database.is_new()
            database.rehearse()
            try:
                database.rehearse(b'"' * max_body_bytes)  # of which MariaDB gets twice as many
            except SQLAlchemyError as fault:
                text = f"a callback of MAX_BODY_BYTES={max_body_bytes} does not fit"
                hint = "; max_allowed_packet must be twice as large" if name == "mysql" else ""
                raise NotReadyError(f"{text}{hint}: {describe(fault)}") from fault
        return f"{name} at revision {newest_revision()} takes callbacks{show_version(name)}"

    return examine("database", url, rehearse)


def examine(about: str, url: sa.URL, attempt: Callable[[], str]) -> Finding:
    """Attempt something with a database; a failure is what was found."""
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


def examine_read_database(engine: sa.Engine) -> Finding:
    """Try whether a database can be read, and refuses to be written to."""
    name = engine.dialect.name

    def read() -> str:
        with engine.connect() as connection:
            check_revision(connection)
            if takes_writes(connection):
                raise NotReadyError(f"{name}: the reader's connection can write")
        return f"{name} can be read but not written"

    return examine("read database", engine.url, read)


def takes_writes(connection: sa.Connection) -> bool:
    """Tell whether a connection may write, by a statement that changes nothing."""
    try:
        connection.execute(CHANGE_NOTHING)
    except SQLAlchemyError:
        return False
    finally:
        connection.rollback()
    return True
