"""Every page at desktop and phone width: accessible, and no wider than the screen."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.engines import ROOT

pytestmark = pytest.mark.usefixtures("story")

PAGES = {
    "overview": "",
    "health": "health?since=2026-11-21T00:00:00Z&until=2026-11-22T00:00:00Z",
    "search": "search?q=Team",
    "nothing-found": "search?q=nothing",
    "channels": "channels",
    "groups": "groups?owner=zhang.min&status=destroyed",
    "group": "groups/%40TGS%23design",
    "channel-at": "channels/%40TOA%23_news?at=2026-11-21T10:00",
    "delivery": "deliveries/1",
    "invalid-delivery": "deliveries/17",
    "deliveries": "deliveries",
    "events": "events?member=amara",
    "all-events": "events",
    "user": "users/zhang.min",
    "quarantine": "quarantine",
    "quarantined": "quarantine/1",
    "drift": "drift",
    "readings": "readings",
    "system": "system",
    "api": "../docs",
    "not-found": "groups/none",
    "bad-request": "groups?limit=x",
    "sign-in": "sign-in",
}
WAYS = {
    "desktop": {"viewport": DESKTOP},
    "phone": {"viewport": PHONE, "locale": "zh-CN"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
}


def take_picture(page, name):
    """Keep a picture of a page in the folder of ``SCREENSHOTS``, if it is set."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(ROOT, folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_menu_opens_on_the_screen_at_any_width(open_page, locale):
    with open_page(locale=locale) as page:
        page.locator(".menu summary").click()
        for width in (320, 390, 780, 900, 1024, 1150, 1210, 1220, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 700})
            box = page.locator(".menu > div").bounding_box()

            assert box["x"] >= 0, width
            assert box["x"] + box["width"] <= width, width


@pytest.mark.parametrize("way", WAYS)
def test_every_page_is_accessible_and_fits(open_page, way):
    axe = Axe()
    with open_page(**WAYS[way], expected="the server responded with") as page:
        for name, path in PAGES.items():
            page.goto(f"/console/{path}")
            take_picture(page, f"{name}-{way}")
            results = axe.run(page, options={"resultTypes": ["violations"]})

            assert results.violations_count == 0, f"{name}: {results.generate_report()}"
            assert (
                page.evaluate("document.documentElement.scrollWidth")
                <= WAYS[way]["viewport"]["width"]
            ), name
            for here in page.locator("header [aria-current]").all():
                expect(here).to_be_in_viewport()
