"""Simulate the lives of channels and groups with the callbacks that Tencent documents."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from random import Random
from typing import Any

from models.vocabulary import Action
from schemas.tencent.registry import LIFECYCLE_SCHEMAS
from schemas.tencent.samples import GROUPS, OFFICIAL_ACCOUNTS, Body

KINDS: Mapping[str, Sequence[Body]] = {
    "@TOA#_simulated": OFFICIAL_ACCOUNTS,
    "@TGS#simulated": GROUPS,
}
MAX_CHANGES = 5  # callbacks in a life between the first and the last
SUBJECT_IDS = ("Official_Account", "GroupId")


def simulate(seed: int) -> Iterator[Body]:
    """Yield the callbacks of one life after another, without end.

    The same seed yields the same callbacks with new times.
    """
    random = Random(seed)  # noqa: S311 (no secrets here)
    for number in count(1):
        start = random.choice([*KINDS])
        for body in live(KINDS[start], random):
            yield date(name_subject(body, f"{start}-{seed}-{number}"))


def live(samples: Sequence[Body], random: Random) -> Iterator[Body]:
    """Yield a life: the creation, some changes, and in half of the cases the end."""
    (created,) = (body for body in samples if action_of(body) == Action.CREATED)
    (destroyed,) = (body for body in samples if action_of(body) == Action.DESTROYED)
    between = [body for body in samples if body not in (created, destroyed)]
    yield created
    yield from random.sample(between, random.randint(1, MAX_CHANGES))
    if random.random() < 0.5:
        yield destroyed


def action_of(body: Body) -> Action | None:
    """Return what a callback means; none if it is not a lifecycle callback."""
    schema = LIFECYCLE_SCHEMAS.get(body["CallbackCommand"])
    return schema.action if schema else None


def name_subject(body: Body, subject_id: str) -> dict[str, Any]:
    """Return the callback with its subject replaced, if it names one."""
    return {**body, **{name: subject_id for name in SUBJECT_IDS if name in body}}


def date(body: Body) -> Body:
    """Return the callback with the current time, in the type that its sample uses."""
    if "EventTime" not in body:
        return body
    now = time.time_ns() // 1_000_000
    return {**body, "EventTime": type(body["EventTime"])(now)}
