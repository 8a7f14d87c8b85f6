"""The lists for a search that means no ID or name: a command, an action, an app, a day."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

import sqlalchemy as sa

from models.clock import DAY, write_instant
from models.event import LifecycleEvent
from models.text import fold
from models.vocabulary import Action
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.searching.asked import Asked

ANY_COMMAND = re.compile(r"\w+\.Callback\w+")
DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
COMMANDS = {
    fold(spelling): command
    for command in LIFECYCLE_SCHEMAS
    for spelling in (command, command.partition(".")[2], command.partition("Callback")[2])
}
Filters = dict[str, Any]  # the parameters of an address
ACTIONS: Mapping[str, Filters] = {fold(action): {"action": action} for action in Action}


@dataclass(frozen=True)
class Suggestion:
    """A list with filters."""

    list: Literal["events", "deliveries"]
    filters: Filters


def suggest_lists(
    connection: sa.Connection,
    asked: Asked,
    *,
    zone: tzinfo = UTC,
    words: Mapping[str, Filters] = ACTIONS,
) -> Iterator[Suggestion]:
    """Suggest the lists that can be filtered by what was typed.

    A day begins and ends in the zone. ``words`` holds the names of actions, folded.
    """
    if asked.folded in words:
        yield Suggestion("events", words[asked.folded])
    command = COMMANDS.get(asked.folded, asked.text)
    if ANY_COMMAND.fullmatch(command):
        yield Suggestion("deliveries", {"command": command})
    if asked.text.isdecimal() and has_events(connection, asked.text):
        yield Suggestion("events", {"sdk_app_id": asked.text})
    if day := read_day(asked.text, zone):
        yield Suggestion("events", day)
        yield Suggestion("deliveries", day)


def has_events(connection: sa.Connection, sdk_app_id: str) -> bool:
    """Tell whether an app has events."""
    one = sa.select(LifecycleEvent.id).where(LifecycleEvent.sdk_app_id == sdk_app_id).limit(1)
    return connection.scalar(one) is not None


def read_day(text: str, zone: tzinfo) -> Filters | None:
    """Read a date, such as 2026-11-25, as the period from its beginning to its end in a zone."""
    match = DATE.fullmatch(text)
    with suppress(ValueError, OverflowError):  # there is no such day
        if match is not None:
            day = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=zone)
            return {"since": write_instant(day), "until": write_instant(day + DAY)}
    return None
