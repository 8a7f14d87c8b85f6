"""Read rows in a separate process, one batch ahead of the one that is being stored."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from services.importing.rows import BadRowError, Row
from services.journal.records import Record

SPAWN = get_context("spawn")  # the process inherits none of our threads and connections

Source = TypeVar("Source", bound=bytes | Row)
Read = Callable[[Source], Record]
Rows = Sequence[tuple[int, Source]]  # each with its place
Found = Sequence[tuple[int, Record | BadRowError]]


def read_ahead(batches: Iterator[Rows[Source]], read: Read[Source]) -> Iterator[Found]:
    """Yield the records of each batch while the next batch is read.

    Args:
        batches: in order.
        read: makes a record of a row; it goes to the process, as rows and records do.

    Raises:
        ChildProcessError: the process ended.
    """
    yield read_rows(next(batches, []), read)
    ahead = next(batches, None)
    if ahead is None:  # most files are one batch, and are read before a process would start
        return
    with start_reading(read) as pipe:
        pipe.send(ahead)
        for batch in batches:
            found = pipe.recv()
            pipe.send(batch)
            yield found
        yield pipe.recv()


def read_rows(rows: Rows[Source], read: Read[Source]) -> Found:
    """Read some rows."""
    return [(place, try_to_read(row, read)) for place, row in rows]


def try_to_read(row: Source, read: Read[Source]) -> Record | BadRowError:
    """Make a record of a row; it may be none."""
    try:
        return read(row)
    except BadRowError as fault:
        return fault


@contextmanager
def start_reading(read: Read[Source]) -> Iterator[Connection]:
    """Run a process that reads what it is sent, until the block ends."""
    ours, theirs = SPAWN.Pipe()
    with ours:
        with theirs:
            process = SPAWN.Process(target=read_what_is_sent, args=(theirs, read), daemon=True)
            process.start()
        try:
            yield ours
        except (EOFError, OSError):
            raise ChildProcessError("the process that reads was killed") from None
    process.join()


def read_what_is_sent(pipe: Connection, read: Read[Source]) -> None:
    """Read batches and send back their records, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end is closed then, too
    with suppress(EOFError, OSError):
        while True:
            pipe.send(read_rows(pipe.recv(), read))
