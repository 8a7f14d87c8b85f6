"""The tables of the peers: those of the version before, without what only its spool needed."""

import os
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

RowId = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Instant = sa.DateTime(timezone=True)
Id = sa.String(255)
SQLITE_SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON")
# SQLite has one writer at a time: a second connection of a process would only poll for its lock.
CONNECTIONS = {"sqlite": 1, "postgresql": 16}


class Base(DeclarativeBase):
    """Root of the tables."""


class Delivery(Base):
    """One POST, byte for byte."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    sdk_app_id: Mapped[str] = mapped_column(sa.String(32))
    command: Mapped[str | None] = mapped_column(Id)
    verdict: Mapped[str] = mapped_column(sa.String(32))
    errors: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    duplicate_of: Mapped[int | None] = mapped_column(sa.ForeignKey("deliveries.id"), index=True)
    peer: Mapped[str] = mapped_column(sa.Text)
    query_string: Mapped[str] = mapped_column(sa.Text)
    body: Mapped[bytes] = mapped_column(sa.LargeBinary)

    __table_args__ = (
        sa.Index("ix_deliveries_received_at", "received_at", "id"),
        sa.Index("ix_deliveries_verdict", "verdict", "received_at", "id"),
        sa.Index("ix_deliveries_command", "command", "received_at", "id"),
        sa.Index("ix_deliveries_sdk_app_id", "sdk_app_id", "received_at", "id"),
        {"sqlite_autoincrement": True},
    )


class Member(Base):
    """A user that an event names."""

    __tablename__ = "event_members"

    event_id: Mapped[int] = mapped_column(sa.ForeignKey("lifecycle_events.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    position: Mapped[int]
    occurred_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (sa.Index("ix_event_members", "user_id", "occurred_at", "event_id"),)


class Event(Base):
    """The event of a delivery; ``event_key`` digests app, command and canonical body."""

    __tablename__ = "lifecycle_events"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(sa.ForeignKey("deliveries.id"), unique=True)
    event_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    subject_type: Mapped[str] = mapped_column(sa.String(32))
    subject_id: Mapped[str] = mapped_column(Id)
    action: Mapped[str] = mapped_column(sa.String(32))
    command: Mapped[str] = mapped_column(Id)
    sdk_app_id: Mapped[str] = mapped_column(sa.String(32))
    operator: Mapped[str | None] = mapped_column(Id)
    owner: Mapped[str | None] = mapped_column(Id)
    name: Mapped[str | None] = mapped_column(sa.Text)
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    event_time: Mapped[int | None] = mapped_column(sa.BigInteger)
    client_ip: Mapped[str | None] = mapped_column(sa.Text)
    platform: Mapped[str | None] = mapped_column(sa.Text)
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON)

    delivery: Mapped[Delivery] = relationship()
    members: Mapped[list[Member]] = relationship()

    __table_args__ = (
        sa.Index("ix_events_occurred_at", "occurred_at", "id"),
        sa.Index("ix_events_subject_type", "subject_type", "occurred_at", "id"),
        sa.Index("ix_events_subject_id", "subject_id", "occurred_at", "id"),
        sa.Index("ix_events_action", "action", "occurred_at", "id"),
        sa.Index("ix_events_operator", "operator", "occurred_at", "id"),
        sa.Index("ix_events_owner", "owner", "occurred_at", "id"),
        sa.Index("ix_events_sdk_app_id", "sdk_app_id", "occurred_at", "id"),
        {"sqlite_autoincrement": True},
    )


def prepare_sqlite(engine: sa.Engine) -> None:
    """Set SQLite up for several processes that write.

    A transaction takes the write lock when it begins: one that has read first could not wait for
    it.
    """
    if engine.dialect.name != "sqlite":
        return

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for setting in SQLITE_SETTINGS:
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def create_tables() -> None:
    """Make the tables in the database of ``DATABASE_URL``."""
    engine = sa.create_engine(os.environ["DATABASE_URL"])
    prepare_sqlite(engine)
    Base.metadata.create_all(engine)
    engine.dispose()


if __name__ == "__main__":
    create_tables()
