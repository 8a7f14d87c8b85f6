"""Incidents, found afterwards from counts: everything that could mean a missed callback."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique

import sqlalchemy as sa

from models.clock import MINUTE, to_hour
from models.ledger import ServiceEvent
from models.vocabulary import Measure, Refusal, ServiceEventKind
from services.watching.hours import (
    MINUTES,
    NONE,
    Hours,
    fetch_hours,
    find_first_hour,
    to_instant,
    to_minute,
    unite,
    write_line,
)
from services.watching.silence import HOURS_BEFORE, find_silences

SECOND_MICROSECONDS = 1_000_000
NEWEST_SERVICE_EVENTS = 1000
TOGETHER = MINUTE  # starts and stops within this time have one cause
# Minutes an hour or more apart are two incidents, of different hours.
RUN = re.compile(f"1(?:0{{0,{MINUTES - 2}}}1)*")
STARTS = {
    ServiceEventKind.RECEIVER_STARTED: ServiceEventKind.RECEIVER_STOPPED,
    ServiceEventKind.RECORDER_STARTED: ServiceEventKind.RECORDER_STOPPED,
}


@unique
class IncidentKind(StrEnum):
    """The kinds of incidents, gravest first."""

    LOST = "lost"
    REFUSED = "refused"
    SILENT = "silent"
    LATE = "late"
    KILLED = "killed"
    RESTARTED = "restarted"


KINDS: Mapping[str, IncidentKind] = {
    Measure.LOST: IncidentKind.LOST,
    Measure.DELAY_MICROSECONDS: IncidentKind.LATE,
    **dict.fromkeys(Refusal, IncidentKind.REFUSED),
}


@dataclass(frozen=True)
class Incident:
    """Something that happened, from ``since`` until before ``until``.

    Attributes:
        sdk_app_id: the app; "" for a restart, which concerns all apps.
        number: how many callbacks were lost or refused, or usually come in that time; or the
            largest delay in seconds.
        words: why callbacks were refused, or what processes did.
        is_over: whether it has ended, as far as known.
    """

    kind: IncidentKind
    sdk_app_id: str
    since: datetime
    until: datetime
    number: int = 0
    words: tuple[str, ...] = ()
    is_over: bool = True


@dataclass(frozen=True)
class Account:
    """The account of a period.

    Attributes:
        received: how many callbacks of the requested apps came in each hour.
        incidents: the newest first.
        first_hour: the first hour of which anything is known; none if nothing is.
    """

    received: Hours
    incidents: Sequence[Incident]
    first_hour: int | None


def fetch_account(
    connection: sa.Connection, since: datetime, until: datetime, *, sdk_app_id: str | None = None
) -> Account:
    """Fetch what happened in a period to callbacks of one app, or of all, and to the service.

    The first hour is included as a whole. Everything that arrived before the end is in the tables.
    """
    first, end = to_hour(since), to_minute(until)
    words = (Measure.RECEIVED, *KINDS)
    found = fetch_hours(
        connection, words, first - HOURS_BEFORE, end // MINUTES + 1, sdk_app_id=sdk_app_id
    )
    incidents = fetch_restarts(connection, since, until)
    for app in {app for app, _ in found}:
        of_app = {word: hours for (one, word), hours in found.items() if one == app}
        incidents += find_silent(app, of_app.get(Measure.RECEIVED, {}), first, end)
        incidents += find_runs(app, of_app, first, end // MINUTES + 1)
    return Account(
        received=unite(hours for (_, word), hours in found.items() if word == Measure.RECEIVED),
        incidents=sorted(incidents, key=lambda one: (one.since, one.until), reverse=True),
        first_hour=find_first_hour(connection),
    )


def find_silent(app: str, received: Hours, first: int, end: int) -> Iterator[Incident]:
    """Find the silences of an app."""
    for one in find_silences(received, first, end):
        began, ended = to_instant(one.first), to_instant(one.end)
        is_over = one.end < end
        yield Incident(IncidentKind.SILENT, app, began, ended, one.usual, is_over=is_over)


def find_runs(app: str, words: Mapping[str, Hours], first: int, end: int) -> Iterator[Incident]:
    """Find when callbacks of an app were lost, late or refused."""
    for kind in (IncidentKind.LOST, IncidentKind.REFUSED, IncidentKind.LATE):
        of_kind = {word: hours for word, hours in words.items() if KINDS.get(word) is kind}
        for run in RUN.finditer(write_line(unite(of_kind.values()), first, end)):
            begin, after = (first * MINUTES + place for place in run.span())
            hours = range(begin // MINUTES, -(-after // MINUTES))
            counts = {word: count(of_word, hours, kind) for word, of_word in of_kind.items()}
            told = tuple(word for word, number in counts.items() if number)
            if told:  # otherwise all that was lost in it was found after all
                number = sum(counts.values())
                yield Incident(kind, app, to_instant(begin), to_instant(after), number, told)


def count(counted: Hours, hours: range, kind: IncidentKind) -> int:
    """Add up the numbers of hours; of delays, return the largest in seconds."""
    values = [counted.get(hour, NONE).value for hour in hours]
    return -(-max(values) // SECOND_MICROSECONDS) if kind is IncidentKind.LATE else sum(values)


def fetch_restarts(connection: sa.Connection, since: datetime, until: datetime) -> list[Incident]:
    """Fetch when processes were restarted, after a stop or without one, as if killed."""
    query = (
        sa.select(ServiceEvent.at, ServiceEvent.kind)
        .where(ServiceEvent.at <= until, ServiceEvent.kind != ServiceEventKind.CALLBACKS_LOST)
        .order_by(ServiceEvent.at.desc())
        .limit(NEWEST_SERVICE_EVENTS)
    )
    events = [(at, kind) for at, kind in connection.execute(query)][::-1]
    return [one for one in find_restarts(events) if one.until > since]


def find_restarts(events: Sequence[tuple[datetime, str]]) -> Iterator[Incident]:
    """Find restarts among the starts and stops of processes, the oldest first."""
    known: set[str] = set()  # the kinds of processes that were started before
    stopped: set[str] = set()  # the kinds of events that no start has followed yet
    for group in group_events(events):
        kinds = {kind for _, kind in group}
        stopped |= kinds & {*STARTS.values()}
        started = kinds & known
        words = tuple(dict.fromkeys(kind for _, kind in group))
        if started:
            is_clean = all(STARTS[ServiceEventKind(one)] in stopped for one in started)
            kind = IncidentKind.RESTARTED if is_clean else IncidentKind.KILLED
            yield Incident(kind, "", group[0][0], group[-1][0] + TOGETHER, words=words)
        stopped -= {STARTS[one] for one in STARTS if one in kinds}
        known |= kinds & STARTS.keys()


def group_events(
    events: Sequence[tuple[datetime, str]],
) -> Iterator[list[tuple[datetime, str]]]:
    """Group events that closely follow each other."""
    group: list[tuple[datetime, str]] = []
    for event in events:
        if group and event[0] - group[-1][0] > TOGETHER:
            yield group
            group = []
        group.append(event)
    if group:
        yield group
