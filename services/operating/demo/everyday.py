"""Everyday events: people come and go, and talk."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import cycle
from string import ascii_uppercase, digits

from services.operating.demo.people import BOTS, MESSAGES, NAMES, NOTICES
from services.operating.demo.story import Group, Story, list_members
from services.operating.demo.tales import BRIEFING

EVENTS, TALK = 1250, 4300  # in the week, or a little less
LEAST_GROUPS = 18
PLACES = ("Berlin", "上海", "Lagos", "北京", "Porto")
Act = Callable[[Story, datetime, Group], None]


def tell_everyday(story: Story) -> None:
    """Groups are created, joined, changed, left and disbanded."""
    names = cycle(NAMES)
    for at in story.moments(EVENTS):
        if len(story.groups) < LEAST_GROUPS or story.random.random() < 0.03:
            group = begin_group(story, next(names))
            story.create(at, group)
            story.groups.append(group)
        else:
            [act] = story.random.choices([*ACTS], [*ACTS.values()])
            act(story, at, story.random.choice(story.groups))


def begin_group(story: Story, name: str) -> Group:
    """Return a group of some people."""
    group_id = "@TGS#2" + "".join(story.random.choices(ascii_uppercase + digits, k=8))
    members = story.some_users(3, 14)
    return Group(group_id, name, members[0], members)


def join(story: Story, at: datetime, group: Group) -> None:
    """A user applies, or is invited with others."""
    users = story.some_users(1, 3)
    story.add(at, group, users[0] if len(users) == 1 else group.owner, users)


def leave(story: Story, at: datetime, group: Group) -> None:
    """A member quits, or is removed."""
    others = [user for user in group.members if user != group.owner]
    if not others:
        return
    user = story.random.choice(others)
    group.members.remove(user)
    kicked = story.random.random() < 0.2
    operator, how = (group.owner, "Kicked") if kicked else (user, "Quit")
    users = list_members([user])
    story.tell_of(group, at, "MemberExit", operator, ExitType=how, ExitMemberList=users)


def put_up_notice(story: Story, at: datetime, group: Group) -> None:
    """The owner puts up a notice."""
    story.change(at, group, group.owner, Notification=story.random.choice(NOTICES))


def rename(story: Story, at: datetime, group: Group) -> None:
    """A member renames the group."""
    name = f"{group.name.partition(' · ')[0]} · {story.random.choice(PLACES)}"
    story.change(at, group, story.random.choice(group.members), Name=name)


def promote(story: Story, at: datetime, group: Group) -> None:
    """A member becomes an admin, or stays a member."""
    user, role = story.random.choice(group.members), story.random.choice(("Admin", "Member"))
    changed = {"Member_Account": user, "Role": role, "NameCard": None}
    story.tell_of(group, at, "MemberFieldChanged", group.owner, **changed)


def give_away(story: Story, at: datetime, group: Group) -> None:
    """The owner gives the group to a member."""
    story.hand_over(at, group, story.random.choice(group.members))


def end(story: Story, at: datetime, group: Group) -> None:
    """The owner or a bot disbands the group."""
    story.groups.remove(group)
    story.disband(at, group, story.random.choice((group.owner, *BOTS)))


def subscribe(story: Story, at: datetime, _: Group) -> None:
    """A user subscribes to the channel, or no longer does."""
    [user] = story.some_users(1, 1)
    verb = story.random.choice(("Add", "Add", "Delete"))
    story.tell(
        max(at, story.on(6, "08:30:00")),
        f"OfficialAccount.CallbackAfter{verb}Subscriber",
        user,
        Official_Account=BRIEFING,
        SubscribeAccountList=[{"Subscriber_Account": user}],
    )


ACTS: Mapping[Act, int] = {
    join: 45,
    leave: 20,
    put_up_notice: 8,
    rename: 4,
    promote: 7,
    give_away: 2,
    end: 2,
    subscribe: 12,
}


def tell_talk(story: Story) -> None:
    """People talk: callbacks that are no lifecycle events."""
    for at in (*story.moments(TALK), story.now):
        [user, other] = story.random.sample(story.some_users(2, 2), 2)
        text = {"Text": story.random.choice(MESSAGES)}
        body = [{"MsgType": "TIMTextElem", "MsgContent": text}]
        if story.random.random() < 0.7:
            group = story.random.choice(story.groups)
            story.tell_of(group, at, "SendMsg", user, From_Account=user, MsgBody=body)
        else:
            told = {"From_Account": user, "To_Account": other}
            story.tell(at, "C2C.CallbackAfterSendMsg", **told, MsgBody=body)
