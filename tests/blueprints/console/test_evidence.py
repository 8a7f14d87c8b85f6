"""What was sent and what was refused, as the console shows it."""

import json
import os
import re
import shutil
import subprocess
from base64 import b64encode
from contextlib import closing
from html import unescape

import pytest

from app import create_receiver
from config import ReceiverSettings
from tests.blueprints.console.conftest import ON_EVERY_ENGINE
from tests.blueprints.console.html import plain
from tests.conftest import APP, KEY, OPEN_APP, TOKEN, serving
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


def test_drift_shows_new_fields_first_and_leads_to_a_sample(deliver, look):
    deliver(group_created())
    deliver(channel_created(Name=5))
    deliver(group_created(Extra={"a": 1}))

    page = look("drift")

    assert "Drift 2 Fields and types" in plain(page)
    rows = [plain(row) for row in re.findall("<tr>.*?</tr>", page, re.DOTALL)]
    assert [row.partition(" Group.")[0] for row in rows[1:2]] == ["Extra new field object"]
    assert "CreateGroup 1 / 2" in rows[1]
    assert rows[2].startswith("Name other type integer OfficialAccount.")
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
        b" " * 65_533,  # where a pattern may try each end anew
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
