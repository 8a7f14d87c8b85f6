"""The clock of the console: all times are shown, and read, in the chosen zone."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import g, request
from markupsafe import Markup

from blueprints.api.runtime import runtime
from blueprints.console.language import translate, translate_count
from blueprints.console.shell import bp
from blueprints.console.untrusted import NOTHING
from models.clock import DAY, HOUR, move_to_zone, write_instant

ZONE_COOKIE = "zone"
# The zones on offer; a script adds that of the browser, and the cookie may hold any other.
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
)
FROM_A_PICKER = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?")
PRESETS = ("Last hour", "Today", "Last night", "Yesterday", "Last 7 days")
UNITS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}  # in seconds


bp.add_app_template_filter(write_instant, "argument")


@bp.app_template_global()
def choose_zone() -> ZoneInfo:
    """Choose the zone that the cookie names; UTC if there is no cookie or no such zone."""
    if "zone" not in g:  # a page may show thousands of times
        g.zone = find_zone(request.cookies.get(ZONE_COOKIE, "")) or ZoneInfo("UTC")
    zone: ZoneInfo = g.zone
    return zone


@bp.app_template_global()
def list_zones() -> list[str]:
    """List the names of the zones that a page offers, the chosen one first."""
    chosen = choose_zone().key
    return [chosen, *(name for name in ZONES if name != chosen)]


def find_zone(name: str) -> ZoneInfo | None:
    """Find a zone by its IANA name."""
    with suppress(ValueError, LookupError, OSError):  # not a name; not a zone; a folder of zones
        return ZoneInfo(name)
    return None


def to_zone(instant: datetime) -> datetime:
    """Move an instant into the zone; at either end of time it stays in UTC."""
    return move_to_zone(instant, choose_zone())


@bp.app_template_filter("time")
def show_time(instant: datetime | None) -> Markup:
    """Show an instant to the second; its title has the exact instant and its age."""
    if instant is None:
        return NOTHING
    return Markup('<time datetime="{0}" title="{0}, {1}">{2:%Y-%m-%d %H:%M:%S}</time>').format(
        write_instant(instant), describe_age(instant), to_zone(instant)
    )


@bp.app_template_filter("clock")
def show_clock(instant: datetime) -> str:
    """Show the hour and the minute of an instant."""
    return f"{to_zone(instant):%H:%M}"


@bp.app_template_global()
def name_period(since: datetime, until: datetime) -> str:
    """Name a period by its days and the clock."""
    begin, end = to_zone(since), to_zone(until)
    day = "" if begin.date() == end.date() else f"{end:%m-%d} "
    return f"{begin:%m-%d %H:%M} \N{EN DASH} {day}{end:%H:%M}"


@bp.app_template_global()
def write_period(since: datetime, until: datetime) -> str:
    """Write a period as the arguments of an address."""
    return f"since={write_instant(since)}&until={write_instant(until)}"


@bp.app_template_filter("age")
def show_age(instant: datetime | None) -> Markup:
    """Show the age of an instant; its title has the exact instant."""
    if instant is None:
        return NOTHING
    return Markup('<time datetime="{0}" title="{1:%Y-%m-%d %H:%M:%S}">{2}</time>').format(
        write_instant(instant), to_zone(instant), describe_age(instant)
    )


def describe_age(instant: datetime) -> str:
    """Describe the age of an instant in the largest unit."""
    seconds = int((runtime().now() - instant).total_seconds())
    if seconds < 0:
        return translate("in the future")
    unit, length = next(one for one in UNITS.items() if seconds >= 2 * one[1] or one[1] == 1)
    count = seconds // length
    return translate_count(f"%(num)s {unit} ago", f"%(num)s {unit}s ago", count) % {"num": count}


@bp.app_template_global()
def name_zone() -> str:
    """Name the zone by its present offset from UTC, such as UTC+8 or UTC-3:30."""
    offset = to_zone(runtime().now()).utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''}"


@bp.app_template_global()
def find_presets() -> list[tuple[str, dict[str, str | None]]]:
    """Return the most frequent periods, by label, as arguments of an address.

    A night is from 22 to 6 o'clock; last night is the one that began last.
    """
    now = to_zone(runtime().now())
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    evening = day.replace(hour=22) - timedelta(days=now.hour < 22)
    periods: list[tuple[datetime, datetime | None]] = [
        (now.replace(second=0, microsecond=0) - HOUR, None),
        (day, None),
        (evening, evening + timedelta(hours=8)),
        (day - DAY, day),
        (day - 7 * DAY, None),
    ]
    return [
        (
            translate(label),
            {"since": write_instant(since), "until": write_instant(until) if until else None},
        )
        for label, (since, until) in zip(PRESETS, periods, strict=True)
    ]


@bp.app_template_filter("picked")
def to_picker(instant: datetime | None, *, up: bool = True) -> str:
    """Write an instant in the form of a date picker, without seconds if it is a whole minute."""
    if not instant:  # none, or undefined in a template
        return ""
    local = to_zone(instant).replace(tzinfo=None)
    if local.microsecond:
        with suppress(OverflowError):  # beyond the end of time
            local += timedelta(microseconds=999 if up else 0)
        return local.isoformat(timespec="milliseconds")
    return local.isoformat(timespec="seconds" if local.second else "minutes")


def read_picked(value: str) -> str:
    """Turn the value of a date picker, a time in the zone, into RFC 3339; leave the rest alone."""
    match = FROM_A_PICKER.fullmatch(value)
    if match is None:
        return value
    try:
        picked = datetime.fromisoformat(f"{match[1]}{match[2] or 'T00:00'}")
        return write_instant(picked.replace(tzinfo=choose_zone()))
    except (ValueError, OverflowError):  # the schema says what is wrong with it
        return value
