"""What was sent: one row for every authentic POST."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import (
    Bytes,
    ExactLongText,
    ExactText,
    Json,
    RowId,
    UtcDateTime,
    Word,
)


class Delivery(Base):
    """One POST of a known app, byte for byte; rows are added, never changed or deleted.

    Attributes:
        id: counts up from 1 in the order of recording; ``models.ledger`` has the next one.
        uuid: given on arrival, so that a callback is recorded once.
        received_at: when its head had been read; with ``uuid``, the key of the journal's record.
        command: the ``CallbackCommand``, or none where it could not be told.
        peer: address of the other end of the connection.
        query_string: as received, without the question mark; a byte beyond ASCII is one character.
        verdict: one of ``Verdict``.
        errors: reasons by field of an ``invalid`` one.
        duplicate_of: the ID of the delivery that this one repeats.
        reverified_at: when it was taken into the log, of a request that was refused on arrival for
            a token or a clock that was wrong here.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    uuid: Mapped[UUID]
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    command: Mapped[str | None] = mapped_column(ExactText(MAX_ID_LENGTH))
    verdict: Mapped[str] = mapped_column(Word)
    errors: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))
    duplicate_of: Mapped[int | None] = mapped_column(sa.BigInteger, index=True)
    reverified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    peer: Mapped[str] = mapped_column(ExactLongText)
    query_string: Mapped[str] = mapped_column(ExactLongText)
    body: Mapped[bytes] = mapped_column(Bytes)

    # The unique key serves the recorder's look-up of what is recorded already. Each of the others
    # serves services.reading.deliveries.fetch_deliveries: equality first, then the sort order.
    __table_args__ = (
        sa.UniqueConstraint("received_at", "uuid"),
        sa.Index(None, "received_at", "id"),
        sa.Index(None, "verdict", "received_at", "id"),
        sa.Index(None, "command", "received_at", "id"),
        sa.Index(None, "sdk_app_id", "received_at", "id"),
    )
