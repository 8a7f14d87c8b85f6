"""Look for what would keep callbacks from being received, stored or read; keep nothing."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from config import Settings
from services.breaker import describe
from services.finding import Finding, Level
from services.health import check_spool, fetch_revision, newest_revision
from services.ingest import rehearse
from services.round_trip import RoundTrip
from services.spool import Spool

SLOW_SECONDS = 1.0  # of the 2 that Tencent waits


def examine_settings(settings: Settings) -> Iterator[Finding]:
    """Look at who may send and who may read."""
    open_apps = [app for app, tokens in settings.sdk_apps.items() if not tokens]
    for app in open_apps:
        yield Finding(Level.WARNING, "senders", f"app {app} has no token: anyone may send for it")
    if not open_apps:
        yield Finding(Level.OK, "senders", f"apps, each with a token: {len(settings.sdk_apps)}")
    keys = len(settings.api_keys)
    if keys:
        yield Finding(Level.OK, "readers", f"API keys: {keys}")
    else:
        yield Finding(Level.WARNING, "readers", "nobody may read: API_KEYS is not set")


def examine_user(folder: Path) -> Iterator[Finding]:
    """Say so if whoever looks is not the user of the service, whose spool the folder is."""
    if folder.exists() and (owner := folder.stat().st_uid) != os.geteuid():
        text = f"you are {os.geteuid()}, but the spool belongs to {owner}, who may find otherwise"
        yield Finding(Level.WARNING, "user", text)


def examine_database(about: str, engine: sa.Engine, *, to_write: bool = False) -> Finding:
    """Look at a database and its migration, and whether it would take a callback."""
    name, expected = engine.dialect.name, newest_revision()
    if name == "sqlite" and not Path(engine.url.database or "").exists():
        return Finding(Level.FAILURE, about, f"{engine.url.database} is not there: make migrate")
    try:
        revision = fetch_revision(engine)
        if to_write and revision == expected:
            rehearse(engine)
    except SQLAlchemyError as error:
        return Finding(Level.FAILURE, about, f"{name}: {describe(error)}")
    if revision != expected:
        text = f"{name} is at revision {revision or 'none'}, not {expected}: make migrate"
        return Finding(Level.FAILURE, about, text)
    takes = "takes callbacks" if to_write else "can be read"
    return Finding(Level.OK, about, f"{name} at revision {revision}, {takes}")


def examine_spool(spool: Spool, *, now: datetime) -> Finding:
    """Look at what waits, and whether more could."""
    if not spool.folder.exists():
        parent = next(parent for parent in spool.folder.absolute().parents if parent.exists())
        level = Level.OK if os.access(parent, os.W_OK | os.X_OK) else Level.FAILURE
        return Finding(level, "spool", f"nothing waits; a folder is to be made in {parent}")
    found = check_spool(spool, now=now)
    waits = f"{found.depth} callbacks wait, the first for {found.age_seconds:.0f} s"
    if not found.writable:
        return Finding(Level.FAILURE, "spool", f"can't be written to; {waits}")
    if found.stuck:
        text = f"{waits}; the database refuses {found.stuck}: the log says why"
        return Finding(Level.FAILURE, "spool", text)
    if found.depth:
        return Finding(Level.WARNING, "spool", waits)
    return Finding(Level.OK, "spool", "writable, and nothing waits")


def examine_round_trip(trip: RoundTrip) -> Finding:
    """Look at what became of a callback that was sent through a URL."""
    took = f"{trip.answer.seconds * 1000:.0f} ms"
    if not trip.answer.is_ok:
        return Finding(Level.FAILURE, "round trip", f"{trip.answer} in {took}")
    if not trip.looked_for:
        text = f"OK in {took}; not looked for, as the database is not well"
        return Finding(Level.WARNING, "round trip", text)
    if trip.delivery_id is None:
        text = f"OK in {took}, but not in this database: in the spool, or the URL leads elsewhere"
        return Finding(Level.FAILURE, "round trip", text)
    level = Level.WARNING if trip.answer.seconds > SLOW_SECONDS else Level.OK
    return Finding(level, "round trip", f"OK in {took}, stored as delivery {trip.delivery_id}")
