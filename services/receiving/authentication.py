"""Verify that a request comes from Tencent, for one of our apps."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from config import ReceiverSettings
from models.vocabulary import Refusal
from schemas.tencent.envelope import Envelope


class RefusedError(Exception):
    """A request is refused.

    Attributes:
        reason: for the quarantine; the answer says less.
    """

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


def authenticate_sender(envelope: Envelope, settings: ReceiverSettings, *, now: datetime) -> str:
    """Return the SDKAppID of a request that comes from Tencent for one of our apps.

    Raises:
        RefusedError: ``SdkAppid`` is missing, repeated or foreign, or the app has tokens and none
            of them signed this request now.
    """
    if envelope.sdk_app_id is None:
        raise RefusedError(Refusal.APP_MISSING)
    tokens = settings.sdk_apps.get(envelope.sdk_app_id)
    if tokens is None:
        raise RefusedError(Refusal.APP_UNKNOWN)
    if tokens:
        verify_signature(envelope, tokens, tolerance=settings.sign_tolerance, now=now)
    return envelope.sdk_app_id


def verify_signature(
    envelope: Envelope, tokens: Iterable[str], *, tolerance: timedelta, now: datetime
) -> None:
    """Check that ``Sign`` was made from one of the tokens, and recently.

    The body is not part of it: a valid signature proves the sender and the time, not the content.

    Args:
        envelope: the exact characters of ``RequestTime``, Unix time in whole seconds, are part of
            the digest.
        tokens: every one is compared, in constant time, so that the duration reveals nothing.
        tolerance: largest accepted distance of ``RequestTime`` from ``now`` in either direction,
            bound included.
        now: timezone-aware.

    Raises:
        RefusedError: a part is missing, the digest differs, or the time is outside the window.
    """
    if envelope.sign is None or envelope.request_time is None:
        raise RefusedError(Refusal.SIGN_MISSING)
    given = envelope.sign.encode()
    expected = [sign(token, envelope.request_time) for token in tokens]
    if not sum(compare_digest(digest.encode(), given) for digest in expected):
        raise RefusedError(Refusal.SIGN_WRONG)
    if envelope.signed_at is None or abs(now - envelope.signed_at) > tolerance:
        raise RefusedError(Refusal.SIGN_EXPIRED)


def sign(token: str, request_time: str) -> str:
    """Make ``Sign`` as Tencent does: ``hex(sha256(token + RequestTime))``.

    Source:
        Tencent Cloud Chat, "Webhook Overview", Security Considerations,
        https://trtc.io/document/34354.
    """
    return sha256(f"{token}{request_time}".encode()).hexdigest()
