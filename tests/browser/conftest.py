"""A real browser, and the service for it to look at."""

import os
import shutil
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import sync_playwright

from models.ledger import ServiceEvent
from models.vocabulary import ServiceEventKind
from services.journal.status import JournalStatus
from tests.browser.story import tell_story
from tests.conftest import ENGINES, KEY, serving
from tests.health import store_rows, store_status

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",  # the suite may run as root, which Chromium otherwise refuses
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="package")  # Playwright's event loop disturbs other tests
def browser():
    """Start the browser of this machine; ``REQUIRE_BROWSER`` makes a missing one a failure."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"REQUIRE_BROWSER: none of {', '.join(PROGRAMS)} here")
        pytest.skip("no Chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def engine(request):
    """SQLite alone: differences between databases are tested without a browser."""
    return request.config.stash[ENGINES]["sqlite"]


@pytest.fixture
def address(app):
    """Serve the app on a port of its own."""
    with serving(app) as address:
        yield address


@pytest.fixture
def story(deliver, clock, client, database_url):
    """Let the callbacks of some days arrive, and then the service itself get into trouble."""
    tell_story(deliver, clock)
    events = [
        {"uuid": uuid4(), "at": clock(), "kind": kind, "process": "host 1", "details": {"count": 3}}
        for kind in ServiceEventKind
    ]
    store_rows(database_url, ServiceEvent, events)
    stopped_at = clock() - timedelta(hours=1)
    store_status(
        client,
        JournalStatus(
            clock(), waiting=3, stuck=1, oldest_received_at=stopped_at, recorder_at=stopped_at
        ),
    )


@pytest.fixture
def open_page(browser, address):
    """Open pages as a new visitor with a session; nothing may go wrong in any of them."""
    wrong = []

    def note(message):
        if message.type != "info":  # a test may be faster than the focus that a page asks for
            wrong.append(f"{message.type}: {message.text}")

    def elsewhere(url):
        return [] if url.startswith((address, "data:")) else [url]

    @contextmanager
    def visit(*, signed_in=True, expected=None, viewport=DESKTOP, locale="en-GB", **options):
        context = browser.new_context(
            base_url=address,
            viewport=viewport,
            locale=locale,
            timezone_id="Asia/Shanghai",
            **options,
        )
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", note)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: wrong.extend(elsewhere(request.url)))
        if signed_in:
            page.goto("/console/sign-in")
            page.locator("[name=key]").fill(KEY)
            page.locator("main button").click()
            page.wait_for_url("**/console/")
        yield page
        context.close()
        wrong[:] = [one for one in wrong if expected is None or expected not in one]

    yield visit
    assert wrong == []


@pytest.fixture
def page(open_page):
    with open_page() as page:
        yield page
