"""Readings in the console, for holders with ``ops``."""

import pytest

from config import ApiKey, Scope
from tests.conftest import KEY, OTHER_KEY
from tests.payloads import group_created

GROUP, USER = "/console/groups/%40TGS%232J4SZEAEL", "/console/users/leckie"


@pytest.fixture
def page(client):
    """Get a page with a key."""

    def page(address, key=KEY):
        answer = client.get(address, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return answer.text

    return page


@pytest.mark.parametrize(
    ("address", "about"), [(GROUP, "subject_id=@TGS%232J4SZEAEL"), (USER, "user_id=leckie")]
)
def test_page_says_who_has_read_it_and_leads_to_all(deliver, page, record_readings, address, about):
    deliver(group_created())
    page(address, OTHER_KEY)
    record_readings()

    assert "/console/readings?holder=other" in page(address)
    assert f"/console/readings?{about}" in page(address)
    assert ">other<" in page(f"/console/readings?{about}")
    assert ">other<" not in page("/console/readings?holder=tests")
    assert b"other" in page(f"/console/export/readings?format=csv&{about}").encode()


@pytest.mark.parametrize("address", ["groups", "users"])
def test_page_about_what_no_query_can_ask_for_says_who_has_read_it(
    deliver, page, record_readings, address
):
    deliver(group_created(GroupId="\ud800", Owner_Account="\ud800"))
    page(f"/console/{address}/%ED%A0%80", OTHER_KEY)
    record_readings()

    found = page(f"/console/{address}/%ED%A0%80")

    assert "/console/readings?holder=other" in found
    assert "<a>All readings</a>" in found


def test_page_does_not_say_so_without_the_scope(deliver, page, record_readings, settings):
    deliver(group_created())
    page(GROUP, OTHER_KEY)
    record_readings()
    narrow = ApiKey("narrow", KEY, frozenset({Scope.READ, Scope.RAW}))
    object.__setattr__(settings, "api_keys", (narrow,))

    assert "other" not in page(GROUP)
    assert "/console/readings" not in page(GROUP)
