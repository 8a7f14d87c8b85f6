"""What a delivery means: a step in the life of a channel or group, its members, its labels."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import (
    ExactLongText,
    ExactText,
    FoldedText,
    Json,
    OrderedText,
    RowId,
    TextStart,
    UtcDateTime,
    Word,
)

BY = "ix_lifecycle_events_subject"  # by hand, as the convention gets too long for the first


class LifecycleEvent(Base):
    """One event; derived, so it can be built again from its delivery, never the reverse.

    Attributes:
        id: counts up from 1 in the order of recording; ``models.ledger`` has the next one.
        delivery_id: the delivery it was read from.
        event_key: what two deliveries of one event have in common: ``services.recording.repeats``.
        occurrence: the number among the events with this key, from 0; above 0 only where Tencent
            sends no ``EventTime`` and equal bodies therefore may be different events.
        subject_type: one of ``SubjectType``.
        action: one of ``Action``.
        occurred_at: ``EventTime``, or ``received_at`` where there is none.
        name_start: what ``name`` begins with, as it is stored.
        event_time: ``EventTime`` in milliseconds since 1970 UTC, or none.
        details: the fields of the body that have no column, by their wire names.
    """

    __tablename__ = "lifecycle_events"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    delivery_id: Mapped[int] = mapped_column(sa.BigInteger, unique=True)
    event_key: Mapped[str] = mapped_column(sa.String(64))
    occurrence: Mapped[int] = mapped_column(sa.Integer)
    subject_type: Mapped[str] = mapped_column(Word)
    subject_id: Mapped[str] = mapped_column(OrderedText())
    action: Mapped[str] = mapped_column(Word)
    command: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH))
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    operator: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    owner: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    name: Mapped[str | None] = mapped_column(ExactLongText)
    name_start: Mapped[str | None] = mapped_column(TextStart)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    event_time: Mapped[int | None] = mapped_column(sa.BigInteger)
    client_ip: Mapped[str | None] = mapped_column(ExactLongText)
    platform: Mapped[str | None] = mapped_column(ExactLongText)
    details: Mapped[dict[str, Any]] = mapped_column(Json)

    # The unique key tells repeats. All indexes but the one with the name serve
    # services.reading.history.fetch_history: equality first, then the sort order. That one and the
    # one before it serve services.lists.by_name.fetch_candidates, by their first columns.
    __table_args__ = (
        sa.UniqueConstraint("event_key", "occurrence"),
        sa.Index(None, "occurred_at", "id"),
        sa.Index(None, "subject_type", "occurred_at", "id"),
        sa.Index(None, "subject_id", "occurred_at", "id"),
        sa.Index(None, "subject_type", "action", "occurred_at", "id"),
        sa.Index(None, "operator", "occurred_at", "id"),
        sa.Index(None, "owner", "occurred_at", "id"),
        sa.Index(None, "sdk_app_id", "occurred_at", "id"),
        sa.Index(f"{BY}_action", "subject_type", "subject_id", "action", "occurred_at", "id"),
        sa.Index(f"{BY}_name", "subject_type", "name_start", "subject_id"),
    )


class EventMember(Base):
    """A user named by an event, such as a member of a group when it was disbanded.

    Attributes:
        position: place in Tencent's list, from 0; a user who is listed twice is kept once.
        occurred_at: that of the event, so that one index finds a user's events in order.
        subject_id: that of the event, so that one index finds a user's events within a subject.
    """

    __tablename__ = "event_members"

    event_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    position: Mapped[int] = mapped_column(sa.Integer)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    subject_id: Mapped[str] = mapped_column(OrderedText())

    # Serve the member filter of services.reading.history.fetch_history. The subject comes first, so
    # that the members of a group are stored side by side, be they thousands.
    __table_args__ = (
        sa.Index(None, "user_id", "occurred_at", "event_id"),
        sa.Index(None, "subject_id", "user_id", "occurred_at", "event_id"),
    )


class Label(Base):
    """What a search finds a channel, group or user by: its ID, or a name that it has or had.

    Labels are made of events, shortly after these are recorded: ``models.ledger`` tells how far.
    What is searched within them is in an index that each database has in its own way:
    ``models.database.labels``.

    Attributes:
        id: counts up from 1, so the newest label has the highest.
        kind: one of ``Findable``.
        holder_id: the ID of the channel, group or user.
        sdk_app_id: empty for a user, whose page is about all apps.
        folded: the start of the ID or name, as ``models.text.fold`` leaves it.
    """

    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Word)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    holder_id: Mapped[str] = mapped_column(OrderedText())
    folded: Mapped[str] = mapped_column(FoldedText)

    # The key serves services.recording.labels, the index what a label begins with.
    __table_args__ = (
        sa.UniqueConstraint("holder_id", "kind", "sdk_app_id", "folded"),
        sa.Index(None, "kind", "folded", "id"),
    )
