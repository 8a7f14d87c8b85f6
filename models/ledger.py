"""What the recorder knows of itself: whose turn it is, the next IDs, how far the journal is."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Json, RowId, UtcDateTime, Word

SEGMENT_NAME_LENGTH = 64


class Ledger(Base):
    """The one row that a transaction locks first, so that one writes at a time.

    It counts, so IDs have no gaps and are in the order of commits.

    Attributes:
        id: 1.
        next_delivery_id: of the next delivery; likewise the others.
        labelled_event_id: of the last event whose labels can be found.
    """

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    next_delivery_id: Mapped[int] = mapped_column(sa.BigInteger)
    next_event_id: Mapped[int] = mapped_column(sa.BigInteger)
    next_request_id: Mapped[int] = mapped_column(sa.BigInteger)
    labelled_event_id: Mapped[int] = mapped_column(sa.BigInteger)


class JournalMark(Base):
    """How far one segment of a journal is recorded; written in the transaction that records it.

    A database that was restored or replaced has older marks than the journal has records, and so
    shows what it lacks.

    Attributes:
        segment: the name that a segment keeps, whatever becomes of its file.
        recorded_bytes: from the beginning of the segment.
    """

    __tablename__ = "journal_marks"

    segment: Mapped[str] = mapped_column(sa.String(SEGMENT_NAME_LENGTH), primary_key=True)
    recorded_bytes: Mapped[int] = mapped_column(sa.BigInteger)


class ServiceEvent(Base):
    """What happened to the service itself: a process started or stopped, callbacks were lost.

    Attributes:
        kind: one of ``ServiceEventKind``.
        process: the host and the ID of the process.
        details: of lost callbacks, ``count``, ``first_at`` and ``last_at``.
    """

    __tablename__ = "service_events"

    uuid: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    kind: Mapped[str] = mapped_column(Word)
    process: Mapped[str] = mapped_column(sa.String(255))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
