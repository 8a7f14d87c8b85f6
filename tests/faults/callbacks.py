"""The callbacks that senders send, each with a unique mark."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tests import payloads


@dataclass(frozen=True)
class Callback:
    """One callback; its bytes are unique, so they identify its stored row.

    Attributes:
        members: how many users its event names; none without an event.
    """

    marker: str
    command: str
    body: bytes
    members: int | None


def channel_created(marker):
    return payloads.channel_created(Official_Account=marker)


def channel_changed(marker):
    return payloads.channel_changed(Official_Account=marker)


def group_changed(marker):
    return payloads.group_changed(GroupId=marker)


def group_destroyed(marker):
    """As in 2020: without a time of its own, so that only its arrival identifies a repeat."""
    return payloads.group_destroyed(GroupId=marker, EventTime=None)


def before_group_created(marker):
    """A "before" command, without a group yet."""
    return payloads.sample("CallbackBeforeCreateGroup", Name=marker)


TIMED_KINDS = (channel_created, channel_changed, group_changed)
KINDS = (*TIMED_KINDS, group_destroyed, before_group_created)


def mark(marker: str, kind) -> Callback:
    body = kind(marker)
    members = len(body.get("MemberList", ()))
    return Callback(
        marker,
        body["CallbackCommand"],
        json.dumps(body).encode(),
        None if kind is before_group_created else members,
    )


def distinct_callbacks(kinds=KINDS, *, host: str = "") -> Iterator[Callback]:
    """Every kind in turn, without end; one in eight is sent twice, whatever the first answer."""
    for number in count():
        callback = mark(f"@TGS#{host}{number}", kinds[number % len(kinds)])
        yield callback
        if number % 8 == 0:
            yield callback
