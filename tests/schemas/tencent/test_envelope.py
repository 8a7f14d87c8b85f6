"""Reading the query string of a callback."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tencent.envelope import Envelope, read_envelope

DOCUMENTED = (
    "SdkAppid=888888&CallbackCommand=Group.CallbackAfterGroupDestroyed&contenttype=json"
    "&ClientIP=127.0.0.1&OptPlatform=RESTAPI&RequestTime=1669872112&Sign=abc"
)


def test_documented_parameters_are_read():
    assert read_envelope(DOCUMENTED) == Envelope(
        sdk_app_id="888888",
        commands=["Group.CallbackAfterGroupDestroyed"],
        client_ip="127.0.0.1",
        platform="RESTAPI",
        sign="abc",
        request_time="1669872112",
    )
    assert read_envelope(DOCUMENTED).signed_at == datetime(2022, 12, 1, 5, 21, 52, tzinfo=UTC)


def test_nothing_is_required():
    assert read_envelope("") == Envelope(commands=[])


@pytest.mark.parametrize("name", ["SdkAppid", "Sign", "RequestTime", "ClientIP", "OptPlatform"])
@pytest.mark.parametrize("second", ["", "other", "same"])
def test_parameter_that_is_given_twice_counts_as_absent(name, second):
    given = [(name, "same"), (name, second)]

    assert read_envelope(urlencode(given[:1])) != Envelope(commands=[])
    assert read_envelope(urlencode(given)) == Envelope(commands=[])


def test_commands_are_all_kept():
    assert read_envelope("CallbackCommand=a&CallbackCommand=b&CallbackCommand=").commands == [
        "a",
        "b",
        "",
    ]


def test_names_are_compared_exactly():
    assert read_envelope("sdkappid=1&SDKAPPID=1&sdk_app_id=1") == Envelope(commands=[])


@pytest.mark.parametrize("request_time", ["", "x", "-1", "1.0", "1" * 12, "\u0661", " 1"])
def test_signed_time_that_is_no_time_is_none(request_time):
    assert read_envelope(urlencode({"RequestTime": request_time})).signed_at is None


@given(st.text(st.characters(max_codepoint=255)))
def test_no_query_string_makes_reading_fail(query_string):
    envelope = read_envelope(query_string)

    assert isinstance(envelope, Envelope)
    assert envelope.signed_at is None or envelope.signed_at.tzinfo is UTC
