"""Store what waits in the spool: once each, in the order in which it arrived."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from services.breaker import describe
from services.callback import Callback
from services.committer import Committer
from services.spool import SEGMENT, STUCK, Spool

MAX_GROUP_BYTES = 16 * 1024 * 1024  # read and sorted at once
CHUNK = 50  # in the queue of the committer at once: new callbacks wait behind no more
PATIENCE_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drained:
    """What became of the callbacks that waited.

    Attributes:
        stuck: how many the database does not take although it takes others; they are set aside.
    """

    stored: int = 0
    stuck: int = 0


def drain(
    spool: Spool,
    committer: Committer[Callback],
    *,
    stuck_too: bool = False,
    on_stored: Callable[[int], None] = lambda _: None,
) -> Drained | None:
    """Store the callbacks of all segments there are now, and delete these.

    Args:
        spool: where they wait.
        committer: stores them, together with callbacks that have just arrived.
        stuck_too: try again what was set aside.
        on_stored: told how many more are dealt with.

    Returns:
        None if somebody else is at it.

    Raises:
        Exception: the database stopped taking callbacks; what could not be stored still waits.
        OSError: the spool can't be read or written.
    """
    segments = spool.list_segments(SEGMENT, *([STUCK] if stuck_too else []))
    if not segments:
        return Drained()
    with spool.draining() as alone:
        if not alone:
            return None
        committer.check().result(PATIENCE_SECONDS)
        drained = [
            drain_group(spool, committer, group, on_stored) for group in group_segments(segments)
        ]
    return Drained(sum(one.stored for one in drained), sum(one.stuck for one in drained))


def group_segments(segments: Sequence[Path]) -> Iterator[list[Path]]:
    """Put neighbours together: processes that spool at the same time have a segment each."""
    group: list[Path] = []
    group_bytes = 0
    for segment in segments:
        size = segment.stat().st_size
        if group and group_bytes + size > MAX_GROUP_BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(segment)
        group_bytes += size
    yield group


def drain_group(
    spool: Spool,
    committer: Committer[Callback],
    paths: Sequence[Path],
    on_stored: Callable[[int], None],
) -> Drained:
    """Store the callbacks of some segments by the time of their arrival; then delete these."""
    with ExitStack() as stack:
        segments = [stack.enter_context(spool.take(path)) for path in paths]
        callbacks = [callback for segment in segments for callback in segment.callbacks]
        callbacks.sort(key=lambda callback: callback.arrival.received_at)
        faults: dict[Callback, BaseException] = {}
        for start in range(0, len(callbacks), CHUNK):
            chunk = callbacks[start : start + CHUNK]
            faults |= store_chunk(committer, chunk)
            on_stored(len(chunk))
        if callbacks and callbacks[-1] in faults:
            raise faults[callbacks[-1]]  # as on a full disk: none after it proves it an exception
        for callback, fault in faults.items():
            log.error("callback %s can't be stored: %s", callback.uuid, describe(fault))
        spool.set_aside(list(faults))
        for segment in segments:
            segment.remove()
    return Drained(len(callbacks) - len(faults), len(faults))


def store_chunk(
    committer: Committer[Callback], callbacks: Sequence[Callback]
) -> Mapping[Callback, BaseException]:
    """Store some callbacks; tells what is wrong with those that could not be stored.

    Raises:
        Exception: the database takes nothing.
    """
    storing = [(callback, committer.submit(callback)) for callback in callbacks]
    committer.flush()
    faults = {}
    for callback, future in storing:
        fault = future.exception(PATIENCE_SECONDS)
        if isinstance(fault, DBAPIError) and fault.connection_invalidated:
            raise fault  # which says nothing of this callback
        if fault is not None:
            faults[callback] = fault
    if faults:
        committer.check().result(PATIENCE_SECONDS)
    return faults
