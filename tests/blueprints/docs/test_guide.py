"""The examples of the guide are answers of the service; ``WRITE_EXAMPLES=1`` writes them."""

import json
import os
from dataclasses import asdict, replace

import pytest

from blueprints.docs.guide import FILE, GUIDE
from tests.conftest import KEY
from tests.payloads import SAMPLES

METRICS = tuple(
    f"chat_lifecycle_log_{name}"
    for name in ("callbacks_total", "lost_callbacks_total", "recorder_up")
)


def shorten(text):
    """Keep only some of the metrics, as they are many; keep any other text whole."""
    lines = text.splitlines(keepends=True)
    if not text.startswith("#"):
        return text
    return "".join(line for line in lines if line.startswith(METRICS))


def read_answer(answer):
    assert answer.status_code == 200, answer.text
    return answer.get_json() if answer.is_json else shorten(answer.text)


@pytest.fixture
def ask(story, client, post):
    """Make the request of a chapter."""

    def ask(chapter):
        if chapter.body:
            return post(chapter.body)
        return client.get(chapter.request, headers={"Authorization": f"Bearer {KEY}"})

    return ask


def test_examples_are_what_the_service_answers(ask):
    answered = [replace(chapter, answer=read_answer(ask(chapter))) for chapter in GUIDE]

    if os.environ.get("WRITE_EXAMPLES"):
        text = json.dumps([without_none(one) for one in answered], ensure_ascii=False, indent=2)
        FILE.write_text(f"{text}\n", encoding="utf-8")
    else:
        assert answered == GUIDE


def without_none(chapter):
    return {name: value for name, value in asdict(chapter).items() if value is not None}


def test_example_of_a_list_is_not_empty():
    for chapter in GUIDE:
        assert "items" not in chapter.answer or chapter.answer["items"], chapter.request


def test_callback_of_the_example_is_documented_by_tencent():
    assert next(chapter.body for chapter in GUIDE if chapter.body) in SAMPLES


def test_every_address_has_one_chapter(client):
    paths = client.get("/openapi.json").get_json()["paths"]

    assert sorted(path for chapter in GUIDE for path in chapter.paths) == sorted(paths)
