"""The present states of subjects: updating them event by event equals a replay of all events."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.tables import Label, PresentState
from services.recording.following import states
from services.recording.following.subjects import restore_subjects
from services.subjects.lives import find_last_life
from services.subjects.present import make_row, read_life
from tests.conftest import OPEN_APP
from tests.payloads import channel_created, group_changed, group_created, group_destroyed, sample
from tests.services.subjects.test_lives import ACTIONS, event

FIELDS = st.fixed_dictionaries(
    {"name": st.sampled_from([None, "", "A", "B"]), "owner": st.sampled_from([None, "u", "v"])},
    optional={"Type": st.sampled_from(["Public", "Private"]), "Introduction": st.just("x")},
)
# At few instants, so that some events share one; in the order of arrival.
ARRIVALS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 20), st.booleans(), FIELDS),
    min_size=1,
    max_size=14,
)


def in_order(events):
    return sorted(events, key=lambda one: (one.occurred_at, one.received_at, one.id))


def arrive(arrivals):
    """Events as they arrive, a second apart; one without a time of its own occurs then."""
    for second, (action, at, timed, fields) in enumerate(arrivals):
        made = event(action, at=at if timed else second, timed=timed, **fields)
        received_at = made.occurred_at + timedelta(seconds=second - at if timed else 0)
        yield made._replace(received_at=received_at)


@given(ARRIVALS, st.data())
def test_kept_life_is_the_one_that_a_replay_of_all_events_gives(arrivals, data):
    events, known, life = [*arrive(arrivals)], [], None
    while events:
        size = data.draw(st.integers(1, len(events)))
        batch, events = events[:size], events[size:]
        known += batch
        replayed = find_last_life(in_order(known))
        kept = make_row("group", "g", states.follow(life, in_order(batch)) or replayed)

        assert kept == make_row("group", "g", replayed)
        life = read_life(kept)


def test_late_event_of_a_busy_group_needs_no_replay(deliver, rows, monkeypatch):
    deliver(group_created(GroupId="g", Name="A", EventTime=1_000_000))
    deliver(sample("CallbackAfterNewMemberJoin", GroupId="g", Type="Public", EventTime=1_002_000))
    monkeypatch.setattr(states, "fetch_outline", lambda *_: [])

    deliver(sample("CallbackAfterNewMemberJoin", GroupId="g", Type="Public", EventTime=1_001_000))

    [row] = rows(PresentState)
    assert row.last_event_id == 2
    assert row.fields["name"]["value"] == "A"


def test_late_name_of_a_busy_group_takes_few_of_its_events(deliver, rows, monkeypatch):
    deliver(group_created(GroupId="g", Name="A", EventTime=1_000_000))
    deliver(group_changed(GroupId="g", Name="C", EventTime=1_003_000))
    monkeypatch.setattr(states, "read_histories", lambda *_: 1 / 0)

    deliver(group_changed(GroupId="g", Name="B", Introduction="new", EventTime=1_002_000))

    [row] = rows(PresentState)
    assert (row.fields["name"]["value"], row.fields["name"]["event_id"]) == ("C", 2)
    assert row.fields["introduction"]["event_id"] == 3


def contents(labels):
    return {(one.kind, one.holder_id, one.sdk_app_id, one.folded) for one in labels}


def test_states_and_labels_of_all_apps_and_kinds_can_be_made_again(
    deliver, rows, recorder, administer
):
    deliver(channel_created(Official_Account="a"))
    for app in (None, OPEN_APP):
        query = {"SdkAppid": app} if app else None
        for number in range(3):
            deliver(group_created(GroupId=f"g{number}", EventTime=1000), query=query)
        deliver(group_destroyed(GroupId="g1", EventTime=9000), query=query)
        deliver(group_changed(GroupId="g2", Name="late", EventTime=500), query=query)
    kept, labels = rows(PresentState), contents(rows(Label))
    administer("DELETE FROM labels WHERE holder_id = 'g0'")
    administer("DELETE FROM subjects WHERE subject_id <> 'g0'")
    administer("UPDATE subjects SET status = 'wrong'")

    assert [*restore_subjects(recorder.database.engine)]

    assert [row.status for row in kept].count("destroyed") == 2
    assert rows(PresentState) == kept
    assert contents(rows(Label)) == labels


def test_type_that_a_late_change_tells_first_is_that_of_the_group(deliver, rows):
    deliver(group_created(GroupId="g", Type=None, EventTime=1_000_000))
    deliver(sample("CallbackAfterMemberExit", GroupId="g", Type="Private", EventTime=1_003_000))

    deliver(group_changed(GroupId="g", Type="Public", Notification=None, EventTime=1_002_000))

    [row] = rows(PresentState)
    assert (row.group_type, row.fields["group_type"]["event_id"]) == ("Public", 3)
