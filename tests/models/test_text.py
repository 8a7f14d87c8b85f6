"""Folding: different spellings of a text become the same."""

import pytest

from models.text import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Bigtown  Neighbours\n", "bigtownneighbours"),
        ("\uff22ig\u3000\uff34own", "bigtown"),
        ("zero\u200bwidth", "zerowidth"),
        ("\u202eright\u2069 to left", "righttoleft"),
        ("STRASSE straße", "strassestrasse"),
        ("e\u0301 é", "éé"),
        ("❤\ufe0f", "❤"),
        ("产品 讨论组", "产品讨论组"),
        ("half \ud83c of a pair\0", "halfofapair"),
        ("\t \u200b", ""),
    ],
)
def test_spellings_of_a_text_become_one(text, folded):
    assert fold(text) == folded
    assert fold(folded) == folded
