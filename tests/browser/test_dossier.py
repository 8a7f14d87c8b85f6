"""The page of a group in a real browser, with scripts and without."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.story import USERS
from tests.payloads import group_created

pytestmark = pytest.mark.usefixtures("story")
DESIGN = "/console/groups/%40TGS%23design"
FIRST_RENAMING = re.compile(r"[?]at=2026-11-21T13%3A00%3A00.123000%2B00%3A00#step$")


def test_slider_says_where_it_stands_and_goes_there(page):
    page.goto(DESIGN)
    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")

    expect(page.locator("output")).to_contain_text("profile changed: Design & Research")
    page.wait_for_url(FIRST_RENAMING)
    state = page.get_by_role("region", name="State at 2026-11-21 13:00:00")
    expect(state.get_by_role("row", name="Owner")).to_contain_text("li.wei")
    expect(slider).to_be_focused()
    expect(slider).to_have_value("2")


def test_slider_needs_no_script(open_page):
    with open_page(java_script_enabled=False) as page:
        page.goto(DESIGN)
        page.get_by_role("slider").fill("1")
        page.get_by_role("button", name="Go", exact=True).click()

        state = page.get_by_role("region", name="State at 2026-11-21 08:00:00")
        expect(state.get_by_role("row", name="Name")).to_contain_text("Design")
        page.get_by_role("link", name="next change").click()
        expect(page.get_by_role("heading", name="State at 2026-11-21 13:00:00")).to_be_visible()


def test_members_that_are_shown_are_filtered(page):
    page.goto(DESIGN)
    shown = page.locator(".members li:visible")
    field = page.get_by_label("Is this user among them?")
    field.fill("ZHANG")

    expect(shown).to_have_text(["zhang.min"])
    field.fill("")
    expect(shown).to_have_count(len(USERS))
    field.fill("bob")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No: bob is not among them.")).to_be_visible()


def test_id_members_and_a_sentence_for_a_ticket_are_copied(open_page):
    with open_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(DESIGN)
        copied = {}
        for name in ("Copy", "Copy these 8", "Copy for a ticket"):
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.get_by_role("button", name="Copied")).to_have_count(len(copied) + 1)
            copied[name] = page.evaluate("navigator.clipboard.readText()")

        assert copied["Copy"] == "@TGS#design"
        assert copied["Copy these 8"].split() == USERS
        assert re.fullmatch(
            r"Group Design & Research \(@TGS#design\) was disbanded by zhang.min"
            rf" at 2026-11-2\d [\d:]+ \(UTC\). {re.escape(page.url)}",
            copied["Copy for a ticket"],
        )


def test_id_of_a_user_is_copied_as_it_is_whatever_is_shown(deliver, open_page):
    user = "a\u202eb" + "c" * 200 + " "
    deliver(group_created(GroupId="odd", MemberList=[{"Member_Account": user}]))
    with open_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        for address, name in (("groups/odd", "Copy these 1"), (f"users/{quote(user)}", "Copy")):
            page.goto(f"/console/{address}")
            page.get_by_role("button", name=name, exact=True).click()
            expect(page.get_by_role("button", name="Copied")).to_be_visible()

            assert page.evaluate("navigator.clipboard.readText()") == user


def test_text_that_is_long_opens_in_place(deliver, page):
    text = "A long notice about many things. " * 30
    deliver(
        {"CallbackCommand": "Group.CallbackAfterGroupInfoChanged", "GroupId": "long"}
        | {"Type": "Public", "Notification": text}
    )
    page.goto("/console/groups/long")
    folded = page.locator("details.long")
    height = folded.bounding_box()["height"]
    folded.locator("summary").click()

    assert folded.bounding_box()["height"] > 2 * height
