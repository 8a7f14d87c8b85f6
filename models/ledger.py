"""What the service knows about itself: its numbers, marks, service events and readings."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import ExactLongText, ExactText, Json, RowId, UtcDateTime, Word

SEGMENT_NAME_LENGTH = 64


class Ledger(Base):
    """The one row that each transaction locks first, so that only one writes at a time.

    It holds the next IDs, so IDs have no gaps and follow the order of commits.

    Attributes:
        id: 1.
        next_delivery_id: the ID of the next delivery; likewise the others.
        followed_event_id: the ID of the last event that present states and labels have followed.
        kept_since: everything that arrived earlier is purged, except what the states of subjects
            rest on.
        unhandled_kept_since: unhandled deliveries that arrived earlier are purged.
    """

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    next_delivery_id: Mapped[int] = mapped_column(sa.BigInteger)
    next_event_id: Mapped[int] = mapped_column(sa.BigInteger)
    next_request_id: Mapped[int] = mapped_column(sa.BigInteger)
    next_reading_id: Mapped[int] = mapped_column(sa.BigInteger)
    followed_event_id: Mapped[int] = mapped_column(sa.BigInteger)
    kept_since: Mapped[datetime] = mapped_column(UtcDateTime)
    unhandled_kept_since: Mapped[datetime] = mapped_column(UtcDateTime)


class JournalMark(Base):
    """Up to where one segment of a journal is recorded; written in the transaction that records it.

    A database that was restored or replaced has marks older than the records of the journal, which
    show what it lacks.

    Attributes:
        segment: the permanent name of a segment, whatever becomes of its file.
        recorded_bytes: counted from the beginning of the segment.
    """

    __tablename__ = "journal_marks"

    segment: Mapped[str] = mapped_column(sa.String(SEGMENT_NAME_LENGTH), primary_key=True)
    recorded_bytes: Mapped[int] = mapped_column(sa.BigInteger)


class ServiceEvent(Base):
    """A service event: a process started or stopped, or callbacks were lost.

    Attributes:
        kind: one of ``ServiceEventKind``.
        process: the host and the ID of the process.
        details: for lost callbacks, ``count``, ``first_at`` and ``last_at``.
    """

    __tablename__ = "service_events"

    uuid: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    kind: Mapped[str] = mapped_column(Word)
    process: Mapped[str] = mapped_column(sa.String(255))
    details: Mapped[dict[str, Any]] = mapped_column(Json)


class ActOfReading(Base):
    """One act of reading.

    Attributes:
        uuid: assigned by the reader, so that a reading is recorded once.
        received_at: when the request was answered.
        holder: of the key, or the user that a proxy named.
        sign_in: one of ``SignIn``.
        address: path and query string.
        subject_id: the channel or group that it is about, if any.
        user_id: likewise; a request that names several users has a row for each.
        peer: the address at the other end of the connection.
        request_id: the same ID as in the log.
    """

    __tablename__ = "readings"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    uuid: Mapped[UUID]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    holder: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH))
    sign_in: Mapped[str] = mapped_column(Word)
    address: Mapped[str] = mapped_column(ExactLongText)
    subject_id: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    user_id: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    status: Mapped[int] = mapped_column(sa.Integer)
    peer: Mapped[str] = mapped_column(ExactLongText)
    request_id: Mapped[str] = mapped_column(ExactLongText)

    # The unique key serves the recorder's look-up of recorded readings, all of them
    # services.reading.readings.fetch_readings.
    __table_args__ = (
        sa.UniqueConstraint("received_at", "uuid"),
        sa.Index(None, "holder", "received_at"),
        sa.Index(None, "subject_id", "received_at"),
        sa.Index(None, "user_id", "received_at"),
    )
