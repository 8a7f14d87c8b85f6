"""The console until the first callback arrives."""

from dataclasses import replace

from app import create_reader
from config import ReaderSettings
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain, section
from tests.conftest import APP, KEY
from tests.payloads import group_created


@ON_EVERY_ENGINE
def test_part_leads_to_the_overview_once_the_first_callback_has_arrived(deliver, look):
    assert plain(look("first")) == "Waiting for the first callback… Look again"

    deliver(group_created())

    assert "<h1>Overview</h1>" in look("first")


@ON_EVERY_ENGINE
def test_part_tells_what_was_refused_for_an_app_of_ours(deliver, look):
    deliver(group_created(), query={"SdkAppid": "1"})
    assert "refused" not in look("first")

    deliver(group_created(), query={"Sign": "0" * 64})
    page = look("first")

    assert "Waiting for the first callback…" in page
    assert f"A request for app {APP} was refused: wrong signature." in plain(page)
    assert 'href="/console/quarantine/2"' in page


def test_overview_says_how_to_connect_until_a_callback_arrives(deliver, look):
    page = look("")
    first = section(page, "first")

    assert "https://YOUR.PUBLIC.HOST/callback" in first
    assert "the receiver, http://127.0.0.1:8000/callback on its machine" in first
    assert "lifecycle simulate http://127.0.0.1:8000/callback" in first
    assert "Waiting for the first callback…" in first
    assert 'id="callbacks"' not in page
    deliver(group_created(), query={"SdkAppid": "1"})
    assert "unknown SDKAppID 1." in section(look(""), "problems")
    deliver(group_created())
    assert 'data-first="' not in look("")


def test_port_of_the_receiver_is_the_one_that_is_set(settings, clock):
    port = ReaderSettings.from_environment({"PORT": "9000"}).receiver_port
    app = create_reader(replace(settings, receiver_port=port), now=clock)

    page = app.test_client().get("/console/", headers={"Authorization": f"Bearer {KEY}"}).text

    app.extensions["runtime"].close()
    assert "lifecycle simulate http://127.0.0.1:9000/callback" in page
