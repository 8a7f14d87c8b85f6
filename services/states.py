"""What subjects were in one of their lives, in the words of the API."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from services.lives import Life
from services.moments import Moments, fetch_moments
from services.pages import Row
from services.profile import FieldValue
from services.subject_events import Subject


@dataclass(frozen=True)
class State:
    """What a subject was in the end of a life, or at the point up to which that is known.

    Attributes:
        subject: with the app it belongs to.
        life: the number of the life.
        created_by: the event that began it; none where that was never seen.
        destroyed_by: the event that ended it; none while it lives.
        fields: what every field was that has ever been mentioned.
    """

    subject: Subject
    life: int
    status: str
    created_by: int | None
    destroyed_by: int | None
    last_event_id: int
    fields: Mapping[str, FieldValue]

    @classmethod
    def of(cls, subject: Subject, life: Life) -> Self:
        """Tell what a subject is after the newest event of a life; a later one changes nothing."""
        return cls(
            Subject(subject.type, subject.id, life.sdk_app_id),
            life.number,
            life.status,
            life.created_by,
            life.destroyed_by,
            life.last_event_id,
            life.profile.describe(),
        )

    def named_events(self) -> Iterator[int]:
        """Name the events that it tells the time of."""
        yield from filter(None, (self.created_by, self.destroyed_by))
        yield from (field.event_id for field in self.fields.values())

    def describe(self, moments: Moments) -> Row:
        """Say it all."""
        created, destroyed = self.created_by, self.destroyed_by
        return {
            "subject_type": self.subject.type,
            "subject_id": self.subject.id,
            "sdk_app_id": self.subject.sdk_app_id,
            "life": self.life,
            "status": self.status,
            "created_at": None if created is None else moments[created].occurred_at,
            "destroyed_at": None if destroyed is None else moments[destroyed].occurred_at,
            "last_event_id": self.last_event_id,
            "fields": {
                name: {
                    "value": field.value,
                    "since": moments[field.event_id].occurred_at,
                    "event_id": field.event_id,
                }
                for name, field in self.fields.items()
            },
        }


def describe_states(session: Session, states: Sequence[State]) -> list[Row]:
    """Put states into the words of the API."""
    moments = fetch_moments(session, (one for state in states for one in state.named_events()))
    return [state.describe(moments) for state in states]
