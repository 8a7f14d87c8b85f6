"""The quarantine: requests whose sender could not be verified."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import Bytes, ExactLongText, ExactText, RowId, UtcDateTime, Word


class QuarantinedRequest(Base):
    """One refused request; stored for inspection, never part of a history.

    Attributes:
        uuid: assigned on arrival, so that a request is recorded once.
        reason: one of ``Refusal``, which the sender does not learn.
        sdk_app_id: the app that the request names, if it is one of ours; else none.
        sender: that app, or the address of the peer; the cap counts by it.
        body: its first 64 KiB, or all of it for an app of ours; empty for one that was too large.
        body_bytes: the length of the whole body, or none if it was not read.
    """

    __tablename__ = "quarantined_requests"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    uuid: Mapped[UUID]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Word)
    sdk_app_id: Mapped[str | None] = mapped_column(ExactText(32))
    sender: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH))
    peer: Mapped[str] = mapped_column(ExactLongText)
    query_string: Mapped[str] = mapped_column(ExactLongText)
    body: Mapped[bytes] = mapped_column(Bytes)
    body_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)

    # The unique key serves the recorder's look-up of recorded requests, the first index
    # services.reading.deliveries.fetch_quarantine, the others services.recording.quarantine.
    __table_args__ = (
        sa.UniqueConstraint("received_at", "uuid"),
        sa.Index(None, "received_at", "id"),
        sa.Index(None, "reason", "sender", "received_at", "id"),
        sa.Index(None, "reason", "sdk_app_id", "received_at", "id"),
    )
