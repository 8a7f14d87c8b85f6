"""The week that ``demo`` stores, and what makes it worth a look."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app import create_commands
from models.clock import utc_now
from models.counts import Difference, MinuteCount
from models.database.engine import open_reader
from models.delivery import Delivery
from models.event import EventMember, LifecycleEvent
from models.quarantine import QuarantinedRequest
from models.vocabulary import Action, Measure, Refusal, Verdict
from services.operating.demo.play import TALES
from services.operating.demo.story import Story
from services.operating.demo.tales import BRIEFING, MAKERS, PHOENIX, RIVERSIDE
from tests.conftest import APP, ENGINES, KEY, TOKEN

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def invoke(request, tmp_path_factory):
    """Run the command on a database of SQLite that all tests here share."""
    with request.config.stash[ENGINES]["sqlite"].clone() as url:
        settings = {
            "SDK_APPS": f"{APP}:{TOKEN}",
            "API_KEYS": f"tests:{KEY}",
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "JOURNAL_DIR": str(tmp_path_factory.mktemp("journal")),
        }

        def invoke():
            return create_commands().test_cli_runner().invoke(args=["demo"], env=settings)

        invoke.url = url
        yield invoke


@pytest.fixture(scope="module")
def week(invoke):
    """The story of the week that was stored last, and a connection to its tables."""
    done = invoke()
    assert done.exit_code == 0, done.output
    story = Story(utc_now(), seed=1)
    engine = open_reader(invoke.url)
    with engine.connect() as connection:
        yield story, connection, done.output
    engine.dispose()


@pytest.fixture
def story(week):
    return week[0]


@pytest.fixture
def ask(week):
    def ask(*columns, **equal):
        return week[1].execute(sa.select(*columns).filter_by(**equal).order_by(columns[0])).all()

    return ask


def test_command_says_where_to_look(ask, week):
    stored = len(ask(Delivery.uuid)) + len(ask(QuarantinedRequest.uuid))

    assert stored > 4_000  # how many depends on the day
    assert f"Stored a week of {stored} requests" in week[2]
    assert "http://127.0.0.1:8001/console/groups/%40TGS%232RIVERSIDE" in week[2]


def test_group_is_renamed_four_times_and_disbanded_at_night_with_500_members(ask, story):
    event = LifecycleEvent
    steps = ask(event.occurred_at, event.id, event.action, event.name, subject_id=RIVERSIDE)
    (night, last, *_) = steps[-1]

    assert [name for _, _, _, name in steps if name] == [
        "Riverside Neighbours",
        "Riverside Neighbours & Friends",
        "河滨邻里",
        "河滨集市 Riverside",
        "Riverside Market (official)",
        "Riverside Market (official)",
    ]
    assert night == story.on(0, "03:42:07")
    assert ask(event.operator, event.action, id=last) == [("bot_cleanup", Action.DESTROYED)]
    assert len(ask(EventMember.user_id, event_id=last)) == 500


def test_one_id_is_used_three_times(ask):
    actions = ask(LifecycleEvent.occurred_at, LifecycleEvent.action, subject_id=PHOENIX)

    ends = [action for _, action in actions if action in (Action.CREATED, Action.DESTROYED)]
    assert ends == [Action.CREATED, Action.DESTROYED] * 2 + [Action.CREATED]


def test_channel_changes_and_community_has_topics(ask):
    of_channel = ask(LifecycleEvent.action, subject_id=BRIEFING)
    of_community = ask(LifecycleEvent.action, subject_id=MAKERS)

    assert of_channel.count((Action.PROFILE_CHANGED,)) == 6
    assert of_community.count((Action.TOPIC_CREATED,)) == 3


def test_nothing_arrives_in_the_outage_and_all_else_within_the_week(ask, story):
    outage = story.outage
    arrivals = [at for (at,) in ask(Delivery.received_at)]

    assert not any(map(outage.has, arrivals))
    assert sum(outage.start - 60 * MINUTE < at < outage.start for at in arrivals) > 10
    assert utc_now() - timedelta(days=7, minutes=5) < arrivals[0] < arrivals[-1] < utc_now()
    assert utc_now() - arrivals[-1] < 5 * MINUTE


def test_every_verdict_occurs_and_nothing_drifts(ask):
    verdicts = [verdict for (verdict,) in ask(Delivery.verdict)]

    assert set(verdicts) == set(Verdict)
    assert verdicts.count(Verdict.INVALID) == 1
    assert ask(Difference.seen) == []


def test_wrong_token_is_refused_for_some_minutes(ask, story):
    mix_up = story.mix_up
    refused = ask(
        QuarantinedRequest.received_at, QuarantinedRequest.sdk_app_id, reason="sign_wrong"
    )

    assert len(refused) > 5
    assert all(mix_up.has(at) and app == APP for at, app in refused)
    reasons = {reason for (reason,) in ask(QuarantinedRequest.reason)}
    assert reasons == {Refusal.SIGN_WRONG, Refusal.APP_MISSING, Refusal.APP_UNKNOWN}


def test_minutes_are_counted_as_if_recorded_at_once(ask, story):
    absence = story.absence
    received = ask(MinuteCount.value, measure=Measure.RECEIVED)
    delays = ask(MinuteCount.minute, MinuteCount.value, measure=Measure.DELAY_MICROSECONDS)

    assert sum(value for (value,) in received) == len(ask(Delivery.id))
    late = [minute for minute, microseconds in delays if microseconds > 60e6]
    assert late
    assert all(map(absence.has, late))


def test_same_seed_tells_the_same_week(story):
    stories = [Story(story.now, seed) for seed in (3, 3, 4)]
    for one in stories:
        for tell in TALES:
            tell(one)
    first, again, other = (one.happenings for one in stories)

    assert first == again
    assert first != other


@pytest.mark.usefixtures("week")
def test_database_with_callbacks_stays_as_it_is(invoke):
    done = invoke()

    assert done.exit_code == 2
    assert done.output == "lifecycle: the database has callbacks already; nothing was changed\n"
