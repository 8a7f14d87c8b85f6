"""Deliveries and refused requests in the console."""

import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from contextlib import closing
from dataclasses import replace
from html import unescape

import pytest

from app import create_receiver
from blueprints.console.pages.deliveries import REPEATS
from config import ReceiverSettings
from models.delivery import Delivery
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain
from tests.conftest import APP, KEY, OPEN_APP, TOKEN, serving, sign
from tests.payloads import channel_created, group_created


@ON_EVERY_ENGINE
def test_delivery_shows_its_bytes_and_how_to_send_them_again(deliver, look, client):
    body = b'{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"it\'s"}'
    deliver(json.loads(body), data=body)

    page = look("deliveries/1")

    assert "&#34;GroupId&#34;: &#34;it&#39;s&#34;" in page
    assert "--data-binary &#39;{" in page
    assert "member limit reached" in plain(page)
    raw = look("deliveries/1/body")
    assert raw.encode() == body


def test_delivery_without_its_content_says_why(receiver, receiver_settings, deliver, look):
    receiver.extensions["receiver"].settings = replace(receiver_settings, unhandled_bodies=False)
    deliver({"CallbackCommand": "C2C.CallbackAfterSendMsg"})

    page = plain(look("deliveries/1"))

    assert re.search("UNHANDLED_BODIES=no says. The body had 4[0-9] bytes.", page)
    assert "Send again" not in page
    assert "Download original body" not in page


@pytest.mark.parametrize("name", ["MyGroup", "名", "x" * 200_000])
@pytest.mark.parametrize("sdk_app_id", [APP, OPEN_APP])
def test_command_sends_a_delivery_again_and_signs_it_now(
    deliver, look, client, journal, tmp_path, sdk_app_id, name
):
    if not shutil.which("curl") or not shutil.which("sha256sum"):
        pytest.skip("no curl or sha256sum here")
    unsigned = {"Sign": None, "RequestTime": None} if sdk_app_id == OPEN_APP else {}
    deliver(group_created(Name=name), query={"SdkAppid": sdk_app_id, "New": "a b", **unsigned})
    (command,) = re.findall("<pre tabindex=.0. data-copy=.*?</pre>", look("deliveries/1"))
    download = client.get("/console/deliveries/1/body", headers={"Authorization": f"Bearer {KEY}"})
    (tmp_path / "delivery-1").write_bytes(download.data)

    live = create_receiver(ReceiverSettings({APP: (TOKEN,), OPEN_APP: ()}, journal))
    with serving(live) as address, closing(live.extensions["receiver"]):
        done = subprocess.run(
            ["sh", "-c", unescape(re.sub("<.*?>", "", command))],
            cwd=tmp_path,
            env={**os.environ, "CALLBACK_URL": f"{address}/callback", "CALLBACK_TOKEN": TOKEN},
            capture_output=True,
            text=True,
        )

    assert json.loads(done.stdout) == {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}
    assert "New=a+b" in command


@pytest.mark.parametrize("body", [b"@/etc/passwd", b"\x1b[2J", b"\xff\0", "ü".encode(), b"a\nb"])
def test_bytes_a_terminal_would_obey_go_through_base64(deliver, look, body):
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"}, data=body)

    page = plain(look("deliveries/1"))

    assert f"echo {b64encode(body).decode()} | base64 -d | curl -g" in page
    assert "--data-binary @-" in page


def test_invalid_delivery_shows_why(deliver, look):
    deliver(group_created(GroupId=5))

    assert "GroupId Not a valid string." in plain(look("deliveries/1"))


def test_repeat_leads_to_the_first_and_to_the_event(deliver, look):
    deliver(group_created())
    deliver(group_created())

    page = look("deliveries/2")

    assert '"/console/deliveries/1"' in page
    assert '"/console/groups/%40TGS%232J4SZEAEL?sdk_app_id=888888"' in page


@ON_EVERY_ENGINE
def test_delivery_leads_to_its_neighbours_and_to_its_repeats(deliver, look):
    deliver(group_created())
    deliver(group_created())
    deliver(channel_created())
    deliver(group_created())

    first, second, last = look("deliveries/1"), look("deliveries/2"), look("deliveries/4")

    assert "Delivered again 2 times: Delivery 2, Delivery 4" in plain(first)
    assert 'rel="prev"' not in first
    assert '<a href="/console/deliveries/1" rel="prev">' in second
    assert '<a href="/console/deliveries/3" rel="next">' in second
    assert "Delivered again" not in second
    assert 'rel="next"' not in last


def test_delivery_that_comes_again_and_again_shows_its_first_repeats(deliver, look):
    for _ in range(REPEATS + 2):
        deliver(group_created())

    page = plain(look("deliveries/1"))

    assert f"Delivered again {REPEATS + 1} times: Delivery 2," in page
    assert f"Delivery {REPEATS + 1}, …" in page


def test_uuid_can_be_copied(deliver, look, rows):
    deliver(group_created())

    (copied,) = re.findall("<code data-copy=[^>]*>([^<]*)</code>", look("deliveries/1"))

    assert copied == str(rows(Delivery)[0].uuid)


