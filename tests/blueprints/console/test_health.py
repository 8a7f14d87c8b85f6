"""The status of the service: the sentence, the dot, the chart, the strip, and incidents."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from itertools import combinations

import pytest
import sqlalchemy as sa

from models.database.engine import open_writer
from models.vocabulary import Measure, Refusal, Verdict
from services.journal.status import JournalStatus
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain, section
from tests.conftest import APP, KEY, NOW, OPEN_APP
from tests.engines import ROOT
from tests.health import store_counts, store_status
from tests.payloads import group_created

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HERE = NOW.replace(second=0, microsecond=0)
WELL = JournalStatus(NOW, room_bytes=10**9, writable=True, recorder_at=NOW)
DASH = "\N{EN DASH}"


@pytest.fixture
def store(database_url):
    return lambda *rows: store_counts(database_url, *rows)


def received(minutes, app=APP):
    return [(HERE + at * MINUTE, Measure.RECEIVED, app, "", Verdict.ACCEPTED, 1) for at in minutes]


def counted(at, measure, value=1, app=APP, name=""):
    return HERE + at * MINUTE, measure, app, name, "", value


def find_dot(page):
    """Find the dot of the header: its class, its title and its text."""
    found = re.search(r'<a class="status (\w+)"[^>]* title="([^"]*)">([^<]*)</a>', page)
    return found[1], unescape(found[2]), found[3]


def links(page, word):
    """Find the links of the parts of the chart that show a word."""
    return [
        unescape(one) for one in re.findall(rf'class="part {word}" href="/console/([^"]+)"', page)
    ]


def cells(page):
    """Count the hours of the strip by what they show."""
    found = re.findall(r'<a class="cell (\w+)"', page)
    return {word: found.count(word) for word in set(found)}


@ON_EVERY_ENGINE
def test_sentence_says_that_it_works_and_since_when(deliver, look, client, clock):
    deliver(group_created(GroupId="a"))
    deliver(group_created(GroupId="b"))
    clock.move(seconds=42)
    store_status(client, replace(WELL, at=clock(), recorder_at=clock()))

    facts = "Working. Last recorded callback 42 seconds ago; 2 in 24 hours. Records waiting: 0."
    assert find_dot(look("groups")) == ("good", facts, "Working")
    assert facts in section(look(""), "problems")
    assert facts in plain(look("health"))


def test_sentence_of_nothing_waits_for_the_first_callback(look):
    assert find_dot(look("")) == ("calm", "Waiting for the first callback. ", "Waiting")


@pytest.mark.parametrize(
    ("change", "level", "text"),
    [
        ({"writable": False}, "bad", "The journal is not writable."),
        ({"recorder_at": None}, "bad", "The recorder is not running."),
        ({"stuck": 1, "waiting": 1}, "odd", "1 record is rejected by the database."),
    ],
)
def test_dot_of_every_page_tells_the_gravest_problem(look, client, store, change, level, text):
    store((HERE, Measure.RECEIVED, APP, "", Verdict.INVALID, 3))
    store_status(client, replace(WELL, **change))

    found = find_dot(look("events"))

    assert (found[0], found[1].startswith(text)) == (level, True)


def test_page_is_shown_though_the_status_can_not_be_read(look, database_url):
    engine = open_writer(sa.make_url(database_url))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE hour_counts"))
    engine.dispose()

    page = look("groups")

    assert find_dot(page)[:2] == ("bad", "The database is not responding. ")
    assert "<h1>Groups</h1>" in page


@ON_EVERY_ENGINE
def test_app_that_is_silent_is_a_problem_though_another_is_not(deliver, look, clock, store):
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": OPEN_APP})
    store(*received(range(-4 * 1440, 0)), *received(range(-4 * 1440, 0), OPEN_APP))
    clock.move(minutes=9)
    assert "No problems detected." in section(look(""), "problems")

    clock.move(minutes=6)
    deliver(group_created(GroupId="b"), query={"SdkAppid": OPEN_APP})

    problems = section(look(""), "problems")
    assert f"No callbacks are arriving for app {APP}." in problems
    assert "About 14 usually arrive in that time." in problems
    assert OPEN_APP not in problems


def test_app_that_is_long_gone_is_forgotten_once_another_sends(deliver, look, clock, store):
    deliver(group_created())
    deliver(group_created(), query={"SdkAppid": OPEN_APP})
    store(*received(range(-4 * 1440, 0)), *received(range(-4 * 1440, 0), OPEN_APP))
    clock.move(days=31)
    silent = f"No callbacks are arriving for app {APP}."
    assert silent in section(look(""), "problems")

    deliver(group_created(GroupId="b"), query={"SdkAppid": OPEN_APP})

    assert silent not in section(look(""), "problems")


def test_what_waits_in_the_journal_is_not_silence(deliver, look, clock, store, client):
    deliver(group_created())
    store(*received(range(-4 * 1440, 0)))
    clock.move(hours=1)
    status = replace(WELL, at=clock(), recorder_at=clock())

    store_status(client, replace(status, waiting=9, oldest_received_at=NOW + MINUTE))
    assert "are arriving" not in section(look(""), "problems")
    store_status(client, status)
    assert "are arriving" in section(look(""), "problems")


@pytest.mark.parametrize("reason", [Refusal.SIGN_WRONG, Refusal.SIGN_EXPIRED])
def test_wrong_signature_for_our_app_is_an_alarm_with_its_cause(look, store, reason):
    store(
        counted(0, Measure.REFUSED, 12, name=reason),
        counted(0, Measure.REFUSED, 391, app="", name=Refusal.APP_UNKNOWN),
    )

    page = look("")

    problems = section(page, "problems")
    assert f"12 requests for app {APP} were refused in the last 24 hours: " in problems
    assert "run lifecycle reverify" in problems
    assert "391 requests that name none of your apps were refused" in problems
    assert find_dot(page)[0] == "bad"


def test_refusal_is_no_alarm_any_more_once_callbacks_arrive(deliver, look, client, store, clock):
    store(counted(0, Measure.REFUSED, 12, name=Refusal.SIGN_WRONG))
    deliver(group_created())
    assert find_dot(look(""))[0] == "bad"
    clock.move(minutes=1)
    deliver(group_created(GroupId="a"))

    page = look("")

    assert "Last at 2026-11-21 07:00:00; callbacks have arrived since." in section(page, "problems")
    assert find_dot(page)[0] == "odd"
    store_status(client, replace(WELL, at=clock(), recorder_at=clock(), stuck=1, waiting=1))
    assert find_dot(look(""))[1].startswith("1 record is rejected by the database.")


def test_noise_of_strangers_is_no_problem(look, store):
    store(counted(0, Measure.REFUSED, 391, app="", name=Refusal.APP_UNKNOWN))

    assert "No problems detected." in section(look(""), "problems")


@ON_EVERY_ENGINE
def test_parts_of_the_chart_lead_to_what_they_count(deliver, look):
    deliver(group_created())
    deliver(group_created())
    deliver(data=b"junk")
    deliver(group_created(), query={"SdkAppid": "1"})
    deliver(group_created(), query={"Sign": "0" * 64})

    page = look("")

    for word in ("accepted", "duplicate", "invalid", "refused", "noise"):
        [address] = links(page, word)
        assert look(address).count("<tr>") == 2, address
    [address] = re.findall(r'class="column" href="/console/([^"]+07:00:00Z[^"]+)"', page)
    assert look(unescape(address)).count("<tr>") == 4


def test_problem_leads_to_exactly_what_it_counts(deliver, look, clock):
    deliver(data=b"old junk")
    clock.move(hours=30)
    deliver(data=b"junk")

    page = look("")

    assert "1 callback could not be parsed" in section(page, "problems")
    [address] = re.findall(r'<strong class="status odd"><a href="/console/([^"]+)"', page)
    assert look(unescape(address)).count("<tr>") == 2


@pytest.mark.parametrize(
    ("name", "bars"), [("1h", 60), ("24h", 24), ("7d", 84), ("30d", 90), ("90d", 91)]
)
def test_chart_has_about_a_hundred_bars_at_most(look, store, name, bars):
    store(*received([0]))

    for address in (f"?range={name}", f"health?range={name}"):
        page = look(address)
        assert bars <= page.count('class="column"') <= bars + 1
        assert len(links(page, "accepted")) == 1


def test_chart_is_a_table_too(look, store):
    store(*received([0, 1]), counted(0, Measure.REFUSED, 7, app="", name=Refusal.APP_UNKNOWN))

    assert "2026-11-21 07:00:00 2 7" in plain(look(""))


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["refused 3", "refused, for none of your apps 5,000"]),
        ("zh-CN", ["已拒绝 3", "与您的应用无关 5,000"]),
    ],
)
def test_noise_of_strangers_has_bars_and_a_scale_of_its_own(client, store, language, names):
    store(
        counted(0, Measure.REFUSED, 3, name=Refusal.SIGN_WRONG),
        counted(0, Measure.REFUSED, 5000, app="", name=Refusal.APP_UNKNOWN),
    )
    client.set_cookie("lang", language, path="/console/")
    answer = client.get("/console/", headers={"Authorization": f"Bearer {KEY}"})

    bars = re.findall(r'class="part (refused|noise)" href.*?height="(.*?)"', answer.text, re.DOTALL)
    legend = re.search('<figcaption class="legend">.*?</figcaption>', answer.text, re.DOTALL)
    scales = re.findall(r'<ol class="scale"[^>]*><li>([^<]*)</li></ol>', answer.text)

    assert (bars, scales) == ([("refused", "100.0%"), ("noise", "100.0%")], ["3", "5,000"])
    assert all(name in plain(legend[0]) for name in names)


def test_days_of_the_chart_and_the_strip_are_those_of_the_zone(client, store):
    store(*received([0]))
    client.set_cookie("zone", "Asia/Shanghai", path="/console/")

    page = client.get("/console/health?range=90d", headers={"Authorization": f"Bearer {KEY}"}).text

    assert "since=2026-11-20T16:00:00Z&amp;until=2026-11-21T16:00:00Z" in page
    assert 'title="15:00: 1"' in page


def test_question_is_answered_in_a_sentence_to_the_minute(look, store, clock):
    clock.move(days=1)
    hole = range(7 * 60 + 5, 7 * 60 + 50)
    store(*received(at for at in range(-5 * 1440, 1440) if at not in hole))

    page = plain(look("health?since=2026-11-21T14:00:00Z&until=2026-11-21T15:00:00Z"))

    assert "Possibly: nothing arrived for longer than usual. 15 callbacks arrived" in page
    assert f"11-21 14:05 {DASH} 14:50" in page
    assert "No callbacks for 45 min; about 45 usually arrive in that time." in page
    assert 'class="hole"' in look("health?since=2026-11-21T14:00:00Z&until=2026-11-21T15:00:00Z")


def test_nothing_is_said_of_a_time_that_is_not_recorded_yet(look, store, client, clock):
    store(*received([0]))
    clock.move(hours=2)
    address = "health?since=2026-11-21T07:00:00Z&until=2026-11-21T09:00:00Z"
    store_status(client, replace(WELL, at=clock()))

    before = look(address)
    store_status(client, replace(WELL, at=clock(), recorder_at=clock()))
    after = look(address)

    expected = "what arrived since 2026-11-21 07:00:00 is not recorded. 1 callback"
    assert expected in plain(before)
    assert "No sign of that. 1 callback" in plain(after)
    assert ("quiet" in cells(before), cells(after)["quiet"]) == (False, 2)


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ([], "There is no data for this time."),
        (received([0]), "No sign of that. 1 callback arrived"),
        (
            [*received([0]), counted(0, Measure.DELAY_MICROSECONDS, 9_000_000)],
            "No, but some were late.",
        ),
        ([counted(0, Measure.LOST, 2)], "Yes: callbacks were lost."),
        (
            [counted(0, Measure.REFUSED, name=Refusal.SIGN_WRONG)],
            "Possibly: requests for your apps",
        ),
    ],
)
def test_answer_depends_on_what_happened(look, store, rows, answer):
    store(*rows) if rows else None

    page = look("health?since=2026-11-21T06:00:00Z&until=2026-11-21T08:00:00Z")

    assert answer in plain(page)


def test_strip_shows_the_gravest_of_each_hour_of_90_days(look, store, clock):
    clock.move(minutes=30)
    store(
        *received(range(-3 * 1440, -2 * 1440)),
        *received([-130, -60]),
        counted(-60, Measure.DELAY_MICROSECONDS, 9_000_000),
        counted(-61, Measure.LOST),
        counted(-59, Measure.REFUSED, name=Refusal.SIGN_WRONG),
        counted(0, Measure.REFUSED, app="", name=Refusal.APP_UNKNOWN),
    )

    found = cells(look("health"))

    unknown = found.pop("unknown")
    assert found == {"normal": 25, "lost": 1, "refused": 1, "quiet": 46}
    assert unknown + sum(found.values()) == 89 * 24 + 8


@pytest.mark.parametrize(
    ("language", "legend"),
    [("en", "late refused silent lost"), ("zh-CN", "延迟 已拒绝 无回调 丢失")],
)
def test_legend_of_the_strip_is_in_the_language_of_the_page(client, look, language, legend):
    look("health")  # in English
    client.set_cookie("lang", language, path="/console/")

    assert legend in section(look("health"), "strip")


def test_strip_has_one_stop_of_the_keyboard_for_a_day(look, store):
    store(*received([0]))

    strip = section_html(look("health"), "strip")

    assert len(re.findall("<a ", strip)) == 89 * 24 + 8 + 90
    assert len(re.findall("<a (?![^>]*tabindex)", strip)) == 90


def section_html(page, name):
    return re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)[0]


@pytest.mark.parametrize(("day", "cells"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_day_on_which_clocks_change_has_all_its_hours(client, clock, store, day, cells):
    clock.now = NOW.fromisoformat(f"{day}T22:59:00+00:00")
    client.set_cookie("zone", "Europe/Berlin", path="/console/")

    page = client.get("/console/health", headers={"Authorization": f"Bearer {KEY}"}).text

    row = re.search(rf'<a [^>]*title="{day}".*?</tr>', page, re.DOTALL)[0]
    assert row.count('class="cell') == cells


@pytest.mark.parametrize(
    "query", ["range=2d", "since=x", "since=2026-11-21T08:00:00Z&until=2026-11-21T07:00:00Z"]
)
def test_period_that_can_not_be_is_refused(look, query):
    look(f"health?{query}", 400)


def test_period_is_never_longer_than_90_days_nor_in_the_future(look, store):
    store(*received([0]))

    assert "to 2026-11-22 00:00:00" in plain(look("health?since=2000-01-01T00:00:00Z"))
    assert "from 2026-11-21 06:59:00" in plain(look("health?since=2030-01-01T00:00:00Z"))


def test_time_before_the_strip_can_be_asked_for(look, store, clock):
    hole = range(60, 120)
    store(*received(at for at in range(-5 * 1440, 1440) if at not in hole))
    clock.move(days=200)

    page = plain(look("health?since=2026-11-21T08:00:00Z&until=2026-11-21T09:00:00Z"))

    assert "No callbacks for 1 h 0 min; about 60 usually arrive in that time." in page
    assert "Still going on." not in page
    assert "There is no data" in plain(look("health?until=0001-01-01T00:00:00Z"))


def test_health_needs_the_database(client, without_database):
    answer = without_database.get("/console/health", headers={"Authorization": f"Bearer {KEY}"})

    assert answer.status_code == 503


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(one * weight for one, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_neighbours_in_the_chart_differ_in_luminance_or_have_a_pattern(scheme):
    css = (ROOT / "blueprints/console/static/chart.css").read_text()
    template = (ROOT / "blueprints/console/templates/console/chart.html").read_text()
    patterns = {*re.findall('<pattern id="fill-(.*?)"', template)}
    solid = {*map(str, Verdict), "lost"} - patterns

    colours = {
        name: re.findall(rf"--bar-{name}: (#[0-9a-f]{{6}});", css)[scheme]
        for name in (*solid, "behind", "ink", "ground")
    }

    for one, other in [*combinations(sorted({*solid, "behind"}), 2), ("ink", "ground")]:
        assert contrast(colours[one], colours[other]) >= 3, (one, other)
    assert solid == {"accepted", "unhandled"}
