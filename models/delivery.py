"""Deliveries: one row for every authentic POST."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, column_property, mapped_column

from models.base import Base, partial_index
from models.text import MAX_ID_LENGTH
from models.types import (
    Bytes,
    CompactUuid,
    ExactLongText,
    ExactText,
    Json,
    RowId,
    UtcDateTime,
    Word,
)
from models.vocabulary import Verdict


class Command(Base):
    """The name of a command that was sent; deliveries store its number."""

    __tablename__ = "commands"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), unique=True)


class Delivery(Base):
    """One POST of a known app, byte for byte; rows are added, never changed or deleted.

    Attributes:
        id: counts up from 1 in the order of recording; ``models.ledger`` has the next one.
        uuid: given on arrival, so that a callback is recorded once.
        received_at: when its head was read; together with ``uuid``, the key of the journal's
            record.
        command: the ``CallbackCommand``, or none if it is unknown.
        peer: address of the other end of the connection.
        query_string: as received, without the question mark; a byte beyond ASCII is one character.
        verdict: one of ``Verdict``.
        errors: the reasons by field, if it is ``invalid``.
        duplicate_of: the ID of the delivery that this one repeats.
        reverified_at: when it was taken into the log, if it was refused on arrival because of a
            wrong token or clock here.
        imported_at: when it was first imported, if it comes from another database.
        unstored_bytes: the length of the body, if neither it nor the query string is stored; else
            none.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    uuid: Mapped[UUID] = mapped_column(CompactUuid)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))
    command_id: Mapped[int | None] = mapped_column(sa.Integer)
    verdict: Mapped[str] = mapped_column(Word)
    errors: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))
    duplicate_of: Mapped[int | None] = mapped_column(sa.BigInteger)
    reverified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    imported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    peer: Mapped[str] = mapped_column(ExactLongText)
    query_string: Mapped[str] = mapped_column(ExactLongText)
    body: Mapped[bytes] = mapped_column(Bytes)
    unstored_bytes: Mapped[int | None] = mapped_column(sa.Integer)

    command: Mapped[str | None] = column_property(
        sa.select(Command.name)
        .where(Command.id == command_id)
        .correlate_except(Command)
        .label("command")
    )

    # The unique key serves the recorder's look-up of recorded deliveries, and the list of all.
    # The others serve services.reading.deliveries: equality first, then the instant. Rows with the
    # same instant are few enough to be sorted by ID.
    __table_args__ = (
        sa.UniqueConstraint("received_at", "uuid"),
        partial_index(sa.text("verdict <> 'accepted'"), "verdict", "received_at"),
        partial_index(sa.text("duplicate_of IS NOT NULL"), "duplicate_of"),
        sa.Index(None, "command_id", "received_at"),
        sa.Index(None, "sdk_app_id", "received_at"),
    )


def has_command(name: str | sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition for a command, in the form that the index of commands serves."""
    number = sa.select(Command.id).where(Command.name == name).correlate_except(Command)
    return Delivery.command_id == number.scalar_subquery()


def has_verdict(verdict: str) -> sa.ColumnElement[bool]:
    """Return the condition for a verdict, so that the index without accepted ones is used."""
    is_it = Delivery.verdict == verdict
    if verdict == Verdict.ACCEPTED:
        return is_it
    return sa.and_(is_it, Delivery.verdict != sa.literal_column("'accepted'"))
