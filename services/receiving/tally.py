"""What only the receiver knows: the times to answers, lost callbacks, refusals not stored."""

from bisect import bisect_left
from collections import Counter
from datetime import datetime
from threading import Lock
from typing import Any

from models.vocabulary import ANSWER_BOUNDS_MS, Measure
from services.journal.records import Record

MAX_DOUBTFUL = 10_000
BOUND_NAMES = (*map(str, ANSWER_BOUNDS_MS), "inf")

Key = tuple[datetime, Measure, str, str]


class Tally:
    """Counts of one process since they were last taken.

    Attributes:
        counts: by minute, measure, app and name, as in ``models.counts.MinuteCount``.
        lost_at: when the first and the last lost callback arrived.
        doubtful: UUID, time of arrival and app of those that a disk may have after all.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Start from zero."""
        self.counts: Counter[Key] = Counter()
        self.lost_at: list[datetime] = []
        self.doubtful: list[tuple[str, str, str]] = []

    def add(
        self, at: datetime, measure: Measure, sdk_app_id: str, *, name: str = "", value: int = 1
    ) -> None:
        """Count something in the minute of an instant."""
        minute = at.replace(second=0, microsecond=0)
        with self.lock:
            self.counts[minute, measure, sdk_app_id, name] += value

    def add_answer(self, at: datetime, sdk_app_id: str, seconds: float) -> None:
        """Count an answer by the time it took."""
        index = bisect_left(ANSWER_BOUNDS_MS, seconds * 1000)
        minute = at.replace(second=0, microsecond=0)
        with self.lock:
            self.counts[minute, Measure.ANSWERED, sdk_app_id, BOUND_NAMES[index]] += 1
            self.counts[minute, Measure.ANSWER_MICROSECONDS, sdk_app_id, ""] += round(seconds * 1e6)

    def add_loss(self, record: Record, *, is_doubtful: bool) -> None:
        """Count a callback as lost."""
        at, sdk_app_id = record.received_at, record.head["sdk_app_id"]
        self.add(at, Measure.LOST, sdk_app_id)
        with self.lock:
            lost_at = [*self.lost_at, at]
            self.lost_at = [min(lost_at), max(lost_at)]
            if is_doubtful and len(self.doubtful) < MAX_DOUBTFUL:
                self.doubtful.append((record.uuid.hex, at.isoformat(), sdk_app_id))

    def take(self) -> dict[str, Any]:
        """Return the content of a record of kind ``tally``, and start again from zero."""
        with self.lock:
            counts, lost_at, doubtful = self.counts, self.lost_at, self.doubtful
            self.clear()
        lost = sum(value for (_, measure, *_), value in counts.items() if measure == Measure.LOST)
        losses = lost_at and {
            "count": lost,
            "first_at": lost_at[0].isoformat(),
            "last_at": lost_at[-1].isoformat(),
            "doubtful": doubtful,
        }
        return {
            "counts": [
                [minute.isoformat(), *key, value] for (minute, *key), value in counts.items()
            ],
            "losses": losses or None,
        }
