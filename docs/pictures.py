"""Take the pictures of the README while ``make demo`` runs in another terminal."""

import os
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
CONSOLE = os.environ.get("CONSOLE", "http://127.0.0.1:8101/console/")
KEY = os.environ.get("KEY", "a-key-for-the-demo")
PROGRAM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
DESKTOP, TALL, PHONE = (1280, 900), (1280, 1700), (390, 844)
GROUP = f"groups/{quote('@TGS#2RIVERSIDE')}"
PICTURES = (
    ("overview", "?range=7d", DESKTOP, "en"),
    ("search", "search?q=porto", DESKTOP, "en"),
    ("group", GROUP, DESKTOP, "en"),
    ("health", "health?range=7d", TALL, "en"),
    ("group-phone", GROUP, PHONE, "zh-CN"),
)


def main() -> None:
    """Take each picture again, in place of the old one."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=["--no-sandbox"])
        for name, page, size, language in PICTURES:
            take(browser, FOLDER / f"{name}.png", CONSOLE + page, size, language)
        browser.close()


def take(browser: Browser, path: Path, url: str, size: tuple[int, int], language: str) -> None:
    """Take a picture of one screen of a page.

    Raises:
        SystemExit: there is no such page.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        http_credentials={"username": "", "password": KEY},
        locale=language,
        color_scheme="light",
    )
    page = context.new_page()
    answer = page.goto(url, wait_until="networkidle")
    if answer is None or not answer.ok:
        raise SystemExit(f"{url}: {answer and answer.status}")
    page.screenshot(path=path)
    context.close()


if __name__ == "__main__":
    main()
