"""A console without callbacks, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.test_looks import WAYS
from tests.payloads import group_created


@pytest.mark.parametrize("way", WAYS)
def test_overview_turns_green_by_itself(open_page, deliver, way):
    with open_page(**WAYS[way] | {"locale": "en-GB"}) as page:
        card = page.get_by_role("region", name="Connect Tencent")
        expect(card.get_by_text("Waiting for the first callback…")).to_be_visible()
        assert Axe().run(page).violations_count == 0

        deliver(group_created())

        expect(card).to_have_count(0)
        expect(page.locator(".standing .good")).to_have_text("Working.")
        expect(page.get_by_role("main")).to_contain_text("MyFirstGroup")
