"""Extracting what is searched for from what was typed or pasted."""

from uuid import UUID

import pytest

from models.vocabulary import Findable
from services.searching.asked import understand

ID = "@TGS#a/b"


@pytest.mark.parametrize(
    ("typed", "text", "kind"),
    [
        (f' "{ID}"\n', ID, None),
        (f"\u201c{ID}\u201d", ID, None),
        ("%40TGS%23a%2Fb", ID, None),
        (f"GroupId={ID}", ID, None),
        (f'"GroupId": "{ID}"', ID, None),
        ("Operator_Account=bob", "bob", None),
        ("https://x.example/log/console/groups/%40TGS%23a%2Fb?at=2026-01-01", ID, Findable.GROUP),
        (f"http://x.example/groups/{ID}/versions", ID, Findable.GROUP),
        ("https://x.example/console/groups/%40TGS%23a%2Fb#members", ID, Findable.GROUP),
        ("https://x.example/console/users/bob", "bob", Findable.USER),
        ("https://x.example/console/deliveries/7", "7", Findable.DELIVERY),
        ("100% of it", "100% of it", None),
        ("%FF", "%FF", None),
        ("Design: the group", "Design: the group", None),
        (" \n", "", None),
    ],
)
def test_text_is_taken_out_of_what_was_copied_with_it(typed, text, kind):
    asked = understand(typed)

    assert (asked.text, asked.kind) == (text, kind)


@pytest.mark.parametrize(
    ("typed", "delivery"),
    [
        *((typed, 4507) for typed in ("4507", "#4507", "Delivery 4507", "delivery #4507")),
        *((typed, 4507) for typed in ("回调 4507", "delivery-4507")),
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", UUID("017f22e279b07cc398c4dc0c0c07398f")),
        ("017F22E279B07CC398C4DC0C0C07398F", UUID("017f22e279b07cc398c4dc0c0c07398f")),
        ("room 4507", None),
        *((typed, None) for typed in ("::1", "-1")),
        ("4" * 19, None),
    ],
)
def test_delivery_is_told_by_its_number_or_uuid(typed, delivery):
    assert understand(typed).delivery == delivery


@pytest.mark.parametrize(
    ("typed", "limit"),
    [
        ("x" * 256, "too_long"),
        ("x" * 255, None),
        ("7", "one_character"),
        ("%", None),
        ("家", None),
        ("90.35.8.246", "ip_address"),
        ("2001:db8::1", "ip_address"),
    ],
)
def test_what_limits_a_search_is_told(typed, limit):
    assert understand(typed).limit == limit
