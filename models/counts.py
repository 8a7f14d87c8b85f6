"""Counts that the recorder maintains: by minute, by hour, in total, and of differences."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.text import MAX_ID_LENGTH
from models.types import ExactText, UtcDateTime, Word

LATE_SECONDS = 5  # a callback that waits longer than this is late; 50 ms is usual


class MinuteCount(Base):
    """One number of one minute; after 90 days, of one hour.

    Attributes:
        minute: its start; a callback belongs to the minute in which it arrived.
        measure: one of ``Measure``, which says what ``name`` and ``value`` are.
        sdk_app_id: the app, or "" where it is not known to be one of ours.
        verdict: of a received callback; else "".
    """

    __tablename__ = "minute_counts"

    minute: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    measure: Mapped[str] = mapped_column(Word, primary_key=True)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32), primary_key=True)
    name: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    verdict: Mapped[str] = mapped_column(Word, primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger)


class HourCount(Base):
    """One number of one hour, and the minutes it comes from.

    They are few enough to examine 90 days of them, to the minute. They are kept permanently.

    Attributes:
        hour: whole hours since 1970 UTC, as of ``to_hour``.
        sdk_app_id: the app, or "" where it is not known to be one of ours.
        word: what is counted: a ``Verdict``, or ``received`` for all of them; a ``Refusal``;
            ``lost``; or ``delay_microseconds``, where it is above ``LATE_SECONDS``.
        value: how many; of the delay, the largest.
        minutes: bit n is set if minute n of the hour contributes to it.
    """

    __tablename__ = "hour_counts"

    hour: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    sdk_app_id: Mapped[str] = mapped_column(Word, primary_key=True)
    word: Mapped[str] = mapped_column(Word, primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger)
    minutes: Mapped[int] = mapped_column(sa.BigInteger)


class TotalCount(Base):
    """The sum of one number over all minutes so far.

    It saves ``/metrics`` from adding up millions of rows. The largest delay is left out, as it has
    no sum.

    Its columns are those of ``MinuteCount``.
    """

    __tablename__ = "total_counts"

    measure: Mapped[str] = mapped_column(Word, primary_key=True)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32), primary_key=True)
    name: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    verdict: Mapped[str] = mapped_column(Word, primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger)


class LostCallback(Base):
    """A callback that was answered 503 although a disk may have it.

    If it is found after all, it is recorded and no longer counts as lost.
    """

    __tablename__ = "lost_callbacks"

    uuid: Mapped[UUID] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sdk_app_id: Mapped[str] = mapped_column(ExactText(32))


class Difference(Base):
    """One way in which the bodies of a command differ from what Tencent documents for it.

    Attributes:
        field: a wire name, as in ``schemas.tencent.drift``.
        seen: the JSON type of the value.
        sample_delivery_id: the newest delivery of this kind.
    """

    __tablename__ = "differences"

    command: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    field: Mapped[str] = mapped_column(ExactText(MAX_ID_LENGTH), primary_key=True)
    seen: Mapped[str] = mapped_column(Word, primary_key=True)
    count: Mapped[int] = mapped_column(sa.BigInteger)
    first_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen: Mapped[datetime] = mapped_column(UtcDateTime)
    sample_delivery_id: Mapped[int] = mapped_column(sa.BigInteger)
