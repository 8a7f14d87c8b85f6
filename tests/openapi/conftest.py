"""A served reader with some of everything, and its description."""

import json

import pytest

from tests.conftest import ENGINES, serving
from tests.payloads import SAMPLES, channel_created, group_created


@pytest.fixture
def engine(request):
    """One database: all of them answer alike."""
    return request.config.stash[ENGINES]["sqlite"]


@pytest.fixture
def served(app, deliver_all, post, record):
    """The address of a reader whose lists all have several pages of two."""
    others = [channel_created(Official_Account=f"@TOA#{number}") for number in range(3)]
    others += [group_created(GroupId=f"@TGS#{number}") for number in range(3)]
    deliver_all(SAMPLES + others)
    for _ in range(3):
        post(SAMPLES[0], query={"Sign": "0" * 64})
    record()
    with serving(app) as address:
        yield address


@pytest.fixture
def description(client, tmp_path):
    """The file of the OpenAPI description."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(client.get("/openapi.json").get_json()))
    return file
