"""A chart of what arrived: the positions of bars, labels, gaps and marks, in percent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

import sqlalchemy as sa
from flask import url_for

from blueprints.console.language import say
from blueprints.console.shell import may_open
from blueprints.console.zone import to_zone
from models.clock import DAY, HOUR, MINUTE
from models.vocabulary import Measure, Verdict
from services.watching.activity import NOISE, Bar, fetch_bars
from services.watching.incidents import Incident, IncidentKind

MOST_BARS = 100
MOST_MINUTES = 120
WIDTHS = (HOUR, 2 * HOUR, 8 * HOUR, DAY)
MOST_LABELS = 7
LABELS_BY_HOUR = timedelta(hours=36)  # longer charts have days on their axis
SHORT_STEP, LONG_STEP = 10, 240  # minutes from label to label, for bars of minutes and of hours
LEAST_HEIGHT = 2.0  # of a part of a bar, so that one callback among thousands is visible
STACKED = (*Verdict, Measure.LOST)  # from bottom to top
APART = (Measure.REFUSED, NOISE)
# The targets of words that do not count deliveries.
PAGES: dict[str | None, str] = {
    Measure.LOST: "show_health",
    Measure.REFUSED: "list_quarantine",
    NOISE: "list_quarantine",
}
KNOWN_APP: Mapping[str | None, str] = {Measure.REFUSED: "yes", NOISE: "no"}
WHOLE = 100.0


@dataclass(frozen=True)
class Part:
    """A part of a bar."""

    word: str
    count: int
    top: float
    height: float


@dataclass(frozen=True)
class Column:
    """A bar, and those below it by the words of ``APART``, each with its own scale."""

    bar: Bar
    left: float
    parts: Sequence[Part]
    apart: Mapping[str, Sequence[Part]]


@dataclass(frozen=True)
class Series:
    """The name of a word of the chart, its address without the period, and its sum."""

    name: str
    address: str
    total: int


@dataclass(frozen=True)
class Mark:
    """An incident along the axis."""

    kind: IncidentKind
    at: datetime
    left: float
    width: float


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn.

    Attributes:
        series: by counted word.
        address: where a whole bar leads, without the period; empty, like that of a series, if the
            holder may not open it.
        width: of each bar.
        top: the number at the upper end of the axis; half of it is a whole number too.
        apart: the words that have bars below, each with its largest count.
        labels: times or days, each with its place on the axis.
    """

    since: datetime
    until: datetime
    columns: Sequence[Column]
    series: Mapping[str, Series]
    address: str
    width: float
    top: int
    apart: Mapping[str, int]
    labels: Sequence[tuple[str, float]]
    holes: Sequence[Mark]
    marks: Sequence[Mark]

    @property
    def received(self) -> int:
        """The number of callbacks that arrived."""
        return sum(self.series[word].total for word in Verdict if word in self.series)


def fetch_chart(
    connection: sa.Connection,
    since: datetime,
    until: datetime,
    *,
    sdk_app_id: str | None = None,
    incidents: Iterable[Incident] = (),
) -> Chart:
    """Fetch and lay out a period, widened to full bars."""
    width = choose_width(until - since)
    start = find_start(since, width)
    bars = fetch_bars(connection, start, until, width=width, sdk_app_id=sdk_app_id)
    return lay_out(bars, [one for one in incidents if one.until > start], sdk_app_id)


def choose_width(span: timedelta) -> timedelta:
    """Choose the time that a bar covers."""
    if span <= MOST_MINUTES * MINUTE:
        return MINUTE
    return next((one for one in WIDTHS if span / one <= MOST_BARS), DAY)


