"""The story of a week, told the way Tencent does: callback by callback."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zlib import crc32

from models.clock import DAY
from schemas.tencent.samples import GROUPS, OFFICIAL_ACCOUNTS, Body
from services.operating.demo.people import BOTS, USERS

DAYS = 7
NIGHT = timedelta(hours=4)  # a day begins at this hour, so that last night is always over
HOURS = (3, 6, 8, 8, 7, 6, 5, 6, 7, 7, 8, 8, 9, 9, 8, 7, 6, 5, 5, 4, 3, 2, 2, 2)  # weights, in UTC
PLATFORMS = ("iOS", "Android", "Web", "Windows", "macOS")
SAMPLES: Mapping[str, Body] = {one["CallbackCommand"]: one for one in (*OFFICIAL_ACCOUNTS, *GROUPS)}
UNDOCUMENTED: Body = {"EventTime": 0}


class Happening(NamedTuple):
    """One callback to come.

    Attributes:
        at: when it happened, timezone-aware.
        body: as Tencent sends it.
        client_ip: of the user that caused it.
        platform: of that user.
    """

    at: datetime
    body: Body
    client_ip: str
    platform: str


class Span(NamedTuple):
    """A part of the week; its end is not part of it."""

    start: datetime
    end: datetime

    def has(self, at: datetime) -> bool:
        """Tell whether an instant is within it."""
        return self.start <= at < self.end


@dataclass
class Group:
    """A group as it is at one time of the story."""

    group_id: str
    name: str
    owner: str
    members: list[str]
    kind: str = "Public"


class Story:
    """The week until ``now``; the same seed tells the same story.

    Attributes:
        today: when the last day began, at midnight in UTC.
        happenings: in the order in which they were told.
        groups: the everyday ones that are not disbanded yet.
        outage: when no callback arrives.
        mix_up: when callbacks are signed with a token that the receiver does not know.
        absence: when the recorder is away; it catches up afterwards.
    """

    def __init__(self, now: datetime, seed: int) -> None:
        self.now = now
        self.today = (now - NIGHT).replace(hour=0, minute=0, second=0, microsecond=0)
        self.random = Random(seed)  # noqa: S311 (no secrets here)
        self.happenings: list[Happening] = []
        self.groups: list[Group] = []
        self.outage = Span(self.on(1, "14:05:00"), self.on(1, "14:53:00"))
        self.mix_up = Span(self.on(2, "09:12:00"), self.on(2, "09:36:00"))
        self.absence = Span(self.on(3, "10:30:00"), self.on(3, "10:41:00"))

    def on(self, days_ago: int, clock: str) -> datetime:
        """Return the instant of a time of day, in UTC, on a day of the week."""
        day = self.today - days_ago * DAY
        return datetime.combine(day, time.fromisoformat(clock), day.tzinfo)

    def moments(self, number: int) -> Iterator[datetime]:
        """Yield instants of the week in order, more of them in busy hours."""
        days = self.random.choices(range(DAYS + 1), k=number)
        hours = self.random.choices(range(24), HOURS, k=number)
        found = (
            self.today - day * DAY + timedelta(hours=hour, seconds=self.random.uniform(0, 3600))
            for day, hour in zip(days, hours, strict=True)
        )
        yield from sorted(at for at in found if self.now - DAYS * DAY < at < self.now)

    def some_users(self, least: int, most: int) -> list[str]:
        """Return some users, each once."""
        return self.random.sample(USERS, self.random.randint(least, most))

    def tell(self, at: datetime, command: str, operator: str | None = None, **fields: Any) -> None:
        """Send a command as in its sample, with other values; none leaves a field out."""
        body = {**SAMPLES.get(command, UNDOCUMENTED), "CallbackCommand": command, **fields}
        if operator is not None:
            body["Operator_Account"] = operator
        if "EventTime" in body:
            body["EventTime"] = round(at.timestamp() * 1000)
        kept = {name: value for name, value in body.items() if value is not None}
        number = crc32((operator or "").encode())
        platform = "RESTAPI" if operator in (None, *BOTS) else PLATFORMS[number % len(PLATFORMS)]
        self.happenings.append(Happening(at, kept, f"203.0.113.{number % 254 + 1}", platform))

    def tell_of(
        self, group: Group, at: datetime, what: str, operator: str | None = None, **fields: Any
    ) -> None:
        """Send a command about a group."""
        named = {"GroupId": group.group_id, "Type": group.kind}
        self.tell(at, f"Group.CallbackAfter{what}", operator, **named, **fields)

    def create(self, at: datetime, group: Group) -> None:
        """Create a group."""
        has = {"Owner_Account": group.owner, "Name": group.name, "UserDefinedDataList": None}
        members = list_members(group.members)
        self.tell_of(group, at, "CreateGroup", group.owner, **has, MemberList=members)

    def change(self, at: datetime, group: Group, operator: str, **fields: str | None) -> None:
        """Change the profile of a group."""
        group.name = fields.get("Name") or group.name
        self.tell_of(group, at, "GroupInfoChanged", operator, **{"Notification": None, **fields})

    def add(self, at: datetime, group: Group, operator: str, users: Sequence[str]) -> None:
        """Have users join a group, or be invited."""
        new = [user for user in users if user not in group.members]
        group.members += new
        if new:
            how = {"JoinType": "Apply" if new == [operator] else "Invited"}
            listed = list_members(new)
            self.tell_of(group, at, "NewMemberJoin", operator, **how, NewMemberList=listed)

    def hand_over(self, at: datetime, group: Group, owner: str) -> None:
        """Give a group to another owner."""
        old, group.owner = group.owner, owner
        owners = {"OldOwner_Account": old, "NewOwner_Account": owner}
        self.tell_of(group, at, "ChangeGroupOwner", old, **owners)

    def disband(self, at: datetime, group: Group, operator: str) -> None:
        """Disband a group."""
        had = {"Owner_Account": group.owner, "Name": group.name}
        members = list_members(group.members)
        self.tell_of(group, at, "GroupDestroyed", operator, **had, MemberList=members)


def list_members(users: Sequence[str]) -> list[dict[str, str]]:
    """List users as Tencent does."""
    return [{"Member_Account": user} for user in users]
