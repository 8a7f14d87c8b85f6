"""Labels in two languages."""

import json
import re
from http import HTTPStatus

import pytest

from blueprints.console.language import CHINESE, WORDS, put_plainly
from blueprints.console.zone import PRESETS, UNITS
from models.vocabulary import (
    Action,
    Measure,
    Refusal,
    ServiceEventKind,
    SignIn,
    SubjectType,
    Verdict,
)
from services.subjects.lives import FIELDS
from services.watching.incidents import IncidentKind
from tests.conftest import KEY
from tests.engines import ROOT

TEMPLATES = sorted((ROOT / "blueprints/console/templates/console").glob("*.html"))
LABEL = re.compile(r"""_\((?:"([^"]+)"|'([^']+)')""")
COUNTED = re.compile(r"""ngettext\("([^"]+)", "([^"]+)", """)
VOCABULARY = [
    *SubjectType,
    *Action,
    *Verdict,
    *Refusal,
    *SignIn,
    *ServiceEventKind,
    *IncidentKind,
    *FIELDS.values(),
    Measure.REFUSED,
    Measure.LOST,
    "active",
]


def labels():
    for template in TEMPLATES:
        text = template.read_text()
        for either in LABEL.findall(text):
            yield "".join(either)
        for both in COUNTED.findall(text):
            yield from both


def test_every_label_and_word_has_a_translation_and_no_other_has_one():
    titles = {HTTPStatus(status).phrase for status in (400, 403, 404, 405, 429, 500, 503)}
    words = {put_plainly(word) for word in VOCABULARY}
    ages = {f"%(num)s {unit}{s} ago" for unit in UNITS for s in ("", "s")} | {
        "in the future",
        *PRESETS,
    }

    assert set(CHINESE) == {*labels(), *WORDS.values(), *words, *titles, *ages, *PRESETS}


def test_a_translation_has_the_places_of_its_label():
    for label, translation in CHINESE.items():
        assert re.findall(r"%\(\w+\)s", translation) == re.findall(r"%\(\w+\)s", label), label


def test_no_translation_is_given_twice():
    text = (ROOT / "blueprints/console/zh-CN.json").read_text()
    pairs = json.loads(text, object_pairs_hook=list)

    assert len(pairs) == len(CHINESE)


@pytest.fixture
def titled(client):
    def get(address="/console/", **headers):
        answer = client.get(address, headers={"Authorization": f"Bearer {KEY}", **headers})
        return re.search(r'<html lang="(.+?)">.*<h1>(.*?)</h1>', answer.text, re.DOTALL).groups()

    return get


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ("", ("en", "Overview")),
        ("zh-CN,zh;q=0.9,en;q=0.8", ("zh-CN", "概览")),
        ("zh", ("zh-CN", "概览")),
        ("zh-Hans-CN", ("zh-CN", "概览")),
        ("en-GB,zh;q=0.5", ("en", "Overview")),
        ("fr", ("en", "Overview")),
        ("fr,zh;q=0.1", ("zh-CN", "概览")),
        ("\xff;q=x", ("en", "Overview")),
    ],
)
def test_language_is_the_one_the_browser_prefers(titled, wanted, title):
    assert titled(**{"Accept-Language": wanted}) == title


def test_page_of_an_address_that_no_view_has_is_in_it_too(titled):
    language, _ = titled("/console/nowhere", **{"Accept-Language": "zh"})

    assert language == "zh-CN"


def choose(client, **chosen):
    headers = {"Authorization": f"Bearer {KEY}"}
    return client.post("/console/preferences", data=chosen, headers=headers)


def test_language_that_was_chosen_stays(client, titled):
    choose(client, lang="zh-CN")
    assert titled() == ("zh-CN", "概览")
    choose(client, lang="en")
    assert titled(**{"Accept-Language": "zh"}) == ("en", "Overview")


def test_language_that_does_not_exist_changes_nothing(client, titled):
    choose(client, lang="xx")

    assert titled() == ("en", "Overview")


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/console/groups?owner=a%26b", "/console/groups?owner=a%26b"),
        ("https://elsewhere.example/", "/console/"),
        ("/consoles", "/console/"),
        ("", "/console/"),
    ],
)
def test_choice_leads_back_to_where_it_was_made(client, asked, location):
    assert choose(client, lang="en", next=asked).location == location
