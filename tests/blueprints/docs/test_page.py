"""The page about the API."""

import html
import json
import os
import re
import shutil
import subprocess

import pytest

from blueprints.docs.guide import GUIDE
from blueprints.docs.page import PHRASES, describe_values, put_in_order, show_code
from models.clock import utc_now
from tests.conftest import KEY, TOKEN, serving


@pytest.fixture
def page(client):
    return client.get("/docs").text


def commands(page):
    """Find the command of each chapter."""
    found = re.findall(r"<pre [^>]*data-copy[^>]*><code>(.*?)</code>", page, re.DOTALL)
    return [html.unescape(command) for command in found]


def test_page_has_every_address_in_the_order_of_the_guide(page):
    headings = re.findall(r"<code>(GET|POST) (.+?)</code>", page)

    assert [path for _, path in headings] == [path for one in GUIDE for path in one.paths]
    assert headings[-1] == ("POST", "/")
    for anchor in re.findall(r'href="#(.+?)"', page):
        assert f'id="{anchor}"' in page


def test_page_says_in_plain_words_what_a_parameter_takes(page):
    rows = re.findall(r"<tr>\s*<td.*?</tr>", page, re.DOTALL)
    texts = [" ".join(re.sub("<.+?>", " ", row).split()) for row in rows]

    assert "limit whole number, 1 to 500; default 50 Rows per page." in texts
    assert "order desc , asc ; default desc Newest first, or oldest first." in texts
    assert "since time, for example 2026-01-31T08:00:00Z At this time or later." in texts
    assert "`" not in page


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "pattern": "[0-9]"}, "digits"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "`a`, `b`"),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "default": ["a", "b"]}, "`a`, `b`"),
        ({"type": "integer", "minimum": 0}, "whole number"),
    ],
)
def test_values_of_a_parameter(schema, words):
    assert describe_values(schema) == words


def test_parameters_that_many_addresses_share_come_last():
    names = ["limit", "since", "sdk_app_id", "owner"]

    ordered = put_in_order([{"name": name} for name in names])

    assert [one["name"] for one in ordered] == ["owner", "sdk_app_id", "since", "limit"]


def test_text_between_backticks_is_code_and_no_text_is_markup():
    assert show_code("`<b>` & `c`") == "<code>&lt;b&gt;</code> &amp; <code>c</code>"


@pytest.mark.parametrize(
    ("address", "accepted", "language"),
    [
        ("/docs", "", "en"),
        ("/docs", "zh", "zh-CN"),
        ("/docs?lang=en", "zh", "en"),
        ("/docs?lang=zh-CN", "", "zh-CN"),
        ("/docs?lang=xx", "", "en"),
    ],
)
def test_language_is_that_of_the_address_or_of_the_browser(client, address, accepted, language):
    page = client.get(address, headers={"Accept-Language": accepted}).text

    assert f'<html lang="{language}">' in page
    assert ("从新到旧" in page) == (language == "zh-CN")


def test_everything_is_said_in_chinese(client):
    page = client.get("/docs?lang=zh-CN").text
    prose = re.sub("<(head|pre|code|title).*?</\\1>", "", page, flags=re.DOTALL)
    texts = {" ".join(text.split()) for text in re.findall(">([^<]+)<", prose)}

    english = {text for text in texts if re.search("[A-Za-z]{2}", text) and text.isascii()}
    assert english == {"Chat Lifecycle Log", "API", "openapi.json", "English", "ID"}


def test_every_translation_is_of_use(client):
    page = html.unescape(re.sub("<.*?>", "", client.get("/docs?lang=en").text))
    attributes = {"Pages", "Contents", "Copy", "Copied"}

    for english, pattern in PHRASES.patterns.items():
        plain = re.compile(pattern.pattern.replace("`", ""))
        assert plain.search(page) or english in attributes, english


def test_page_loads_nothing_from_elsewhere(client):
    answer = client.get("/docs")
    loaded = re.findall(r'(?:<link [^>]*href|src)="(.+?)"', answer.text)

    assert len(loaded) >= 4
    assert all(address.startswith("/console/static/") for address in loaded)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_commands_work_as_they_stand(story, app, receiver, clock):
    """They name the host that the page came from."""
    if not shutil.which("curl") or not shutil.which("sha256sum"):
        pytest.skip("no curl or sha256sum here")
    with serving(app) as reader, serving(receiver) as webhook:
        environment = {
            "PATH": os.environ["PATH"],
            "API_KEY": KEY,
            "CALLBACK_URL": f"{webhook}/callback",
            "CALLBACK_TOKEN": TOKEN,
        }
        page = run(f"curl {reader}/docs", environment)
        *reads, callback = commands(page)
        answers = [run(command, environment) for command in reads]
        clock.now = utc_now()  # the time that is signed
        answers.append(run(callback, environment))

    for chapter, answer in zip(GUIDE, answers, strict=True):
        if isinstance(chapter.answer, dict):
            assert json.loads(answer) == chapter.answer
        else:
            assert chapter.answer.splitlines()[-1] in answer


def run(command, environment):
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