def find_start(since: datetime, width: timedelta) -> datetime:
    """Find when the first bar begins: a multiple of its width on the clock of the zone."""
    if width < HOUR:
        return since.replace(second=0, microsecond=0)
    start = since.replace(minute=0, second=0, microsecond=0)
    while to_zone(start).hour % (width // HOUR):
        start -= HOUR
    return start


def lay_out(bars: Sequence[Bar], incidents: Sequence[Incident], app: str | None) -> Chart:
    """Lay out bars of equal width."""
    since, until = bars[0].since, bars[-1].until
    top = find_top(max(sum(bar.counts[word] for word in STACKED) for bar in bars))
    most = {word: max(bar.counts[word] for bar in bars) for word in APART}
    apart = {word: number for word, number in most.items() if number > 0}
    marks = [place(one, since, until) for one in incidents if one.since < until]
    return Chart(
        since=since,
        until=until,
        columns=[*lay_out_columns(bars, top, apart)],
        series=dict(list_series(bars, app)),
        address=address_word(None, app),
        width=round(WHOLE / len(bars), 3),
        top=top,
        apart=apart,
        labels=label(bars),
        holes=[one for one in marks if one.kind is IncidentKind.SILENT],
        marks=[one for one in marks if one.kind is not IncidentKind.SILENT],
    )


def lay_out_columns(bars: Sequence[Bar], top: int, apart: Mapping[str, int]) -> Iterator[Column]:
    """Lay out each bar, and those below it."""
    for number, bar in enumerate(bars):
        left = round(WHOLE * number / len(bars), 3)
        below = {word: [*stack(bar, [word], most)] for word, most in apart.items()}
        yield Column(bar, left, [*stack(bar, STACKED, top)], below)


def place(incident: Incident, since: datetime, until: datetime) -> Mark:
    """Place the part of an incident within a period on the axis."""
    left = max((incident.since - since) / (until - since), 0) * WHOLE
    right = min((incident.until - since) / (until - since), 1) * WHOLE
    return Mark(incident.kind, incident.since, round(left, 2), round(right - left, 2))


def list_series(bars: Sequence[Bar], app: str | None) -> Iterator[tuple[str, Series]]:
    """List what was counted, in the order in which it is shown."""
    for word in (*STACKED, *APART):
        total = sum(bar.counts[word] for bar in bars)
        if total > 0:
            yield word, Series(say(word), address_word(word, app), total)


def address_word(word: str | None, app: str | None) -> str:
    """Address the list of what a word counts, or of all deliveries, still without a period.

    Empty if the holder may not open it.
    """
    page = PAGES.get(word, "list_deliveries")
    if not may_open(page):
        return ""
    verdict, known_app = (None, KNOWN_APP.get(word)) if word in PAGES else (word, None)
    address = url_for(f"console.{page}", verdict=verdict, known_app=known_app, sdk_app_id=app)
    return f"{address}{'&' if '?' in address else '?'}"


def find_top(most: int) -> int:
    """Find a round, even number of at least 2 that is not less than another."""
    scale = 1
    while most > 10 * scale:
        scale *= 10
    return next(digit * scale for digit in (2, 4, 6, 8, 10) if digit * scale >= most)


def stack(bar: Bar, words: Sequence[str], most: int) -> Iterator[Part]:
    """Lay out the parts of a bar, from bottom to top."""
    counted = [(word, bar.counts[word]) for word in words if bar.counts[word] > 0]
    heights = [max(round(WHOLE * count / most, 2), LEAST_HEIGHT) for _, count in counted]
    tops = [round(WHOLE - reached, 2) for reached in accumulate(heights)]
    for (word, count), top, height in zip(counted, tops, heights, strict=True):
        yield Part(word, count, top, height)


def label(bars: Sequence[Bar]) -> Sequence[tuple[str, float]]:
    """Label some bars on the axis: at round times, or where a day begins."""
    width = bars[0].until - bars[0].since
    is_by_hour = bars[-1].until - bars[0].since <= LABELS_BY_HOUR
    step = (SHORT_STEP if width < HOUR else LONG_STEP) if is_by_hour else DAY // MINUTE
    found: list[tuple[str, float]] = []
    known = None
    for number, bar in enumerate(bars):
        local = to_zone(bar.since)
        minute = local.hour * 60 + local.minute
        key = (local.date(), minute // step)
        if key != known if known else minute % step == 0:
            text = f"{local:%H:%M}" if is_by_hour else f"{local:%m-%d}"
            found.append((text, round(WHOLE * number / len(bars), 3)))
        known = key
    return found[:: -(-len(found) // MOST_LABELS) or 1]
