"""What channels and groups are and were called."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile, islice

import sqlalchemy as sa

from models.database.labels import Holder
from models.vocabulary import SubjectType
from services.subjects.events import read_histories
from services.subjects.lives import Event, Life, follow_lives


@dataclass(frozen=True)
class Named:
    """A channel or group: its last life, and its names in all lives, by the events that gave them.

    Attributes:
        names: in order of time.
    """

    life: Life
    names: dict[int, str]

    def find_end(self, event_id: int) -> int | None:
        """Find the event that ended the time of a name, by giving another; none if none did."""
        later = dropwhile(lambda one: one != event_id, self.names)
        return next(islice(later, 1, None), None)


def fetch_names(
    connection: sa.Connection, kind: SubjectType, subject_ids: Iterable[str]
) -> dict[Holder, Named]:
    """Return what the subjects with these IDs are and were called, in each app."""
    return {
        (app, subject_id): follow_names(events)
        for subject_id, app, events in read_histories(connection, kind, subject_ids)
    }


def follow_names(events: Iterable[Event]) -> Named:
    """Follow a subject through its lives; there is at least one event."""
    names: dict[int, str] = {}
    for life, changes in follow_lives(events):
        for field, _, new in changes:
            if field == "name":
                names[life.last_event_id] = new
    return Named(life, names)
