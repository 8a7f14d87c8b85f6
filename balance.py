"""Connections are kept open for long, so new ones go to the worker that has the fewest."""

from mmap import PAGESIZE, mmap
from socket import socket
from time import sleep

from worker import BufferingWorker

HEAD_START_SECONDS = 0.001  # that a worker with fewer connections gets for a new one

# How many connections each worker has, plus one; zero where there is none. All of them share this
# memory, as gunicorn forks them from the process that imported it.
COUNTS = memoryview(mmap(-1, PAGESIZE)).cast("I")


def forget(worker_age: int) -> None:
    """Say that a worker takes no more connections; gunicorn numbers workers by age."""
    COUNTS[worker_age % len(COUNTS)] = 0


class BalancedWorker(BufferingWorker):
    """Lets others go first who have less to do."""

    def accept(self, listener: socket) -> None:
        """Take one new connection, unless a worker that has fewer does so at once."""
        connections = self.nr_conns + 1
        if connections > min(filter(None, COUNTS), default=connections):
            sleep(HEAD_START_SECONDS)
        super().accept(listener)

    def murder_keepalived(self, force: bool = False) -> None:
        """Tell the others how many connections there are; gunicorn calls this in each round."""
        super().murder_keepalived(force)
        if self.alive:
            COUNTS[self.age % len(COUNTS)] = self.nr_conns + 1
        else:
            forget(self.age)
