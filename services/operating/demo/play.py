"""Store the week as if it had been received and recorded when it happened."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from config import ReceiverSettings
from models.clock import DAY
from models.delivery import Delivery
from schemas.tencent.body import read_callback
from schemas.tencent.envelope import read_envelope
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.journal.records import Kind, Record, new_uuid
from services.operating.demo import everyday, tales
from services.operating.demo.story import DAYS, Story
from services.operating.sender import to_bytes, write_query
from services.receiving.authentication import RefusedError, authenticate_sender
from services.receiving.tally import Tally
from services.recording.counts import Counts
from services.recording.store import Batch, store

TALES = (
    tales.tell_riverside,
    tales.tell_phoenix,
    tales.tell_channels,
    tales.tell_makers,
    tales.tell_slip,
    everyday.tell_everyday,
    everyday.tell_talk,
)
TENCENT, STRANGER = "203.0.113.250", "198.51.100.23"
SECOND = timedelta(seconds=1)
DELAY = timedelta(milliseconds=40)  # from arrival to the tables
REPEATED = 0.012  # of the lifecycle callbacks
REPEATED_AFTER = timedelta(seconds=2.2)
KNOCKS = 140
OTHER_TOKEN = "another-token"  # noqa: S105 (signs what is to be refused)
PROCESS = "demo:1"


class NotEmptyError(Exception):
    """The database has callbacks already."""


def play(connection: sa.Connection, settings: ReceiverSettings, *, now: datetime, seed: int) -> int:
    """Store a week that ends now; return how many requests arrived in it.

    Args:
        connection: in a transaction of the caller's.
        settings: the week is of the first app.
        now: timezone-aware.
        seed: the same one makes the same week.

    Raises:
        NotEmptyError: the database has callbacks; nothing is stored.
    """
    if connection.scalar(sa.select(Delivery.id).limit(1)) is not None:
        raise NotEmptyError("the database has callbacks already")
    story = Story(now - SECOND, seed)
    for tell in TALES:
        tell(story)
    received = [*send_all(story, settings), *knock(story, settings)]
    received.sort(key=lambda one: one.received_at)
    store_by_second(connection, received, story)
    store_service_events(connection, story)
    return len(received)


def send_all(story: Story, settings: ReceiverSettings) -> Iterator[Record]:
    """Send each callback a moment later, some of them twice; the outage swallows some."""
    sdk_app_id, tokens = next(iter(settings.sdk_apps.items()))
    for one in sorted(story.happenings, key=lambda one: one.at):
        at = one.at + story.random.uniform(0.1, 0.4) * SECOND
        if story.outage.has(at):
            continue
        token = OTHER_TOKEN if story.mix_up.has(at) or not tokens else tokens[-1]
        sender = {"ClientIP": one.client_ip, "OptPlatform": one.platform}
        query_string = write_query(one.body, sdk_app_id, token, at, **sender)
        sent = (TENCENT, query_string, to_bytes(one.body))
        yield receive(settings, at, *sent)
        if one.body["CallbackCommand"] in LIFECYCLE_SCHEMAS and story.random.random() < REPEATED:
            yield receive(settings, at + REPEATED_AFTER, *sent)


def knock(story: Story, settings: ReceiverSettings) -> Iterator[Record]:
    """A stranger probes the address, mostly in one night."""
    begin = story.on(2, "02:04:00")
    for number in range(KNOCKS):
        at = begin + number * 3 * SECOND
        yield receive(settings, at, STRANGER, "", b'{"id":%d}' % number)
    for at in story.moments(KNOCKS // 4):
        yield receive(settings, at, STRANGER, "SdkAppid=1400999999", b"{}")


def receive(
    settings: ReceiverSettings, at: datetime, peer: str, query_string: str, body: bytes
) -> Record:
    """Make the record that the receiver would make of a request."""
    envelope = read_envelope(query_string)
    head: dict[str, Any] = {"peer": peer, "query_string": query_string}
    try:
        sdk_app_id = authenticate_sender(envelope, settings, now=at)
    except RefusedError as refused:
        kind, known = Kind.REFUSAL, envelope.sdk_app_id in settings.sdk_apps
        head |= {"reason": refused.reason, "sdk_app_id": envelope.sdk_app_id if known else None}
        head["body_bytes"] = len(body)
    else:
        kind = Kind.CALLBACK
        head |= {"sdk_app_id": sdk_app_id, "reading": read_callback(envelope, body)}
    return Record(kind, new_uuid(at), at, head, body)


def store_by_second(connection: sa.Connection, received: Sequence[Record], story: Story) -> None:
    """Store each second as the recorder does, at its own time, with the time to each answer."""
    commands: set[str] = set()
    for _, group in groupby(received, lambda one: one.received_at.replace(microsecond=0)):
        records = [*group]
        last = records[-1].received_at
        now = story.absence.end if story.absence.has(last) else last + DELAY
        tally = Tally()
        for record in records:
            if record.kind is Kind.CALLBACK:
                seconds = story.random.lognormvariate(0, 0.5) / 500
                tally.add_answer(record.received_at, record.head["sdk_app_id"], seconds)
        head = {"process": PROCESS, **tally.take()}
        records.append(Record(Kind.TALLY, new_uuid(last), last, head))
        store(connection, Batch(records), Counts(commands), now=now)


def store_service_events(connection: sa.Connection, story: Story) -> None:
    """Store when receiver and recorder were started and stopped."""
    begin, outage, absence = story.now - DAYS * DAY, story.outage, story.absence
    records = [
        Record(kind, new_uuid(at), at, {"process": PROCESS})
        for kind, at in (
            (Kind.STARTED, begin),
            (Kind.STOPPED, outage.start),
            (Kind.STARTED, outage.end),
            (Kind.STOPPED, story.now),
            (Kind.RECORDER_STARTED, begin),
            (Kind.RECORDER_STOPPED, absence.start),
            (Kind.RECORDER_STARTED, absence.end),
            (Kind.RECORDER_STOPPED, story.now),
        )
    ]
    store(connection, Batch(records), Counts(set()), now=story.now)
