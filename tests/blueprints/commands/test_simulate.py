"""Sending sample callbacks."""

import re
from dataclasses import replace
from itertools import islice

import pytest

from app import create_receiver
from models.vocabulary import Action
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.samples import GROUPS, OFFICIAL_ACCOUNTS
from services.operating.simulation import simulate
from tests.conftest import APP, NEW_TOKEN, OLD_TOKEN, ROTATING_APP, TOKEN, serving


def untimed(bodies):
    return [{name: body[name] for name in body if name != "EventTime"} for body in bodies]


def test_simulated_callbacks_are_taken_and_tell_lives(webhook, run_command, recorder, read_all):
    done = run_command("simulate", webhook, "--rate", "1000", "--count", "60", "--seed", "7")
    recorder.record_available()

    assert done.exit_code == 0, done.output
    assert re.fullmatch(
        r"Sent 60 callbacks for app 888888 in [\d.]+ s \(seed 7\): median \d+ ms, max \d+ ms.\n",
        done.stdout,
    )
    deliveries = read_all("/deliveries", order="asc")
    sent = [body["CallbackCommand"] for body in islice(simulate(7), 60)]
    assert [delivery["command"] for delivery in deliveries] == sent
    assert {delivery["verdict"] for delivery in deliveries} == {"accepted", "unhandled"}
    lives = read_all("/groups") + read_all("/channels")
    assert len(lives) > 5
    assert all(life["created_at"] for life in lives)
    assert {life["status"] for life in lives} == {"active", "destroyed"}


def test_equal_seeds_tell_equal_lives_of_documented_callbacks():
    told = untimed(islice(simulate(1), 3000))

    assert told == untimed(islice(simulate(1), 3000))
    assert told[:50] != untimed(islice(simulate(2), 50))
    commands = {body["CallbackCommand"] for body in told}
    assert commands == {body["CallbackCommand"] for body in OFFICIAL_ACCOUNTS + GROUPS}
    types = {type(body.get("EventTime")) for body in islice(simulate(1), 200)}
    assert types == {int, str, type(None)}


def test_every_subject_begins_with_its_creation_and_ends_with_its_end():
    lives = {}
    for body in islice(simulate(1), 500):
        schema = LIFECYCLE_SCHEMAS.get(body["CallbackCommand"])
        subject = body.get("GroupId") or body.get("Official_Account")
        if schema and subject:
            lives.setdefault(subject, []).append(schema.action)

    for actions in lives.values():
        assert actions.index(Action.CREATED) == 0
        assert Action.DESTROYED not in actions[:-1]


def test_what_is_not_acknowledged_is_told(webhook, run_command):
    done = run_command("simulate", webhook.replace("/callback", "/nothing"), "--count", "2")

    assert done.exit_code == 1
    assert "2 times: 404 " in done.stdout
    assert done.stderr.endswith("Error: 2 callbacks were not acknowledged\n")


def test_service_that_is_away_is_told(run_command):
    done = run_command("simulate", "http://127.0.0.1:1/callback", "--count", "1")

    assert done.exit_code == 1
    assert "1 time: no answer: 'ConnectionRefusedError" in done.stdout
    assert done.stderr.endswith("Error: 1 callback was not acknowledged\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "'nonsense' is not a webhook URL"),
        (["http://127.0.0.1/callback?x=1"], "is not a webhook URL"),
        (["http://127.0.0.1:99999/callback"], "Port out of range"),
        (["http://127.0.0.1/callback", "--app", "1"], "SDK_APPS has no app 1"),
        (["http://127.0.0.1/callback", "--rate", "0"], "--rate"),
        (["http://127.0.0.1/callback", "--rate", "nan"], "--rate"),
        (["http://127.0.0.1/callback", "--count", "0"], "--count"),
        ([], "Missing argument"),
    ],
)
def test_wrong_argument_is_refused(run_command, arguments, complaint):
    done = run_command("simulate", *arguments)

    assert done.exit_code == 2
    assert complaint in done.stderr


def test_newest_token_of_the_chosen_app_signs(
    receiver_settings, run_command, recorder, read, monkeypatch
):
    monkeypatch.setenv("SDK_APPS", f"{APP}:{TOKEN},{ROTATING_APP}:{OLD_TOKEN}:{NEW_TOKEN}")
    app = create_receiver(replace(receiver_settings, sdk_apps={ROTATING_APP: (NEW_TOKEN,)}))
    with serving(app) as address:
        done = run_command("simulate", address, "--app", ROTATING_APP, "--count", "1")
    app.extensions["receiver"].close()
    recorder.record_available()

    assert done.exit_code == 0, done.output
    assert read("/deliveries")["items"][0]["sdk_app_id"] == ROTATING_APP


def test_wrong_setting_is_told_in_a_line(run_command, monkeypatch):
    monkeypatch.setenv("SDK_APPS", "888888::")

    done = run_command("simulate", "http://127.0.0.1:1/callback")

    assert done.exit_code == 2
    assert done.stderr.startswith("lifecycle: SDK_APPS=")
    assert done.stderr.count("\n") == 1
