"""A short story that the examples of the guide tell."""

import pytest

from blueprints.proxies import REQUEST_ID
from services.journal.status import JournalStatus
from tests.conftest import ENGINES, KEY
from tests.health import store_status
from tests.payloads import group_changed, group_created, group_destroyed

GROUP, NAME = "@TGS#2J4SZEAEL", "Weekend Hikes"


@pytest.fixture
def engine(request):
    """One database, as all of them give the same answers."""
    return request.config.stash[ENGINES]["sqlite"]


@pytest.fixture
def story(deliver, clock, client, record_readings):
    """Let a group live for two hours, two requests go wrong, and a holder read about it."""

    def happen(body, **options):
        clock.move(minutes=40)
        time = {"EventTime": int(clock.now.timestamp() * 1000)} if "GroupId" in body else {}
        deliver(body | time, **options)

    happen(group_created())
    happen(group_changed(Name=NAME))
    happen({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    happen(group_created(), query={"Sign": "0" * 64})
    happen({"CallbackCommand": "Group.CallbackAfterSendMsg", "GroupId": GROUP})
    happen(group_destroyed(Name=NAME, Operator_Account="leckie", Reason="Season over"))
    client.get(
        "/groups/%40TGS%232J4SZEAEL",
        headers={"Authorization": f"Bearer {KEY}"},
        environ_overrides={REQUEST_ID: "8c1f0e6f3a1b4f0a9d6c7f1be0a1c2d3"},
    )
    record_readings()
    status = JournalStatus(clock(), room_bytes=2**36, writable=True, recorder_at=clock())
    store_status(client, status)
