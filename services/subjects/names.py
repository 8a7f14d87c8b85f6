"""What channels and groups are and were called."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import dropwhile, groupby, islice

import sqlalchemy as sa

from models.event import LifecycleEvent
from models.vocabulary import SubjectType
from services.subjects.events import COLUMNS, IN_ORDER, STREAMED
from services.subjects.lives import Event, Life, follow_lives

Holder = tuple[str, str]  # SDKAppID and ID of a channel or group


@dataclass(frozen=True)
class Named:
    """A channel or group: its last life, and its names in all lives, by the events that gave them.

    Attributes:
        names: in order of time.
    """

    life: Life
    names: dict[int, str]

    def find_present(self) -> int | None:
        """Find the event that gave the present name; none if that is unknown."""
        return self.life.set_by.get("Name")

    def find_end(self, event_id: int) -> int | None:
        """Find the event that ended the time of a name, by giving another; none if none did."""
        later = dropwhile(lambda one: one != event_id, self.names)
        return next(islice(later, 1, None), None)


def fetch_names(
    connection: sa.Connection, kind: SubjectType, subject_ids: Iterable[str]
) -> dict[Holder, Named]:
    """Return what the subjects with these IDs are and were called, in each app."""
    events = (
        sa.select(LifecycleEvent.subject_id, *COLUMNS)
        .where(LifecycleEvent.subject_type == kind, LifecycleEvent.subject_id.in_(subject_ids))
        .order_by(LifecycleEvent.subject_id, LifecycleEvent.sdk_app_id, *IN_ORDER)
    )
    with connection.execute(events, execution_options=STREAMED) as found:
        return {
            (app, subject_id): follow_names(Event._make(row[1:]) for row in history)
            for (subject_id, app), history in groupby(found, lambda row: (row[0], row[-1]))
        }


def follow_names(events: Iterable[Event]) -> Named:
    """Follow a subject through its lives; there is at least one event."""
    names: dict[int, str] = {}
    for life, changes in follow_lives(events):
        for field, _, new in changes:
            if field == "name":
                names[life.last_event_id] = new
    return Named(life, names)
