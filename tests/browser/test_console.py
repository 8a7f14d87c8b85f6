"""The console in a real browser, as ops staff use it."""

import gzip
import re

import pytest
from playwright.sync_api import expect

from tests.browser.story import DESIGN, USERS
from tests.conftest import KEY

pytestmark = pytest.mark.usefixtures("story")


def see_the_answer(page):
    """Check that the page tells who disbanded the group, when, and who was in it."""
    ending = page.get_by_role("region", name="Disbanded", exact=True)
    expect(ending).to_contain_text("zhang.min")
    expect(ending.locator("time").first).to_have_attribute("datetime", re.compile("^2026-11-2"))
    assert page.locator(".members li").all_inner_texts() == USERS


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without scripts"])
def test_who_disbanded_this_group_and_who_was_in_it_takes_one_click(open_page, script):
    with open_page(java_script_enabled=script) as page:
        page.get_by_role("searchbox").fill(DESIGN)
        page.get_by_role("button", name="Search").click()

        expect(page).to_have_url(re.compile("/console/groups/%40TGS%23design$"))
        see_the_answer(page)


def test_newest_events_lead_to_the_answer_as_well(page):
    page.get_by_role("row").filter(has_text="disbanded").get_by_role("link", name="Design").click()

    see_the_answer(page)


def test_search_by_a_part_of_a_name_opens_the_only_group(page):
    page.get_by_role("searchbox").fill("research")
    page.keyboard.press("Enter")

    see_the_answer(page)


def test_date_picker_shows_the_state_of_then(page):
    page.goto("/console/groups/%40TGS%23design")
    page.get_by_role("textbox", name="State at").fill("2026-11-21T09:00:00")
    page.get_by_role("button", name="Show", exact=True).click()

    state = page.get_by_role("region", name="State at 2026-11-21 09:00:00")
    assert state.get_by_role("row", name="Name").locator("td").first.inner_text() == "Design"
    assert state.get_by_role("row", name="Owner").locator("td").first.inner_text() == "li.wei"
    expect(page.get_by_role("textbox", name="State at")).to_have_value("2026-11-21T09:00")
    page.get_by_role("link", name="Now").click()
    see_the_answer(page)


def test_both_languages(open_page):
    with open_page(locale="zh-CN") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("概览")
        page.get_by_role("link", name="群组", exact=True).click()
        page.locator(".menu summary").click()
        page.get_by_role("combobox", name="语言").select_option("English")
        page.get_by_role("button", name="应用").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Groups")
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_address_can_be_shared_with_somebody_whose_browser_asks_for_the_key(open_page):
    with open_page(signed_in=False, http_credentials={"username": "", "password": KEY}) as page:
        page.goto("/console/groups?owner=zhang.min")

        expect(page.get_by_role("main")).to_contain_text("Design & Research")


def test_signing_out_ends_it(page):
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert page.context.cookies() == []


def test_times_can_be_those_of_the_device(page):
    time = page.locator("table time").last
    in_utc = time.inner_text()
    page.locator(".menu summary").click()
    page.get_by_role("combobox", name="Time zone").select_option("Asia/Shanghai (this device)")
    page.get_by_role("button", name="Apply").click()

    expect(page.locator(".menu summary")).to_have_text("UTC+8")
    assert time.inner_text() == in_utc.replace(" 10:", " 18:") != in_utc


def test_keyboard_is_enough(page):
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("/")
    expect(page.get_by_role("searchbox")).to_have_value("/")


def test_command_to_send_a_delivery_again_is_copied(open_page):
    with open_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto("/console/deliveries/1")
        command = page.get_by_role("region", name="Send again")
        command.get_by_role("button", name="Copy").click()

        expect(command.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == command.locator("[data-copy]").inner_text()
        assert 'curl -g "$CALLBACK_URL"\'?SdkAppid=888888&' in copied


def test_body_is_downloaded_as_it_came(page):
    page.goto("/console/deliveries/1")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download original body").click()

    assert b'"GroupId": "@TGS#design"' in download.value.path().read_bytes()


def test_first_load_is_light(open_page):
    loaded = []
    with open_page(signed_in=False, http_credentials={"username": "", "password": KEY}) as page:
        page.on("requestfinished", lambda request: loaded.append(request.response()))
        page.goto("/console/", wait_until="networkidle")
        weight = sum(len(gzip.compress(answer.body())) for answer in loaded)  # as a proxy does

    assert len(loaded) >= 4
    assert weight < 40_000


def test_bar_of_the_chart_leads_by_the_keyboard_to_what_it_counts(page):
    page.goto("/console/health?range=7d")
    bar = page.locator(".column", has_text="accepted").last
    bar.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Deliveries")
    assert page.locator("tbody tr").count() > 0


def test_hour_of_the_strip_leads_to_its_minutes(page):
    page.goto("/console/health")
    page.locator(".cell.normal[href]").first.click()

    expect(page.locator(".answer")).to_contain_text("callback")
    assert page.locator(".column").count() == 60
