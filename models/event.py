"""Events: steps in the life of a channel or group, and what follows from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import (
    CompactUuid,
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

BY = "ix_lifecycle_events_subject"  # named by hand, as the convention makes the first one too long


class LifecycleEvent(Base):
    """One event; it is derived from its delivery, and can be derived again.

    Attributes:
        id: counts up from 1 in the order of recording; ``models.ledger`` has the next one.
        delivery_id: the delivery it was read from.
        event_key: a digest of what two deliveries of one event have in common. Different events
            with the same key differ in time: ``services.recording.repeats``.
        subject_type: one of ``SubjectType``.
        action: one of ``Action``; together with ``subject_type`` it determines the command.
        occurred_at: ``EventTime``, or else ``received_at``.
        event_time: ``EventTime`` in milliseconds since 1970 UTC, or none.
        details: the fields of the body without a column, by their wire names.
    """

    __tablename__ = "lifecycle_events"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    delivery_id: Mapped[int] = mapped_column(sa.BigInteger, index=True)
    event_key: Mapped[UUID] = mapped_column(CompactUuid)
    subject_type: Mapped[str] = mapped_column(Word)
    subject_id: Mapped[str] = mapped_column(OrderedText())
    action: Mapped[str] = mapped_column(Word)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    operator: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    owner: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    name: Mapped[str | None] = mapped_column(ExactLongText)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    event_time: Mapped[int | None] = mapped_column(sa.BigInteger)
    client_ip: Mapped[str | None] = mapped_column(ExactLongText)
    platform: Mapped[str | None] = mapped_column(ExactLongText)
    details: Mapped[dict[str, Any]] = mapped_column(Json)

    # The unique key identifies repeats. It and all indexes serve
    # services.reading.history.fetch_history: equality first, then the instant.
    __table_args__ = (
        sa.UniqueConstraint("occurred_at", "event_key"),
        sa.Index(None, "subject_type", "occurred_at"),
        sa.Index(None, "subject_id", "occurred_at"),
        sa.Index(None, "subject_type", "action", "occurred_at"),
        sa.Index(None, "operator", "occurred_at"),
        sa.Index(None, "owner", "occurred_at"),
        sa.Index(None, "sdk_app_id", "occurred_at"),
        sa.Index(f"{BY}_action", "subject_type", "subject_id", "action", "occurred_at", "id"),
    )


class EventMember(Base):
    """A user named by an event, such as a member of a group when it was disbanded.

    Attributes:
        position: its place in Tencent's list, from 0; a user that is listed twice is kept once.
        occurred_at: of the event, so that one index finds a user's events in order.
        subject_id: of the event, so that one index finds a user's events within a subject.
    """

    __tablename__ = "event_members"

    event_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    position: Mapped[int] = mapped_column(sa.Integer)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    subject_id: Mapped[str] = mapped_column(OrderedText())

    # Serve the member filter of services.reading.history.fetch_history. The subject comes first, so
    # that the members of a group are stored side by side, even thousands of them.
    __table_args__ = (
        sa.UniqueConstraint("user_id", "occurred_at", "event_id"),
        sa.Index(None, "subject_id", "user_id", "occurred_at", "event_id"),
        {"sqlite_with_rowid": False},
    )


class PresentState(Base):
    """The present state of one subject: its last life, as of the event that occurred last.

    It follows from the events, so it can be rebuilt; ``models.ledger`` stores up to which event it
    is current.

    Attributes:
        life: the number of that life, from 1.
        status: ``active`` or ``destroyed``.
        name: none if no event told one; likewise ``owner``.
        name_start: the beginning of ``name``, as stored; empty without a name.
        group_type: only its beginning, if it is long.
        created_event_id: the event that began the life; none if that was never seen.
        destroyed_event_id: the event that ended it; none while it lives.
        last_event_id: the event that occurred last, at ``changed_at``.
        last_received_at: when that event arrived; of two at one instant, the later arrival is the
            last.
        fields: by the names of the API, each with ``value``, ``since`` and ``event_id``.
    """

    __tablename__ = "subjects"

    subject_type: Mapped[str] = mapped_column(Word, primary_key=True)
    subject_id: Mapped[str] = mapped_column(OrderedText(), primary_key=True)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32), primary_key=True)
    life: Mapped[int] = mapped_column(sa.Integer)
    status: Mapped[str] = mapped_column(Word)
    name: Mapped[str | None] = mapped_column(ExactLongText)
    name_start: Mapped[str] = mapped_column(TextStart)
    owner: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    group_type: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    created_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_event_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    destroyed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    destroyed_event_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_event_id: Mapped[int] = mapped_column(sa.BigInteger)
    last_received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    fields: Mapped[dict[str, Any]] = mapped_column(Json)

    # Serve services.lists.subjects: the orders of a list, and the counts beside it.
    __table_args__ = (
        sa.Index("ix_subjects_changed", "subject_type", "status", "changed_at", "last_event_id"),
        sa.Index("ix_subjects_created", "subject_type", "status", "created_at", "created_event_id"),
        sa.Index(
            "ix_subjects_ended", "subject_type", "status", "destroyed_at", "destroyed_event_id"
        ),
        sa.Index("ix_subjects_name", "subject_type", "name_start", "subject_id", "sdk_app_id"),
        sa.Index(
            "ix_subjects_owner", "subject_type", "owner", "status", "changed_at", "last_event_id"
        ),
        sa.Index("ix_subjects_counted", "subject_type", "status", "sdk_app_id", "group_type"),
    )


class Label(Base):
    """What a search finds a channel, group or user by: its ID, or a present or former name.

    Labels are derived from events, shortly after these are recorded: ``models.ledger`` stores how
    far. Each database has its own index to search within them: ``models.database.labels``.

    Attributes:
        id: counts up from 1, so the newest label has the highest.
        kind: one of ``Findable``.
        holder_id: the ID of the channel, group or user.
        sdk_app_id: empty for a user, whose page covers all apps.
        folded: the beginning of the ID or name, folded by ``models.text.fold``.
    """

    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Word)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    holder_id: Mapped[str] = mapped_column(OrderedText())
    folded: Mapped[str] = mapped_column(FoldedText)

    # The key serves services.recording.labels, the index a search by the beginning of a label.
    __table_args__ = (
        sa.UniqueConstraint("holder_id", "kind", "sdk_app_id", "folded"),
        sa.Index(None, "kind", "folded", "id"),
    )
