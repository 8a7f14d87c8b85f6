"""The reasons that schemas give, in Chinese."""

import re

from marshmallow import ValidationError

from blueprints.console.reasons import REASONS
from schemas.api.page import PageQuery, QuerySchema
from schemas.api.slips import refuse_slip
from schemas.tencent.body import read_callback
from schemas.tencent.envelope import Envelope
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from services.reading.pages import Page
from tests.conftest import KEY
from tests.engines import ROOT

VALUES = ["", "x", "0", "-1", "2026-01-31T08:00:00Z"]
BACKWARDS = {"since": ["2026-01-31T08:00:00Z"], "until": ["2026-01-30T08:00:00Z"]}
FIELDS = [None, 1, "", "x" * 300, {}, [1], ["x" * 300]]
BODIES = [
    *(b"", b"[]", b"\xff", b"\x1f\x8b", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":1e999}'),
    *(b'{"a":%s}' % (b"9" * 5000), b"[" * 100 + b"]" * 100, b'{"CallbackCommand":"x"}', b"{}"),
    b'{"CallbackCommand":"%s"}' % (b"x" * 300),
]


def leaves(reasons):
    """Find the reasons in what is nested."""
    if isinstance(reasons, str):
        yield reasons
    else:
        for one in reasons.values() if isinstance(reasons, dict) else reasons:
            yield from leaves(one)


def complaints(load, *arguments):
    try:
        load(*arguments)
    except ValidationError as error:
        yield from leaves(error.messages)


def descendants(schema):
    for one in schema.__subclasses__():
        yield one
        yield from descendants(one)


def reasons_of_queries():
    for schema in [one() for one in descendants(QuerySchema)]:
        yield from complaints(schema.load, BACKWARDS)
        for name in [*schema.fields, "other"]:
            yield from complaints(schema.load, {name: ["x", "x"]})
            for value in VALUES:
                yield from complaints(schema.load, {name: [value]})
    for slip in ("@TGS", "a%40", "a b"):
        query = PageQuery({"member": slip}, 1)
        yield from complaints(refuse_slip, query, lambda _: Page([{}], None))
    for page in (ROOT / "blueprints/console/pages").glob("*.py"):
        yield from re.findall(r'errors=\{"\w+": \["(.+?)"\]', page.read_text())


def reasons_of_bodies():
    for schema in LIFECYCLE_SCHEMAS.values():
        names = [field.data_key or name for name, field in schema.fields.items()]
        yield from complaints(schema.load, {})
        for name in names:
            for value in FIELDS:
                yield from complaints(schema.load, {name: value})
    for body in BODIES:
        for commands in ([], ["Group.CallbackAfterGroupFull"]):
            yield from leaves(read_callback(Envelope(commands=commands), body).errors or [])


def test_every_reason_has_a_translation_and_no_other_has_one():
    reasons = {*reasons_of_queries(), *reasons_of_bodies()}
    given = {
        reason: [one for one in reasons if pattern.fullmatch(one)]
        for reason, pattern in REASONS.patterns.items()
    }

    assert [one for one in sorted(reasons) if REASONS.translate(one) == one] == []
    assert [reason for reason, those in given.items() if not those] == []


def test_page_gives_reasons_in_its_language(client, deliver):
    def look(address, language):
        headers = {"Authorization": f"Bearer {KEY}", "Accept-Language": language}
        return client.get(address, headers=headers).text

    deliver({"CallbackCommand": "Group.CallbackAfterGroupFull"})

    assert "Must be from 1 to 500." in look("/console/events?limit=501", "en")
    assert "必须在 1 到 500 之间。" in look("/console/events?limit=501", "zh")
    assert "缺少必填字段。" in look("/console/deliveries/1", "zh")
