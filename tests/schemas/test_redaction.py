"""Query strings as readers see them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.redaction import REDACTED, redact

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (f"SdkAppid=1&Sign={DIGEST}&RequestTime=5", "SdkAppid=1&Sign=REDACTED&RequestTime=5"),
        ("Sign=short&A=%20+", "Sign=REDACTED&A=%20+"),
        ("Sign=a&Sign=b", "Sign=REDACTED&Sign=REDACTED"),
        ("S%69gn=a&sign=b&+Sign=c", "S%69gn=REDACTED&sign=REDACTED&+Sign=REDACTED"),
        (f"x=Sign%3D{DIGEST}", "x=Sign%REDACTED"),
        (f"?Sign={DIGEST.upper()};y", "?Sign=REDACTED;y"),
        ("Signature=a&Design=b&=Sign", "Signature=a&Design=b&=Sign"),
        ("Sign", "SignREDACTED"),
        ("\xff&&=", "\xff&&="),
        ("", ""),
    ],
)
def test_value_of_sign_is_taken_out_and_nothing_else(sent, shown):
    assert redact(sent) == shown


@given(st.text(), st.text("0123456789abcdef", min_size=64, max_size=64), st.text())
def test_no_digest_is_left_wherever_it_stands(before, digest, after):
    assert digest not in redact(f"{before}{digest}{after}")
    assert REDACTED in redact(f"{before}&Sign={digest}&{after}")
