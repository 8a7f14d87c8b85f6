"""Verify refused requests again, after a token or the clock was corrected."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from statistics import median_low
from typing import Any

import sqlalchemy as sa

from config import ReceiverSettings
from models.quarantine import QuarantinedRequest
from models.vocabulary import Refusal
from schemas.tencent.body import read_callback
from schemas.tencent.envelope import Envelope, read_envelope
from services.journal.records import Kind, Record
from services.receiving.authentication import RefusedError, verify_signature
from services.receiving.content import leave_out_content
from services.recording.counts import Counts
from services.recording.store import Batch, store

CHUNK = 100
SIGNATURES = (Refusal.SIGN_WRONG, Refusal.SIGN_EXPIRED)

Row = sa.Row[tuple[Any, ...]]
Pair = tuple[str, str | None, str | None]  # app, ``Sign`` and ``RequestTime``

QUARANTINED = sa.select(QuarantinedRequest.__table__).order_by(QuarantinedRequest.id)


@dataclass
class Reverified:
    """The outcome for requests that name one of our apps and were refused for their signature.

    Attributes:
        authentic: IDs of those that belong in the log.
        shared: IDs of those left because their pair of ``Sign`` and ``RequestTime`` came with other
            bodies too, as in callbacks of one second. ``Sign`` does not cover the body: a leaked
            pair signs any body.
        cut_off: those that were too long to be stored in full.
        left: those that are still refused, by reason.
        ahead: how far this machine's clock was ahead at each that was refused for its time.
    """

    authentic: list[int] = field(default_factory=list)
    shared: Mapping[Pair, Sequence[int]] = field(default_factory=dict)
    cut_off: int = 0
    left: Counter[Refusal] = field(default_factory=Counter)
    ahead: list[timedelta] = field(default_factory=list)

    @property
    def measured(self) -> timedelta | None:
        """The median of ``ahead``; none where nothing was refused for its time."""
        return median_low(self.ahead) if self.ahead else None


def reverify(
    engine: sa.Engine,
    settings: ReceiverSettings,
    *,
    since: datetime,
    ahead: timedelta,
    with_shared: bool,
) -> Reverified:
    """Find the refused requests that are authentic under the current settings.

    Args:
        settings: the current tokens, and how far ``RequestTime`` may be from the arrival.
        since: of their arrival, timezone-aware.
        ahead: how far this machine's clock was ahead of the sender's then.
        with_shared: whether to trust a pair of ``Sign`` and ``RequestTime`` with several bodies.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database failed.
    """
    found = Reverified()
    requests: dict[Pair, list[int]] = defaultdict(list)
    bodies: dict[Pair, set[bytes]] = defaultdict(set)
    for row in fetch_refused(engine, since=since):
        envelope = read_envelope(row.query_string)
        reason = verify(row, envelope, settings, ahead=ahead)
        if reason is Refusal.SIGN_EXPIRED and envelope.signed_at is not None:
            found.ahead.append(row.received_at - envelope.signed_at)
        if reason is not None:
            found.left[reason] += 1
        elif row.body_bytes != len(row.body):
            found.cut_off += 1
        else:
            pair = (row.sdk_app_id, envelope.sign, envelope.request_time)
            requests[pair].append(row.id)
            bodies[pair].add(sha256(row.body).digest())
    if not with_shared:
        found.shared = {pair: requests.pop(pair) for pair in bodies if len(bodies[pair]) > 1}
    found.authentic = sorted(request_id for ids in requests.values() for request_id in ids)
    return found


def fetch_refused(engine: sa.Engine, *, since: datetime) -> Iterator[Row]:
    """Fetch the requests that name one of our apps, some at a time."""
    query = QUARANTINED.limit(CHUNK).where(
        QuarantinedRequest.reason.in_(SIGNATURES),
        QuarantinedRequest.sdk_app_id.is_not(None),
        QuarantinedRequest.received_at >= since,
    )
    last: int | None = 0
    while last is not None:
        with engine.connect() as connection:
            rows = connection.execute(query.where(QuarantinedRequest.id > last)).all()
        yield from rows
        last = rows[-1].id if rows else None


def verify(
    row: Row, envelope: Envelope, settings: ReceiverSettings, *, ahead: timedelta
) -> Refusal | None:
    """Verify a request as of its arrival; return why it is still refused, or none."""
    tokens, then = settings.sdk_apps.get(row.sdk_app_id, ()), row.received_at - ahead
    try:
        verify_signature(envelope, tokens, tolerance=settings.sign_tolerance, now=then)
    except RefusedError as refused:
        return refused.reason
    return None


def take(
    engine: sa.Engine, request_ids: Sequence[int], *, unhandled_bodies: bool, now: datetime
) -> int:
    """Move requests from the quarantine to the deliveries; return how many.

    Each keeps its time of arrival and is marked by ``reverified_at``. A request that another run
    has moved is skipped.

    Args:
        request_ids: few enough for one transaction.
        unhandled_bodies: whether the content of unhandled ones is kept.
        now: timezone-aware.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database rejects them; all stay in the quarantine.
    """
    is_asked_for = QuarantinedRequest.id.in_(request_ids)
    with engine.begin() as connection:
        records = [
            to_record(row, now, unhandled_bodies=unhandled_bodies)
            for row in connection.execute(QUARANTINED.where(is_asked_for))
        ]
        store(connection, Batch(records, is_followed=False), Counts(set()), now=now)
        connection.execute(sa.delete(QuarantinedRequest).where(is_asked_for))
    return len(records)


def to_record(row: Row, now: datetime, *, unhandled_bodies: bool) -> Record:
    """Make the record that the receiver would have made."""
    reading = read_callback(read_envelope(row.query_string), row.body)
    head = {
        "sdk_app_id": row.sdk_app_id,
        "peer": row.peer,
        "query_string": row.query_string,
        "reading": reading,
        "reverified_at": now,
    }
    record = Record(Kind.CALLBACK, row.uuid, row.received_at, head, row.body)
    return record if unhandled_bodies else leave_out_content(record, reading)
