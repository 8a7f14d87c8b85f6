"""What is wrong at present, gravest first, and whether anything is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum, unique

import sqlalchemy as sa

from models.clock import EPOCH, HOUR, MINUTE, to_hour
from models.vocabulary import Measure, Refusal, Verdict
from services.reading.health import DatabaseHealth, JournalHealth
from services.watching.activity import FORGOTTEN, count_words, find_lasts
from services.watching.hours import fetch_hours, find_newest, to_minute
from services.watching.silence import HOURS_BEFORE, LEAST_MINUTES, find_silences

HOURS = 24
QUIET = timedelta(minutes=LEAST_MINUTES)


@unique
class ProblemKind(StrEnum):
    """The kinds of problems; those of ``WARNINGS`` need a look, all others need it now."""

    NO_DATABASE = "no_database"
    OTHER_SCHEMA = "other_schema"
    NOT_WRITABLE = "not_writable"
    NO_RECORDER = "no_recorder"
    LOST = "lost"
    SILENT = "silent"
    REFUSED = "refused"
    WAITING = "waiting"
    STUCK = "stuck"
    INVALID = "invalid"


WARNINGS = {ProblemKind.WAITING, ProblemKind.STUCK, ProblemKind.INVALID}


@dataclass(frozen=True)
class Problem:
    """One problem.

    Attributes:
        number: of callbacks, requests or records.
        at: when the last callback arrived, or the oldest waiting record.
        word: the reason why requests were refused.
        is_over: whether callbacks of the app have arrived since.
    """

    kind: ProblemKind
    number: int = 0
    at: datetime | None = None
    sdk_app_id: str = ""
    word: str = ""
    is_over: bool = False

    @property
    def is_grave(self) -> bool:
        """Whether callbacks are being missed, or may be."""
        return self.kind not in WARNINGS and not self.is_over


@dataclass(frozen=True)
class Arrivals:
    """What arrived in the last 24 clock hours, including the present one.

    Attributes:
        counts: by app and word, as in ``HourCount``.
        lasts: when the last callback of each app arrived, whenever that was.
        silences: the apps that are silent, with the number of callbacks that usually come
            meanwhile.
        refused_at: when requests of our apps were last refused, to the minute, by app and reason.
    """

    since: datetime
    until: datetime
    counts: Mapping[tuple[str, str], int]
    lasts: Mapping[str, datetime]
    silences: Mapping[str, int]
    refused_at: Mapping[tuple[str, str], datetime]

    @property
    def last(self) -> datetime | None:
        """When the last callback arrived; none if none ever has."""
        return max(self.lasts.values(), default=None)

    def count(self, word: str) -> int:
        """Return the count of a word, of all apps."""
        return sum(count for (_, one), count in self.counts.items() if one == word)

    @property
    def noise(self) -> Mapping[str, int]:
        """The number of refused requests that name none of our apps, by reason."""
        return {
            word: count
            for (app, word), count in sorted(self.counts.items())
            if word in {*Refusal} and not app
        }


def fetch_arrivals(connection: sa.Connection, *, now: datetime, known_until: datetime) -> Arrivals:
    """Fetch what arrived; an app counts as silent only if that is known up to the present.

    An app that has been gone for long while another sends is not silent either, but likely retired.
    """
    end = to_hour(now) + 1
    lasts = find_lasts(connection)
    newest = max(lasts.values(), default=EPOCH)
    silences = {
        app: usual
        for app, last in lasts.items()
        if known_until - last > QUIET
        and newest - last < FORGOTTEN
        and (usual := measure_silence(connection, app, last, until=known_until))
    }
    counts = count_words(connection, end - HOURS, end)
    refused_at = {
        (app, word): find_newest(connection, app, word)
        for app, word in counts
        if word in {*Refusal} and app
    }
    since, until = EPOCH + (end - HOURS) * HOUR, EPOCH + end * HOUR
    return Arrivals(since, until, counts, lasts, silences, refused_at)


def measure_silence(connection: sa.Connection, app: str, last: datetime, *, until: datetime) -> int:
    """Return how many callbacks usually come in the time since the last; 0 if it is not silent."""
    first, end = to_hour(last), to_minute(until)
    words = [Measure.RECEIVED]
    hours = fetch_hours(connection, words, first - HOURS_BEFORE, first + 1, sdk_app_id=app)
    silences = find_silences(hours.get((app, Measure.RECEIVED), {}), first, end)
    return next((one.usual for one in silences if one.end == end), 0)


def find_problems(
    database: DatabaseHealth | None, journal: JournalHealth | None, arrivals: Arrivals | None
) -> Sequence[Problem]:
    """Find what is wrong, gravest first.

    Args:
        database: none if it was only read from.
        journal: none if its status cannot be read.
        arrivals: none if the database does not answer.
    """
    found = []
    if database and database.reachable and not database.is_ready:
        found.append(Problem(ProblemKind.OTHER_SCHEMA))
    elif arrivals is None:
        found.append(Problem(ProblemKind.NO_DATABASE))
    found += find_problems_of_journal(journal) if journal else ()
    found += find_problems_of_arrivals(arrivals) if arrivals else ()
    gravity = [*ProblemKind]
    return sorted(found, key=lambda one: (not one.is_grave, one.is_over, gravity.index(one.kind)))


def find_problems_of_journal(journal: JournalHealth) -> Iterator[Problem]:
    """Find what keeps callbacks from being stored, or from reaching the tables."""
    if not journal.writable:
        yield Problem(ProblemKind.NOT_WRITABLE)
    if not journal.recorder_at_work:
        yield Problem(ProblemKind.NO_RECORDER)
    if journal.is_late:
        yield Problem(ProblemKind.WAITING, journal.waiting, journal.oldest_received_at)
    if journal.stuck:
        yield Problem(ProblemKind.STUCK, journal.stuck)


def find_problems_of_arrivals(arrivals: Arrivals) -> Iterator[Problem]:
    """Find callbacks that were lost, refused or unreadable, and those that do not arrive."""
    if lost := arrivals.count(Measure.LOST):
        yield Problem(ProblemKind.LOST, lost)
    for app, usual in arrivals.silences.items():
        yield Problem(ProblemKind.SILENT, usual, arrivals.lasts[app], app)
    for (app, reason), at in arrivals.refused_at.items():
        count, last = arrivals.counts[app, reason], arrivals.lasts.get(app, EPOCH)
        yield Problem(ProblemKind.REFUSED, count, at, app, reason, is_over=last >= at + MINUTE)
    if invalid := arrivals.count(Verdict.INVALID):
        yield Problem(ProblemKind.INVALID, invalid)
