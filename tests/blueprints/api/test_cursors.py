"""Forged cursors: the key of their signature is not secret, so anybody can write one."""

import json
from base64 import urlsafe_b64encode

from schemas.api.cursor import bound_to
from schemas.api.deliveries import DeliveryQuerySchema, QuarantineQuerySchema
from schemas.api.history import HistoryQuerySchema
from schemas.api.subjects import ChannelsQuerySchema, GroupsQuerySchema, VersionsQuerySchema
from tests.conftest import KEY
from tests.payloads import channel_created, group_created, group_destroyed

AT, ID = "2022-12-09T08:26:54.000000Z", 1
ADDRESSES = [
    ("/history", HistoryQuerySchema, {}, [False, AT, ID]),
    ("/history", HistoryQuerySchema, {"member": "bob"}, [False, AT, ID]),
    ("/deliveries", DeliveryQuerySchema, {}, [False, AT, ID]),
    ("/quarantine", QuarantineQuerySchema, {}, [False, AT, ID]),
    ("/groups/%40TGS%232J4SZEAEL/versions", VersionsQuerySchema, {}, [False, AT, ID]),
    ("/groups", GroupsQuerySchema, {}, [False, "x", "1"]),
    ("/groups", GroupsQuerySchema, {"owner": "leckie"}, [False, "x", "1"]),
    ("/channels", ChannelsQuerySchema, {"name": "T"}, [False, "T", "x", "1"]),
    ("/console/events", HistoryQuerySchema, {}, [True, AT, ID]),
    ("/console/quarantine", QuarantineQuerySchema, {}, [False, AT, ID]),
]
VALUES = [
    *(None, True, 0, -1, 1.5, 2**63 - 1, 2**63, 10**30, float("inf"), float("nan")),
    *("", "1", "\0", "a\0b", "\ud800", "\x1b", "x" * 300, "all", [], [1], {}, {"a": 1, "b": 2}),
    *(AT, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
]


def forge(scope, value):
    payload = urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
    return bound_to(scope).make_signer(scope.encode()).sign(payload).decode()


def test_any_type_inside_a_cursor_is_the_clients_fault(client, deliver_all):
    deliver_all([group_created(), group_destroyed(), channel_created()])
    for address, schema, query, right in ADDRESSES:
        scope = schema().load({name: [value] for name, value in query.items()}).scope
        forged = [*VALUES]
        for place in range(len(right)):
            forged += [[*right[:place], value, *right[place + 1 :]] for value in VALUES]

        for one in forged:
            answer = client.get(
                address,
                query_string={**query, "cursor": forge(scope, one)},
                headers={"Authorization": f"Bearer {KEY}"},
            )
            expected = {400} if one == [*right[:-1], None] else {200, 400}
            assert answer.status_code in expected, (address, query, one)
