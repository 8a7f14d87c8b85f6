"""Count what is recorded: by the minute, and where bodies differ from the schemas."""

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
from models.database.many import upsert
from models.text import fits_id_column
from models.vocabulary import Measure
from schemas.tencent.drift import find_differences
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.recording.callback import Callback

MICROSECOND = timedelta(microseconds=1)
LATE_MICROSECONDS = LATE_SECONDS * 1_000_000
MAX_OTHER_COMMANDS = 50
OTHER = "other"
MAX_DIFFERENCES = 200  # of a command: a sender can make up any number of fields

COLUMNS = ("minute", "measure", "sdk_app_id", "name", "verdict")
HOUR_COLUMNS = ("hour", "sdk_app_id", "word")

Key = tuple[datetime, Measure, str, str, str]


@dataclass
class Counts:
    """What is added to the counts of minutes by one transaction.

    Attributes:
        commands: undocumented ones that are counted by name; all others are ``other``.
    """

    commands: set[str]
    sums: Counter[Key] = field(default_factory=Counter)
    delays: dict[Key, int] = field(default_factory=dict)

    def add(
        self, at: datetime, measure: Measure, sdk_app_id: str, *, name: str = "", value: int = 1
    ) -> None:
        """Count in the minute of an instant."""
        self.sums[minute_of(at), measure, sdk_app_id, name, ""] += value

    def add_callback(self, callback: Callback, *, now: datetime) -> None:
        """Count a callback, and how long it took from its arrival until now."""
        minute, app = minute_of(callback.received_at), callback.sdk_app_id
        name = self.name_command(callback.reading.command)
        self.sums[minute, Measure.RECEIVED, app, name, callback.verdict] += 1
        if callback.reverified_at is not None:
            return  # it has waited for an operator
        key = (minute, Measure.DELAY_MICROSECONDS, app, "", "")
        delay = (now - callback.received_at) // MICROSECOND
        self.delays[key] = max(self.delays.get(key, 0), delay)

    def name_command(self, command: str | None) -> str:
        """Name a command in the counts; a sender can make up any number."""
        if command is None or command in LIFECYCLE_SCHEMAS or command in self.commands:
            return command or ""
        if len(self.commands) >= MAX_OTHER_COMMANDS:
            return OTHER
        self.commands.add(command)
        return command

    def store(self, connection: sa.Connection) -> None:
        """Add to the tables."""
        totals: Counter[tuple[str, ...]] = Counter()
        for (_, *key), value in self.sums.items():
            totals[tuple(map(str, key))] += value
        upsert(connection, MinuteCount, to_rows(COLUMNS, self.sums), add=("value",))
        upsert(connection, MinuteCount, to_rows(COLUMNS, self.delays), greatest=("value",))
        upsert(connection, TotalCount, to_rows(COLUMNS[1:], totals), add=("value",))
        upsert(connection, HourCount, to_hours(self.sums), add=("value",), unite=("minutes",))
        late = to_hours(self.delays)
        upsert(connection, HourCount, late, greatest=("value",), unite=("minutes",))


def to_rows(columns: Sequence[str], values: Mapping[Any, int]) -> list[dict[str, Any]]:
    """Make a row of each value; its key names the other columns."""
    return [dict(zip(columns, key, strict=True), value=value) for key, value in values.items()]


def to_hours(minutes: Mapping[Key, int]) -> list[dict[str, Any]]:
    """Make a row of each hour and word; of delays the value is the largest, of all else the sum."""
    rows: dict[tuple[int, str, str], dict[str, Any]] = {}
    for (minute, measure, app, name, verdict), value in minutes.items():
        for word in list_words(measure, name, verdict, value):
            key = (to_hour(minute), app, word)
            new = dict(zip(HOUR_COLUMNS, key, strict=True), value=0, minutes=0)
            row = rows.setdefault(key, new)
            is_delay = measure == Measure.DELAY_MICROSECONDS
            row["value"] = max(row["value"], value) if is_delay else row["value"] + value
            row["minutes"] |= 1 << minute.minute
    return [*rows.values()]


def list_words(measure: Measure, name: str, verdict: str, value: int) -> tuple[str, ...]:
    """List the words of ``HourCount`` that a count of a minute goes to."""
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


def minute_of(at: datetime) -> datetime:
    """Give the start of the minute of an instant."""
    return at.replace(second=0, microsecond=0)


def fetch_other_commands(connection: sa.Connection, *, since: datetime) -> set[str]:
    """Fetch the undocumented commands that were counted by name lately."""
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
        command, at = callback.reading.command or "", callback.received_at
        schema = LIFECYCLE_SCHEMAS[command]
        for name, seen in [("", ""), *find_differences(schema, callback.content)]:
            row = found.setdefault(
                (command, name, seen),
                {"command": command, "field": name, "seen": seen, "count": 0, "first_seen": at},
            )
            row["count"] += 1
            row["last_seen"], row["sample_delivery_id"] = at, callback.delivery_id
    upsert(
        connection,
        Difference,
        leave_out_excess(connection, [*found.values()]),
        add=("count",),
        least=("first_seen",),
        greatest=("last_seen", "sample_delivery_id"),
    )


def leave_out_excess(
    connection: sa.Connection, rows: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Leave out differences that are new where a command has many."""
    commands = {row["command"] for row in rows}
    query = sa.select(Difference.command, Difference.field, Difference.seen)
    known = {
        tuple(row) for row in connection.execute(query.where(Difference.command.in_(commands)))
    }
    counted = Counter(command for command, _, _ in known)
    kept = []
    for row in rows:
        if (row["command"], row["field"], row["seen"]) not in known:
            counted[row["command"]] += 1
            if counted[row["command"]] > MAX_DIFFERENCES or not fits_id_column(row["field"]):
                continue
        kept.append(row)
    return kept
