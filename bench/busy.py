"""Two subjects with a long history, sent to a service as Tencent sends it."""

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

from bench.client import APP, SIGN, SIGNED_AT

EVENTS = 10_000
SENDERS = 32
GROUP, CHANNEL = "busy group", "@TOA#_renamed"
YEAR_MS = 365 * 86_400_000

Body = dict[str, Any]


def send_busy_subjects(port: int) -> None:
    """Send both histories, and wait until all is answered.

    Raises:
        RuntimeError: something was refused.
    """
    bodies = [*busy_group(), *renamed_channel()]
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda first: send(port, bodies[first::SENDERS]), range(SENDERS)))


def send(port: int, bodies: Sequence[Body]) -> None:
    """Send callbacks over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        for body in bodies:
            query = f"SdkAppid={APP}&CallbackCommand={body['CallbackCommand']}&OptPlatform=RESTAPI"
            address = f"/callback?{query}&Sign={SIGN}&RequestTime={SIGNED_AT}"
            connection.request("POST", address, json.dumps(body))
            answer = connection.getresponse().read()
            if b'"OK"' not in answer:
                raise RuntimeError(answer.decode())


def moments() -> Iterator[int]:
    """Spread the events of a subject over the year before now; in milliseconds since 1970."""
    end = int(time.time() * 1000)
    yield from range(end - YEAR_MS, end, YEAR_MS // EVENTS)


def busy_group() -> Iterator[Body]:
    """A group that members join and leave; every tenth event changes its profile."""
    for number, moment in zip(range(EVENTS), moments(), strict=False):
        body = {"GroupId": GROUP, "Type": "Public", "EventTime": moment}
        member = [{"Member_Account": f"user{number % 9973}"}]
        if number == 0:
            command = {"Owner_Account": "user0", "Name": "Busy", "MemberList": member}
            yield {"CallbackCommand": "Group.CallbackAfterCreateGroup", **body, **command}
        elif number % 10 == 0:
            command = {"Operator_Account": "user0", "Name": f"Busy {number}"}
            yield {"CallbackCommand": "Group.CallbackAfterGroupInfoChanged", **body, **command}
        elif number % 2:
            command = {"JoinType": "Apply", "NewMemberList": member}
            yield {"CallbackCommand": "Group.CallbackAfterNewMemberJoin", **body, **command}
        else:
            command = {"ExitType": "Quit", "ExitMemberList": member}
            yield {"CallbackCommand": "Group.CallbackAfterMemberExit", **body, **command}


def renamed_channel() -> Iterator[Body]:
    """A channel whose every event changes two fields and says two again: the hardest to add up."""
    for number, moment in zip(range(EVENTS), moments(), strict=False):
        yield {
            "CallbackCommand": "OfficialAccount.CallbackAfterOfficialAccountInfoChanged",
            "Official_Account": CHANNEL,
            "Operator_Account": "leckie",
            "Name": f"Name {number}",
            "Introduction": f"Introduction {number}",
            "FaceUrl": "http://this.is.newface.url",
            "Organization": "NewOrganization",
            "EventTime": moment,
        }
