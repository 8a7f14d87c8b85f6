"""Posts that come together are begun together, so that their callbacks share a transaction.

With a thread for each, those that read fight with the one that commits over the interpreter, and
every wait for the database ends with another wait for it. One thread that begins what is there,
waits once and answers all has nobody to fight.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from time import monotonic

from balance import BalancedWorker
from exchange import Exchange
from incoming import Connection

MAX_ROUNDS = 16  # at a time: as many as a database can delay before it is given up
BUSY_ROUND = 16  # posts
GATHER_SECONDS = 0.002  # that those whom a busy round has answered have to post again


class RoundWorker(BalancedWorker):
    """Answers posts in rounds; what else is asked has a thread to itself, as it may take long.

    Attributes:
        overlap_seconds: after which a round is taken to wait, and the next may begin.
        gathered: posts for the next round.
        next_round_at: when it may begin, in the seconds of ``time.monotonic``.
    """

    overlap_seconds = 0.05
    next_round_at = 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Make gunicorn's threads, and those for the rounds."""
        self.gathered: list[Connection] = []
        self.rounds = ThreadPoolExecutor(MAX_ROUNDS, "round")
        pool: ThreadPoolExecutor = super().get_thread_pool()
        return pool

    def enqueue_req(self, conn: Connection) -> None:
        """Have a request answered."""
        if conn.is_brief_post:
            self.gathered.append(conn)
        else:
            super().enqueue_req(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Read what arrives; then begin a round, if it is time."""
        if self.gathered:
            timeout = min(timeout, max(self.next_round_at - monotonic(), 0))
        super().wait_for_and_dispatch_events(timeout)
        if self.gathered and self.next_round_at <= monotonic():
            self.next_round_at = monotonic() + self.overlap_seconds
            conns, self.gathered = self.gathered, []
            done = self.rounds.submit(self.answer_round, conns)
            done.add_done_callback(partial(self.method_queue.defer, self.finish_round, conns))

    def answer_round(self, conns: Sequence[Connection]) -> Sequence[bool]:
        """Begin all, then answer all, in a thread; tell on which connections more may follow."""
        exchanges = [Exchange(self, conn) for conn in conns]
        for exchange in exchanges:
            exchange.begin()
        kept_open = {
            exchange.conn: exchange.end()
            for exchange in sorted(exchanges, key=lambda exchange: exchange.patience_seconds)
        }
        return [kept_open[conn] for conn in conns]

    def finish_round(self, conns: Sequence[Connection], done: Future[Sequence[bool]]) -> None:
        """Wait for the next requests, and have the next round begin."""
        self.next_round_at = monotonic() + (GATHER_SECONDS if len(conns) >= BUSY_ROUND else 0)
        for conn, keep_open in zip(conns, done.result(), strict=True):
            self.conclude(conn, keep_open=keep_open)

    def may_keep_open(self) -> bool:
        """Count a request, and tell whether another may follow on its connection."""
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive: bool = False
        full = len(self.keepalived_conns) >= self.max_keepalived
        return bool(self.alive and self.cfg.keepalive and not full)
