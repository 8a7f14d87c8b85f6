"""Lives of channels and groups, told in the callbacks that Tencent documents."""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from random import Random
from typing import Any

from models.vocabulary import Action
from schemas.registry import LIFECYCLE_SCHEMAS
from schemas.samples import GROUPS, OFFICIAL_ACCOUNTS, Body

KINDS: Mapping[str, Sequence[Body]] = {
    "@TOA#_simulated": OFFICIAL_ACCOUNTS,
    "@TGS#simulated": GROUPS,
}
MOST_BETWEEN = 5  # callbacks between the first and the last of a life
SUBJECT_IDS = ("Official_Account", "GroupId")


def simulate(seed: int) -> Iterator[Body]:
    """Tell one life after the other, without end; equal seeds tell equal lives at other times."""
    random = Random(seed)  # noqa: S311 (no secrets here)
    for number in count(1):
        start = random.choice([*KINDS])
        for body in live(KINDS[start], random):
            yield date(name_subject(body, f"{start}-{seed}-{number}"))


def live(samples: Sequence[Body], random: Random) -> Iterator[Body]:
    """Tell a life: its creation, some of what may happen, and in half of all cases its end."""
    (created,) = (body for body in samples if action_of(body) == Action.CREATED)
    (destroyed,) = (body for body in samples if action_of(body) == Action.DESTROYED)
    between = [body for body in samples if body not in (created, destroyed)]
    yield created
    yield from random.sample(between, random.randint(1, MOST_BETWEEN))
    if random.random() < 0.5:
        yield destroyed


def action_of(body: Body) -> Action | None:
    """Tell what a callback means, or none where it is not of a lifecycle."""
    schema = LIFECYCLE_SCHEMAS.get(body["CallbackCommand"])
    return schema.action if schema else None


def name_subject(body: Body, subject_id: str) -> dict[str, Any]:
    """Make a callback about another subject, where it names one."""
    return {**body, **{name: subject_id for name in SUBJECT_IDS if name in body}}


def date(body: Body) -> Body:
    """Have it happen now, in the type in which the sample has its time, if it has one."""
    if "EventTime" not in body:
        return body
    now = time.time_ns() // 1_000_000
    return {**body, "EventTime": type(body["EventTime"])(now)}
