"""Count what is recorded by the minute, and how bodies differ from the schemas."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.clock import to_hour
from models.counts import (
    LATE_SECONDS,
    Difference,
    HourCount,
    MinuteCount,
    TotalCount,
)
from models.database.many import Change, add, fetch_among, greatest, insert, least, unite
from models.text import fits_id_column
from models.vocabulary import Measure
from schemas.tencent.drift import find_differences
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.recording.callback import Callback

MICROSECOND = timedelta(microseconds=1)
LATE_MICROSECONDS = LATE_SECONDS * 1_000_000
MAX_OTHER_COMMANDS = 50
OTHER = "other"
MAX_DIFFERENCES = 200  # per command: a sender can make up any number of fields

COLUMNS = ("minute", "measure", "sdk_app_id", "name", "verdict")
HOUR_COLUMNS = ("hour", "sdk_app_id", "word")
DIFFERENCES = sa.select(Difference.command, Difference.field, Difference.seen)

Key = tuple[datetime, Measure, str, str, str]


def add_up(measure: str, one: int, other: int) -> int:
    """Add two counts of a measure; of two delays, keep the larger one."""
    return max(one, other) if measure == Measure.DELAY_MICROSECONDS else one + other


def add_up_by(measure: sa.ColumnElement[str]) -> Change:
    """Return ``add_up`` as an expression of the database."""
    is_delay = measure == sa.literal_column(f"'{Measure.DELAY_MICROSECONDS}'")
    return lambda known, new: sa.case((is_delay, greatest(known, new)), else_=add(known, new))


ADD_MINUTE = add_up_by(MinuteCount.__table__.c.measure)
ADD_HOUR = add_up_by(HourCount.__table__.c.word)


@dataclass
class Counts:
    """The counts that one transaction adds to the minutes.

    Attributes:
        commands: undocumented ones that are counted by name; all others are ``other``.
    """

    commands: set[str]
    values: dict[Key, int] = field(default_factory=dict)

    def add(
        self,
        at: datetime,
        measure: Measure,
        sdk_app_id: str,
        *,
        name: str = "",
        verdict: str = "",
        value: int = 1,
    ) -> None:
        """Count in the minute of an instant."""
        minute = at.replace(second=0, microsecond=0)
        key = (minute, measure, sdk_app_id, name, verdict)
        self.values[key] = add_up(measure, self.values.get(key, 0), value)

    def add_callback(self, callback: Callback, *, now: datetime) -> None:
        """Count a callback, and the time from its arrival until now.

        One that was imported did not arrive here.
        """
        at, head = callback.record.received_at, callback.record.head
        if head.get("imported_at") is not None:
            return
        app = head["sdk_app_id"]
        name = self.name_command(callback.reading.command)
        self.add(at, Measure.RECEIVED, app, name=name, verdict=callback.verdict)
        if head.get("reverified_at") is None:  # otherwise it has waited for a person
            self.add(at, Measure.DELAY_MICROSECONDS, app, value=(now - at) // MICROSECOND)

    def name_command(self, command: str | None) -> str:
        """Name a command in the counts; a sender can make up any number."""
        if command is None or command in LIFECYCLE_SCHEMAS or command in self.commands:
            return command or ""
        if len(self.commands) >= MAX_OTHER_COMMANDS:
            return OTHER
        self.commands.add(command)
        return command

    def store(self, connection: sa.Connection) -> None:
        """Add the counts to the tables."""
        totals: Counter[tuple[str, ...]] = Counter()
        for (_, measure, *names), value in self.values.items():
            if measure != Measure.DELAY_MICROSECONDS:
                totals[measure, *names] += value
        insert(connection, MinuteCount, to_rows(COLUMNS, self.values), value=ADD_MINUTE)
        insert(connection, TotalCount, to_rows(COLUMNS[1:], totals), value=add)
        insert(connection, HourCount, to_hours(self.values), value=ADD_HOUR, minutes=unite)


def to_rows(columns: Sequence[str], values: Mapping[Any, int]) -> list[dict[str, Any]]:
    """Make a row for each value; its key holds the other columns."""
    return [dict(zip(columns, key, strict=True), value=value) for key, value in values.items()]


def to_hours(minutes: Mapping[Key, int]) -> list[dict[str, Any]]:
    """Make a row for each hour and word: the largest value of delays, the sum of all else."""
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for (minute, measure, app, name, verdict), value in minutes.items():
        for word in list_words(measure, name, verdict, value):
            key = (to_hour(minute), app, word)
            new = dict(zip(HOUR_COLUMNS, key, strict=True), value=0, minutes=0)
            row = rows.setdefault(key, new)
            row["value"] = add_up(measure, row["value"], value)
            row["minutes"] |= 1 << minute.minute
    return [*rows.values()]


def list_words(measure: Measure, name: str, verdict: str, value: int) -> tuple[str, ...]:
    """List the words of ``HourCount`` that a count of a minute is added to."""
    match measure:
        case Measure.RECEIVED:
            return measure, verdict
        case Measure.REFUSED:
            return (name,)
        case Measure.LOST:
            return (measure,)
        case Measure.DELAY_MICROSECONDS if value > LATE_MICROSECONDS:
            return (measure,)
    return ()


def fetch_other_commands(connection: sa.Connection, *, since: datetime) -> set[str]:
    """Fetch the undocumented commands that were recently counted by name."""
    query = sa.select(MinuteCount.name).distinct()
    query = query.where(MinuteCount.measure == Measure.RECEIVED, MinuteCount.minute >= since)
    return set(connection.scalars(query)) - LIFECYCLE_SCHEMAS.keys() - {"", OTHER}


def store_differences(connection: sa.Connection, callbacks: Iterable[Callback]) -> None:
    """Count how the bodies of lifecycle commands differ from what Tencent documents for them.

    Args:
        connection: in a transaction that has the turn to write.
        callbacks: in order of arrival, stored.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for callback in callbacks:
        if not callback.content:
            continue
        command, at = callback.reading.command or "", callback.record.received_at
        schema = LIFECYCLE_SCHEMAS[command]
        for name, seen in find_differences(schema, callback.content):
            row = found.setdefault(
                (command, name, seen),
                {"command": command, "field": name, "seen": seen, "count": 0, "first_seen": at},
            )
            row["count"] += 1
            row["last_seen"], row["sample_delivery_id"] = at, callback.delivery_id
    if not found:
        return
    insert(
        connection,
        Difference,
        leave_out_excess(connection, found),
        count=add,
        first_seen=least,
        last_seen=greatest,
        sample_delivery_id=greatest,
    )


def leave_out_excess(
    connection: sa.Connection, found: Mapping[tuple[str, str, str], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Leave out new differences of a command that already has many.

    Differences are never deleted, so a connection remembers those it has found.
    """
    known = connection.info.setdefault("differences", set())
    if not known.issuperset(found):
        commands = {Difference.command: {command for command, _, _ in found}}
        known.update(map(tuple, fetch_among(connection, DIFFERENCES, commands)))
    counted = Counter(command for command, _, _ in known)
    kept = []
    for (command, name, seen), row in found.items():
        if (command, name, seen) not in known:
            counted[command] += 1
            if counted[command] > MAX_DIFFERENCES or not fits_id_column(name):
                continue
        kept.append(row)
    return kept
