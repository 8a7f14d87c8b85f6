"""What was refused: requests that nobody could prove to be Tencent's."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.types import Bytes, ExactLongText, RowId, UtcDateTime, Word


class QuarantinedRequest(Base):
    """One refused request; kept for inspection, never part of a history.

    Attributes:
        reason: one of ``Refusal``; the sender is not told.
        body: its first 64 KiB; empty for one that was too large.
        body_bytes: the length of the whole body, or none where it was not read.
    """

    __tablename__ = "quarantined_requests"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(Word)
    peer: Mapped[str] = mapped_column(ExactLongText)
    query_string: Mapped[str] = mapped_column(ExactLongText)
    body: Mapped[bytes] = mapped_column(Bytes)
    body_bytes: Mapped[int | None] = mapped_column(sa.BigInteger)

    # Serves services.quarantine.fetch_quarantine.
    __table_args__ = (
        sa.Index(None, "received_at", "id"),
        {"sqlite_autoincrement": True},
    )
