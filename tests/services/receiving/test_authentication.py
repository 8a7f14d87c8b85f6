"""Authentication of senders: SDKAppID, signature and time."""

from datetime import UTC, datetime, timedelta

import pytest

from models.vocabulary import Refusal
from schemas.tencent.envelope import Envelope
from services.receiving.authentication import RefusedError, verify_signature
from tests.conftest import sign

# The worked example of Tencent's "Webhook Overview", Security Considerations:
# https://trtc.io/document/34354. An older copy of the page prints the token as "xxxyyy".
TOKEN, REQUEST_TIME = "xxxxyyyy", "1669872112"
SIGN = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"
SIGNED_AT = datetime(2022, 12, 1, 5, 21, 52, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def verify(sign=SIGN, request_time=REQUEST_TIME, *, tokens=(TOKEN,), now=SIGNED_AT):
    envelope = Envelope("888888", sign=sign, request_time=request_time)
    verify_signature(envelope, tokens, tolerance=MINUTE, now=now)


def test_documented_signature_is_accepted():
    verify()


@pytest.mark.parametrize("now", [SIGNED_AT - MINUTE, SIGNED_AT + MINUTE])
def test_bounds_of_the_window_belong_to_it(now):
    verify(now=now)


@pytest.mark.parametrize("distance", [MINUTE, -MINUTE])
def test_signature_outside_the_window_is_refused(distance):
    now = SIGNED_AT + distance * 1.000001

    with pytest.raises(RefusedError) as refused:
        verify(now=now)

    assert refused.value.reason is Refusal.SIGN_EXPIRED


@pytest.mark.parametrize(
    ("sign", "request_time", "tokens"),
    [
        (SIGN.upper(), REQUEST_TIME, (TOKEN,)),
        (SIGN[:-1], REQUEST_TIME, (TOKEN,)),
        (SIGN + "0", REQUEST_TIME, (TOKEN,)),
        ("", REQUEST_TIME, (TOKEN,)),
        (SIGN, f"{REQUEST_TIME} ", (TOKEN,)),
        (SIGN, "1669872113", (TOKEN,)),
        (SIGN, REQUEST_TIME, ("xxxyyy",)),
    ],
)
def test_wrong_signature_is_refused(sign, request_time, tokens):
    with pytest.raises(RefusedError) as refused:
        verify(sign, request_time, tokens=tokens)

    assert refused.value.reason is Refusal.SIGN_WRONG


@pytest.mark.parametrize("request_time", ["", "now", "-1669872112", "1669872112.0", "9" * 30])
def test_signed_time_that_is_no_time_is_refused(request_time):
    with pytest.raises(RefusedError) as refused:
        verify(sign(TOKEN, request_time), request_time)

    assert refused.value.reason is Refusal.SIGN_EXPIRED


@pytest.mark.parametrize("tokens", [(TOKEN, "new"), ("new", TOKEN)])
def test_any_token_of_the_app_may_have_signed(tokens):
    verify(tokens=tokens)
