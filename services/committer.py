"""Group commit: whatever waits at the moment shares one transaction."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
Entry = tuple[T | None, Future[None]]

MAX_BATCH = 100
CLOSE_SECONDS = 5.0


class Committer(Generic[T]):
    """One thread that stores items, all that wait at a time in one transaction.

    It begins when somebody starts to wait, not with the first item: whoever has several submits
    them all, then waits. While it commits, the next batch gathers by itself. Nobody is woken before
    the commit.

    Args:
        store: stores some items, all or none, and raises if it could not; of none at all it makes
            sure that they would be taken.
    """

    def __init__(self, store: Callable[[Sequence[T]], None]) -> None:
        self.store = store
        self.waiting: deque[Entry[T]] = deque()
        self.calls: SimpleQueue[bool] = SimpleQueue()
        self.starting = Lock()
        self.thread: Thread | None = None

    def submit(self, item: T) -> Future[None]:
        """Have an item stored; the future is done once it is, or holds what went wrong.

        Call ``flush`` before you wait for it. An item whose future is cancelled before its turn is
        left out.
        """
        return self.enqueue(item)

    def check(self) -> Future[None]:
        """Have it made sure, now, that items are taken at present."""
        future = self.enqueue(None)
        self.flush()
        return future

    def enqueue(self, item: T | None) -> Future[None]:
        """Queue an item, or none, for the thread."""
        future: Future[None] = Future()
        self.waiting.append((item, future))
        return future

    def flush(self) -> None:
        """Have the thread store what waits; start it for the first time."""
        if self.thread is None:
            self.start()
        self.calls.put(True)

    def cancel_waiting(self) -> None:
        """Give back what waits: their futures are cancelled."""
        for _, future in self.take_waiting():
            future.cancel()

    def start(self) -> None:
        """Start the thread, once."""
        with self.starting:
            if self.thread is None:
                self.thread = Thread(target=self.run, name="committer", daemon=True)
                self.thread.start()

    def close(self) -> None:
        """Finish what waits, unless the database hangs."""
        if self.waiting:
            self.flush()
        if self.thread is not None:
            self.calls.put(False)
            self.thread.join(CLOSE_SECONDS)

    def run(self) -> None:
        """Commit one batch after the other, whenever somebody waits, until there is an end."""
        while self.calls.get():
            while batch := [*islice(self.take_waiting(), MAX_BATCH)]:
                self.settle([one for one in batch if one[1].set_running_or_notify_cancel()])

    def take_waiting(self) -> Iterator[Entry[T]]:
        """Take what waits by now, one after the other; somebody else may take some, too."""
        while True:
            try:
                one = self.waiting.popleft()
            except IndexError:
                return
            yield one

    def settle(self, batch: Sequence[Entry[T]], *, again: bool = True) -> None:
        """Store a batch; if that fails while items are taken in general, store each by itself.

        So one that can't be stored does not fail its neighbours.
        """
        try:
            self.store([item for item, _ in batch if item is not None])
        except Exception as error:
            if again and self.takes_items():
                for one in batch:
                    self.settle([one], again=False)
            else:
                for _, future in batch:
                    future.set_exception(error)
        else:
            for _, future in batch:
                future.set_result(None)

    def takes_items(self) -> bool:
        """Ask whether an item would be stored."""
        try:
            self.store([])
        except Exception:
            return False
        return True