def test_deliveries_are_filtered_by_verdict_command_and_time(deliver, look, clock):
    deliver(group_created())
    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})
    clock.move(hours=1)
    deliver(channel_created())

    assert look("deliveries").count("<tr>") == 4
    assert look("deliveries?verdict=invalid").count("<tr>") == 2
    assert look("deliveries?command=Group.CallbackAfterCreateGroup&verdict=").count("<tr>") == 2
    assert look("deliveries?since=2026-11-21T07:30").count("<tr>") == 2
    assert look("deliveries?until=2026-11-21T07:30:00").count("<tr>") == 3
    look("deliveries?verdict=x", 400)
    look("deliveries?nonsense=1", 400)


@ON_EVERY_ENGINE
def test_quarantine_shows_reason_and_body(deliver, look):
    deliver(group_created(), query={"SdkAppid": "1"})
    deliver(group_created(), query={"Sign": "0" * 64})

    page = look("quarantine")
    [second, first] = re.findall('href="/console/(quarantine/[^"]+)"', page)

    assert "unknown SDKAppID" in plain(page)
    assert "wrong signature" in plain(look(second))
    assert f"SDKAppID {APP}" in plain(look(second))
    assert f"SDKAppID {APP}" not in plain(look(first))
    assert "MyFirstGroup" in look(first)
    look("quarantine/99", 404)


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ({"SdkAppid": "1"}, "SDK_APPS does not have this SDKAppID."),
        ({"Sign": None}, "Authentication is off in Tencent's console."),
        ({"Sign": "0" * 64}, "The token in SDK_APPS is not the one in Tencent's console."),
        ({"RequestTime": "x", "Sign": sign(TOKEN, "x")}, "RequestTime is not a time."),
    ],
)
def test_refused_request_says_what_is_probably_wrong(deliver, look, query, cause):
    deliver(group_created(), query=query)

    assert f"What is probably wrong {cause}" in unescape(plain(look("quarantine/1")))


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"address": "/webhook"}, "The URL in Tencent's console does not end in /callback."),
        ({"data": b"x" * 600_000}, "MAX_BODY_BYTES is too small for this body."),
    ],
)
def test_cause_may_be_the_address_or_the_size(deliver, look, options, cause):
    deliver(group_created(), **options)

    page = unescape(plain(look("quarantine/1")))

    assert f"What is probably wrong {cause} Original request" in page


@pytest.mark.parametrize(
    ("seconds", "cause"), [(90, "90 seconds ahead of"), (-75, "75 seconds behind")]
)
def test_clock_that_was_off_is_measured_and_reverified(
    deliver, look, run_command, clock, seconds, cause
):
    then = int(clock.now.timestamp()) - seconds
    deliver(group_created(), query={"RequestTime": then, "Sign": sign(TOKEN, then)})

    page = look("quarantine/1")

    assert f"This machine's clock is {cause}" in unescape(plain(page))
    (command,) = re.findall("<bdi>.venv/bin/lifecycle (reverify .*?)</bdi>", page)
    assert "1 request would be moved into the log." in run_command(*command.split()).stdout


def test_stranger_gets_no_advice(deliver, look):
    deliver(group_created(), query={"SdkAppid": None})

    page = plain(look("quarantine/1"))

    assert "probably" not in page
    assert "reverify" not in page


def test_drift_shows_new_fields_first_and_leads_to_a_sample(deliver, look):
    deliver(group_created())
    deliver(channel_created(Name=5))
    deliver(group_created(Extra={"a": 1}))

    page = look("drift")

    assert "Drift 2 Fields and types" in plain(page)
    rows = [plain(row) for row in re.findall("<tr>.*?</tr>", page, re.DOTALL)]
    assert rows[1].startswith("Extra Group.CallbackAfterCreateGroup new field object 1 / 2")
    assert rows[2].startswith("Name OfficialAccount.CallbackAfterCreateOfficialAccount other type")
    assert '"/console/deliveries/3"' in page


def test_drift_says_what_arrives_as_documented(deliver, look):
    assert "No lifecycle callback has arrived yet." in plain(look("drift"))
    deliver(group_created())

    page = plain(look("drift"))

    assert "Drift Fields and types" in page
    assert "1 command arrives as documented Group.CallbackAfterCreateGroup 1 delivery" in page


@pytest.mark.parametrize(
    "body",
    [
        b"\x01" * 65_536,
        b"\x01\x02" * 32_768,
        b"[" * 65_536,
        b" " * 65_533,  # where a pattern may try every end
        b"x" + b" " * 65_533 + b"x",
    ],
)
def test_page_of_any_body_is_small(deliver, look, body):
    deliver(data=body, query={"SdkAppid": "1"})
    deliver(data=body)

    assert len(look("quarantine")) < 10_000
    assert len(look("quarantine/1")) < 350_000
    assert len(look("deliveries/1")) < 450_000


def test_body_that_is_too_long_for_a_command_comes_from_its_file(deliver, look):
    deliver(group_created(Introduction="x" * 200_000))

    page = look("deliveries/1")

    assert "--data-binary @delivery-1</bdi>" in page
    assert len(page) < 250_000


def test_refused_body_says_what_is_kept_of_it(client, deliver, look):
    deliver(data=b"x" * 100_000, query={"SdkAppid": "1"})
    deliver(data=b"x" * 600_000)

    cut, unread = plain(look("quarantine/1")), plain(look("quarantine/2"))

    assert "Length of the body 100000 bytes, the first 65536 are stored" in cut
    assert "Length of the body too large, not read" in unread
    assert "As sent, 0" not in unread
