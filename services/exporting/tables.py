"""The tables that can be exported: what each reads, and what it writes."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import sqlalchemy as sa
from marshmallow import Schema

from models.vocabulary import SubjectType
from schemas.api.deliveries import DeliverySchema, spell_bytes
from schemas.api.export import (
    DeliveryLineSchema,
    EventRowSchema,
    MemberRowSchema,
    RefusalRowSchema,
    SubjectRowSchema,
    UserEventRowSchema,
)
from schemas.api.history import EventSchema
from schemas.api.page import PageQuery
from schemas.api.readings import ReadingSchema
from schemas.fields import Instant
from services.lists.subjects import fetch_subjects
from services.reading.deliveries import (
    fetch_deliveries,
    fetch_quarantine_list,
    fetch_whole_deliveries,
)
from services.reading.history import fetch_history
from services.reading.pages import Page, Row, stream_pages
from services.reading.readings import fetch_readings
from services.reading.users import fetch_user_events
from services.subjects.lives import FIELDS


def take_whole(item: Row) -> Iterator[Row]:
    """Make one row of an item, unchanged."""
    yield item


@dataclass(frozen=True)
class Sheet:
    """The rows of one kind.

    Attributes:
        shape: its fields are the columns.
        rows: makes the rows of one item.
    """

    name: str
    shape: Schema
    rows: Callable[[Row], Iterable[Row]] = take_whole

    @cached_property
    def columns(self) -> Sequence[str]:
        """Return the names of the columns."""
        return [*self.shape.fields]

    @cached_property
    def instants(self) -> dict[str, Instant]:
        """Return the columns that hold instants, by name."""
        found = self.shape.fields.items()
        return {name: field for name, field in found if isinstance(field, Instant)}


@dataclass(frozen=True)
class Table:
    """What one export writes.

    Attributes:
        fetch: returns a page of the items that pass a query.
        sheets: what a workbook contains; CSV contains the first of them.
        whole: what NDJSON contains, if that is not the first of them.
    """

    fetch: Callable[[sa.Connection, PageQuery], Page]
    sheets: Sequence[Sheet]
    whole: Sheet | None = None

    @property
    def name(self) -> str:
        """Return the name of the rows."""
        return self.sheets[0].name

    def read(self, connection: sa.Connection, query: PageQuery) -> Generator[Row]:
        """Yield the items of all pages."""
        return stream_pages(partial(self.fetch, connection), query)


def fetch_events_of_user(connection: sa.Connection, query: PageQuery) -> Page:
    """Return a page of the events that name the user of the query."""
    return fetch_user_events(connection, query.filters["user_id"], query)


def count_members(event: Row) -> Iterator[Row]:
    """Make one row of an event, with the number of its members."""
    yield {**event, "member_count": len(event["members"])}


def join_roles(event: Row) -> Iterator[Row]:
    """Make one row of an event, with the roles in which it names a user."""
    yield {**event, "roles": ", ".join(event["roles"])}


def list_members(event: Row) -> Iterator[Row]:
    """Make a row for each member that an event names."""
    for user_id in event["members"]:
        yield {**event, "event_id": event["id"], "user_id": user_id}


def spell_body(delivery: Row) -> Iterator[Row]:
    """Make one row of a delivery, with its body as text, or in base64 where it is not UTF-8."""
    row = {**delivery, "uuid": str(delivery["uuid"]), "body": None, "body_base64": None}
    yield row | spell_bytes(delivery["body"])


def spread_fields(state: Row) -> Iterator[Row]:
    """Make one row of a state, with a column for each field."""
    known = {name: field["value"] for name, field in state["fields"].items()}
    yield {**state, **dict.fromkeys(FIELDS.values()), **known}


def list_subjects(kind: SubjectType) -> Table:
    """Make the table of all channels or of all groups."""
    sheet = Sheet(f"{kind}s", SubjectRowSchema(), spread_fields)
    return Table(partial(fetch_subjects, kind=kind), [sheet])


EVENT = Sheet("events", EventSchema())
EVENT_ROW = Sheet("events", EventRowSchema(), count_members)
MEMBER_ROWS = Sheet("members", MemberRowSchema(), list_members)

EVENTS = Table(fetch_history, [EVENT_ROW, MEMBER_ROWS], whole=EVENT)
MEMBERS = Table(fetch_history, [MEMBER_ROWS])
USER = Table(fetch_events_of_user, [Sheet("user", UserEventRowSchema(), join_roles)])
CHANNELS, GROUPS = list_subjects(SubjectType.CHANNEL), list_subjects(SubjectType.GROUP)
DELIVERIES = Table(fetch_deliveries, [Sheet("deliveries", DeliverySchema())])
DELIVERY_LINES = Table(
    fetch_whole_deliveries, [Sheet("deliveries", DeliveryLineSchema(), spell_body)]
)
QUARANTINE = Table(fetch_quarantine_list, [Sheet("quarantine", RefusalRowSchema())])
READINGS = Table(fetch_readings, [Sheet("readings", ReadingSchema())])
